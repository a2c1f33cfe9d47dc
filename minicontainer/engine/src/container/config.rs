//! What a container was asked to be. It is written once, when the container is made, and does not change.

use minicontainer::{core::RunOptions, rootfs::Driver};
use serde::{Deserialize, Serialize};

/// What a container was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerConfig {
    /// The image, as it was asked for.
    pub image: String,
    /// The image's id: names move on, and the container stays with what it was made of.
    pub image_id: String,
    /// The program and its arguments, from the options or else from the image.
    pub command: Vec<String>,
    /// How many of these words are the entrypoint: the image's, or the one that was asked for in its place.
    #[serde(default)]
    pub entrypoint_length: usize,
    /// What `run` was asked for.
    #[serde(default)]
    pub options: RunOptions,
    /// How its layers become one tree.
    pub driver: Driver,
    /// Its control group, below the root of the hierarchies: an ordinary user's lies where one was delegated. None if
    /// it gets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// What becomes of it when its program has ended.
    pub after_exit: AfterExit,
}

/// What becomes of a container when its program has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterExit {
    /// It stays until it is removed.
    Keep,
    /// It is removed (`--rm`), also when its engine was killed before it could. It need not survive a power cut, so
    /// its records are not synced to disk.
    Remove,
}
