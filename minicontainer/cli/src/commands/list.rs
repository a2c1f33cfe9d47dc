//! `ps`: lists containers.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use minicontainer_engine::{Container, Containers};
use serde::Serialize;

use crate::commands::open_store;
use crate::{
    error::{Failure, warn},
    format::list::Listing,
    output,
    table::{ago, elapsed, shortened},
};

const DEFAULT: &str = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

/// The width of the command in a table.
const COMMAND_WIDTH: usize = 20;

/// List containers
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer ps -a
  minicontainer ps -a --format '{{.Names}} {{.Status}}'
  minicontainer rm $(minicontainer ps -aq)

Fields for --format: .ID .Image .Command .CreatedAt .RunningFor .Status .State .Ports .Names")]
pub struct ListArguments {
    /// Show all containers, not only running ones
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
        warn(&format!("container {} is damaged: {}", id.short(), Failure::from(error).message()));
    }
    let containers = containers.list()?;
    let shown = containers.iter().filter(|container| arguments.all || container.is_running());
    let rows: Vec<Row> = shown.map(|container| Row::new(container, arguments.listing.no_trunc)).collect();
    output::print(&format.render_rows(&rows, &heading)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The fields of a container, with Docker's names.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Row {
    #[serde(rename = "ID")]
    id: String,
    image: String,
    command: String,
    created_at: String,
    running_for: String,
    status: String,
    state: &'static str,
    ports: &'static str,
    names: String,
}

impl Row {
    /// The row of a container, with full values or values cut to the width of a table.
    pub fn new(container: &Container, whole: bool) -> Row {
        let (config, now) = (&container.config, Timestamp::now());
        let command = format!("\"{}\"", config.command.join(" "));
        Row {
            id: if whole { container.id.as_str() } else { container.id.short() }.to_owned(),
            image: config.image.clone(),
            command: if whole { command } else { shortened(&command, COMMAND_WIDTH) },
            created_at: format!("{:.9}", container.created),
            running_for: ago(elapsed(container.created)),
            status: container.state.summary(now),
            state: container.state.docker_status(),
            ports: "",
            names: container.name.to_string(),
        }
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
