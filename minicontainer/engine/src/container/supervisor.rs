//! A container and the engine that attends it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use minicontainer::{
    Report, Store, Verdict,
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

/// A container in the hands of the engine that starts it and waits for its end. As long as this value lives, so does
/// a lock on the container's directory, which tells every other engine that this one will write down what happens.
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

    /// Writes down that its process runs.
    pub fn started(&mut self, pid: u32) -> Result<(), ContainerError> {
        // If the process has ended already, its remains are still there: only this engine can ask how it ended.
        let pid = i32::try_from(pid).unwrap_or_default();
        self.happened(Event::Started { process: process::identify_child(pid), at: Timestamp::now() })
    }

    /// Writes down that its program could not be started.
    pub fn failed(&mut self, code: u8, message: String) -> Result<(), ContainerError> {
        self.happened(Event::StartFailed(StartFailure { code, message }))
    }

    /// Writes down how its process ended; a container that is not kept is removed.
    pub fn ended(mut self, report: &Report) -> Result<(), ContainerError> {
        self.finish(Some(report))
    }

    /// Writes down the end of a container that is kept, and removes any other. Without a report nobody saw how its
    /// process ended; one that never ran stays created.
    pub(crate) fn finish(&mut self, report: Option<&Report>) -> Result<(), ContainerError> {
        if self.container.config.after_exit == AfterExit::Remove {
            // Another command may have removed it already. Its control groups are the library's, whose `Running`
            // removes them.
            return Containers::of(&self.store).take_away(&self.place(), Some(&self.container.name));
        }
        if report.is_none() && !self.container.is_running() {
            return Ok(());
        }
        let code = report.map(|report| exit_code(report.verdict));
        let report = report.map(|report| Box::new(report.clone()));
        self.happened(Event::Exit { code, at: Some(Timestamp::now()), report })
    }

    /// Writes down what follows an event. Other commands may change the record too, so it is locked and read again
    /// first.
    fn happened(&mut self, event: Event) -> Result<(), ContainerError> {
        let place = self.place();
        // If it was removed by force meanwhile, there is nothing to write down.
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

    /// Writes a new container's documents into its directory, which is not in its place yet, so no reader sees them
    /// half written.
    pub(super) fn write_documents(&self, directory: &Path, runtime_config: &str) -> Result<(), ContainerError> {
        let (config, record) = (directory.join("config.json"), state_file(directory));
        self.write(&config, runtime_config.as_bytes()).map_err(ContainerError::io("write", config))?;
        self.write(&record, &self.record()?).map_err(ContainerError::io("write", record))?;
        self.sync(directory)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = match private::create(path) {
            // A killed engine has left it.
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

    /// Makes what was renamed in a directory durable, if the container is meant to last.
    pub(super) fn sync(&self, directory: &Path) -> Result<(), ContainerError> {
        if self.container.config.after_exit == AfterExit::Remove {
            return Ok(());
        }
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(ContainerError::io("flush to disk", directory))
    }
}

/// Puts a file in the place of another. They change places, which is as atomic as rename(2); but a file that
/// *replaces* another ext4 writes out to the disk at once, and where that is wanted fsync(2) asks for it.
fn replace(staged: &Path, path: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, staged, AT_FDCWD, path, RenameFlags::RENAME_EXCHANGE) {
        Ok(()) => fs::remove_file(staged),
        // Not every file system can.
        Err(Errno::EINVAL) => fs::rename(staged, path),
        Err(errno) => Err(errno.into()),
    }
}

/// The exit code that the command passes on, as Docker and shells count: 128+n for a signal n.
pub fn exit_code(verdict: Verdict) -> i32 {
    match verdict {
        Verdict::Exited(code) => code,
        Verdict::Signalled(signal) => 128 + signal,
        // All are ended by SIGKILL.
        Verdict::TimeLimit | Verdict::CpuTimeLimit | Verdict::OutputLimit | Verdict::MemoryLimit => 137,
    }
}
