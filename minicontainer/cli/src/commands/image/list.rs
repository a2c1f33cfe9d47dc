//! `images`: lists images.

use std::process::ExitCode;

use clap::Args;
use minicontainer::store::Image;
use minicontainer_engine::Containers;
use minicontainer_images::{Damaged, Sharing, list as list_images};
use serde_json::{Value, json};

use super::{created_at, filter::Filters, heading, repository_and_tag, since, time_of};
use crate::commands::open_store;
use crate::{
    error::{Failure, warn},
    format::list::Listing,
    messages::message,
    output,
    table::size,
};

/// List images, the newest first
///
/// The size is that of the unpacked layers. `system df -v` also counts the compressed ones.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer images
  minicontainer images --sharing
  minicontainer images --filter dangling=true -q
  minicontainer images 'mine/*'
  minicontainer images --format '{{.Repository}}:{{.Tag}} {{.Size}}'

Filters: dangling=true|false, reference=PATTERN, before=IMAGE, since=IMAGE, until=TIME, label=NAME or label=NAME=VALUE

Fields for --format: .Repository .Tag .ID .Digest .CreatedAt .CreatedSince .Size .VirtualSize \
.SharedSize .UniqueSize .Containers .Layers

SIZE is the size of the unpacked files. `minicontainer system df` also counts the compressed layers, which the \
store keeps for `push` and `save`.")]
pub struct ListArguments {
    /// Only images whose name matches this pattern, in which * matches anything except /
    #[arg(value_name = "PATTERN")]
    pattern: Option<String>,

    /// Show all images; there are no hidden images, so this has no effect
    #[arg(short, long)]
    all: bool,

    /// Also show the digests of the manifests
    #[arg(long)]
    digests: bool,

    /// Also show the size of each image's shared layers and of its own layers
    #[arg(long)]
    sharing: bool,

    /// Only images that meet a condition; can be repeated
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,

    #[command(flatten)]
    listing: Listing,
}

impl ListArguments {
    fn table(&self) -> String {
        let digest = if self.digests { "{{.Digest}}\t" } else { "" };
        let sharing = if self.sharing { "\t{{.SharedSize}}\t{{.UniqueSize}}" } else { "" };
        format!(
            "table {{{{.Repository}}}}\t{{{{.Tag}}}}\t{digest}{{{{.ID}}}}\t{{{{.CreatedSince}}}}\t{{{{.Size}}}}{sharing}"
        )
    }
}

/// Runs `images`.
pub fn list(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let listing = &arguments.listing;
    let format = listing.format(&arguments.table())?;
    let store = open_store()?;
    let filters = Filters::parse(&store, &arguments.filter, arguments.pattern.as_deref())?;
    let mut images = list_images(&store)?;
    images.sort_by_key(|image| {
        std::cmp::Reverse(image.as_ref().ok().and_then(|image| time_of(image.config.created.as_deref())))
    });
    let sharing = Sharing::of(images.iter().flatten());
    let users: Vec<String> =
        Containers::of(&store).list()?.into_iter().map(|container| container.config.image_id).collect();
    let mut rows: Vec<Value> = Vec::new();
    for image in &images {
        match image {
            Ok(image) if filters.admits(image) => rows.push(row(image, &sharing, &users, listing)),
            Ok(_) => {}
            Err(damaged) => {
                let digest = damaged.manifest_digest.to_string();
                warn(&message("damaged-image", [("digest", digest.into())]).because(&damaged.error));
                if filters.is_empty() {
                    rows.push(damaged_row(damaged, listing));
                }
            }
        }
    }
    if listing.quiet {
        rows.dedup_by(|one, other| one["ID"] == other["ID"]);
    }
    output::print(&format.render(&rows, &heading)?)?;
    Ok(ExitCode::SUCCESS)
}

fn row(image: &Image, sharing: &Sharing, users: &[String], listing: &Listing) -> Value {
    let (repository, tag) = repository_and_tag(image.reference.as_ref());
    let shared = sharing.shared_size(image);
    json!({
        "Repository": repository,
        "Tag": tag,
        "ID": listing.id(image.id.as_str(), image.id.short()),
        "Digest": image.registry_digest.as_ref().unwrap_or(&image.manifest_digest),
        "CreatedAt": created_at(image.config.created.as_deref()),
        "CreatedSince": since(image.config.created.as_deref()),
        "Size": size(image.size()),
        "VirtualSize": size(image.size()),
        "Containers": users.iter().filter(|used| *used == image.id.as_str()).count().to_string(),
        "SharedSize": size(shared),
        "UniqueSize": size(image.size() - shared),
        "Layers": image.layers.len(),
    })
}

/// The id of a damaged image is unknown, so the digest of its manifest is shown, which `rmi` accepts too.
fn damaged_row(image: &Damaged, listing: &Listing) -> Value {
    let (repository, tag) = repository_and_tag(image.reference.as_ref());
    let digest = &image.manifest_digest;
    let short = digest.rsplit(':').next().unwrap_or_default().chars().take(12).collect::<String>();
    json!({
        "Repository": repository,
        "Tag": tag,
        "ID": listing.id(digest, &short),
        "Digest": digest,
        "CreatedAt": "N/A",
        "CreatedSince": "N/A",
        "Size": "damaged",
        "VirtualSize": "damaged",
        "Containers": "N/A",
        "SharedSize": "N/A",
        "UniqueSize": "N/A",
        "Layers": 0,
    })
}
