//! Containers, from `create` to `rm`.
//!
//! A container is a directory of the store that bears its id, and a link that bears its name:
//!
//! ```text
//! containers/<id>/state.json    the record: name, what was asked for, and how far its life has come   (record)
//! containers/<id>/config.json   the OCI runtime config that it was planned from
//! containers/<id>/upper/ work/  its writable layer, made by the library when it starts
//! names/<name>                  a link to containers/<id>                                             (names)
//! ```
//!
//! Its life is a value, [`State`], whose transitions are in [`minicontainer::core::container`].
//!
//! Three rules keep the records true although any engine may be killed at any moment:
//!
//! - **Every change is a rename.** A record is written beside its place, synced, and renamed over the old one
//!   (rename(2) is atomic). So a reader sees the old record or the new one, never half of one.
//! - **A record is believed only as far as the kernel confirms it.** `Running` names a process by its id *and* its
//!   start time (proc_pid_stat(5), field 22), since ids are used again. If that process is gone, the container has
//!   ended, whatever the record says. And the engine that attends a container holds a lock, flock(2), on its
//!   directory: the kernel releases it when the engine dies, and then the remains of a `--rm` container may be swept
//!   (`sweep`).
//! - **Locks are narrow.** Each record has its own lock, and so have the names. The store's lock is taken only for
//!   the rename that puts a new container into its place: the removal of an image either sees the container that uses
//!   it, or is over, and then the container is refused.
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
//! let attended = containers.create(&Id::random()?, request.clone())?;
//! assert_eq!(attended.container().state.word(), "created");
//! assert_eq!(containers.find("web-1")?.id, attended.container().id);
//!
//! let taken = containers.create(&Id::random()?, request).unwrap_err();
//! assert!(taken.to_string().starts_with(r#"Conflict. The container name "/web-1" is already in use"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod create;
pub mod document;
mod error;
mod id;
mod name;
mod names;
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
pub use record::Container;
pub use supervisor::{Supervisor, exit_code};
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
    /// The containers that this store keeps.
    pub fn of(store: &Store) -> Containers {
        Containers { store: store.clone(), directory: store.containers_directory() }
    }

    /// Where a container of this id lies, whether it exists or not.
    pub fn place(&self, id: &Id) -> PathBuf {
        self.directory.join(id.as_str())
    }

    /// All containers, the newest first, each in the state that the kernel confirms. One whose record cannot be read
    /// hides no other: see [`damaged`](Containers::damaged).
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

    /// The container of this id, this name, or this beginning of an id.
    pub fn find(&self, text: &str) -> Result<Container, ContainerError> {
        // What was written whole is looked up without a look at the other containers.
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

    /// The container that has this name, if it is one.
    fn id_of_name(&self, text: &str) -> Result<Option<Id>, ContainerError> {
        match text.parse::<ContainerName>() {
            Ok(name) => Names::of(&self.store).find(&name),
            Err(_) => Ok(None),
        }
    }

    /// The directories that bear an id.
    fn directories(&self) -> Result<Vec<PathBuf>, ContainerError> {
        let is_id = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(Id::is_one);
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

    /// The OCI runtime config of a container as it was planned from.
    pub(crate) fn runtime_config(&self, id: &Id) -> io::Result<String> {
        let text = private::read(&self.place(id).join("config.json"), record::DOCUMENT_LIMIT)?;
        String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Where the record lies in a container's directory.
fn state_file(directory: &Path) -> PathBuf {
    directory.join("state.json")
}
