//! `ps`: the containers that there are.

use std::process::ExitCode;

use clap::Args;
use minicontainer_engine::{Container, Containers, State};
use serde_json::{Value, json};

use crate::commands::open_store;
use crate::{
    error::{Failure, warn},
    format::list::Listing,
    output,
    table::{ago, roughly, shortened},
};

const DEFAULT: &str = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

/// How much of a command a table shows.
const COMMAND_WIDTH: usize = 20;

/// List containers
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer ps -a
  minicontainer ps -a --format '{{.Names}} {{.Status}}'
  minicontainer rm $(minicontainer ps -aq)

Fields for --format: .ID .Image .Command .CreatedAt .RunningFor .Status .State .Ports .Names")]
pub struct ListArguments {
    /// Show all containers, not only those that run
    #[arg(short, long)]
    all: bool,

    #[command(flatten)]
    listing: Listing,
}

/// Prints the list.
pub fn execute(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let format = arguments.listing.format(DEFAULT)?;
    let containers = Containers::of(&open_store()?);
    for (id, error) in containers.damaged()? {
        warn(&format!("the container {} is damaged: {}", id.short(), Failure::from(error).message()));
    }
    let containers = containers.list()?;
    let shown = containers.iter().filter(|container| arguments.all || container.is_running());
    let rows: Vec<Value> = shown.map(|container| row(container, arguments.listing.no_trunc)).collect();
    output::print(&format.render(&rows, &heading)?)?;
    Ok(ExitCode::SUCCESS)
}

/// What there is to show of a container.
pub fn row(container: &Container, whole: bool) -> Value {
    let command = format!("\"{}\"", container.command.join(" "));
    json!({
        "ID": if whole { container.id.as_str() } else { container.id.short() },
        "Image": container.image,
        "Command": if whole { command } else { shortened(&command, COMMAND_WIDTH) },
        "CreatedAt": container.created.to_string(),
        "RunningFor": ago(container.created.elapsed()),
        "Status": status(&container.state),
        "State": state(&container.state),
        "Ports": "",
        "Names": container.name.as_str(),
    })
}

/// The state in Docker's word for it.
pub fn state(state: &State) -> &'static str {
    match state {
        State::Created | State::Failed { .. } => "created",
        State::Running { .. } => "running",
        State::Exited { .. } => "exited",
    }
}

/// The state in a few words.
fn status(state: &State) -> String {
    match state {
        State::Created | State::Failed { .. } => "Created".to_owned(),
        State::Running { started, .. } => format!("Up {}", roughly(started.elapsed())),
        State::Exited { code: Some(code), finished: Some(finished), .. } => {
            format!("Exited ({code}) {}", ago(finished.elapsed()))
        }
        // Its engine was killed before it could see the end.
        State::Exited { .. } => "Exited (unknown)".to_owned(),
    }
}

fn heading(field: &str) -> String {
    match field {
        "ID" => "CONTAINER ID".to_owned(),
        "RunningFor" => "CREATED".to_owned(),
        "CreatedAt" => "CREATED AT".to_owned(),
        other => other.to_uppercase(),
    }
}
