//! Commands about images.

use std::{
    fs::File,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use minicontainer::{
    Store,
    core::{Digest, Reference},
    store::{Image, Removed},
};
use minicontainer_engine::{
    Containers,
    image::{self, Damaged},
};
use serde_json::{Value, json};

use super::find_image;
use crate::{
    error::{Failure, warn},
    format::Format,
    output,
    table::{shortened, size},
};

const DEFAULT: &str = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedAt}}\t{{.Size}}";
const HISTORY: &str = "table {{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
/// How much of an instruction a table shows.
const INSTRUCTION_WIDTH: usize = 45;

/// Make the image busybox from this machine's own programs, with no network
#[derive(Debug, Args)]
pub struct SeedArguments {}

/// List images
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer images
  minicontainer images --format '{{.Repository}}:{{.Tag}} {{.Size}}'

Fields for --format: .Repository .Tag .ID .Digest .CreatedAt .Size")]
pub struct ListArguments {
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

/// Remove images
///
/// A name goes, and with an image's last name the image, and the layers that no other image uses.
#[derive(Debug, Args)]
pub struct RemoveArguments {
    /// Names, ids, or beginnings of ids
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

/// Add the images of a tar archive
///
/// It may be what `docker save` writes, or an OCI image layout, and compressed with gzip.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  docker save alpine | minicontainer load
  minicontainer load -i alpine.tar")]
pub struct LoadArguments {
    /// Read this file, or this directory with an OCI image layout, rather than stdin
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// Give an image one more name
#[derive(Debug, Args)]
#[command(after_help = "Example:
  minicontainer tag busybox mine:1.0")]
pub struct TagArguments {
    /// The image, by name, id, or the beginning of an id
    image: String,
    /// The new name
    name: String,
}

/// Show how an image was made, layer by layer, the newest first
#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// The image, by name, id, or the beginning of an id
    image: String,
    /// Show by a template: json, '{{.Field}} …' or 'table {{.Field}}\t…'
    #[arg(long, value_name = "TEMPLATE")]
    format: Option<String>,
}

/// Makes busybox.
pub fn seed(_: &SeedArguments) -> Result<ExitCode, Failure> {
    let seeded = image::seed_busybox(&Store::open_default()?)?;
    let name = seeded.image.reference.as_ref().map_or_else(String::new, |name| name.familiar().to_string());
    output::print_line(&format!("{name} {} ({})", seeded.image.id.short(), seeded.origin))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the list.
pub fn list(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let quiet = if arguments.quiet { "{{.ID}}" } else { DEFAULT };
    let format = Format::parse(arguments.format.as_deref().unwrap_or(quiet))?;
    let images = image::list(&Store::open_default()?)?;
    let mut rows: Vec<Value> = Vec::new();
    for image in &images {
        rows.push(match image {
            Ok(image) => row(image, arguments.no_trunc),
            Err(damaged) => {
                warn(&format!("the image {} is damaged: {}", damaged.manifest_digest, damaged.error));
                damaged_row(damaged, arguments.no_trunc)
            }
        });
    }
    output::print(&format.render(&rows, heading)?)?;
    Ok(ExitCode::SUCCESS)
}

fn row(image: &Image, whole: bool) -> Value {
    let (repository, tag) = repository_and_tag(image.reference.as_ref());
    json!({
        "Repository": repository,
        "Tag": tag,
        "ID": if whole { image.id.to_string() } else { image.id.short().to_string() },
        "Digest": image.manifest_digest.to_string(),
        // An image made the same everywhere carries no time, but the beginning of all times.
        "CreatedAt": image.created.as_deref().filter(|time| !time.starts_with("1970-01-01T")).unwrap_or("N/A"),
        "Size": size(image.size()),
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
        "Size": "damaged",
    })
}

fn repository_and_tag(reference: Option<&Reference>) -> (String, String) {
    let name = reference.map(|name| name.familiar().to_string());
    let (repository, tag) = name.as_deref().and_then(|name| name.rsplit_once(':')).unwrap_or(("<none>", "<none>"));
    (repository.to_owned(), tag.to_owned())
}

fn heading(field: &str) -> String {
    match field {
        "ID" => "IMAGE ID".to_owned(),
        "CreatedAt" => "CREATED".to_owned(),
        "CreatedBy" => "CREATED BY".to_owned(),
        other => other.to_uppercase(),
    }
}

/// Removes them; what cannot be removed does not save the others.
pub fn remove(arguments: &RemoveArguments) -> Result<ExitCode, Failure> {
    let store = Store::open_default()?;
    let containers = Containers::of(&store);
    // Asked under the store's lock, when no container can be made meanwhile. What cannot be told counts as use.
    let in_use = |id: &Digest| match containers.list() {
        Ok(list) => {
            let user = list.into_iter().find(|container| container.image_id == id.to_string());
            user.map(|container| container.name.to_string())
        }
        Err(error) => Some(format!("whose record cannot be read ({error})")),
    };
    let mut code = ExitCode::SUCCESS;
    for name in &arguments.images {
        match store.remove_image(name, &in_use) {
            Ok(removed) => {
                for removed in removed {
                    output::print_line(&match removed {
                        Removed::Untagged(name) => format!("Untagged: {}", name.familiar()),
                        Removed::Deleted(digest) => format!("Deleted: {digest}"),
                    })?;
                }
            }
            Err(error) => {
                Failure::from(error).print();
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// Adds the images of an archive.
pub fn load(arguments: &LoadArguments) -> Result<ExitCode, Failure> {
    let store = Store::open_default()?;
    let loaded = match &arguments.input {
        Some(path) if path.is_dir() => image::load_layout(&store, path)?,
        Some(path) => {
            let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            image::load(&store, file)?
        }
        None if io::stdin().is_terminal() => {
            let failure = Failure::new("requested load from stdin, but stdin is empty");
            return Err(failure.hint("pipe an archive in, or name one: `minicontainer load -i FILE`"));
        }
        None => image::load(&store, io::stdin().lock())?,
    };
    for image in loaded {
        for warning in &image.warnings {
            warn(warning);
        }
        output::print_line(&match image.reference {
            Some(name) => format!("Loaded image: {}", name.familiar()),
            None => format!("Loaded image ID: {}", image.id),
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives a name.
pub fn tag(arguments: &TagArguments) -> Result<ExitCode, Failure> {
    let name: Reference = arguments.name.parse().map_err(|error| Failure::of_argument("the new name", error))?;
    Store::open_default()?.tag(&arguments.image, &name)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints an image's history.
pub fn history(arguments: &HistoryArguments) -> Result<ExitCode, Failure> {
    let format = Format::parse(arguments.format.as_deref().unwrap_or(HISTORY))?;
    let image = find_image(&Store::open_default()?, &arguments.image)?;
    let mut layers = image.layers.iter();
    let mut rows = Vec::new();
    for entry in image.config.history().iter().flatten() {
        // An instruction that only sets metadata makes no layer.
        let layer = if entry.empty_layer().unwrap_or_default() { None } else { layers.next() };
        let by = entry.created_by().as_deref().unwrap_or_default();
        rows.push(json!({
            "CreatedAt": entry.created().as_deref().unwrap_or("N/A"),
            "CreatedBy": shortened(by, INSTRUCTION_WIDTH),
            "Size": size(layer.map_or(0, |layer| layer.size)),
            "Comment": entry.comment().as_deref().unwrap_or_default(),
        }));
    }
    rows.reverse();
    output::print(&format.render(&rows, heading)?)?;
    Ok(ExitCode::SUCCESS)
}
