//! `rmi` and `image prune`: remove images.

use std::{
    io::{self, BufRead, IsTerminal, Read},
    process::ExitCode,
};

use clap::Args;
use minicontainer::store::{Removed, StoreError};
use minicontainer_engine::images;
use minicontainer_images::{Names, PruneOptions};

use super::filter::conditions;
use crate::commands::open_store;
use crate::{
    error::Failure,
    output::{self, say, visible_lines},
    table::size,
};

/// The maximum length of an answer.
const ANSWER_LIMIT: u64 = 1024;

/// Remove images
///
/// Removes the name. Without another name the image goes too, with the layers that no other image uses.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer rmi mine:1.0
  minicontainer rmi -f $(minicontainer images -q mine)")]
pub struct RemoveArguments {
    /// Remove an image given by id with all its names, and ignore one that does not exist
    #[arg(short, long)]
    force: bool,

    /// Keep parent images; images have none here, so this has no effect
    #[arg(long)]
    no_prune: bool,

    /// Names, ids, or id prefixes
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

/// Remove images that have no name, or that no container uses
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer image prune
  minicontainer image prune -a -f
  minicontainer image prune -a --filter until=24h

Filters: until=TIME, label=NAME[=VALUE], label!=NAME[=VALUE]")]
pub struct PruneArguments {
    /// All images that no container uses, not only those without a name
    #[arg(short, long)]
    all: bool,

    /// Only images that meet a condition; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,

    /// Do not ask for confirmation
    #[arg(short, long)]
    force: bool,
}

/// Removes images, and continues after individual failures.
pub fn remove(arguments: &RemoveArguments) -> Result<ExitCode, Failure> {
    let store = open_store()?;
    let names = if arguments.force { Names::All } else { Names::One };
    let mut code = ExitCode::SUCCESS;
    for name in &arguments.images {
        match images::remove(&store, name, names) {
            Ok(removed) => removed.iter().try_for_each(|removed| output::print_line(&describe(removed)))?,
            Err(StoreError::UnknownImage { .. }) if arguments.force => {}
            Err(error) => {
                Failure::from(error).print();
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn describe(removed: &Removed) -> String {
    match removed {
        Removed::Untagged(name) => format!("Untagged: {}", name.familiar()),
        Removed::Deleted(digest) => format!("Deleted: {digest}"),
    }
}

/// Runs `image prune`.
pub fn prune(arguments: &PruneArguments) -> Result<ExitCode, Failure> {
    let what = match arguments.all {
        true => "all images without at least one container associated to them",
        false => "all dangling images",
    };
    let conditions = conditions(&arguments.filter)?;
    if !arguments.force && !confirmed(&format!("WARNING! This will remove {what}."))? {
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = images::prune(&open_store()?, &PruneOptions { all: arguments.all, conditions })?;
    output::print(&deleted_images(&pruned.removed))?;
    output::print_line(&format!("Total reclaimed space: {}", size(pruned.reclaimed)))?;
    Ok(ExitCode::SUCCESS)
}

/// The removed images, as Docker lists them.
pub fn deleted_images(removed: &[Removed]) -> String {
    let describe = |removed: &Removed| match removed {
        Removed::Untagged(name) => format!("untagged: {}\n", name.familiar()),
        Removed::Deleted(digest) => format!("deleted: {digest}\n"),
    };
    let lines: String = removed.iter().map(describe).collect();
    if lines.is_empty() { lines } else { format!("Deleted Images:\n{lines}\n") }
}

/// Asks for confirmation. The answer may come through a pipe, as from yes(1). If there is no answer at all, that is
/// an error.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    let asked = format!("{question}\nAre you sure you want to continue? [y/N] ");
    let is_terminal = io::stdin().is_terminal();
    if is_terminal {
        output::print(&asked)?;
    }
    let mut answer = String::new();
    let read = io::stdin().lock().take(ANSWER_LIMIT).read_line(&mut answer);
    if !is_terminal {
        if read.is_err() || answer.is_empty() {
            say(&format!("{}\n", visible_lines(question.trim_end())));
            let failure = Failure::new("cannot ask for confirmation: stdin is empty");
            return Err(failure.hint("confirm with -f"));
        }
        output::print_line(&asked)?;
    }
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
