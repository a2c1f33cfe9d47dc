//! `system prune`: removes unused data.

use std::process::ExitCode;

use clap::Args;
use minicontainer_engine::system::{PruneOptions, Pruned, prune};
use minicontainer_images::Condition;

use crate::commands::open_store;
use crate::{
    commands::{
        build::cache::until,
        image::remove::{confirmed, deleted_images},
    },
    error::Failure,
    output,
    table::size,
};

/// Remove unused containers, images and build cache
///
/// Removes stopped containers with everything that they wrote, then images without a name (with --all, every image
/// that no container uses), then the build cache.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer system prune
  minicontainer system prune -a -f
  minicontainer system prune -f --filter until=24h
  minicontainer system prune -f --filter label!=keep

Filters: until=TIME, label=NAME, label=NAME=VALUE, label!=NAME, label!=NAME=VALUE; a container has \
the labels of its image")]
pub struct PruneArguments {
    /// All images that no container uses, not only those without a name
    #[arg(short, long)]
    all: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    force: bool,

    /// Also unnamed volumes; volumes are not supported yet
    #[arg(long)]
    volumes: bool,

    /// Only objects that meet a condition; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
}

/// Runs `system prune`.
pub fn execute(arguments: &PruneArguments) -> Result<ExitCode, Failure> {
    let conditions = arguments.filter.iter().map(|text| condition(text)).collect::<Result<Vec<_>, _>>()?;
    if !arguments.force && !confirmed(&question(arguments))? {
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = prune(&open_store()?, &PruneOptions { all: arguments.all, conditions })?;
    output::print(&report(&pruned))?;
    Ok(ExitCode::SUCCESS)
}

/// Docker's question.
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

fn report(pruned: &Pruned) -> String {
    let list = |heading: &str, ids: Vec<&str>| match ids.is_empty() {
        true => String::new(),
        false => format!("{heading}:\n{}\n\n", ids.join("\n")),
    };
    format!(
        "{}{}{}Total reclaimed space: {}\n",
        list("Deleted Containers", pruned.containers.iter().map(|id| id.as_str()).collect()),
        deleted_images(&pruned.images),
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
            return Err(failure.hint("use until=TIME, label=NAME[=VALUE] or label!=NAME[=VALUE]"));
        }
    };
    let (name, value) = match label.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (label, None),
    };
    Ok(Condition::Label { name: name.to_owned(), value, wanted })
}
