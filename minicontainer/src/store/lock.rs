//! One writer at a time.
//!
//! Whoever reads something, decides, and writes (adds a name to the index, removes a layer that nobody uses any more)
//! must be alone meanwhile, or two such decisions mix. The store has one lock for that: flock(2) on the file `lock`.
//! The kernel gives it back when its holder closes the file or dies, so no lock is ever left behind by a crash.

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
        let mut file = private::open(path).map_err(StoreError::io("open the lock", path))?;
        loop {
            match Flock::lock(file, FlockArg::LockExclusive) {
                Ok(held) => return Ok(Lock { _held: held }),
                // A signal handler ran meanwhile: the wait goes on.
                Err((unlocked, Errno::EINTR)) => file = unlocked,
                Err((_, errno)) => return Err(StoreError::io("lock", path)(io::Error::from(errno))),
            }
        }
    }
}
