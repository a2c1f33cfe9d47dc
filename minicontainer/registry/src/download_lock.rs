//! One download per blob at a time, among all processes that use the store.
//!
//! For example, fifty students start the same image in the same minute. The first process that needs a blob locks it:
//! flock(2) on a file named after the blob. The others wait, and then [`find`] the blob where the first process left
//! it: in the store, or, while its image is not complete yet, under its digest in its staging directory ([`share`]).
//! They hard-link it into their own directory, so it stays there even if the first process fails. A process waits for
//! such a lock only while it holds none, so there is no deadlock. If the holder exits, the kernel releases the lock.
//!
//! The blob is also written to that file. A pull that is interrupted, by the network or by Ctrl-C, leaves its part
//! there, and the next one resumes; the blob is used only after all of it has been hashed. When the image is in the
//! store, the files are removed ([`forget`]). Abandoned downloads are [`sweep`]t when they are a day old, or too
//! many.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use minicontainer::{
    Store,
    core::{Digest, digest::Digester},
    store::{Blob, Staging, private},
};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::RegistryError;

/// Below this size, downloading a blob again is faster than looking for it.
const WORTH_KEEPING: u64 = 64 << 10;
/// How long partial downloads are kept, and how many bytes of them.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const KEPT_AT_MOST: usize = 16;

/// Makes a verified blob available to other processes.
pub(super) fn share(blob: &Blob) -> Result<(), RegistryError> {
    let place = blob.path().with_file_name(blob.digest().hex());
    fs::hard_link(blob.path(), place)
        .map_err(|source| RegistryError::Local { action: format!("share {}", blob.digest()), source })
}

/// A blob that the store has or another process shares. A blob in the store may be damaged; then it is ignored, and
/// the download replaces it.
pub(super) fn find(store: &Store, staging: &Staging, digest: &Digest) -> Result<Option<Blob>, RegistryError> {
    let failed = |source| RegistryError::Local { action: format!("look for the blob {digest}"), source };
    let mut places = Vec::new();
    for entry in fs::read_dir(store.staging_directory()).map_err(failed)? {
        places.push(entry.map_err(failed)?.path().join(digest.hex()));
    }
    for place in places {
        match staging.link(&place, digest) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            linked => return Ok(Some(linked.map_err(failed)?)),
        }
    }
    // The store comes last: a shared blob disappears only after it has been moved to the store.
    match staging.link(&store.blob_file(digest), digest) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        linked => {
            let blob = linked.map_err(failed)?;
            let mut digester = Digester::new();
            io::copy(&mut blob.open()?, &mut digester).map_err(failed)?;
            Ok((digester.finish() == *digest).then_some(blob))
        }
    }
}

/// The lock for downloading a blob, held until it is dropped, and the file with the downloaded part.
#[derive(Debug)]
pub(super) struct DownloadLock {
    path: PathBuf,
    held: Flock<File>,
}

impl DownloadLock {
    /// Takes the lock. If it must wait for another process, `waits` is called first.
    pub(super) fn take(store: &Store, digest: &Digest, waits: &dyn Fn()) -> Result<DownloadLock, RegistryError> {
        let directory = store.downloads_directory();
        let path = directory.join(digest.hex());
        let failed = |source| RegistryError::Local { action: format!("lock {}", path.display()), source };
        private::make_directory(&directory).map_err(failed)?;
        loop {
            let file = private::open(&path).map_err(failed)?;
            let held = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => held,
                Err((file, Errno::EWOULDBLOCK)) => {
                    waits();
                    wait(file).map_err(failed)?
                }
                Err((_, errno)) => return Err(failed(errno.into())),
            };
            // The previous holder removed the file, so the name may refer to another file now.
            if is_at(&held, &path) {
                return Ok(DownloadLock { path, held });
            }
        }
    }

    /// Hashes the part that is already here, of a blob of this size. The rest is [`append`](DownloadLock::append)ed.
    pub(super) fn resume(&self, size: u64) -> io::Result<(Digester, u64)> {
        let mut file = &*self.held;
        if file.metadata()?.len() > size {
            self.discard()?;
        }
        file.rewind()?;
        let (mut digester, mut here, mut piece) = (Digester::new(), 0, vec![0; 1 << 17]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok((digester, here)),
                count => {
                    digester.update(&piece[..count]);
                    here += count as u64;
                }
            }
        }
    }

    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.held).write_all(bytes)
    }

    /// Discards the part that is here.
    pub(super) fn discard(&self) -> io::Result<()> {
        self.held.set_len(0)?;
        (&*self.held).rewind()
    }

    /// The complete blob, verified by the caller, linked into a staging directory.
    pub(super) fn blob(&self, staging: &Staging, digest: &Digest) -> io::Result<Blob> {
        staging.link(&self.path, digest)
    }
}

/// Removes the download files of these blobs, except those that another process uses.
pub(super) fn forget<'d>(store: &Store, digests: impl IntoIterator<Item = &'d Digest>) {
    for digest in digests {
        let path = store.downloads_directory().join(digest.hex());
        if let Some(_held) = lock_if_unused(&path) {
            // Best effort: the sweep removes what is left.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes all partial downloads that are not in use; returns their size in bytes.
pub fn discard_downloads(store: &Store) -> u64 {
    let entries = fs::read_dir(store.downloads_directory()).into_iter().flatten().flatten();
    let removed = entries.filter_map(|entry| {
        let held = lock_if_unused(&entry.path())?;
        let bytes = held.metadata().map_or(0, |metadata| metadata.len());
        fs::remove_file(entry.path()).ok().map(|()| bytes)
    });
    removed.sum()
}

/// Removes abandoned downloads. Best effort: a download that cannot be removed does no harm.
pub(super) fn sweep(store: &Store) {
    let entries = fs::read_dir(store.downloads_directory()).into_iter().flatten().flatten();
    let mut begun: Vec<(SystemTime, u64, PathBuf)> = entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        })
        .collect();
    // The newest first.
    begun.sort_by(|one, other| other.cmp(one));
    for (number, (modified, length, path)) in begun.into_iter().enumerate() {
        let old = modified.elapsed().is_ok_and(|age| age > KEPT_FOR);
        if (old || length < WORTH_KEEPING || number >= KEPT_AT_MOST)
            && let Some(_held) = lock_if_unused(&path)
        {
            let _ = fs::remove_file(path);
        }
    }
}

/// An unused download, locked so that no process can start using it.
fn lock_if_unused(path: &Path) -> Option<Flock<File>> {
    let file = File::open(path).ok()?;
    let held = Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()?;
    is_at(&held, path).then_some(held)
}

fn wait(mut file: File) -> io::Result<Flock<File>> {
    loop {
        match Flock::lock(file, FlockArg::LockExclusive) {
            Ok(held) => return Ok(held),
            Err((unlocked, Errno::EINTR)) => file = unlocked,
            Err((_, errno)) => return Err(errno.into()),
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(own), Ok(there)) => own.ino() == there.ino() && own.dev() == there.dev(),
        _ => false,
    }
}

impl Drop for DownloadLock {
    fn drop(&mut self) {
        if self.held.metadata().is_ok_and(|metadata| metadata.len() < WORTH_KEEPING) {
            // Removed under the lock, so that no process locks a file without a name. Best effort: it does no harm if
            // it stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}
