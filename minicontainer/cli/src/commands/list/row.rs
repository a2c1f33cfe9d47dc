//! The fields of a container in a list, with Docker's names.

use std::collections::BTreeMap;

use jiff::Timestamp;
use minicontainer::core::options::{MountSpec, Network};
use minicontainer_engine::Container;
use serde::Serialize;

use crate::table::{ago, elapsed, local_time, shortened};

/// The width of the command in a table.
const COMMAND_WIDTH: usize = 20;

/// The width of a mount's name in a table.
const MOUNT_WIDTH: usize = 15;

/// The fields of a container.
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
    size: String,
    labels: String,
    /// For `.Label "NAME"`; not part of the row as JSON.
    label: BTreeMap<String, String>,
    mounts: String,
    local_volumes: &'static str,
    networks: &'static str,
}

impl Row {
    /// The row of a container. Long values are truncated to the width of a table, unless full values were requested.
    pub fn new(container: &Container, whole: bool, size: String) -> Row {
        let (config, now) = (&container.config, Timestamp::now());
        let command = format!("\"{}\"", config.command.join(" "));
        let cut = |text: &str, width| if whole { text.to_owned() } else { shortened(text, width) };
        let labels: Vec<String> = config.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mounts = config.options.mounts.iter().filter_map(|mount| match mount {
            MountSpec::Bind { source, .. } => Some(cut(source, MOUNT_WIDTH)),
            // As in Docker, a tmpfs is not listed.
            MountSpec::Tmpfs { .. } => None,
        });
        Row {
            id: if whole { container.id.as_str() } else { container.id.short() }.to_owned(),
            image: config.image.clone(),
            command: cut(&command, COMMAND_WIDTH),
            created_at: local_time(container.created),
            running_for: ago(elapsed(container.created)),
            status: container.state.summary(now),
            state: container.state.docker_status(),
            ports: "",
            names: container.name.to_string(),
            size,
            labels: labels.join(","),
            label: config.labels.clone(),
            mounts: mounts.collect::<Vec<_>>().join(","),
            local_volumes: "0",
            networks: match config.options.network {
                Network::None => "none",
                Network::Host => "host",
            },
        }
    }
}

pub(super) fn heading(field: &str) -> String {
    match field {
        "ID" => "CONTAINER ID".to_owned(),
        "RunningFor" => "CREATED".to_owned(),
        "CreatedAt" => "CREATED AT".to_owned(),
        "LocalVolumes" => "LOCAL VOLUMES".to_owned(),
        other => other.to_uppercase(),
    }
}
