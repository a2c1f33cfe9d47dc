//! Containers, from `create` to `rm`.
//!
//! A container is a directory of the store named by its id, and a link named by its name:
//!
//! ```text
//! containers/<id>/state.json    the record: name, configuration and state                    (record)
//! containers/<id>/config.json   its OCI runtime config
//! containers/<id>/upper/ work/  its writable layer, created by the library at the start
//! names/<name>                  a link to containers/<id>                                    (names)
//! ```
//!
//! The state is a value, [`State`], whose transitions are in [`minicontainer::core::container`].
//!
//! Three rules keep the records correct although any engine may be killed at any moment:
//!
//! - **Every change is a rename.** A record is written beside its path, synced, and renamed over the old one
//!   (rename(2) is atomic). So a reader sees the old record or the new one, never half of one.
//! - **A record is only valid as far as the kernel confirms it.** `Running` identifies a process by its pid *and* its
//!   start time (proc_pid_stat(5), field 22), because pids are reused. If that process is gone, the container has
//!   exited, whatever the record says. The engine that supervises a container holds a lock (flock(2)) on its
//!   directory. The kernel releases it when the engine dies, and then a `--rm` container may be swept (`sweep`).
//! - **Locks are narrow.** Each record has its own lock, and so have the names. The store's lock is held only for the
//!   rename that puts a new container into its place. So the removal of an image either sees the container that uses
//!   it, or is complete, and then the container is refused.
//!
//! ```
//! use minicontainer::store::Store;
//! use minicontainer_engine::{Containers, container::{NewContainer, Id}};
//!
//! let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path())?;
//! let containers = Containers::of(&store);
//!
//! let request = NewContainer { name: Some("web-1".parse()?), ..NewContainer::example(&store)? };
//! let supervisor = containers.create(&Id::random()?, request.clone())?;
//! assert_eq!(supervisor.container().state.docker_status(), "created");
//! assert_eq!(containers.find("web-1")?.id, supervisor.container().id);
//!
//! let taken = containers.create(&Id::random()?, request).unwrap_err();
//! assert!(taken.to_string().starts_with(r#"Conflict. The container name "/web-1" is already in use"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Decisions: `minicontainer/decisions/engine-and-records.md`.

mod config;
mod create;
pub mod document;
mod error;
mod generated_name;
mod id;
mod names;
mod pause;
mod process;
mod prune;
mod record;
mod remove;
mod supervisor;
mod supervisor_lock;
mod sweep;
mod temporary;
#[cfg(test)]
mod tests;
mod version1;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use minicontainer::{
    core::options::ContainerName,
    store::{Store, private},
};

pub use config::{AfterExit, ContainerConfig};
pub use create::NewContainer;
pub use error::ContainerError;
pub use id::Id;
pub use minicontainer::core::container::{Force, State};
pub use pause::Paused;
pub use record::Container;
pub use supervisor::Supervisor;
pub(crate) use temporary::TemporaryContainer;
pub use temporary::cgroup_of;

use names::Names;

/// The containers of a store. Any number of threads and processes may use them at once.
#[derive(Clone, Debug)]
pub struct Containers {
    store: Store,
    directory: PathBuf,
}

impl Containers {
    /// The containers of this store.
    pub fn of(store: &Store) -> Containers {
        Containers { store: store.clone(), directory: store.containers_directory() }
    }

    /// The directory of the container with this id, whether it exists or not.
    pub fn place(&self, id: &Id) -> PathBuf {
        self.directory.join(id.as_str())
    }

    /// All containers, the newest first, each in the state that the kernel confirms. Containers with unreadable
    /// records are left out: see [`damaged`](Containers::damaged).
    pub fn list(&self) -> Result<Vec<Container>, ContainerError> {
        let mut containers = Vec::new();
        for path in self.directories()? {
            match record::read(&path) {
                Err(error) if error.is_of_record() => {}
                read => containers.extend(read?),
            }
        }
        containers.sort_by(|one, other| other.created.cmp(&one.created).then(one.id.cmp(&other.id)));
        Ok(containers)
    }

    /// The container with this id, name, or id prefix.
    pub fn find(&self, text: &str) -> Result<Container, ContainerError> {
        // Full ids and names are looked up without reading the other containers.
        let named = match text.parse() {
            Ok(id) => Some(id),
            Err(_) => self.id_of_name(text)?,
        };
        if let Some(id) = named
            && let Some(container) = record::read(&self.place(&id))?
        {
            return Ok(container);
        }
        let mut containers = self.list()?;
        let exact = |container: &Container| container.id.as_str() == text || container.name.as_str() == text;
        if let Some(position) = containers.iter().position(exact) {
            return Ok(containers.swap_remove(position));
        }
        containers.retain(|container| !text.is_empty() && container.id.as_str().starts_with(text));
        match containers.len() {
            0 => match self.find_damaged(text)? {
                Some((_, error)) => Err(error),
                None => Err(ContainerError::Unknown { name: text.to_owned() }),
            },
            1 => Ok(containers.remove(0)),
            _ => Err(ContainerError::Ambiguous {
                prefix: text.to_owned(),
                ids: containers.into_iter().map(|container| container.id).collect(),
            }),
        }
    }

    /// The container with this name, if the text is a name.
    fn id_of_name(&self, text: &str) -> Result<Option<Id>, ContainerError> {
        match text.parse::<ContainerName>() {
            Ok(name) => Names::of(&self.store).find(&name),
            Err(_) => Ok(None),
        }
    }

    /// The directories that are named by an id.
    fn directories(&self) -> Result<Vec<PathBuf>, ContainerError> {
        let is_id = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(Id::is_valid);
        Ok(self.entries()?.into_iter().filter(is_id).collect())
    }

    fn entries(&self) -> Result<Vec<PathBuf>, ContainerError> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(ContainerError::io("list", &self.directory))?,
        };
        let path = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.path());
        entries.map(path).collect::<Result<_, _>>().map_err(ContainerError::io("list", &self.directory))
    }

    /// The OCI runtime config of a container.
    pub(crate) fn runtime_config(&self, id: &Id) -> io::Result<String> {
        let text = private::read(&self.place(id).join("config.json"), record::DOCUMENT_LIMIT)?;
        String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// The path of the record in a container's directory.
fn state_file(directory: &Path) -> PathBuf {
    directory.join("state.json")
}
