//! `history`: how an image was made.

use std::process::ExitCode;

use clap::Args;
use minicontainer::Store;
use serde_json::json;

use super::{super::find_image, heading, since, true_time};
use crate::{
    error::Failure,
    format::Format,
    output,
    table::{shortened, size},
};

const DEFAULT: &str = "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
/// How much of an instruction a table shows.
const INSTRUCTION_WIDTH: usize = 45;

/// Show how an image was made, layer by layer, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer history busybox
  minicontainer history --no-trunc --format '{{.CreatedBy}}' busybox

Fields for --format: .ID .CreatedAt .CreatedSince .CreatedBy .Size .Comment")]
pub struct HistoryArguments {
    /// The image, by name, id, or the beginning of an id
    image: String,

    /// Show ids only
    #[arg(short, long)]
    quiet: bool,

    /// Show whole ids and instructions
    #[arg(long)]
    no_trunc: bool,

    /// Show by a template: json, '{{.Field}} …' or 'table {{.Field}}\t…'
    #[arg(long, value_name = "TEMPLATE")]
    format: Option<String>,
}

/// Prints an image's history.
pub fn history(arguments: &HistoryArguments) -> Result<ExitCode, Failure> {
    let default = if arguments.quiet { "{{.ID}}" } else { DEFAULT };
    let format = Format::parse(arguments.format.as_deref().unwrap_or(default))?;
    let image = find_image(&Store::open_default()?, &arguments.image)?;
    let mut layers = image.layers.iter();
    let mut rows = Vec::new();
    for entry in image.config.history().iter().flatten() {
        // An instruction that only sets metadata makes no layer.
        let layer = if entry.empty_layer().unwrap_or_default() { None } else { layers.next() };
        let by = entry.created_by().as_deref().unwrap_or_default();
        rows.push(json!({
            // What an image was made of need not be an image here.
            "ID": "<missing>",
            "CreatedAt": true_time(entry.created().as_deref()).unwrap_or("N/A"),
            "CreatedSince": since(entry.created().as_deref()),
            "CreatedBy": if arguments.no_trunc { by.to_owned() } else { shortened(by, INSTRUCTION_WIDTH) },
            "Size": size(layer.map_or(0, |layer| layer.size)),
            "Comment": entry.comment().as_deref().unwrap_or_default(),
        }));
    }
    rows.reverse();
    if let Some(newest) = rows.first_mut() {
        newest["ID"] = if arguments.no_trunc { image.id.to_string() } else { image.id.short().to_owned() }.into();
    }
    output::print(&format.render(&rows, |field| if field == "ID" { "IMAGE".to_owned() } else { heading(field) })?)?;
    Ok(ExitCode::SUCCESS)
}
