//! Where things grow before they are seen: `staging/`.
//!
//! A download cut short, a full disk, a power failure: none of them may leave half a blob under a whole blob's name.
//! So everything is first written into a directory of its operation's own, `staging/PID-N`, on the same file system;
//! when it is complete and verified it is flushed to the disk and *renamed* to its place, and rename(2) is atomic: who
//! looks sees nothing or all of it.
//!
//! An operation that dies leaves its directory behind. Each holds a flock(2) on its own, which dies with it, so
//! whoever next holds the store's lock can tell the dead from the living and [`sweep`]s. (The pid in the name is for
//! people: a pid may be used again, and means nothing in another pid namespace.)

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

use super::{StoreError, blob::Blob, private};
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
            // Between the mkdir and the lock a sweeper may take it for a dead one's: then try again.
            let Ok(directory) = File::open(&path) else { continue };
            let Ok(alive) = Flock::lock(directory, FlockArg::LockExclusiveNonblock) else { continue };
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

    /// A blob that lies elsewhere on the same file system, whose content the caller knows to be verified. It is linked,
    /// so it stays here whatever becomes of the other name.
    pub fn link(&self, place: &Path, digest: &Digest) -> io::Result<Blob> {
        let path = self.vacant();
        fs::hard_link(place, &path)?;
        Ok(Blob { size: fs::metadata(&path)?.len(), path, digest: digest.clone() })
    }

    /// A path inside that nothing has yet.
    pub fn vacant(&self) -> PathBuf {
        self.path.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Returns when all that was written here is on the disk: one syncfs(2), not ten thousand fsync(2).
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        syncfs(&*self.alive).map_err(|errno| StoreError::io("flush to disk", &self.path)(errno.into()))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next holder of the store's lock, who reports the failure.
        let _ = host::remove_tree(&self.path);
    }
}

/// Removes what operations that are dead left behind. The caller holds the store's lock.
pub(super) fn sweep(parent: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(parent).map_err(StoreError::io("list", parent))? {
        let path = entry.map_err(StoreError::io("list", parent))?.path();
        let Ok(directory) = File::open(&path) else { continue };
        if let Ok(_dead) = Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
            // A build that was killed may have left what the programs of its RUN wrote as other users.
            host::remove_tree(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Moves something finished to its place and makes the move itself durable.
pub(super) fn publish(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("move into place", to))?;
    let parent = to.parent().unwrap_or(to);
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(StoreError::io("flush to disk", parent))
}
