//! Marks a directory as belonging to a running process, by flock(2).
//!
//! The kernel releases the lock when its holder closes the directory or dies. A directory without a lock has no owner
//! and may be swept. The sweeper holds the lock meanwhile.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    thread,
    time::Duration,
};

use minicontainer::store::private;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::ContainerError;

/// How often a held lock is tried again: [`is_supervised`] holds it for a moment, too.
const TRIES: usize = 3;

/// The lock on a directory, held until this value is dropped.
pub(super) type SupervisorLock = Flock<File>;

/// Creates a directory and claims it. If a sweeper removes it in between, it is created again.
pub(super) fn make(path: &Path) -> Result<SupervisorLock, ContainerError> {
    loop {
        private::make_directory(path).map_err(ContainerError::io("create the directory", path))?;
        let Some(directory) = open(path)? else { continue };
        let held = wait_for(directory, path)?;
        if is_at(&held, path) {
            return Ok(held);
        }
    }
}

/// Claims the directory of a dead process. None if its owner is alive, or if the directory does not exist.
pub(super) fn take(path: &Path) -> Result<Option<SupervisorLock>, ContainerError> {
    for _ in 0..TRIES {
        let Some(directory) = open(path)? else { return Ok(None) };
        let held = lock(directory, FlockArg::LockExclusiveNonblock).map_err(ContainerError::io("lock", path))?;
        if held.is_some() {
            return Ok(held.filter(|held| is_at(held, path)));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(None)
}

/// Whether a running process has claimed a directory. A missing directory is not claimed.
pub(super) fn is_supervised(path: &Path) -> Result<bool, ContainerError> {
    let Some(directory) = open(path)? else { return Ok(false) };
    let probe = lock(directory, FlockArg::LockSharedNonblock).map_err(ContainerError::io("lock", path))?;
    Ok(probe.is_none())
}

/// Locks this file, and waits for that if necessary.
pub(super) fn lock_file(path: &Path) -> Result<SupervisorLock, ContainerError> {
    let file = private::open(path).map_err(ContainerError::io("open the lock", path))?;
    wait_for(file, path)
}

/// Locks the record in a container's directory, and waits for that if necessary. None if the container is gone. The
/// lock is on the runtime config, because the record itself is replaced with every change.
pub(super) fn lock_record(directory: &Path) -> Result<Option<SupervisorLock>, ContainerError> {
    let path = directory.join("config.json");
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !directory.exists() => Ok(None),
        opened => wait_for(opened.map_err(ContainerError::io("open", &path))?, &path).map(Some),
    }
}

fn wait_for(file: File, path: &Path) -> Result<SupervisorLock, ContainerError> {
    let held = lock(file, FlockArg::LockExclusive).and_then(|held| held.ok_or_else(|| Errno::EAGAIN.into()));
    held.map_err(ContainerError::io("lock", path))
}

fn open(path: &Path) -> Result<Option<File>, ContainerError> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).map_err(ContainerError::io("open", path)),
    }
}

/// None if another process holds the lock and `how` says not to wait.
fn lock(mut file: File, how: FlockArg) -> io::Result<Option<SupervisorLock>> {
    loop {
        match Flock::lock(file, how) {
            Ok(held) => return Ok(Some(held)),
            Err((_, Errno::EAGAIN)) => return Ok(None),
            // A signal handler ran: wait again.
            Err((unlocked, Errno::EINTR)) => file = unlocked,
            Err((_, errno)) => return Err(errno.into()),
        }
    }
}

/// Whether a path still refers to the opened file.
fn is_at(held: &SupervisorLock, path: &Path) -> bool {
    let (Ok(opened), Ok(there)) = (held.metadata(), fs::metadata(path)) else { return false };
    (opened.dev(), opened.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claim_lasts_until_its_owner_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("one");
        assert!(!is_supervised(&path).unwrap(), "it is not there");
        let held = make(&path).unwrap();
        assert!(is_supervised(&path).unwrap());
        assert!(take(&path).unwrap().is_none());
        drop(held);
        assert!(!is_supervised(&path).unwrap());
        assert!(take(&path).unwrap().is_some());
    }

    #[test]
    fn claim_on_moved_directory_is_void() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("one");
        let held = make(&path).unwrap();
        assert!(is_at(&held, &path));
        fs::rename(&path, place.path().join("other")).unwrap();
        assert!(!is_at(&held, &path));
        fs::create_dir(&path).unwrap();
        assert!(!is_at(&held, &path));
    }

    /// Creation and sweeping race, but a claimed directory is never removed.
    #[test]
    fn sweep_never_takes_a_new_directory() {
        let place = tempfile::tempdir().unwrap();
        let done = &std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        for entry in fs::read_dir(place.path()).unwrap().flatten() {
                            if let Some(_lock) = take(&entry.path()).unwrap() {
                                fs::remove_dir(entry.path()).unwrap();
                            }
                        }
                    }
                });
            }
            for number in 0..500 {
                let path = place.path().join(number.to_string());
                let _lock = make(&path).unwrap();
                fs::write(path.join("mine"), "").unwrap();
                fs::remove_file(path.join("mine")).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
