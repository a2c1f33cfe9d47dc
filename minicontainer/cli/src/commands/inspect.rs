//! `inspect`: details as JSON with Docker's field names, so that scripts written for Docker work.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use minicontainer::{Store, store::StoreError};
use minicontainer_engine::{Container, ContainerError, Containers};
use minicontainer_images::ImageError;
use serde_json::Value;

use super::{find_image, image::inspect::document};
use crate::commands::open_store;
use crate::{
    error::{Context, Failure, warn},
    format::Format,
    messages::message,
    output,
};

/// Show details as JSON
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer inspect one
  minicontainer inspect --format '{{.State.ExitCode}}' one
  minicontainer inspect --format '{{json .GraphDriver}}' one
  minicontainer inspect --format '{{range .Config.Env}}{{println .}}{{end}}' one
  minicontainer image inspect busybox
  minicontainer image inspect --format '{{json .Sharing}}' busybox

Templates are Docker's: {{.Field.Inner}}, {{if}}, {{range}}, {{index .List 0}}, {{json .Field}}, \
{{join .List \", \"}} …")]
pub struct InspectArguments {
    /// Format the output: json, or a template such as '{{.Field.Inner}}'
    #[arg(short, long, value_name = "TEMPLATE")]
    format: Option<String>,

    /// Names, ids, or id prefixes
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Show details of containers or images as JSON
#[derive(Debug, Args)]
pub struct InspectAnyArguments {
    /// Only objects of this type [default: a container with that name, else an image]
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<Kinds>,

    #[command(flatten)]
    inspect: InspectContainerArguments,
}

/// Show details of containers as JSON
#[derive(Debug, Args)]
pub struct InspectContainerArguments {
    /// Also show the size of the files that a container has written (SizeRw), and with its image (SizeRootFs)
    #[arg(short, long)]
    size: bool,

    #[command(flatten)]
    inspect: InspectArguments,
}

/// The values of `--type`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kinds {
    Container,
    Image,
}

/// Whether the sizes of files are counted, which takes a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    Counted,
    LeftOut,
}

/// A kind of object: its name, and how to find one.
pub type Kind = (&'static str, fn(&Store, &str, Sizes) -> Result<Option<Value>, Failure>);

/// Containers.
pub const CONTAINER: Kind = ("container", |store, name, sizes| match Containers::of(store).find(name) {
    Ok(container) => container_document(store, &container, sizes).map(Some),
    Err(ContainerError::Unknown { .. }) => Ok(None),
    Err(error) => Err(error.into()),
});

/// Images.
pub const IMAGE: Kind = ("image", |store, name, sizes| match minicontainer_images::find(store, name) {
    Ok(image) => {
        if sizes == Sizes::Counted {
            warn(&message("size-of-image", []));
        }
        document(store, &image).map(Some)
    }
    Err(ImageError::Store(StoreError::UnknownImage { .. } | StoreError::BadReference { .. })) => Ok(None),
    Err(error) => Err(error.into()),
});

/// Inspects containers or images.
pub fn execute_any(arguments: &InspectAnyArguments) -> Result<ExitCode, Failure> {
    let InspectContainerArguments { size, inspect } = &arguments.inspect;
    let sizes = if *size { Sizes::Counted } else { Sizes::LeftOut };
    match arguments.kind {
        None => execute(inspect, &[CONTAINER, IMAGE], sizes),
        Some(Kinds::Container) => execute(inspect, &[CONTAINER], sizes),
        Some(Kinds::Image) => execute(inspect, &[IMAGE], sizes),
    }
}

/// Inspects containers.
pub fn execute_containers(arguments: &InspectContainerArguments) -> Result<ExitCode, Failure> {
    let sizes = if arguments.size { Sizes::Counted } else { Sizes::LeftOut };
    execute(&arguments.inspect, &[CONTAINER], sizes)
}

/// Inspects images.
pub fn execute_images(arguments: &InspectArguments) -> Result<ExitCode, Failure> {
    execute(arguments, &[IMAGE], Sizes::LeftOut)
}

/// Prints a list of documents. A missing object is reported after those that were found.
fn execute(arguments: &InspectArguments, kinds: &[Kind], sizes: Sizes) -> Result<ExitCode, Failure> {
    let format = arguments.format.as_deref().map(Format::parse).transpose()?;
    let store = open_store()?;
    let (mut documents, mut missing) = (Vec::new(), Vec::new());
    for name in &arguments.names {
        match find(&store, kinds, name, sizes)? {
            Some(document) => documents.push(document),
            None => missing.push(name),
        }
    }
    match format {
        None => output::print_json(&documents)?,
        // One JSON list for all objects, as Docker prints it.
        Some(Format::Json) => output::print_line(&output::json_text(&documents.into()))?,
        Some(format) => output::print(&format.render(&documents, &str::to_uppercase)?)?,
    }
    let what = if let [(kind, _)] = kinds { kind } else { "object" };
    for name in &missing {
        let failure = Failure::new(format!("No such {what}: {name}"));
        failure.hint("`minicontainer ps -a` and `minicontainer images` list the existing ones").print();
    }
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(store: &Store, kinds: &[Kind], name: &str, sizes: Sizes) -> Result<Option<Value>, Failure> {
    for (_, find) in kinds {
        if let Some(document) = find(store, name, sizes)? {
            return Ok(Some(document));
        }
    }
    Ok(None)
}

fn container_document(store: &Store, container: &Container, sizes: Sizes) -> Result<Value, Failure> {
    let image = find_image(store, &container.config.image_id)?;
    let containers = Containers::of(store);
    let mut document = containers.inspect(container, &image)?;
    if sizes == Sizes::Counted {
        document = document.with_sizes(containers.size(&container.id)?, &image);
    }
    serde_json::to_value(document).context("cannot write the document as JSON")
}
