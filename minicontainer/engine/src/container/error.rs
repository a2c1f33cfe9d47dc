//! Errors of containers. Messages that Docker has too keep Docker's wording, because scripts match it.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer::{
    CgroupError,
    core::{
        container::InvalidTransition,
        diagnostic::{Diagnostic, ErrorKind},
        options::ContainerName,
    },
    rootfs::RootFsError,
    store::StoreError,
};
use nix::errno::Errno;

use super::{Id, prune::id_of, record::VERSION};

/// An operation on a container failed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// Another container has the name.
    #[error(
        "Conflict. The container name \"/{name}\" is already in use by container \"{holder}\". You have to remove (or \
         rename) that container to be able to reuse that name."
    )]
    NameTaken {
        /// The name.
        name: ContainerName,
        /// The container that has it.
        holder: Id,
    },
    /// No container has this name or id.
    #[error("No such container: {name}")]
    Unknown {
        /// The name or id.
        name: String,
    },
    /// An id prefix matches several containers.
    #[error("multiple IDs found with provided prefix: {prefix}")]
    Ambiguous {
        /// The prefix.
        prefix: String,
        /// The matching containers.
        ids: Vec<Id>,
    },
    /// The state of the container does not allow the operation.
    #[error("{}", refused.message(id.as_str(), name.as_str()))]
    Refused {
        /// The container.
        id: Id,
        /// Its name.
        name: ContainerName,
        /// The reason.
        refused: InvalidTransition,
    },
    /// The container's process could not be killed.
    #[error("cannot kill process {pid} of the container {id}", id = id.short())]
    Kill {
        /// The container.
        id: Id,
        /// Its process on the host.
        pid: i32,
        /// The cause.
        source: Errno,
    },
    /// The container's process was killed but does not exit.
    #[error("process {pid} of the container {id} was killed but is still there", id = id.short())]
    StillAlive {
        /// The container.
        id: Id,
        /// Its process on the host.
        pid: i32,
    },
    /// A container without a cgroup cannot be paused.
    #[error("cannot pause the container {id}: it has no cgroup", id = id.short())]
    NoCgroup {
        /// The container.
        id: Id,
    },
    /// The kernel has not paused the container.
    #[error("cannot pause the container {id}", id = id.short())]
    NotPaused {
        /// The container.
        id: Id,
        /// The cause.
        source: Box<CgroupError>,
    },
    /// The signals that would end this process while a container is paused cannot be blocked.
    #[error("cannot block signals")]
    BlockSignals {
        /// The cause.
        source: Errno,
    },
    /// A record is damaged.
    #[error("cannot read the record {}: not a valid record of a container", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// A record was written by a newer engine.
    #[error(
        "cannot read the record of container {id}: state.json is of version {version}; this minicontainer reads versions 1 \
         to {VERSION}",
        id = id.short()
    )]
    RecordVersion {
        /// The container.
        id: Id,
        /// The record's version.
        version: u32,
    },
    /// The OCI runtime config beside a record cannot be parsed.
    #[error("{} is not a valid runtime config", path.display())]
    RuntimeConfig {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// An entry in the directory of names is not a link to a container.
    #[error("cannot use {}: not the name of a container", path.display())]
    ForeignName {
        /// The entry.
        path: PathBuf,
    },
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// An operation of the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The container's files could not be removed.
    #[error(transparent)]
    RootFs(#[from] RootFsError),
}

minicontainer::core::readable_debug!(ContainerError);

impl Diagnostic for ContainerError {
    fn kind(&self) -> ErrorKind {
        match self {
            ContainerError::NameTaken { .. } | ContainerError::Refused { .. } => ErrorKind::Conflict,
            ContainerError::Unknown { .. } => ErrorKind::NotFound,
            ContainerError::Ambiguous { .. } => ErrorKind::InvalidInput,
            ContainerError::Kill { .. } => ErrorKind::Denied,
            ContainerError::NoCgroup { .. } | ContainerError::NotPaused { .. } => ErrorKind::Unavailable,
            ContainerError::StillAlive { .. }
            | ContainerError::BlockSignals { .. }
            | ContainerError::Record { .. }
            | ContainerError::RecordVersion { .. }
            | ContainerError::ForeignName { .. }
            | ContainerError::RuntimeConfig { .. } => ErrorKind::Failed,
            ContainerError::Io { source, .. } => ErrorKind::of_io(source),
            ContainerError::Store(error) => error.kind(),
            ContainerError::RootFs(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            ContainerError::NameTaken { name, .. } => {
                format!("`minicontainer rm {name}` removes it; or choose another `CreateRequest::name`")
            }
            ContainerError::Refused {
                name,
                refused:
                    InvalidTransition::RemovalOfRunning
                    | InvalidTransition::RemovalOfPaused
                    | InvalidTransition::RemovalOfRestarting
                    | InvalidTransition::RemovalOfStarting,
                ..
            } => format!("`minicontainer rm -f {name}` kills and removes it"),
            ContainerError::Refused { .. } | ContainerError::BlockSignals { .. } => return None,
            ContainerError::NoCgroup { .. } | ContainerError::NotPaused { .. } => {
                return Some("`minicontainer doctor` shows how to get a cgroup".into());
            }
            ContainerError::RecordVersion { id, .. } => format!(
                "use the newer minicontainer that wrote it; `minicontainer rm {}` removes the container with all that it \
                 wrote",
                id.short()
            ),
            ContainerError::Ambiguous { ids, .. } => {
                let ids: Vec<&str> = ids.iter().map(Id::short).collect();
                format!("write more digits; the prefix matches {}", ids.join(", "))
            }
            ContainerError::Unknown { .. } => "`minicontainer ps -a` lists all containers".to_owned(),
            ContainerError::Record { path, .. } => {
                let id = path.parent().and_then(id_of);
                let id = id.as_ref().map_or("ID", Id::short);
                format!(
                    "the file was changed or damaged; `minicontainer rm {id}` removes the container and everything that it wrote"
                )
            }
            ContainerError::Kill { .. } => {
                return Some("it belongs to another user: remove the container as that user or as root".into());
            }
            ContainerError::StillAlive { .. } => {
                return Some(
                    "the process hangs in the kernel, perhaps because of a broken disk: try again later".into(),
                );
            }
            ContainerError::Store(error) => return error.hint(),
            ContainerError::RootFs(error) => return error.hint(),
            ContainerError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                let hint = "free some space: `minicontainer rm CONTAINER` removes a container, `minicontainer rmi IMAGE` an image";
                return Some(hint.into());
            }
            ContainerError::Io { .. } => return None,
            ContainerError::ForeignName { .. } => {
                return Some(
                    "the store was changed or damaged: `minicontainer system check --repair` removes it".into(),
                );
            }
            ContainerError::RuntimeConfig { .. } => {
                return Some("the file was changed or damaged: remove the container and create it again".into());
            }
        };
        Some(hint.into())
    }
}

impl ContainerError {
    /// Whether the error affects one container's record only.
    pub(super) fn is_of_record(&self) -> bool {
        matches!(self, ContainerError::Record { .. } | ContainerError::RecordVersion { .. })
    }

    /// For `map_err`: adds what was tried and the path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ContainerError {
        let path = path.into();
        move |source| ContainerError::Io { action, path, source }
    }
}
