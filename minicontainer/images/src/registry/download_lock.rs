//! One download of a blob at a time, among all processes that use the store.
//!
//! Fifty students start the same image in the same minute. The first process that needs a blob locks it: flock(2) on
//! a file of the blob's name. The others wait, and then [`find`] the blob where the first process left it: in the
//! store, or, while its image is not complete yet, under its digest in its staging directory ([`share`]). They link
//! it into their own directory, so it stays there whatever becomes of the first. A process waits for one such lock
//! while it holds none, so no two wait for each other; if the holder dies, the kernel passes the lock on.
//!
//! The blob is written to that file, too. A pull that is interrupted, by the network or by Ctrl-C, leaves there what
//! it has, and the next one continues behind it; it counts only when all of it has been hashed. When the image is in
//! the store the names are removed ([`forget`]). What no pull comes back for is [`sweep`]t: whatever is a day old, or
//! too much.

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
use crate::layer_usage::hash;

/// Fewer bytes than this are fetched again sooner than looked for.
const WORTH_KEEPING: u64 = 64 << 10;
/// So long what was begun is kept, and so many of it.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const KEPT_AT_MOST: usize = 16;

/// Lets others have a blob that is verified.
pub(super) fn share(blob: &Blob) -> Result<(), RegistryError> {
    let place = blob.path().with_file_name(blob.digest().hex());
    fs::hard_link(blob.path(), place)
        .map_err(|source| RegistryError::Local { action: format!("share {}", blob.digest()), source })
}

/// A blob that the store has, or that somebody shares. What lay in the store may have been damaged there: then it
/// counts for nothing, and what is downloaded takes its place.
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
    // The store last: what is shared is gone only when it has got there.
    match staging.link(&store.blob_file(digest), digest) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        linked => {
            let blob = linked.map_err(failed)?;
            Ok((hash(blob.open()?).map_err(failed)? == *digest).then_some(blob))
        }
    }
}

/// The right to download a blob, until it is dropped, and the file in which it grows.
#[derive(Debug)]
pub(super) struct DownloadLock {
    path: PathBuf,
    held: Flock<File>,
}

impl DownloadLock {
    /// Waits until nobody else has it; `waits` is called if that is not at once.
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
            // Whoever had it removed its file: the name may stand for another one by now.
            if is_at(&held, &path) {
                return Ok(DownloadLock { path, held });
            }
        }
    }

    /// What is here already, hashed: of a blob of this size. What comes next is [`append`](DownloadLock::append)ed to
    /// it.
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

    /// What is here is of no use.
    pub(super) fn discard(&self) -> io::Result<()> {
        self.held.set_len(0)?;
        (&*self.held).rewind()
    }

    /// The blob, all of it and verified by the caller, as one of a staging directory.
    pub(super) fn blob(&self, staging: &Staging, digest: &Digest) -> io::Result<Blob> {
        staging.link(&self.path, digest)
    }
}

/// Removes what is left of these blobs' downloads, but of those that somebody else is at.
pub(super) fn forget<'d>(store: &Store, digests: impl IntoIterator<Item = &'d Digest>) {
    for digest in digests {
        let path = store.downloads_directory().join(digest.hex());
        if let Some(_held) = idle(&path) {
            // What stays is swept.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes all downloads that were begun and that nobody is at; gives their bytes.
pub fn discard_downloads(store: &Store) -> u64 {
    let entries = fs::read_dir(store.downloads_directory()).into_iter().flatten().flatten();
    let removed = entries.filter_map(|entry| {
        let held = idle(&entry.path())?;
        let bytes = held.metadata().map_or(0, |metadata| metadata.len());
        fs::remove_file(entry.path()).ok().map(|()| bytes)
    });
    removed.sum()
}

/// Removes downloads that were begun and that nobody has come back for. One that cannot be removed does no harm.
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
            && let Some(_held) = idle(&path)
        {
            let _ = fs::remove_file(path);
        }
    }
}

/// A download that nobody is at, held so that nobody comes.
fn idle(path: &Path) -> Option<Flock<File>> {
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
            // While it is held, so that nobody can hold a file whose name is gone. One that stays does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}
