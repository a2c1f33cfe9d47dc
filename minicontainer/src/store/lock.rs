//! One writer at a time.
//!
//! An operation that reads, decides and writes (adds a name to the index, removes a layer that no image needs) must
//! be alone meanwhile, or two such decisions mix. The store has one lock for that: flock(2) on the file `lock`. The
//! kernel releases it when its holder closes the file or dies, so a crash leaves no lock behind. It guards the index
//! and the renames that go with it; downloads, unpacking and verification happen before, removal of what was moved
//! away after.

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
    /// Waits until nobody else holds the lock, then holds it.
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
            // A signal handler ran meanwhile: the wait goes on.
            Err((unlocked, Errno::EINTR)) => file = unlocked,
            locked => return locked.map_err(|(_, errno)| io::Error::from(errno)),
        }
    }
}
