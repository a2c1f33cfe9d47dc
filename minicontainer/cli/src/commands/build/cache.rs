//! `builder du` and `builder prune`: shows and removes what builds have cached.

use std::{process::ExitCode, time::SystemTime};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use minicontainer::core::options::Timeout;
use minicontainer_build::{self as build, Cached, Content, PruneOptions};

use super::BuildArguments;
use crate::commands::open_store;
use crate::{
    commands::image::remove::confirmed,
    error::Failure,
    output::{self, visible},
    table::{self, ago, before_now},
};

/// The object form of the commands about builds.
#[derive(Debug, Subcommand)]
pub enum BuilderCommand {
    /// Build an image from a Dockerfile and a directory of files
    Build(Box<BuildArguments>),
    /// Show the build cache
    Du(UsageArguments),
    /// Remove the build cache
    Prune(PruneArguments),
}

/// Show the build cache
///
/// Layers that an image uses as well are not reclaimable: removing them from the cache frees no space.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer builder du
  minicontainer builder du --verbose")]
pub struct UsageArguments {
    /// Show full ids and the type of each entry
    #[arg(long)]
    verbose: bool,
}

/// Remove the build cache
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer builder prune
  minicontainer builder prune -a -f
  minicontainer builder prune -f --filter until=24h")]
pub struct PruneArguments {
    /// Also remove cache entries of layers that images use; the images keep their layers
    #[arg(short, long)]
    all: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    force: bool,

    /// Only entries last used before this time: until=24h, until=2026-01-31T12:00:00Z
    #[arg(long, value_name = "until=TIME")]
    filter: Vec<String>,
}

/// Runs `builder build`, `builder du` or `builder prune`.
pub fn execute(command: BuilderCommand) -> Result<ExitCode, Failure> {
    match command {
        BuilderCommand::Build(arguments) => super::execute(&arguments),
        BuilderCommand::Du(arguments) => usage(&arguments),
        BuilderCommand::Prune(arguments) => prune(&arguments),
    }
}

fn usage(arguments: &UsageArguments) -> Result<ExitCode, Failure> {
    let cached = build::cached(&open_store()?)?;
    let mut rows = vec![["ID", "RECLAIMABLE", "SIZE", "LAST ACCESSED"].map(str::to_owned).to_vec()];
    if arguments.verbose {
        rows[0].push("DESCRIPTION".to_owned());
    }
    for cached in &cached {
        let id = if arguments.verbose { cached.id() } else { &cached.id()[..12.min(cached.id().len())] };
        let mut row = vec![
            id.to_owned(),
            (!cached.is_shared).to_string(),
            table::size(cached.size),
            ago(cached.last_used.elapsed().unwrap_or_default()),
        ];
        if arguments.verbose {
            row.push(match &cached.content {
                Content::Layer(diff_id) => format!("layer {diff_id}"),
                Content::Mount { id, .. } => format!("cache mount {}", visible(id)),
            });
        }
        rows.push(row);
    }
    let total =
        |shown: &dyn Fn(&&Cached) -> bool| table::size(cached.iter().filter(shown).map(|cached| cached.size).sum());
    let sums = [
        ("Shared:", total(&|cached| cached.is_shared)),
        ("Reclaimable:", total(&|cached| !cached.is_shared)),
        ("Total:", total(&|_| true)),
    ];
    let sums: Vec<Vec<String>> = sums.into_iter().map(|(name, size)| vec![name.to_owned(), size]).collect();
    output::print(&format!("{}{}", table::render(&rows), table::render(&sums)))?;
    Ok(ExitCode::SUCCESS)
}

fn prune(arguments: &PruneArguments) -> Result<ExitCode, Failure> {
    let unused_since = arguments.filter.iter().map(|filter| until(filter)).collect::<Result<Vec<_>, _>>()?;
    let what = if arguments.all { "all build cache" } else { "all dangling build cache" };
    if !arguments.force && !confirmed(&format!("WARNING! This will remove {what}."))? {
        return Ok(ExitCode::SUCCESS);
    }
    let pruning = PruneOptions { all: arguments.all, unused_since: unused_since.into_iter().min() };
    let gone = build::prune(&open_store()?, &pruning)?;
    if !gone.is_empty() {
        let ids: Vec<&str> = gone.iter().map(Cached::id).collect();
        output::print(&format!("Deleted build cache objects:\n{}\n\n", ids.join("\n")))?;
    }
    let freed = gone.iter().filter(|cached| !cached.is_shared).map(|cached| cached.size).sum();
    output::print_line(&format!("Total reclaimed space: {}", table::size(freed)))?;
    Ok(ExitCode::SUCCESS)
}

/// The time in `until=`, which may be a duration before now.
pub fn until(filter: &str) -> Result<SystemTime, Failure> {
    let wrong =
        |message: String| Failure::new(message).hint("write until=24h, until=1h30m or until=2026-01-31T12:00:00Z");
    let Some(("until", text)) = filter.split_once('=') else {
        return Err(wrong(format!("invalid argument for --filter: {filter:?} is not supported")));
    };
    let time = match text.parse::<Timeout>() {
        Ok(ago) => Some(before_now(ago.duration())),
        // Docker's users write days as hours, and zero means now.
        Err(_) if matches!(text, "0" | "0s" | "0h") => Some(Timestamp::now()),
        Err(_) => text.parse().ok(),
    };
    time.and_then(|time| time.try_into().ok())
        .ok_or_else(|| wrong(format!("invalid argument for --filter: {text:?} is not a time")))
}
