//! A container and the engine that supervises it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use minicontainer::{
    Report, Store,
    core::container::{Event, StartFailure},
    store::private,
};
use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, RenameFlags, renameat2},
};

use super::{
    AfterExit, Container, ContainerError, Containers, process, record, state_file,
    supervisor_lock::{SupervisorLock, lock_record},
};

/// A container under the supervision of this engine, which starts it and waits for its exit. This value holds a lock
/// on the container's directory, so other engines can see that the container is supervised.
#[derive(Debug)]
pub struct Supervisor {
    store: Store,
    container: Container,
    _lock: SupervisorLock,
}

impl Supervisor {
    pub(super) fn new(store: &Store, container: Container, held: SupervisorLock) -> Supervisor {
        Supervisor { store: store.clone(), container, _lock: held }
    }

    /// The container's record.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The container's directory.
    pub fn place(&self) -> PathBuf {
        Containers::of(&self.store).place(&self.container.id)
    }

    /// Records that its process runs.
    pub fn started(&mut self, pid: u32) -> Result<(), ContainerError> {
        // A process that has exited is still a zombie: only this engine can wait for it.
        let pid = i32::try_from(pid).unwrap_or_default();
        self.apply_event(Event::Started { process: process::identify_child(pid), at: Timestamp::now() })
    }

    /// Records that its program could not be started.
    pub fn failed(&mut self, code: u8, message: String) -> Result<(), ContainerError> {
        self.apply_event(Event::StartFailed(StartFailure { code, message }))
    }

    /// Records how its process exited, or removes the container if it is not kept.
    pub fn ended(mut self, report: &Report) -> Result<(), ContainerError> {
        self.finish(Some(report))
    }

    /// Records the exit of a container that is kept, and removes any other. Without a report it is unknown how its
    /// process exited. A container that never ran stays created.
    pub(crate) fn finish(&mut self, report: Option<&Report>) -> Result<(), ContainerError> {
        if self.container.config.after_exit == AfterExit::Remove {
            // Another command may have removed it already. Its cgroups are removed by `Running`, of the library.
            return Containers::of(&self.store).remove_directory_and_name(&self.place(), Some(&self.container.name));
        }
        if report.is_none() && !self.container.is_running() {
            return Ok(());
        }
        let code = report.map(|report| report.verdict.exit_code());
        let report = report.map(|report| Box::new(report.clone()));
        self.apply_event(Event::Exit { code, at: Some(Timestamp::now()), report })
    }

    /// Records an event. Other commands may change the record too, so it is locked and read again first.
    fn apply_event(&mut self, event: Event) -> Result<(), ContainerError> {
        let place = self.place();
        // If it was removed by force, there is nothing to record.
        let Some(_lock) = lock_record(&place)? else { return Ok(()) };
        let Some(mut container) = record::read_stored(&place)? else { return Ok(()) };
        container.state = record::confirmed(container.state, true);
        container.state = container.after(event)?;
        self.container = container;
        let (path, staged) = (state_file(&place), place.join("state.json.new"));
        match self.write(&staged, &self.record()?).and_then(|()| replace(&staged, &path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !place.exists() => Ok(()),
            written => written.map_err(ContainerError::io("write", &path)).and_then(|()| self.sync(&place)),
        }
    }

    fn record(&self) -> Result<Vec<u8>, ContainerError> {
        let path = state_file(&self.place());
        self.container.to_json().map_err(|source| ContainerError::Record { path, source })
    }

    /// Writes a new container's documents into its directory, which is not in its place yet, so no reader sees an
    /// incomplete document.
    pub(super) fn write_documents(&self, directory: &Path, runtime_config: &str) -> Result<(), ContainerError> {
        let (config, record) = (directory.join("config.json"), state_file(directory));
        self.write(&config, runtime_config.as_bytes()).map_err(ContainerError::io("write", config))?;
        self.write(&record, &self.record()?).map_err(ContainerError::io("write", record))?;
        self.sync(directory)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = match private::create(path) {
            // The file may be left by an engine that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let file = private::open(path)?;
                file.set_len(0)?;
                file
            }
            created => created?,
        };
        file.write_all(content)?;
        match self.container.config.after_exit {
            AfterExit::Keep => file.sync_all(),
            AfterExit::Remove => Ok(()),
        }
    }

    /// Makes renames in a directory durable, if the container is meant to last.
    pub(super) fn sync(&self, directory: &Path) -> Result<(), ContainerError> {
        if self.container.config.after_exit == AfterExit::Remove {
            return Ok(());
        }
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(ContainerError::io("flush to disk", directory))
    }
}

/// Exchanges a file with another, which is as atomic as rename(2). When a file *replaces* another, ext4 writes it to
/// the disk at once, which costs time; if that is needed, fsync(2) requests it.
fn replace(staged: &Path, path: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, staged, AT_FDCWD, path, RenameFlags::RENAME_EXCHANGE) {
        Ok(()) => fs::remove_file(staged),
        // Not every file system supports RENAME_EXCHANGE.
        Err(Errno::EINVAL) => fs::rename(staged, path),
        Err(errno) => Err(errno.into()),
    }
}
