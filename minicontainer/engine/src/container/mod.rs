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
//! One that goes with its process (`--rm`) need not be found again after a reboot. Root's has its record in
//! `/run/minicontainer`, which is memory: there files that live for milliseconds are made and removed in no time, where
//! a disk takes as long as all the rest of a short container's life. Only its writable layer is the store's:
//!
//! ```text
//! /run/minicontainer/<store>/containers/<id>/state.json, config.json
//! containers/<id>.rm/upper/ work/
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
mod moment;
mod name;
mod process;
mod record;
mod remove;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use minicontainer::store::Store;
use nix::{
    sys::statfs::{TMPFS_MAGIC, statfs},
    unistd::geteuid,
};

pub use attended::{Attended, exit_code};
pub use error::ContainerError;
pub use id::Id;
pub use moment::Moment;
pub use process::Process;
pub use record::{AfterExit, Container, Limits, NewContainer, State};
pub use remove::Force;

/// The containers of a store. Any number of threads and processes may use them at once.
#[derive(Clone, Debug)]
pub struct Containers {
    store: Store,
    /// Of all that are kept; and the writable layers of the others.
    directory: PathBuf,
    /// The records of those that are not kept.
    volatile: PathBuf,
}

/// Where the parts of a container lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory of its record and its config.json.
    pub record: PathBuf,
    /// The directory of its writable layer; the same one, if the container is kept.
    pub layer: PathBuf,
}

impl Containers {
    /// The containers that this store keeps.
    pub fn of(store: &Store) -> Containers {
        let directory = store.containers_directory();
        // What all engines of a store must agree on cannot hang on a variable, which a login shell has and a timer has
        // not; so an ordinary user's XDG_RUNTIME_DIR is no place for it, and the store is.
        let in_memory = geteuid().is_root() && statfs("/run").is_ok_and(|run| run.filesystem_type() == TMPFS_MAGIC);
        let volatile = if in_memory { store.runtime_directory().join("containers") } else { directory.clone() };
        Containers { store: store.clone(), directory, volatile }
    }

    /// Where a container of this id lies, whether it exists or not.
    pub fn place(&self, id: &Id, after_exit: AfterExit) -> Place {
        let records = match after_exit {
            AfterExit::Keep => &self.directory,
            AfterExit::Remove => &self.volatile,
        };
        self.place_of(records.join(id.as_str()))
    }

    /// The place of the container whose record is in this directory.
    fn place_of(&self, record: PathBuf) -> Place {
        let layer = match record.file_name() {
            Some(id) if !record.starts_with(&self.directory) => self.directory.join(id).with_extension("rm"),
            _ => record.clone(),
        };
        Place { record, layer }
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
        let place = self.place(id, container.after_exit);
        let staged = place.record.with_extension("new");
        make_directory(&staged)?;
        let layer = if place.layer == place.record { &staged } else { &place.layer };
        if layer != &staged {
            make_directory(layer)?;
        }
        let attended = Attended::new(&self.store, container, place.clone(), layer)?;
        attended.write_documents(&staged)?;
        fs::rename(&staged, &place.record).map_err(ContainerError::io("move into place", &place.record))?;
        attended.sync(&self.directory)?;
        Ok(attended)
    }

    /// All containers, the newest first, each in the state that the kernel confirms.
    pub fn list(&self) -> Result<Vec<Container>, ContainerError> {
        let mut containers = Vec::new();
        for path in self.entries()?.into_iter().filter(|path| bears_id(path)) {
            containers.extend(record::read(&self.place_of(path))?);
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
            0 => Err(ContainerError::Unknown { name: text.to_owned() }),
            1 => Ok(containers.remove(0)),
            _ => Err(ContainerError::Ambiguous {
                prefix: text.to_owned(),
                ids: containers.into_iter().map(|container| container.id).collect(),
            }),
        }
    }

    /// What is in both directories.
    fn entries(&self) -> Result<Vec<PathBuf>, ContainerError> {
        let mut paths = entries(&self.directory)?;
        if self.volatile != self.directory {
            paths.extend(entries(&self.volatile)?);
        }
        Ok(paths)
    }

    /// Removes what dead engines left: directories half made or half removed, and containers that were to go with
    /// their process. The caller holds the store's lock. Returns the containers that stay.
    fn sweep(&self) -> Result<Vec<Container>, ContainerError> {
        // Under the lock nobody is making or removing one.
        let (places, others): (Vec<_>, Vec<_>) = self.entries()?.into_iter().partition(|path| bears_id(path));
        for path in others {
            let is_remains = match path.extension().and_then(|extension| extension.to_str()) {
                Some("new" | "removed") => true,
                // Its record is gone: it went with a reboot, or its engine died while it made or removed the two.
                Some("rm") => !self.has_record(&path) && !attended::is_attended(&path)?,
                _ => false,
            };
            if is_remains {
                remove::remove_remains(&path)?;
            }
        }
        let mut stay = Vec::new();
        for place in places.into_iter().map(|path| self.place_of(path)) {
            let Some(container) = record::read(&place)? else {
                if record::is_torn(&place.record) && !attended::is_attended(&place.layer)? {
                    remove::remove_place(&place)?;
                }
                continue;
            };
            if container.should_be_gone() && !attended::is_attended(&place.layer)? {
                remove::remove_cgroups(&container.id);
                remove::remove_place(&place)?;
            } else {
                stay.push(container);
            }
        }
        Ok(stay)
    }

    /// Whether the writable layer `<id>.rm` belongs to a container.
    fn has_record(&self, layer: &Path) -> bool {
        layer.file_stem().is_some_and(|id| self.volatile.join(id).exists())
    }
}

/// Makes a directory that is nobody else's, and those above it.
fn make_directory(path: &Path) -> Result<(), ContainerError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(ContainerError::io("make the directory", path))
}

/// What is in a directory, which need not be there.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, ContainerError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(ContainerError::io("list", directory))?,
    };
    let path = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.path());
    entries.map(path).collect::<Result<_, _>>().map_err(ContainerError::io("list", directory))
}

fn bears_id(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(Id::is_one)
}

/// Where the record lies in a container's directory.
fn state_file(directory: &Path) -> PathBuf {
    directory.join("state.json")
}
