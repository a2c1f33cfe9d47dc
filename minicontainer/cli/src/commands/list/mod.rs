//! `ps`: lists containers.

mod filter;
mod row;

use std::process::ExitCode;

use clap::Args;
use minicontainer::Store;
use minicontainer_engine::{Container, Containers};

use crate::commands::{find_image, open_store};
use crate::{
    error::{Failure, warn},
    format::list::Listing,
    messages::message,
    output,
    table::size,
};
use filter::Filters;
pub use row::Row;

const DEFAULT: &str = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

/// List containers, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer ps -a
  minicontainer ps -a --filter status=exited --filter label=course=networks
  minicontainer ps -a --format '{{.Names}} {{.Status}}'
  minicontainer rm $(minicontainer ps -aq)

Filters: id=PREFIX, name=EXPRESSION (a regular one), label=NAME or label=NAME=VALUE, exited=CODE, status=STATUS, \
ancestor=IMAGE, before=CONTAINER, since=CONTAINER, volume=PATH, network=NETWORK, health=none, \
is-task=false

Fields for --format: .ID .Image .Command .CreatedAt .RunningFor .Status .State .Ports .Names .Size \
.Labels .Mounts .LocalVolumes .Networks, and .Label \"NAME\" for one label")]
pub struct ListArguments {
    /// Show all containers, not only running ones
    #[arg(short, long)]
    all: bool,

    /// Only containers that meet a condition; can be repeated
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,

    /// Show the latest created container, whatever its state
    #[arg(short, long)]
    latest: bool,

    /// Show this many of the latest created containers, whatever their state
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = -1, hide_default_value = true,
          allow_negative_numbers = true)]
    last: i64,

    /// Show the size of the files that each container has written, and with its image (virtual)
    #[arg(short, long)]
    size: bool,

    #[command(flatten)]
    listing: Listing,
}

impl ListArguments {
    /// The maximum number of containers to show, whatever their state.
    fn limit(&self) -> Option<usize> {
        match usize::try_from(self.last) {
            _ if self.latest => Some(1),
            Ok(number @ 1..) => Some(number),
            _ => None,
        }
    }
}

/// Prints the list.
pub fn execute(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let table = if arguments.size { format!("{DEFAULT}\t{{{{.Size}}}}") } else { DEFAULT.to_owned() };
    let format = arguments.listing.format(&table)?;
    let store = open_store()?;
    let containers = Containers::of(&store);
    for (id, error) in containers.damaged()? {
        let damaged = message("damaged-container", [("id", id.short().into())]);
        warn(&damaged.because(Failure::from(error).message()));
    }
    let filters = Filters::parse(&store, &arguments.filter)?;
    let any_state = arguments.all || arguments.limit().is_some() || filters.select_states();
    let needs_size = arguments.size || arguments.listing.uses("Size");
    let mut rows: Vec<Row> = Vec::new();
    for container in containers.list()? {
        if rows.len() == arguments.limit().unwrap_or(usize::MAX) {
            break;
        }
        if (any_state || container.is_running()) && filters.admit(&container) {
            let size = if needs_size { sizes(&store, &container)? } else { String::new() };
            rows.push(Row::new(&container, arguments.listing.no_trunc, size));
        }
    }
    output::print(&format.render_rows(&rows, &row::heading)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The size of a container's own files, and its size with the layers of its image.
fn sizes(store: &Store, container: &Container) -> Result<String, Failure> {
    let own = Containers::of(store).size(&container.id)?;
    // The files of a damaged image cannot be counted.
    let image = find_image(store, &container.config.image_id).ok().map(|image| image.size());
    Ok(image.map_or_else(|| size(own), |image| format!("{} (virtual {})", size(own), size(own + image))))
}
