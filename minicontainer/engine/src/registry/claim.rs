//! One download of a blob at a time, among all processes that use the store.
//!
//! Fifty students start the same image in the same minute. Whoever wants a blob first *claims* it: flock(2) on a file
//! of the blob's name. The others wait, and [`find`] it where the first one left it: in the store, or, if his image is
//! not complete yet, under its digest in his staging directory ([`share`]). They link it into their own, so it stays
//! there whatever becomes of his. No claim is held while another one is waited for, so nobody waits in a circle; if the
//! holder dies, the kernel gives the claim to the next.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use minicontainer::{
    Store,
    core::Digest,
    store::{Blob, Staging},
};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::RegistryError;

/// Lets others have a blob that is verified.
pub(super) fn share(blob: &Blob) -> Result<(), RegistryError> {
    let place = blob.path().with_file_name(blob.digest().hex());
    fs::hard_link(blob.path(), place)
        .map_err(|source| RegistryError::Local { action: format!("share {}", blob.digest()), source })
}

/// A blob that the store has, or that somebody shares.
pub(super) fn find(store: &Store, staging: &Staging, digest: &Digest) -> Result<Option<Blob>, RegistryError> {
    let failed = |source| RegistryError::Local { action: format!("look for the blob {digest}"), source };
    let mut places = Vec::new();
    for entry in fs::read_dir(store.root().join("staging")).map_err(failed)? {
        places.push(entry.map_err(failed)?.path().join(digest.hex()));
    }
    // The store last: what is shared is gone only when it has got there.
    places.push(store.root().join("images/blobs/sha256").join(digest.hex()));
    for place in places {
        match staging.link(&place, digest) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            linked => return Ok(Some(linked.map_err(failed)?)),
        }
    }
    Ok(None)
}

/// The right to download a blob, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    _held: Flock<File>,
}

impl Claim {
    /// Waits until nobody else has it; `waits` is called if that is not at once.
    pub(super) fn take(store: &Store, digest: &Digest, waits: &dyn Fn()) -> Result<Claim, RegistryError> {
        let directory = store.root().join("downloads");
        let path = directory.join(digest.hex());
        let failed = |source| RegistryError::Local { action: format!("claim {}", path.display()), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        loop {
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).open(&path).map_err(failed)?;
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
                return Ok(Claim { path, _held: held });
            }
        }
    }
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

impl Drop for Claim {
    fn drop(&mut self) {
        // While it is held, so that nobody can hold a file whose name is gone. One that stays does no harm.
        let _ = fs::remove_file(&self.path);
    }
}
