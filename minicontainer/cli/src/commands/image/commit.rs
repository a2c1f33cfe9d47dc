//! `commit` and `export`: what a container has become.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use minicontainer_engine::{Containers, images};
use minicontainer_images::Committing;

use super::{archive::write_to, new_name, time_of_making};
use crate::commands::open_store;
use crate::{error::Failure, output};

/// Make an image of what a container has changed
///
/// The new image has the layers of the container's image and one more on top. With SOURCE_DATE_EPOCH in the
/// environment the same changes make the same image.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer run --name one busybox sh -c 'echo hello > /note'
  minicontainer commit one mine:1.0
  minicontainer commit -c 'CMD [\"cat\", \"/note\"]' -m 'with a note' one mine:2.0")]
pub struct CommitArguments {
    /// Who made it
    #[arg(short, long, value_name = "NAME", default_value = "", hide_default_value = true)]
    author: String,

    /// Change the image's config by an instruction of a Dockerfile
    #[arg(short, long, value_name = "INSTRUCTION")]
    change: Vec<String>,

    /// What the image's history says of it
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,

    /// Name, id, or beginning of an id
    container: String,

    /// The new image's name
    #[arg(value_name = "REPOSITORY[:TAG]")]
    name: Option<String>,
}

/// Write all files of a container as a tar archive
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer export -o files.tar one
  minicontainer export one | tar -t")]
pub struct ExportArguments {
    /// Write to this file rather than to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Name, id, or beginning of an id
    container: String,
}

/// Makes an image.
pub fn commit(arguments: &CommitArguments) -> Result<ExitCode, Failure> {
    let reference = arguments.name.as_deref().map(new_name).transpose()?;
    let (created, latest) = time_of_making()?;
    let store = open_store()?;
    let container = Containers::of(&store).find(&arguments.container)?;
    let wanted = Committing {
        reference,
        author: arguments.author.clone(),
        comment: arguments.message.clone(),
        changes: arguments.change.clone(),
        created,
        latest,
    };
    let made = images::commit(&store, &container, &wanted)?;
    super::warn_of(&made.warnings);
    output::print_line(made.id.as_str())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes all files.
pub fn export(arguments: &ExportArguments) -> Result<ExitCode, Failure> {
    let store = open_store()?;
    let container = Containers::of(&store).find(&arguments.container)?;
    write_to(arguments.output.as_deref(), "export", |archive| {
        super::warn_of(&images::export(&store, &container, archive)?);
        Ok(())
    })
}
