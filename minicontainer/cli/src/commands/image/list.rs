//! `images`: which there are.

use std::{collections::HashMap, process::ExitCode};

use clap::Args;
use minicontainer::{
    Store,
    core::{Digest, Reference},
    store::Image,
};
use minicontainer_engine::image::{self, Damaged};
use serde_json::{Value, json};

use super::{super::find_image, heading, repository_and_tag, since, true_time};
use crate::{
    error::{Failure, warn},
    format::Format,
    output,
    table::size,
};

const DEFAULT: &str = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
const WITH_DIGESTS: &str = "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

/// List images
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer images
  minicontainer images --filter dangling=true -q
  minicontainer images 'mine/*'
  minicontainer images --format '{{.Repository}}:{{.Tag}} {{.Size}} ({{.SharedSize}} shared)'

Filters: dangling=true|false, reference=PATTERN, before=IMAGE, since=IMAGE, label=NAME or label=NAME=VALUE
Fields for --format: .Repository .Tag .ID .Digest .CreatedAt .CreatedSince .Size .SharedSize .UniqueSize .Layers")]
pub struct ListArguments {
    /// Only images whose name fits this pattern, in which * stands for anything but /
    #[arg(value_name = "PATTERN")]
    pattern: Option<String>,

    /// Show all images; there are no hidden ones, so it changes nothing
    #[arg(short, long)]
    all: bool,

    /// Show the digests of the manifests, too
    #[arg(long)]
    digests: bool,

    /// Only images that meet a condition; may be given several times
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,

    /// Show ids only
    #[arg(short, long)]
    quiet: bool,

    /// Show whole ids
    #[arg(long)]
    no_trunc: bool,

    /// Show by a template: json, '{{.Field}} …' or 'table {{.Field}}\t…'
    #[arg(long, value_name = "TEMPLATE")]
    format: Option<String>,
}

/// A condition that an image must meet to be listed.
enum Filter {
    Dangling(bool),
    Reference(String),
    /// Made before this moment, as RFC 3339 has it.
    Before(String),
    Since(String),
    Label(String, Option<String>),
}

/// Prints the list.
pub fn list(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let default = match (arguments.quiet, arguments.digests) {
        (true, _) => "{{.ID}}",
        (_, true) => WITH_DIGESTS,
        _ => DEFAULT,
    };
    let format = Format::parse(arguments.format.as_deref().unwrap_or(default))?;
    let store = Store::open_default()?;
    let mut filters: Vec<Filter> =
        arguments.filter.iter().map(|text| Filter::parse(&store, text)).collect::<Result<_, _>>()?;
    filters.extend(arguments.pattern.clone().map(Filter::Reference));
    let images = image::list(&store)?;
    let users = users_of_layers(&images);
    let mut rows: Vec<Value> = Vec::new();
    for image in &images {
        match image {
            Ok(image) if filters.iter().all(|filter| filter.admits(image)) => {
                rows.push(row(image, &users, arguments.no_trunc));
            }
            Ok(_) => {}
            Err(damaged) => {
                warn(&format!("the image {} is damaged: {}", damaged.manifest_digest, damaged.error));
                if filters.is_empty() {
                    rows.push(damaged_row(damaged, arguments.no_trunc));
                }
            }
        }
    }
    if arguments.quiet {
        rows.dedup_by(|one, other| one["ID"] == other["ID"]);
    }
    output::print(&format.render(&rows, heading)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Which images use a layer.
fn users_of_layers(images: &[Result<Image, Box<Damaged>>]) -> HashMap<Digest, Vec<Digest>> {
    let mut users: HashMap<Digest, Vec<Digest>> = HashMap::new();
    for image in images.iter().flatten() {
        for layer in &image.layers {
            let of_layer = users.entry(layer.diff_id.clone()).or_default();
            if !of_layer.contains(&image.id) {
                of_layer.push(image.id.clone());
            }
        }
    }
    users
}

fn row(image: &Image, users: &HashMap<Digest, Vec<Digest>>, whole: bool) -> Value {
    let (repository, tag) = repository_and_tag(image.reference.as_ref());
    let is_shared = |layer: &&minicontainer::store::Layer| users.get(&layer.diff_id).is_some_and(|of| of.len() > 1);
    let shared: u64 = image.layers.iter().filter(is_shared).map(|layer| layer.size).sum();
    json!({
        "Repository": repository,
        "Tag": tag,
        "ID": if whole { image.id.to_string() } else { image.id.short().to_string() },
        "Digest": image.manifest_digest.to_string(),
        "CreatedAt": true_time(image.created.as_deref()).unwrap_or("N/A"),
        "CreatedSince": since(image.created.as_deref()),
        "Size": size(image.size()),
        "SharedSize": size(shared),
        "UniqueSize": size(image.size() - shared),
        "Layers": image.layers.len(),
    })
}

/// Its id cannot be told, but `rmi` takes its manifest's digest, too.
fn damaged_row(image: &Damaged, whole: bool) -> Value {
    let (repository, tag) = repository_and_tag(image.reference.as_ref());
    let digest = &image.manifest_digest;
    let short = digest.rsplit(':').next().unwrap_or_default().chars().take(12).collect::<String>();
    json!({
        "Repository": repository,
        "Tag": tag,
        "ID": if whole { digest } else { &short },
        "Digest": digest,
        "CreatedAt": "N/A",
        "CreatedSince": "N/A",
        "Size": "damaged",
        "SharedSize": "N/A",
        "UniqueSize": "N/A",
        "Layers": 0,
    })
}

impl Filter {
    fn parse(store: &Store, text: &str) -> Result<Filter, Failure> {
        let invalid = || {
            let failure = Failure::new(format!("invalid filter '{text}'"));
            failure
                .hint("there are dangling=true|false, reference=PATTERN, before=IMAGE, since=IMAGE, label=NAME[=VALUE]")
        };
        let (key, value) = text.split_once('=').ok_or_else(invalid)?;
        let created = || Ok::<_, Failure>(find_image(store, value)?.created.unwrap_or_default());
        Ok(match (key, value) {
            ("dangling", "true" | "1") => Filter::Dangling(true),
            ("dangling", "false" | "0") => Filter::Dangling(false),
            ("reference", _) => Filter::Reference(value.to_owned()),
            ("before", _) => Filter::Before(created()?),
            ("since", _) => Filter::Since(created()?),
            ("label", _) => match value.split_once('=') {
                Some((name, value)) => Filter::Label(name.to_owned(), Some(value.to_owned())),
                None => Filter::Label(value.to_owned(), None),
            },
            _ => return Err(invalid()),
        })
    }

    fn admits(&self, image: &Image) -> bool {
        let created = image.created.as_deref().unwrap_or_default();
        match self {
            Filter::Dangling(wanted) => image.reference.is_none() == *wanted,
            Filter::Reference(pattern) => image.reference.as_ref().is_some_and(|name| names(pattern, name)),
            Filter::Before(moment) => created < moment.as_str(),
            Filter::Since(moment) => created > moment.as_str(),
            Filter::Label(name, value) => {
                let labels = image.config.config().as_ref().and_then(|config| config.labels().as_ref());
                let found = labels.and_then(|labels| labels.get(name));
                found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
            }
        }
    }
}

/// Whether a pattern fits a name, with its tag or without.
fn names(pattern: &str, name: &Reference) -> bool {
    let whole = name.familiar();
    let repository = whole.rsplit_once(':').map_or(whole.as_str(), |(repository, _)| repository);
    fits(pattern.as_bytes(), whole.as_bytes()) || fits(pattern.as_bytes(), repository.as_bytes())
}

/// Go's path.Match without its classes: `*` stands for any characters but `/`, `?` for one.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    // Where to go on if what follows the last star does not fit here.
    let (mut at, mut position, mut again) = (0, 0, None);
    while position < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                again = Some((at, position));
                at += 1;
            }
            Some(byte) if *byte == text[position] || (*byte == b'?' && text[position] != b'/') => {
                at += 1;
                position += 1;
            }
            _ => match again {
                Some((star, from)) if text[from] != b'/' => {
                    again = Some((star, from + 1));
                    (at, position) = (star + 1, from + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[track_caller]
    fn check(pattern: &str, text: &str, expect: bool) {
        assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), expect, "{pattern} {text}");
    }

    #[test]
    fn patterns() {
        check("busybox", "busybox", true);
        check("busybox", "busybox:1", false);
        check("busy*:?", "busybox:1", true);
        check("*", "a/b", false);
        check("*/*", "a/b", true);
        check("a*b*c", "aXbYbZc", true);
        check("a*b*c", "aXbYbZ", false);
        check("", "", true);
        check("**", "", true);
        check("?", "/", false);
    }
}
