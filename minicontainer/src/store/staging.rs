//! Where content is written before it becomes visible: `staging/`.
//!
//! An interrupted download, a full disk or a power failure must not leave a partial blob under the final name. So
//! each operation first writes into its own directory, `staging/PID-N`, on the same file system. When the content is
//! complete and verified, it is flushed to disk and *renamed* to its final path. rename(2) is atomic: a reader sees
//! nothing or everything.
//!
//! An operation that is killed leaves its directory behind. Each operation holds a flock(2) on its own directory,
//! which the kernel releases when the process exits. So [`Store::sweep_staging`] can distinguish stale directories
//! from those in use, without the store's lock. (The PID in the name is only for people: PIDs are reused, and differ
//! between PID namespaces.)

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

/// A directory for one operation. Dropping this value removes it with everything still in it.
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
                // A sweep has removed it, as below.
                Err(error) if error.kind() == io::ErrorKind::NotFound && parent.exists() => continue,
                made => made.map_err(StoreError::io("create the directory", &path))?,
            }
            // Between mkdir and flock, a sweep may consider it stale and remove it. Then try again.
            let directory = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => {
                    // Best effort: it is empty, so it does no harm if it stays.
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

    /// Writes `content` into a new file, and computes its digest at the same time.
    pub fn blob(&self, mut content: impl Read) -> Result<Blob, StoreError> {
        let path = self.unused_path();
        let mut file = private::create(&path).map_err(StoreError::io("create the file", &path))?;
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

    /// A blob at another path of the same file system, whose content the caller has verified. It is hard-linked, so
    /// it stays here even if the other path is removed.
    pub fn link(&self, place: &Path, digest: &Digest) -> io::Result<Blob> {
        let path = self.unused_path();
        fs::hard_link(place, &path)?;
        Ok(Blob { size: fs::metadata(&path)?.len(), path, digest: digest.clone() })
    }

    /// An unused path in this directory.
    pub fn unused_path(&self) -> PathBuf {
        self.path.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Returns when everything written here is on disk: one syncfs(2) instead of ten thousand fsync(2). That may take
    /// seconds, so call it before taking the store's lock.
    ///
    /// # Errors
    /// Those of syncfs(2).
    pub fn flush(&self) -> Result<Flushed<'_>, StoreError> {
        syncfs(&*self.alive).map_err(|errno| StoreError::io("flush to disk", &self.path)(errno.into()))?;
        Ok(Flushed { staging: self })
    }

    /// Removes it now, and returns an error if that fails.
    ///
    /// # Errors
    /// If a file in it cannot be removed. The next sweep tries again.
    pub fn remove(self) -> Result<(), StoreError> {
        host::remove_tree(&self.path).map_err(StoreError::io("remove", &self.path))
    }
}

/// A staging directory whose content is on disk and may be moved into the store.
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
        // Best effort: the next sweep tries again, and reports a failure.
        let _ = host::remove_tree(&self.path);
    }
}

impl Store {
    /// Creates a directory for content to add to the store, see [`Transaction`].
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn stage(&self) -> Result<Staging, StoreError> {
        Staging::new(&self.staging_directory())
    }

    /// As [`stage`](Store::stage), but first removes what killed operations have left. For operations that need much
    /// space. A failed removal is not an error here; `system check` and `system prune` report it.
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
        // An empty directory may be new, and its operation may be about to lock it.
        let is_empty = |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        stale.retain(|path| lock_if_stale(path).is_some_and(|_locked| !is_empty(path)));
        Ok(stale)
    }

    /// Removes the staging directories of operations that were killed. It needs no lock, and the caller should not
    /// hold the store's lock, because it may take long.
    ///
    /// # Errors
    /// If something cannot be removed. Continues after individual failures.
    pub fn sweep_staging(&self) -> Result<(), StoreError> {
        let mut result = Ok(());
        for path in listed(&self.staging_directory())? {
            if let Some(_locked) = lock_if_stale(&path) {
                // The programs of a build's RUN may have created files as other users.
                let removed = host::remove_tree(&path).map_err(StoreError::io("remove", &path));
                result = result.and(removed);
            }
        }
        result
    }
}

/// The lock of a staging directory whose operation has exited. The directory is still at its path: only the holder of
/// its lock removes it, so no other operation can have created a new one of the same name meanwhile.
fn lock_if_stale(path: &Path) -> Option<Flock<File>> {
    let locked = Flock::lock(File::open(path).ok()?, FlockArg::LockExclusiveNonblock).ok()?;
    locked.metadata().is_ok_and(|metadata| metadata.nlink() > 0).then_some(locked)
}

/// Renames a complete file to its final path, and makes the rename durable.
pub(super) fn publish(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("move into place", to))?;
    let parent = to.parent().unwrap_or(to);
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(StoreError::io("flush to disk", parent))
}
