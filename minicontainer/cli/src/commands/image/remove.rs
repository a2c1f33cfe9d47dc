//! `rmi` and `image prune`: images go.

use std::{
    io::{self, BufRead, IsTerminal},
    process::ExitCode,
};

use clap::Args;
use minicontainer::{
    Store,
    core::{Digest, Reference},
    store::{Removed, StoreError},
};
use minicontainer_engine::{Containers, image};

use crate::{error::Failure, output, table::size};

/// Remove images
///
/// A name goes, and with an image's last name the image, and the layers that no other image uses.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer rmi mine:1.0
  minicontainer rmi -f $(minicontainer images -q mine)")]
pub struct RemoveArguments {
    /// Remove an image given by its id with all its names; one that is not there is no fault
    #[arg(short, long)]
    force: bool,

    /// Names, ids, or beginnings of ids
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

/// Remove images that have no name, or that no container uses
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer image prune
  minicontainer image prune -a -f")]
pub struct PruneArguments {
    /// All images that no container uses, not only those without a name
    #[arg(short, long)]
    all: bool,

    /// Do not ask
    #[arg(short, long)]
    force: bool,
}

/// Removes them; what cannot be removed does not save the others.
pub fn remove(arguments: &RemoveArguments) -> Result<ExitCode, Failure> {
    let store = Store::open_default()?;
    let mut code = ExitCode::SUCCESS;
    for name in &arguments.images {
        match remove_one(&store, name, arguments.force) {
            Ok(removed) => removed.iter().try_for_each(|removed| output::print_line(&told(removed)))?,
            Err(StoreError::UnknownImage { .. }) if arguments.force => {}
            Err(error) => {
                Failure::from(error).print();
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn told(removed: &Removed) -> String {
    match removed {
        Removed::Untagged(name) => format!("Untagged: {}", name.familiar()),
        Removed::Deleted(digest) => format!("Deleted: {digest}"),
    }
}

fn remove_one(store: &Store, name: &str, force: bool) -> Result<Vec<Removed>, StoreError> {
    let containers = Containers::of(store);
    // Asked under the store's lock, when no container can be made meanwhile. What cannot be told counts as use.
    let in_use = |id: &Digest| match containers.list() {
        Ok(list) => {
            let user = list.into_iter().find(|container| container.image_id == id.to_string());
            user.map(|container| container.name.to_string())
        }
        Err(error) => Some(format!("whose record cannot be read ({error})")),
    };
    match store.remove_image(name, &in_use) {
        Err(StoreError::SeveralNames { references, .. }) if force => {
            let of_name = |name: &Reference| store.remove_image(&name.familiar(), &in_use);
            Ok(references.iter().map(of_name).collect::<Result<Vec<_>, _>>()?.concat())
        }
        removed => removed,
    }
}

/// Removes what nobody needs.
pub fn prune(arguments: &PruneArguments) -> Result<ExitCode, Failure> {
    let what = match arguments.all {
        true => "all images without at least one container associated to them",
        false => "all dangling images",
    };
    if !arguments.force && !confirmed(&format!("WARNING! This will remove {what}."))? {
        return Ok(ExitCode::SUCCESS);
    }
    let store = Store::open_default()?;
    let (mut lines, mut reclaimed) = (Vec::new(), 0);
    let containers = Containers::of(&store).list()?;
    for image in image::list(&store)?.into_iter().flatten() {
        if containers.iter().any(|container| container.image_id == image.id.as_str()) {
            continue;
        }
        let name = match &image.reference {
            Some(name) if arguments.all => name.familiar(),
            Some(_) => continue,
            None => image.id.to_string(),
        };
        match remove_one(&store, &name, false) {
            Ok(removed) => {
                let is_gone =
                    |layer: &&minicontainer::store::Layer| removed.contains(&Removed::Deleted(layer.diff_id.clone()));
                reclaimed += image.layers.iter().filter(is_gone).map(|layer| layer.size).sum::<u64>();
                lines.extend(removed.iter().map(|removed| match removed {
                    Removed::Untagged(name) => format!("untagged: {}", name.familiar()),
                    Removed::Deleted(digest) => format!("deleted: {digest}"),
                }));
            }
            // A new container uses it, or somebody else has just removed it.
            Err(StoreError::InUse { .. } | StoreError::UnknownImage { .. } | StoreError::SeveralNames { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if !lines.is_empty() {
        output::print(&format!("Deleted Images:\n{}\n\n", lines.join("\n")))?;
    }
    output::print_line(&format!("Total reclaimed space: {}", size(reclaimed)))?;
    Ok(ExitCode::SUCCESS)
}

/// Asks. Where nobody can answer, the answer is no.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(format!("{question} Nobody is there to say yes")).hint("say so beforehand with -f"));
    }
    output::print(&format!("{question}\nAre you sure you want to continue? [y/N] "))?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}
