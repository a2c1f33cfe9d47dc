//! Errors of creating and limiting cgroups.

use std::io;
use std::path::PathBuf;

/// A cgroup could not be created or limited.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CgroupError {
    /// The group exists already, with processes or groups in it.
    #[error("the cgroup {} exists already and is in use ({source}): is another container of this name running?", .path.display())]
    InUse {
        /// Its directory.
        path: PathBuf,
        /// Why it could not be removed.
        source: io::Error,
    },
    /// The group could not be created.
    #[error("cannot create the cgroup {name}: {source}")]
    Create {
        /// Its name.
        name: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A directory of the group could not be created.
    #[error("cannot create the cgroup directory {}: {source}", .path.display())]
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A limit could not be set.
    #[error("cannot set the {limit} limit of the cgroup {name} to {value}: {source}")]
    Limit {
        /// The group's name.
        name: String,
        /// "memory", "cpu" or "pids".
        limit: &'static str,
        /// The requested value.
        value: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The kernel accepted the CPUs, but the group may use others.
    #[error("cannot limit the cgroup {name} to the CPUs {wanted}: it may use {given}")]
    Processors {
        /// The group's name.
        name: String,
        /// The requested CPUs.
        wanted: String,
        /// The CPUs that it may use.
        given: String,
    },
    /// The kernel does not count swap space.
    #[error(
        "cannot limit the swap space of the cgroup {name}: this kernel does not count it (boot with swapaccount=1)"
    )]
    SwapNotCounted {
        /// The group's name.
        name: String,
    },
    /// The device rules could not be set.
    #[error("cannot limit the devices of the cgroup {name}: {call}: {source}")]
    Devices {
        /// The group's name.
        name: String,
        /// The failed operation.
        call: String,
        /// The reason.
        source: io::Error,
    },
    /// The group lacks a requested controller.
    #[error("the cgroup {name} has no {limit} controller{}", .above.as_ref().map(|path| format!(": {} cannot enable it for groups below, because it is threaded or has processes of its own", path.display())).unwrap_or_default())]
    NoController {
        /// The group's name.
        name: String,
        /// The controller.
        limit: &'static str,
        /// The group above, on version 2.
        above: Option<PathBuf>,
    },
    /// A file of the group could not be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Its processes did not stop.
    #[error("cannot freeze the cgroup {name}: some of its processes still run")]
    NotFrozen {
        /// The group's name.
        name: String,
    },
    /// The group is still in use.
    #[error("cannot remove the cgroup {}: {source}", .path.display())]
    Remove {
        /// Its directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file of the group could not be opened.
    #[error("cannot open {}: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

minicontainer_core::plain_diagnostic!(CgroupError: Failed);
