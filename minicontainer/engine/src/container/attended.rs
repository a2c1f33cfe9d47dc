//! A container and the engine that attends it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use minicontainer::{Report, Store, Verdict, store::private};
use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, Flock, FlockArg, RenameFlags, renameat2},
};

use super::{
    AfterExit, Container, ContainerError, Containers, Moment, Process, State, remove::remove_directory, state_file,
};

/// A container in the hands of the engine that starts it and waits for its end. As long as this value lives, so does a
/// lock on the container's directory, which tells every other engine that somebody will write down what happens.
#[derive(Debug)]
pub struct Attended {
    store: Store,
    container: Container,
    _alive: Flock<File>,
}

impl Attended {
    pub(super) fn new(store: &Store, container: Container, directory: &Path) -> Result<Attended, ContainerError> {
        let opened = File::open(directory).map_err(ContainerError::io("open", directory))?;
        let alive = Flock::lock(opened, FlockArg::LockExclusive)
            .map_err(|(_, errno)| ContainerError::io("lock", directory)(errno.into()))?;
        Ok(Attended { store: store.clone(), container, _alive: alive })
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
        let process = Process::of_own(pid);
        self.change(State::Running { process, started: Moment::now() })
    }

    /// Writes down that its program could not be started.
    pub fn failed(&mut self, code: u8, message: String) -> Result<(), ContainerError> {
        self.change(State::Failed { code, message })
    }

    /// Writes down how its process ended; a container that is not kept is removed.
    pub fn ended(mut self, report: &Report) -> Result<(), ContainerError> {
        if self.container.after_exit == AfterExit::Remove {
            return self.remove();
        }
        let started = match &self.container.state {
            State::Running { started, .. } => *started,
            _ => Moment::now(),
        };
        let (code, finished) = (Some(exit_code(report.verdict)), Some(Moment::now()));
        self.change(State::Exited { code, started, finished, report: Some(Box::new(report.clone())) })
    }

    /// Removes the container. Its control groups are the library's, whose `Running` removes them.
    pub fn remove(self) -> Result<(), ContainerError> {
        let (store, place) = (self.store.clone(), self.place());
        // To remove takes descriptors, and maybe the want of them is why it goes. Somebody else may be faster now.
        drop(self);
        let _lock = store.lock()?;
        remove_directory(&place)
    }

    fn change(&mut self, state: State) -> Result<(), ContainerError> {
        self.container.state = state;
        let _lock = self.store.lock()?;
        let place = self.place();
        // Somebody may have removed it by force meanwhile; then there is nothing to write down.
        if !place.exists() {
            return Ok(());
        }
        let (path, staged) = (state_file(&place), place.join("state.json.new"));
        self.write(&staged, &self.record()?)?;
        replace(&staged, &path).map_err(ContainerError::io("write", &path))?;
        self.sync(&place)
    }

    fn record(&self) -> Result<Vec<u8>, ContainerError> {
        let path = state_file(&self.place());
        serde_json::to_vec_pretty(&self.container).map_err(|source| ContainerError::Record { path, source })
    }

    /// Writes a new container's documents into its directory.
    pub(super) fn write_documents(&self, directory: &Path) -> Result<(), ContainerError> {
        // The directory itself has not its place yet, so nobody sees these half written.
        self.write(&directory.join("config.json"), self.container.config().as_bytes())?;
        self.write(&state_file(directory), &self.record()?)?;
        self.sync(directory)
    }

    fn write(&self, path: &Path, content: &[u8]) -> Result<(), ContainerError> {
        let written = || -> io::Result<()> {
            let mut file = private::open(path)?;
            // A killed engine may have left it.
            file.set_len(0)?;
            file.write_all(content)?;
            match self.container.after_exit {
                AfterExit::Keep => file.sync_all(),
                AfterExit::Remove => Ok(()),
            }
        };
        written().map_err(ContainerError::io("write", path))
    }

    /// Makes what was renamed in a directory durable, if the container is meant to last.
    pub(super) fn sync(&self, directory: &Path) -> Result<(), ContainerError> {
        if self.container.after_exit == AfterExit::Remove {
            return Ok(());
        }
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(ContainerError::io("flush to disk", directory))
    }
}

/// Puts a file in the place of another. They change places, which is as atomic as rename(2); but a file that *replaces*
/// another ext4 writes out to the disk at once, and who wants that says so by fsync(2).
fn replace(staged: &Path, path: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, staged, AT_FDCWD, path, RenameFlags::RENAME_EXCHANGE) {
        Ok(()) => fs::remove_file(staged),
        // Not every file system can.
        Err(Errno::EINVAL) => fs::rename(staged, path),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether a living engine attends the container in this directory. A directory that is gone has no need of one.
pub(super) fn is_attended(directory: &Path) -> Result<bool, ContainerError> {
    let opened = match File::open(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(ContainerError::io("open", directory))?,
    };
    match Flock::lock(opened, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(false),
        Err((_, Errno::EAGAIN)) => Ok(true),
        Err((_, errno)) => Err(ContainerError::io("lock", directory)(errno.into())),
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
