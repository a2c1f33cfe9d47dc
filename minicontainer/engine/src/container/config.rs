//! The configuration of a container. It is written once, when the container is created, and does not change.

use std::collections::BTreeMap;

use minicontainer::{core::RunOptions, rootfs::Driver};
use serde::{Deserialize, Serialize};

/// The configuration of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerConfig {
    /// The image, as it was requested.
    pub image: String,
    /// The image's id. The name may later refer to another image, but the container keeps this one.
    pub image_id: String,
    /// The program and its arguments, from the options or else from the image.
    pub command: Vec<String>,
    /// How many of these words are the entrypoint: the image's, or the requested one.
    #[serde(default)]
    pub entrypoint_length: usize,
    /// The options of `run`.
    #[serde(default)]
    pub options: RunOptions,
    /// Its labels: those of the image, replaced and extended by the requested ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How its layers are combined.
    pub driver: Driver,
    /// Its cgroup, relative to the root of the hierarchies; an ordinary user's is below a delegated one. None if it
    /// has no cgroup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// What happens to it when its program exits.
    pub after_exit: AfterExit,
}

/// What happens to a container when its program exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterExit {
    /// It stays until it is removed.
    Keep,
    /// It is removed (`--rm`), by a later sweep if its engine was killed before. It need not survive a power failure,
    /// so its records are not synced to disk.
    Remove,
}
