//! Why a container has no control group, or not the limits it should have.

use std::io;
use std::path::PathBuf;

/// A control group could not be made or limited.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// There is such a group already, with processes or groups in it.
    #[error("the cgroup {} is there already and in use ({source}): does another container of this name run?", .path.display())]
    Occupied {
        /// Its directory.
        path: PathBuf,
        /// Why it could not be removed.
        source: io::Error,
    },
    /// No group could be made.
    #[error("cannot make the cgroup {name}: {source}")]
    Create {
        /// Its name.
        name: String,
        /// The reason.
        source: cgroups_rs::error::Error,
    },
    /// Its directory could not be made, in one of the hierarchies of version 1.
    #[error("cannot make the cgroup directory {}: {source}", .path.display())]
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A limit could not be set.
    #[error("cannot set the {limit} limit of the cgroup {name} to {value}: {source}")]
    Limit {
        /// The group's name.
        name: String,
        /// "memory", "cpu" or "pids".
        limit: &'static str,
        /// What it should have been.
        value: String,
        /// The reason.
        source: Box<cgroups_rs::error::Error>,
    },
    /// The kernel took the processors and gives others.
    #[error("the cgroup {name} cannot have the processors {wanted}: those that it may use are {given}")]
    Processors {
        /// The group's name.
        name: String,
        /// What was asked for.
        wanted: String,
        /// What it got.
        given: String,
    },
    /// The kernel does not count swap space.
    #[error(
        "the swap space of the cgroup {name} cannot be limited: this kernel does not count it (boot with swapaccount=1)"
    )]
    SwapNotCounted {
        /// The group's name.
        name: String,
    },
    /// The rules for devices were not taken.
    #[error("cannot bound which devices the cgroup {name} may use: {call}: {source}")]
    Devices {
        /// The group's name.
        name: String,
        /// What was tried.
        call: String,
        /// The reason.
        source: io::Error,
    },
    /// The group lacks a controller that was asked for.
    #[error("the cgroup {name} has no {limit} controller{}", .above.as_ref().map(|path| format!(": {} hands it on to none below, being threaded or having processes of its own", path.display())).unwrap_or_default())]
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
    /// It is still in use.
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
