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
    error::{Context, Failure},
    format::Format,
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
    inspect: InspectArguments,
}

/// The values of `--type`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kinds {
    Container,
    Image,
}

/// A kind of object: its name, and how to find one.
pub type Kind = (&'static str, fn(&Store, &str) -> Result<Option<Value>, Failure>);

/// Containers.
pub const CONTAINER: Kind = ("container", |store, name| match Containers::of(store).find(name) {
    Ok(container) => container_document(store, &container).map(Some),
    Err(ContainerError::Unknown { .. }) => Ok(None),
    Err(error) => Err(error.into()),
});

/// Images.
pub const IMAGE: Kind = ("image", |store, name| match minicontainer_images::find(store, name) {
    Ok(image) => document(store, &image).map(Some),
    Err(ImageError::Store(StoreError::UnknownImage { .. } | StoreError::BadReference { .. })) => Ok(None),
    Err(error) => Err(error.into()),
});

/// Inspects containers or images.
pub fn execute_any(arguments: &InspectAnyArguments) -> Result<ExitCode, Failure> {
    match arguments.kind {
        None => execute(&arguments.inspect, &[CONTAINER, IMAGE]),
        Some(Kinds::Container) => execute(&arguments.inspect, &[CONTAINER]),
        Some(Kinds::Image) => execute(&arguments.inspect, &[IMAGE]),
    }
}

/// Prints a list of documents. A missing object is reported after those that were found.
pub fn execute(arguments: &InspectArguments, kinds: &[Kind]) -> Result<ExitCode, Failure> {
    let format = arguments.format.as_deref().map(Format::parse).transpose()?;
    let store = open_store()?;
    let (mut documents, mut missing) = (Vec::new(), Vec::new());
    for name in &arguments.names {
        match find(&store, kinds, name)? {
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

fn find(store: &Store, kinds: &[Kind], name: &str) -> Result<Option<Value>, Failure> {
    for (_, find) in kinds {
        if let Some(document) = find(store, name)? {
            return Ok(Some(document));
        }
    }
    Ok(None)
}

fn container_document(store: &Store, container: &Container) -> Result<Value, Failure> {
    let image = find_image(store, &container.config.image_id)?;
    let document = Containers::of(store).inspect(container, &image)?;
    serde_json::to_value(document).context("cannot write the document as JSON")
}
