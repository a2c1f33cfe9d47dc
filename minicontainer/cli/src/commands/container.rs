//! `rm` and `diff`.

use std::process::ExitCode;

use clap::Args;
use minicontainer::{Store, layers::change::Change, rootfs};
use minicontainer_engine::{Container, ContainerError, Containers, container::Force};

use super::find_image;
use crate::commands::open_store;
use crate::{
    error::Failure,
    output::{self, visible},
};

/// Remove containers
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer rm one two
  minicontainer rm -f $(minicontainer ps -aq)")]
pub struct RemoveArguments {
    /// Kill the container if it runs, and ignore one that does not exist
    #[arg(short, long)]
    force: bool,

    /// Remove unnamed volumes too; volumes are not supported yet, so this has no effect
    #[arg(short, long)]
    volumes: bool,

    /// Names, ids, or id prefixes
    #[arg(required = true, value_name = "CONTAINER")]
    containers: Vec<String>,
}

/// Removes containers, and continues after individual failures.
pub fn remove(arguments: &RemoveArguments) -> Result<ExitCode, Failure> {
    let containers = Containers::of(&open_store()?);
    let force = if arguments.force { Force::Kill } else { Force::Refuse };
    let mut code = ExitCode::SUCCESS;
    for name in &arguments.containers {
        match containers.remove(name, force) {
            Ok(_) => output::print_line(name)?,
            Err(ContainerError::Unknown { .. }) if force == Force::Kill => {}
            Err(error) => {
                Failure::from(error).print();
                code = ExitCode::FAILURE;
            }
        }
    }
    // An engine that was killed may have left containers that were to be removed.
    containers.sweep()?;
    Ok(code)
}

/// Show what a container changed in its image's files
///
/// A is for added, C for changed, D for deleted.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  minicontainer run --name one busybox sh -c 'echo hi > /note; rm /etc/group'
  minicontainer diff one")]
pub struct DiffArguments {
    /// Name, id, or id prefix
    container: String,
}

/// Prints the changes.
pub fn diff(arguments: &DiffArguments) -> Result<ExitCode, Failure> {
    let store = open_store()?;
    let container = Containers::of(&store).find(&arguments.container)?;
    let lines: String =
        changes(&store, &container)?.iter().map(|change| visible(&change.to_string()).into_owned() + "\n").collect();
    output::print(&lines)?;
    Ok(ExitCode::SUCCESS)
}

/// What a container changed in its image's files.
pub fn changes(store: &Store, container: &Container) -> Result<Vec<Change>, Failure> {
    let directory = Containers::of(store).place(&container.id);
    // A container that could not be started has no writable layer.
    if !["upper", "rootfs"].iter().any(|writable| directory.join(writable).exists()) {
        return Ok(Vec::new());
    }
    let layers: Vec<_> =
        find_image(store, &container.config.image_id)?.layers.into_iter().map(|layer| layer.directory).collect();
    Ok(rootfs::changes(&layers, &directory, container.config.driver)?)
}
