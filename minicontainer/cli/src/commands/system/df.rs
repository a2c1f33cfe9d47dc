//! `system df`: disk usage.

use std::process::ExitCode;

use clap::Args;
use minicontainer_build::{Cached, Content};
use minicontainer_engine::system::{ContainerUsage, ImageUsage, Usage, usage};
use serde_json::{Value, json};

use super::super::{image, list};
use crate::commands::open_store;
use crate::{
    error::{Context, Failure},
    format::Format,
    output,
    table::{ago, size},
};

const DEFAULT: &str = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
const IMAGES: &str = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}";
const CONTAINERS: &str =
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}";
const SIZE_NOTE: &str =
    "An image counts twice, as compressed and as unpacked layers; `minicontainer images` shows the unpacked size.";
const VOLUMES: &str = "table {{.Name}}\t{{.Links}}\t{{.Size}}";
const CACHE: &str = "table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.LastUsedSince}}\t{{.Shared}}";

/// Show the disk space that the store uses
///
/// An image is stored twice, as compressed blobs and as unpacked layers. Content shared by several images counts
/// once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer system df
  minicontainer system df -v
  minicontainer system df --format '{{.Type}}: {{.Reclaimable}} of {{.Size}}'

Fields for --format: .Type .TotalCount .Active .Size .Reclaimable; with -v .Images .Containers .Volumes .BuildCache")]
pub struct DfArguments {
    /// Show each image, container and entry of the build cache
    #[arg(short, long)]
    verbose: bool,

    /// Format the output: json, '{{.Field}} …' or 'table {{.Field}}\t…'
    #[arg(long, value_name = "TEMPLATE")]
    format: Option<String>,
}

/// Runs `system df`.
pub fn execute(arguments: &DfArguments) -> Result<ExitCode, Failure> {
    let format = arguments.format.as_deref().map(Format::parse).transpose()?;
    let usage = usage(&open_store()?)?;
    let text = match (arguments.verbose, format) {
        (false, None) => format!("{}\n{SIZE_NOTE}\n", Format::parse(DEFAULT)?.render(&summary(&usage), &heading)?),
        (false, Some(format)) => format.render(&summary(&usage), &heading)?,
        (true, None) => details(&usage)?,
        (true, Some(format)) => {
            let document = json!({"Images": images(&usage), "Containers": containers(&usage)?, "Volumes": [], "BuildCache": cache(&usage)});
            format.render(&[document], &heading)?
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each type.
fn summary(usage: &Usage) -> Vec<Value> {
    let row = |kind: &str, total: usize, active: usize, bytes: u64, reclaimable: String| json!({"Type": kind, "TotalCount": total.to_string(), "Active": active.to_string(), "Size": size(bytes), "Reclaimable": reclaimable});
    let active_images = usage.images.iter().filter(|image| image.containers > 0).count();
    let running = usage.containers.iter().filter(|usage| usage.container.is_running());
    let (active, kept) = running.fold((0, 0), |(count, bytes), usage| (count + 1, bytes + usage.size));
    let written: u64 = usage.containers.iter().map(|usage| usage.size).sum();
    // The layers that images share are counted there.
    let cached: u64 = usage.cache.iter().filter(|cached| !cached.is_shared).map(|cached| cached.size).sum();
    let images = part_of(usage.images_reclaimable, usage.images_size);
    vec![
        row("Images", usage.images.len(), active_images, usage.images_size, images),
        row("Containers", usage.containers.len(), active, written, part_of(written - kept, written)),
        row("Local Volumes", 0, 0, 0, part_of(0, 0)),
        row("Build Cache", usage.cache.len(), 0, cached, size(cached)),
    ]
}

/// A part of a whole, with the percentage in Docker's format.
fn part_of(part: u64, whole: u64) -> String {
    match (u128::from(part) * 100).checked_div(u128::from(whole)) {
        Some(percent) => format!("{} ({percent}%)", size(part)),
        None => size(part),
    }
}

/// A table for each type.
fn details(usage: &Usage) -> Result<String, Failure> {
    let table = |rows: &[Value], columns: &str, id: &str| {
        Format::parse(columns)?.render(rows, &|field| if field == "ID" { id.to_owned() } else { heading(field) })
    };
    let cached: u64 = usage.cache.iter().filter(|cached| !cached.is_shared).map(|cached| cached.size).sum();
    Ok(format!(
        "Images space usage:\n\n{}\n{SIZE_NOTE}\n\nContainers space usage:\n\n{}\nLocal Volumes space usage:\n\n{}\nBuild cache usage: {}\n\n{}",
        table(&images(usage), IMAGES, "IMAGE ID")?,
        table(&containers(usage)?, CONTAINERS, "CONTAINER ID")?,
        table(&[], VOLUMES, "")?,
        size(cached),
        table(&cache(usage), CACHE, "CACHE ID")?,
    ))
}

fn images(usage: &Usage) -> Vec<Value> {
    let row = |usage: &ImageUsage| {
        let (repository, tag) = image::repository_and_tag(usage.names.first());
        json!({
            "Repository": repository,
            "Tag": tag,
            "ID": usage.image.id.short(),
            "CreatedSince": image::since(usage.image.config.created.as_deref()),
            "Size": size(usage.size),
            "SharedSize": size(usage.shared),
            "UniqueSize": size(usage.size - usage.shared),
            "Containers": usage.containers.to_string(),
        })
    };
    usage.images.iter().map(row).collect()
}

fn containers(usage: &Usage) -> Result<Vec<Value>, Failure> {
    let row =
        |usage: &ContainerUsage| serde_json::to_value(list::Row::new(&usage.container, false, size(usage.size)));
    usage.containers.iter().map(row).collect::<Result<_, _>>().context("cannot write JSON")
}

fn cache(usage: &Usage) -> Vec<Value> {
    let row = |cached: &Cached| {
        let kind = match cached.content {
            Content::Layer(_) => "regular",
            Content::Mount { .. } => "exec.cachemount",
        };
        json!({
            "ID": cached.id().get(..12).unwrap_or(cached.id()),
            "CacheType": kind,
            "Size": size(cached.size),
            "LastUsedSince": ago(cached.last_used.elapsed().unwrap_or_default()),
            "Shared": cached.is_shared,
        })
    };
    usage.cache.iter().map(row).collect()
}

fn heading(field: &str) -> String {
    match field {
        "TotalCount" => "TOTAL".to_owned(),
        "CacheType" => "CACHE TYPE".to_owned(),
        "LastUsedSince" => "LAST USED".to_owned(),
        "LocalVolumes" => "LOCAL VOLUMES".to_owned(),
        "Name" => "VOLUME NAME".to_owned(),
        "RunningFor" | "CreatedSince" => "CREATED".to_owned(),
        "SharedSize" => "SHARED SIZE".to_owned(),
        "UniqueSize" => "UNIQUE SIZE".to_owned(),
        other => other.to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::part_of;

    #[test]
    fn reclaimable_share_is_shown_in_percent() {
        assert_eq!(part_of(0, 0), "0B");
        assert_eq!(part_of(0, 7), "0B (0%)");
        assert_eq!(part_of(1_990_000, 2_000_000), "1.99MB (99%)");
        assert_eq!(part_of(u64::MAX, u64::MAX), "18446744TB (100%)");
    }
}
