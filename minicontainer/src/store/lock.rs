//! One writer at a time.
//!
//! Some operations read the store and change it depending on what they read, such as adding a name to the index or
//! removing an unused layer. Two of them at the same time would conflict. So the store has one lock: flock(2) on the
//! file `lock`. The kernel releases it when its holder closes the file or exits, so a crash leaves no lock behind. It
//! protects the index and the renames that belong to a change of it. Downloads, unpacking and verification happen
//! before; content that was moved away is removed after.

use std::{fs::File, io, path::Path};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::{StoreError, private};

/// The store's exclusive lock, held until this value is dropped.
#[derive(Debug)]
pub struct Lock {
    _held: Flock<File>,
}

impl Lock {
    /// Waits until the lock is free, then takes it.
    pub(super) fn acquire(path: &Path) -> Result<Lock, StoreError> {
        let file = private::open(path).map_err(StoreError::io("open the lock", path))?;
        let held = lock_exclusively(file).map_err(StoreError::io("lock", path))?;
        Ok(Lock { _held: held })
    }
}

/// Waits until no other process has a lock on a file, then locks it.
pub(super) fn lock_exclusively(mut file: File) -> io::Result<Flock<File>> {
    loop {
        match Flock::lock(file, FlockArg::LockExclusive) {
            // A signal handler interrupted the wait.
            Err((unlocked, Errno::EINTR)) => file = unlocked,
            locked => return locked.map_err(|(_, errno)| io::Error::from(errno)),
        }
    }
}
