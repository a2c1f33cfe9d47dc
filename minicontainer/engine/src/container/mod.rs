//! Containers, from `create` to `rm`.
//!
//! A container is a directory of the store that bears its id:
//!
//! ```text
//! containers/<id>/state.json    the record: name, image, command, and how far its life has come   (record)
//! containers/<id>/config.json   the OCI runtime config that it was planned from
//! containers/<id>/upper/ work/  its writable layer, made by the library when it starts
//! ```
//!
//! Its life is a value, [`State`]:
//!
//! ```text
//!            start                       end of its first process
//! Created ─────────▶ Running { pid, … } ─────────────────────────▶ Exited { code, … }
//!    │                                                                     ▲
//!    └── could not start ──▶ Failed         engine killed, process gone ───┘ (code unknown)
//! ```
//!
//! Two rules keep the records true although any engine may be killed at any moment:
//!
//! - **Every change is a rename.** A record is written beside its place, synced, and renamed over the old one
//!   (rename(2) is atomic), under the store's lock. So a reader sees the old record or the new one, never half of one.
//! - **A record is believed only as far as the kernel confirms it.** `Running` names a process by its id *and* its start
//!   time (proc_pid_stat(5), field 22), since ids are used again. If that process is gone, the container has ended,
//!   whatever the record says. And the engine that attends a container holds a lock, flock(2), on its directory: the
//!   kernel gives that back when the engine dies, and then the remains of a `--rm` container may be swept.
//!
//! ```
//! use minicontainer::store::Store;
//! use minicontainer_engine::{Containers, State, container::{Id, NewContainer}};
//!
//! let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path())?;
//! let containers = Containers::of(&store);
//!
//! let wanted = NewContainer { name: Some("web-1".parse()?), ..NewContainer::example() };
//! let attended = containers.create(&Id::random()?, wanted.clone())?;
//! assert_eq!(attended.container().state, State::Created);
//! assert_eq!(containers.find("web-1")?.id, attended.container().id);
//!
//! let taken = containers.create(&Id::random()?, wanted).unwrap_err();
//! assert!(taken.to_string().starts_with(r#"Conflict. The container name "/web-1" is already in use"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attended;
mod error;
mod id;
mod leftover;
mod moment;
mod name;
mod process;
mod prune;
mod record;
mod remove;
#[cfg(test)]
mod tests;
mod transient;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use minicontainer::store::{Store, private};

pub use attended::{Attended, exit_code};
pub use error::ContainerError;
pub use id::Id;
pub use moment::Moment;
pub use process::Process;
pub use record::{AfterExit, Container, Limits, NewContainer, State};
pub use remove::Force;
pub(crate) use transient::Transient;
pub use transient::cgroup_of;

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

    /// Makes a container that has not been started. Of many who ask for one name at the same time one gets it.
    ///
    /// The caller attends the container until the returned value is dropped: so long nobody sweeps it away.
    ///
    /// # Errors
    /// When the name is taken, or the store cannot be written.
    pub fn create(&self, id: &Id, wanted: NewContainer) -> Result<Attended, ContainerError> {
        let _lock = self.store.lock()?;
        let others = self.sweep()?;
        let name = match &wanted.name {
            Some(name) => name.clone(),
            None => name::unused(|name| others.iter().any(|other| other.name.as_str() == name))?,
        };
        if let Some(holder) = others.into_iter().find(|other| other.name == name) {
            return Err(ContainerError::NameTaken { name, holder: holder.id });
        }
        let container = Container::new(id.clone(), name, wanted);
        // Whatever is at this place now was left by an engine that died here: its holder would hold the lock.
        let staged = self.directory.join(format!("{id}.new"));
        private::make_directory(&staged).map_err(ContainerError::io("make the directory", &staged))?;
        self.put(container, &staged).inspect_err(|_| {
            // If not now, then by the next sweep.
            let _removed = remove::remove_remains(&staged);
        })
    }

    /// Writes a container's documents into a directory, and moves that into its place.
    fn put(&self, container: Container, staged: &Path) -> Result<Attended, ContainerError> {
        let place = self.place(&container.id);
        let attended = Attended::new(&self.store, container, staged)?;
        attended.write_documents(staged)?;
        fs::rename(staged, &place).map_err(ContainerError::io("move into place", &place))?;
        attended.sync(&self.directory)?;
        Ok(attended)
    }

    /// All containers, the newest first, each in the state that the kernel confirms. One whose record cannot be read
    /// hides no other: see [`damaged`](Containers::damaged).
    pub fn list(&self) -> Result<Vec<Container>, ContainerError> {
        let mut containers = Vec::new();
        for path in self.directories()? {
            match record::read(&path) {
                Err(ContainerError::Record { .. }) => {}
                read => containers.extend(read?),
            }
        }
        containers.sort_by(|one, other| other.created.cmp(&one.created).then(one.id.cmp(&other.id)));
        Ok(containers)
    }

    /// The container of this id, this name, or this beginning of an id.
    pub fn find(&self, text: &str) -> Result<Container, ContainerError> {
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

    /// Removes what dead engines left: directories half made or half removed, and containers that were to go with
    /// their process. The caller holds the store's lock. Returns the containers that stay.
    fn sweep(&self) -> Result<Vec<Container>, ContainerError> {
        // Under the lock nobody is making or removing one.
        for path in self.entries()? {
            if prune::is_half(&path) {
                remove::remove_remains(&path)?;
            }
            if transient::is_left(&path)? {
                // What cannot be removed now keeps its place, which tells of its groups, for the next time.
                let _stays = transient::remove(&path);
            }
        }
        let mut stay = Vec::new();
        for path in self.directories()? {
            let container = match record::read(&path) {
                // It keeps its place until somebody removes it on purpose.
                Err(ContainerError::Record { .. }) => continue,
                read => read?,
            };
            let Some(container) = container else {
                if record::is_torn(&path) && !attended::is_attended(&path)? {
                    remove::remove_directory(&path)?;
                }
                continue;
            };
            let should_be_gone = container.should_be_gone() && !attended::is_attended(&path)?;
            // What cannot be removed now stays, with the record that tells of it, for the next time.
            if should_be_gone && remove::remove_cgroups(&container).is_ok() {
                remove::remove_directory(&path)?;
            } else {
                stay.push(container);
            }
        }
        Ok(stay)
    }
}

/// Where the record lies in a container's directory.
fn state_file(directory: &Path) -> PathBuf {
    directory.join("state.json")
}
