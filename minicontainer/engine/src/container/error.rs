//! What can go wrong with containers. The wording of what Docker says too is Docker's, since scripts match it.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer::{
    core::{
        container::Refused,
        diagnostic::{Diagnostic, ErrorKind},
        options::ContainerName,
    },
    rootfs::RootFsError,
    store::StoreError,
};
use nix::errno::Errno;

use super::{Id, prune::id_of, record::VERSION};

/// Something that could not be done with a container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Another container has the name.
    #[error(
        "Conflict. The container name \"/{name}\" is already in use by container \"{holder}\". You have to remove (or \
         rename) that container to be able to reuse that name."
    )]
    NameTaken {
        /// The name.
        name: ContainerName,
        /// Who has it.
        holder: Id,
    },
    /// No container has this name or id.
    #[error("No such container: {name}")]
    Unknown {
        /// What was looked up.
        name: String,
    },
    /// The beginning of an id fits several containers.
    #[error("multiple IDs found with provided prefix: {prefix}")]
    Ambiguous {
        /// What was looked up.
        prefix: String,
        /// The containers that fit.
        ids: Vec<Id>,
    },
    /// The state of the container does not allow it.
    #[error("{}", refused.message(id.as_str(), name.as_str()))]
    Refused {
        /// The container.
        id: Id,
        /// Its name.
        name: ContainerName,
        /// Why not.
        refused: Refused,
    },
    /// The container's process could not be killed.
    #[error("cannot kill process {pid} of the container {id}", id = id.short())]
    Kill {
        /// The container.
        id: Id,
        /// Its process on the host.
        pid: i32,
        /// Why not.
        source: Errno,
    },
    /// The container's process was killed but does not go.
    #[error("process {pid} of the container {id} was killed but is still there", id = id.short())]
    StillAlive {
        /// The container.
        id: Id,
        /// Its process on the host.
        pid: i32,
    },
    /// A record is damaged.
    #[error("cannot read the record {}: not a valid record of a container", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
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
    /// The OCI runtime config beside a record cannot be understood.
    #[error("{} is not a valid runtime config", path.display())]
    RuntimeConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Something has a name's place that is not a name.
    #[error("cannot use {}: it is not a container's name", path.display())]
    ForeignName {
        /// The place.
        path: PathBuf,
    },
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The container's files could not be removed.
    #[error(transparent)]
    RootFs(#[from] RootFsError),
}

impl Diagnostic for ContainerError {
    fn kind(&self) -> ErrorKind {
        match self {
            ContainerError::NameTaken { .. } | ContainerError::Refused { .. } => ErrorKind::Conflict,
            ContainerError::Unknown { .. } => ErrorKind::NotFound,
            ContainerError::Ambiguous { .. } => ErrorKind::InvalidInput,
            ContainerError::Kill { .. } => ErrorKind::Denied,
            ContainerError::StillAlive { .. }
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
                format!("`minicontainer rm {name}` removes it; or choose another --name")
            }
            ContainerError::Refused {
                name,
                refused:
                    Refused::RemovalOfRunning
                    | Refused::RemovalOfPaused
                    | Refused::RemovalOfRestarting
                    | Refused::RemovalOfStarting,
                ..
            } => format!("`minicontainer rm -f {name}` kills and removes it"),
            ContainerError::Refused { .. } => return None,
            ContainerError::RecordVersion { id, .. } => format!(
                "use the newer minicontainer that wrote it; `minicontainer rm {}` removes the container with all that it \
                 wrote",
                id.short()
            ),
            ContainerError::Ambiguous { ids, .. } => {
                let ids: Vec<&str> = ids.iter().map(Id::short).collect();
                format!("write more digits; it fits {}", ids.join(", "))
            }
            ContainerError::Unknown { .. } => {
                return Some("`minicontainer ps -a` lists the containers that there are".into());
            }
            ContainerError::Record { path, .. } => {
                let id = path.parent().and_then(id_of);
                let id = id.as_ref().map_or("ID", Id::short);
                format!(
                    "the file was changed or damaged; `minicontainer rm {id}` removes the container with all that it wrote"
                )
            }
            ContainerError::Kill { .. } => {
                return Some("it belongs to another user: remove the container as that user or as root".into());
            }
            ContainerError::StillAlive { .. } => {
                return Some("it hangs in the kernel, maybe on a broken disk: try again later".into());
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
                return Some("the file was changed or damaged: remove the container and make it anew".into());
            }
        };
        Some(hint.into())
    }
}

impl ContainerError {
    /// Whether it is about one container's record, and so about no other container.
    pub(super) fn is_of_record(&self) -> bool {
        matches!(self, ContainerError::Record { .. } | ContainerError::RecordVersion { .. })
    }

    /// For `map_err`: remembers what was tried on which path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ContainerError {
        let path = path.into();
        move |source| ContainerError::Io { action, path, source }
    }
}
