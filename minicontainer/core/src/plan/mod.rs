//! A container as a value: the ordered list of steps from an ordinary process to an isolated one.
//! (placeholder: being written)
mod host;
mod step;

use serde::Serialize;

pub use host::{Availability, CgroupLayout, Cgroups, Host, Identity, Overlay};
pub use step::{Actor, Capabilities, IdMapping, MountAttribute, Namespace, Step};

/// How the container's root file system comes to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RootFs {
    /// Layers below, one writable directory above, merged by the kernel: nothing is copied until it is written.
    Overlay {
        /// The read-only layers, uppermost first: absolute paths on the host.
        lowers: Vec<String>,
        /// The writable layer.
        upper: String,
        /// Overlay's scratch directory, on the same file system as the upper.
        work: String,
        /// An empty directory of the engine's on which the merged tree is mounted.
        target: String,
        /// Whether the writable layer will be thrown away, so that nothing need be synced to disk.
        volatile: bool,
    },
    /// A plain directory: a full copy of the layers, or the `rootfs` of a bundle.
    Directory {
        /// Its absolute path on the host.
        path: String,
    },
}

/// The ordered list of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The steps, in the order in which they are carried out.
    pub steps: Vec<Step>,
}
