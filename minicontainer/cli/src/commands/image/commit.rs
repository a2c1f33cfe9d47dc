//! `commit` and `export`: write a container's file system as an image or an archive.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use minicontainer_engine::{Container, ContainerError, Containers, container::Paused, images};
use minicontainer_images::CommitOptions;

use super::{archive::write_to, creation_time, new_name};
use crate::commands::open_store;
use crate::{
    booleans,
    error::{Failure, warn},
    messages::message,
    output,
};

/// Create an image from a container's changes
///
/// The new image has the layers of the container's image, and one more with the changes. Its config is that of the
/// container: command, variables, user, working directory. With SOURCE_DATE_EPOCH in the environment, the same
/// changes create the same image.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer run --name one busybox sh -c 'echo hello > /note'
  minicontainer commit one mine:1.0
  minicontainer commit -c 'CMD [\"cat\", \"/note\"]' -m 'with a note' one mine:2.0")]
pub struct CommitArguments {
    /// Author of the image
    #[arg(short, long, value_name = "NAME", default_value = "", hide_default_value = true)]
    author: String,

    /// Apply a Dockerfile instruction to the image's config: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD,
    /// STOPSIGNAL, USER, VOLUME or WORKDIR
    #[arg(short, long, value_name = "INSTRUCTION")]
    change: Vec<String>,

    /// Comment in the image's history
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,

    /// Pause a running container while its files are copied [default: if it has a cgroup]
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = booleans::parse)]
    pause: Option<bool>,

    /// Name, id, or id prefix
    container: String,

    /// The new image's name
    #[arg(value_name = "REPOSITORY[:TAG]")]
    name: Option<String>,
}

/// Export a container's file system as a tar archive
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer export -o files.tar one
  minicontainer export one | tar -t")]
pub struct ExportArguments {
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Name, id, or id prefix
    container: String,
}

/// Runs `commit`.
pub fn commit(arguments: &CommitArguments) -> Result<ExitCode, Failure> {
    let reference = arguments.name.as_deref().map(new_name).transpose()?;
    let (created, latest) = creation_time()?;
    let store = open_store()?;
    let container = Containers::of(&store).find(&arguments.container)?;
    let wanted = CommitOptions {
        reference,
        author: arguments.author.clone(),
        comment: arguments.message.clone(),
        changes: arguments.change.clone(),
        created,
        latest,
    };
    let paused = pause(&container, arguments.pause)?;
    let made = images::commit(&store, &container, &wanted)?;
    paused.map_or(Ok(()), Paused::resume).map_err(Failure::of)?;
    super::warn_of(&made.warnings);
    output::print_line(made.id.as_str())?;
    Ok(ExitCode::SUCCESS)
}

/// Pauses the container, if it runs and the user did not forbid it. Docker's default is to pause it too, but here an
/// ordinary user's container may have no cgroup.
fn pause(container: &Container, wanted: Option<bool>) -> Result<Option<Paused>, Failure> {
    if wanted == Some(false) {
        return Ok(None);
    }
    match (wanted, container.pause()) {
        (None, Err(error @ ContainerError::NoCgroup { .. })) => {
            warn(&message("commit-not-paused", []).because(error));
            Ok(None)
        }
        (_, paused) => Ok(paused.map_err(|error| Failure::from(error).or_hint("use --pause=false"))?),
    }
}

/// Runs `export`.
pub fn export(arguments: &ExportArguments) -> Result<ExitCode, Failure> {
    let store = open_store()?;
    let container = Containers::of(&store).find(&arguments.container)?;
    write_to(arguments.output.as_deref(), "export", |archive| {
        super::warn_of(&images::export(&store, &container, archive)?);
        Ok(())
    })
}
