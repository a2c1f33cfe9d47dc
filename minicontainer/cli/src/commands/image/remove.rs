//! `rmi` and `image prune`: images go.

use std::{
    io::{self, BufRead, IsTerminal},
    process::ExitCode,
};

use clap::Args;
use minicontainer::{
    Store,
    store::{Removed, StoreError},
};
use minicontainer_engine::image::{self, Names, Pruning};

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
    let names = if arguments.force { Names::All } else { Names::One };
    let mut code = ExitCode::SUCCESS;
    for name in &arguments.images {
        match image::remove(&store, name, names) {
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
    let pruned = image::prune(&store, &Pruning { all: arguments.all, conditions: Vec::new() })?;
    output::print(&told_of_pruned(&pruned.removed))?;
    output::print_line(&format!("Total reclaimed space: {}", size(pruned.reclaimed)))?;
    Ok(ExitCode::SUCCESS)
}

/// The images that were removed, as Docker lists them.
pub fn told_of_pruned(removed: &[Removed]) -> String {
    let told = |removed: &Removed| match removed {
        Removed::Untagged(name) => format!("untagged: {}\n", name.familiar()),
        Removed::Deleted(digest) => format!("deleted: {digest}\n"),
    };
    let lines: String = removed.iter().map(told).collect();
    if lines.is_empty() { lines } else { format!("Deleted Images:\n{lines}\n") }
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
