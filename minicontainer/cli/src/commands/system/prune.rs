//! `system prune`: what nobody uses goes.

use std::process::ExitCode;

use clap::Args;
use minicontainer_engine::system::{Pruned, Pruning, prune};
use minicontainer_images::Condition;

use crate::commands::open_store;
use crate::{
    commands::{
        build::cache::until,
        image::remove::{confirmed, told_of_pruned},
    },
    error::Failure,
    output,
    table::size,
};

/// Remove containers, images and build cache that nobody uses
///
/// Containers that have ended go with all that they wrote; then images without a name, with --all every image that no
/// container uses; then what builds keep for the next one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer system prune
  minicontainer system prune -a -f
  minicontainer system prune -f --filter until=24h
  minicontainer system prune -f --filter label!=keep

Filters: until=TIME, label=NAME, label=NAME=VALUE, label!=NAME, label!=NAME=VALUE; a container has its image's labels")]
pub struct PruneArguments {
    /// All images that no container uses, not only those without a name
    #[arg(short, long)]
    all: bool,

    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Also volumes without a name; there are none yet
    #[arg(long)]
    volumes: bool,

    /// Only what meets a condition; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
}

/// Asks, and removes.
pub fn execute(arguments: &PruneArguments) -> Result<ExitCode, Failure> {
    let conditions = arguments.filter.iter().map(|text| condition(text)).collect::<Result<Vec<_>, _>>()?;
    if !arguments.force && !confirmed(&question(arguments))? {
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = prune(&open_store()?, &Pruning { all: arguments.all, conditions })?;
    output::print(&told(&pruned))?;
    Ok(ExitCode::SUCCESS)
}

/// What Docker asks.
fn question(arguments: &PruneArguments) -> String {
    let (images, cache) = match arguments.all {
        true => ("all images without at least one container associated to them", "all build cache"),
        false => ("all dangling images", "unused build cache"),
    };
    let mut text = format!("WARNING! This will remove:\n  - all stopped containers\n  - {images}\n  - {cache}\n");
    if !arguments.filter.is_empty() {
        text += "\n  Items to be pruned will be filtered with:\n";
        text += &arguments.filter.iter().map(|filter| format!("  - {filter}\n")).collect::<String>();
    }
    text
}

fn told(pruned: &Pruned) -> String {
    let list = |heading: &str, ids: Vec<&str>| match ids.is_empty() {
        true => String::new(),
        false => format!("{heading}:\n{}\n\n", ids.join("\n")),
    };
    format!(
        "{}{}{}Total reclaimed space: {}\n",
        list("Deleted Containers", pruned.containers.iter().map(|id| id.as_str()).collect()),
        told_of_pruned(&pruned.images),
        list("Deleted build cache objects", pruned.cache.iter().map(String::as_str).collect()),
        size(pruned.reclaimed),
    )
}

fn condition(text: &str) -> Result<Condition, Failure> {
    if text.starts_with("until=") {
        return until(text).map(Condition::Until);
    }
    let (label, wanted) = match (text.strip_prefix("label="), text.strip_prefix("label!=")) {
        (Some(label), _) => (label, true),
        (_, Some(label)) => (label, false),
        _ => {
            let failure = Failure::new(format!("invalid filter '{text}'"));
            return Err(failure.hint("there are until=TIME, label=NAME[=VALUE] and label!=NAME[=VALUE]"));
        }
    };
    let (name, value) = match label.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (label, None),
    };
    Ok(Condition::Label { name: name.to_owned(), value, wanted })
}
