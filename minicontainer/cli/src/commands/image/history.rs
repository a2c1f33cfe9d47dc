//! `history`: how an image was made.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{super::find_image, heading, known_time, since};
use crate::commands::open_store;
use crate::{
    error::Failure,
    format::list::Listing,
    output,
    table::{shortened, size},
};

const EXACT: &str = "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
const DEFAULT: &str = "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
/// The width of an instruction in a table.
const INSTRUCTION_WIDTH: usize = 45;

/// Show how an image was made, layer by layer, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer history busybox
  minicontainer history --no-trunc --format '{{.CreatedBy}}' busybox

Fields for --format: .ID .CreatedAt .CreatedSince .CreatedBy .Size .Comment")]
pub struct HistoryArguments {
    /// The image, by name, id, or id prefix
    image: String,

    /// Show human-readable sizes and times; with =false, bytes and dates
    #[arg(short = 'H', long, default_value_t = true, hide_default_value = true, value_name = "true|false")]
    #[arg(action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    human: bool,

    #[command(flatten)]
    listing: Listing,
}

/// Runs `history`.
pub fn history(arguments: &HistoryArguments) -> Result<ExitCode, Failure> {
    let listing = &arguments.listing;
    let format = listing.format(if arguments.human { DEFAULT } else { EXACT })?;
    let image = find_image(&open_store()?, &arguments.image)?;
    let mut layers = image.layers.iter();
    let mut rows = Vec::new();
    for entry in &image.config.history {
        // An instruction that only sets metadata creates no layer.
        let layer = if entry.empty_layer { None } else { layers.next() };
        let bytes = layer.map_or(0, |layer| layer.size);
        let by = &entry.created_by;
        rows.push(json!({
            // The images of earlier build steps are not in the store.
            "ID": "<missing>",
            "CreatedAt": known_time(entry.created.as_deref()).unwrap_or("N/A"),
            "CreatedSince": since(entry.created.as_deref()),
            "CreatedBy": if listing.no_trunc { by.clone() } else { shortened(by, INSTRUCTION_WIDTH) },
            "Size": if arguments.human { size(bytes) } else { bytes.to_string() },
            "Comment": entry.comment,
        }));
    }
    rows.reverse();
    if let Some(newest) = rows.first_mut() {
        newest["ID"] = listing.id(image.id.as_str(), image.id.short()).into();
    }
    let heading = |field: &str| if field == "ID" { "IMAGE".to_owned() } else { heading(field) };
    output::print(&format.render(&rows, &heading)?)?;
    Ok(ExitCode::SUCCESS)
}
