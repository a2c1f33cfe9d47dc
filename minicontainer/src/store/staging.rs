//! Where content is written before it can be seen: `staging/`.
//!
//! A download cut short, a full disk, a power failure: none of them may leave half a blob under a whole blob's name.
//! So everything is first written into a directory of its operation's own, `staging/PID-N`, on the same file system.
//! When it is complete and verified it is flushed to the disk and *renamed* to its place, and rename(2) is atomic: a
//! reader sees nothing or all of it.
//!
//! An operation that is killed leaves its directory behind. Each operation holds a flock(2) on its own directory,
//! which the kernel releases when it dies, so [`Store::sweep_staging`] can tell dead directories from live ones,
//! without the store's lock. (The pid in the name is for people: a pid may be used again, and means nothing in
//! another pid namespace.)

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use minicontainer_core::{Digest, digest::Digester};
use nix::{
    fcntl::{Flock, FlockArg},
    unistd::syncfs,
};

#[cfg(doc)]
use super::Transaction;
use super::{Store, StoreError, blob::Blob, lock::lock_exclusively, paths::listed, private};
use crate::host;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A directory for one operation, removed with all that is still in it when this value is dropped.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    alive: Flock<File>,
}

impl Staging {
    /// A new empty directory below `parent`.
    pub(super) fn new(parent: &Path) -> Result<Staging, StoreError> {
        loop {
            let path = parent.join(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            match private::make_new_directory(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                // A sweeper was faster, as below.
                Err(error) if error.kind() == io::ErrorKind::NotFound && parent.exists() => continue,
                made => made.map_err(StoreError::io("make the directory", &path))?,
            }
            // Between mkdir and flock a sweep may take it for a dead operation's, and remove it: then try again.
            let directory = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => {
                    // It is empty, so that nothing is lost if it stays.
                    let _ = fs::remove_dir(&path);
                    return Err(StoreError::io("open", &path)(source));
                }
                Ok(directory) => directory,
            };
            let alive = lock_exclusively(directory).map_err(StoreError::io("lock", &path))?;
            let links = alive.metadata().map_err(StoreError::io("look at", &path))?.nlink();
            if links > 0 {
                return Ok(Staging { path, alive });
            }
        }
    }

    /// Writes all that `content` gives into a new file, hashing on the way.
    pub fn blob(&self, mut content: impl Read) -> Result<Blob, StoreError> {
        let path = self.vacant();
        let mut file = private::create(&path).map_err(StoreError::io("make the file", &path))?;
        let mut digester = Digester::new();
        let mut piece = vec![0; 1 << 17];
        let mut size = 0;
        loop {
            let count = match content.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(StoreError::Content { source }),
            };
            digester.update(&piece[..count]);
            file.write_all(&piece[..count]).map_err(StoreError::io("write", &path))?;
            size += count as u64;
        }
        Ok(Blob { path, digest: digester.finish(), size })
    }

    /// A blob that lies elsewhere on the same file system, whose content the caller knows to be verified. It is
    /// linked, so it stays here whatever becomes of the other name.
    pub fn link(&self, place: &Path, digest: &Digest) -> io::Result<Blob> {
        let path = self.vacant();
        fs::hard_link(place, &path)?;
        Ok(Blob { size: fs::metadata(&path)?.len(), path, digest: digest.clone() })
    }

    /// A path inside that nothing has yet.
    pub fn vacant(&self) -> PathBuf {
        self.path.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Returns when all that was written here is on the disk: one syncfs(2), not ten thousand fsync(2). That may take
    /// seconds, so it is done before the store's lock is taken.
    ///
    /// # Errors
    /// Those of syncfs(2).
    pub fn flush(&self) -> Result<Flushed<'_>, StoreError> {
        syncfs(&*self.alive).map_err(|errno| StoreError::io("flush to disk", &self.path)(errno.into()))?;
        Ok(Flushed { staging: self })
    }

    /// Removes it now, and reports what cannot be removed.
    ///
    /// # Errors
    /// If a file in it cannot be removed. The next sweep tries again.
    pub fn remove(self) -> Result<(), StoreError> {
        host::remove_tree(&self.path).map_err(StoreError::io("remove", &self.path))
    }
}

/// A staging directory whose content is on the disk: it may be moved into the store.
#[derive(Clone, Copy, Debug)]
pub struct Flushed<'a> {
    staging: &'a Staging,
}

impl<'a> Flushed<'a> {
    pub(super) fn staging(&self) -> &'a Staging {
        self.staging
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now stays for the next sweep, which reports the failure.
        let _ = host::remove_tree(&self.path);
    }
}

impl Store {
    /// A directory for what is to enter the store: see [`Transaction`].
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn stage(&self) -> Result<Staging, StoreError> {
        Staging::new(&self.staging_directory())
    }

    /// The same for an operation that unpacks much: first it removes what killed ones like it have left. What cannot
    /// be removed does not keep it from its work; `system check` and `system prune` report it.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn sweep_and_stage(&self) -> Result<Staging, StoreError> {
        let _reported_elsewhere = self.sweep_staging();
        self.stage()
    }

    /// The staging directories of operations that were killed.
    ///
    /// # Errors
    /// If the directory of staging directories cannot be read.
    pub fn stale_staging(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut stale = listed(&self.staging_directory())?;
        // An empty one may just have been made, by an operation that is about to lock it.
        let is_empty = |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        stale.retain(|path| lock_if_stale(path).is_some_and(|_locked| !is_empty(path)));
        Ok(stale)
    }

    /// Removes the staging directories of operations that were killed. It needs no lock, and must not have the
    /// store's, since it may take long.
    ///
    /// # Errors
    /// If something cannot be removed; everything else is removed all the same.
    pub fn sweep_staging(&self) -> Result<(), StoreError> {
        let mut result = Ok(());
        for path in listed(&self.staging_directory())? {
            if let Some(_locked) = lock_if_stale(&path) {
                // A build that was killed may have left files that the programs of its RUN wrote as other users.
                let removed = host::remove_tree(&path).map_err(StoreError::io("remove", &path));
                result = result.and(removed);
            }
        }
        result
    }
}

/// The lock of a staging directory whose operation is dead. It is still linked at its path: only the holder of its
/// lock removes it, so no other operation can have made a new one of the same name meanwhile.
fn lock_if_stale(path: &Path) -> Option<Flock<File>> {
    let locked = Flock::lock(File::open(path).ok()?, FlockArg::LockExclusiveNonblock).ok()?;
    locked.metadata().is_ok_and(|metadata| metadata.nlink() > 0).then_some(locked)
}

/// Moves something finished to its place and makes the move itself durable.
pub(super) fn publish(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("move into place", to))?;
    let parent = to.parent().unwrap_or(to);
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(StoreError::io("flush to disk", parent))
}
