//! The build cache: maps cache keys, which are computed from the inputs of a step, to layers.
//!
//! ```text
//! build-cache/<key>.json           the layer and its creation time; the file's mtime is the last use
//! build-cache/former/<blob>.json   the same for a layer that was replaced (`--no-cache`)
//! build-cache/mounts/<id>/files    the files of `RUN --mount=type=cache`; <id>.json contains the original id
//! build-cache/locks                the locks of layers that are being created (`build_lock`)
//! build-cache/users                a shared lock of all builds, and an exclusive one of `prune`
//! ```
//!
//! A record is only a hint: the layer may have been removed with the last image that used it. The key covers all
//! inputs of the layer, so a record can be outdated, but never wrong. A record contains no instructions or file
//! names. Secrets are not part of the key.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use minicontainer::{
    core::Digest,
    store::{Staging, Store, StoreError, private},
};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use serde::{Deserialize, Serialize};

use super::{BuildError, stack::StageLayer};

/// The record of a step's layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) diff_id: Digest,
    /// The digest of the compressed layer.
    pub(super) blob: Digest,
    pub(super) size: u64,
    /// The creation time (RFC 3339). It is stored so that a build from the cache reproduces the image exactly.
    pub(super) created: String,
}

/// The metadata of a cache mount, stored next to its directory.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MountRecord {
    /// The id in the Dockerfile.
    pub(super) id: String,
}

/// The build cache of a store.
#[derive(Debug)]
pub(super) struct Cache<'a> {
    store: &'a Store,
    directory: PathBuf,
}

impl<'a> Cache<'a> {
    /// The build cache of this store.
    pub(super) fn of(store: &'a Store) -> Cache<'a> {
        Cache { store, directory: store.build_cache_directory() }
    }

    fn place(&self, key: &Digest) -> PathBuf {
        self.directory.join(key.hex()).with_extension("json")
    }

    /// The layer for a cache key, if its files and its blob still exist.
    pub(super) fn get(&self, key: &Digest) -> Result<Option<StageLayer>, BuildError> {
        // An unreadable record counts as missing.
        let Ok(text) = fs::read(self.place(key)) else { return Ok(None) };
        let Ok(record) = serde_json::from_slice::<Record>(&text) else { return Ok(None) };
        let Some(layer) = self.store.layer(&record.diff_id)? else { return Ok(None) };
        match self.store.open_blob(&record.blob) {
            Ok(_) => {
                touch(&self.place(key));
                Ok(Some(StageLayer::of_record(record, layer.directory)))
            }
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Records the layer of a step. The layer must be in the store.
    pub(super) fn put(&self, staging: &Staging, key: &Digest, record: &Record) -> Result<(), BuildError> {
        self.make_directory(&self.directory)?;
        let place = self.place(key);
        let former = fs::read(&place).ok().and_then(|text| serde_json::from_slice::<Record>(&text).ok());
        if let Some(former) = former.filter(|former| former.blob != record.blob) {
            // The replaced layer is no longer used, but its record is kept so that `prune` can remove it.
            let directory = self.store.former_builds_directory();
            self.make_directory(&directory)?;
            write(staging, &directory.join(former.blob.hex()).with_extension("json"), &former)?;
        }
        write(staging, &place, record)
    }

    /// All records with their paths; `None` for a record that cannot be read.
    pub(super) fn records(&self) -> Result<Vec<(PathBuf, Option<Record>)>, BuildError> {
        let mut records = Vec::new();
        for directory in [self.directory.clone(), self.store.former_builds_directory()] {
            for path in listed(&directory)?.into_iter().filter(|path| path.extension() == Some("json".as_ref())) {
                let record = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
                records.push((path, record));
            }
        }
        Ok(records)
    }

    /// The directories of all cache mounts.
    pub(super) fn mounts(&self) -> Result<Vec<PathBuf>, BuildError> {
        let mut mounts = listed(&self.directory.join("mounts"))?;
        mounts.retain(|path| path.is_dir());
        Ok(mounts)
    }

    /// The directory of the cache mount with this id. A mount that cannot share a directory uses a higher `copy`.
    pub(super) fn mount(&self, id: &str, copy: usize) -> Result<PathBuf, BuildError> {
        let mounts = self.directory.join("mounts");
        self.make_directory(&mounts)?;
        // The layout is part of the name, so a directory of an older layout is never used.
        let name = Digest::of(format!("{id}/files").as_bytes());
        Ok(mounts.join(format!("{}-{copy}", name.hex())))
    }

    /// Records the id of a cache mount and the time of its last use.
    pub(super) fn note(&self, staging: &Staging, mount: &Path, id: &str) -> Result<(), BuildError> {
        let place = mount.with_extension("json");
        if place.exists() {
            touch(&place);
            return Ok(());
        }
        write(staging, &place, &MountRecord { id: id.to_owned() })
    }

    /// The file whose byte-range locks mark the layers being built.
    pub(super) fn locks_file(&self) -> PathBuf {
        self.directory.join("locks")
    }

    /// A shared lock: while it is held, nothing is pruned.
    pub(super) fn user(&self) -> Result<Flock<File>, BuildError> {
        self.lock(FlockArg::LockShared)?.ok_or(BuildError::Interrupted)
    }

    /// An exclusive lock: while it is held, no build can start. `None` if a build is running.
    pub(super) fn remover(&self) -> Result<Option<Flock<File>>, BuildError> {
        self.lock(FlockArg::LockExclusiveNonblock)
    }

    fn lock(&self, how: FlockArg) -> Result<Option<Flock<File>>, BuildError> {
        self.make_directory(&self.directory)?;
        let path = self.directory.join("users");
        let mut file = private::open(&path).map_err(failed(&path))?;
        loop {
            match Flock::lock(file, how) {
                Ok(held) => return Ok(Some(held)),
                Err((unlocked, Errno::EINTR)) => file = unlocked,
                Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
                Err((_, errno)) => return Err(failed(&path)(errno.into())),
            }
        }
    }

    fn make_directory(&self, path: &Path) -> Result<(), BuildError> {
        private::make_directory(path).map_err(failed(path))
    }
}

/// The entries of a directory; a missing directory has none.
fn listed(directory: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let reading = |source| BuildError::Read { path: directory.to_owned(), of: "the build cache".to_owned(), source };
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => {
            let paths = entries.map_err(reading)?.map(|entry| entry.map(|entry| entry.path()));
            paths.collect::<Result<_, _>>().map_err(reading)
        }
    }
}

/// Writes a file atomically.
fn write(staging: &Staging, place: &Path, value: &impl Serialize) -> Result<(), BuildError> {
    let staged = staging.unused_path();
    let written = serde_json::to_vec(value).map_err(io::Error::from).and_then(|text| private::write(&staged, text));
    written.and_then(|()| fs::rename(&staged, place)).map_err(failed(place))
}

/// Sets the last use of a record to now. Best effort: after a failure, the record only looks older.
fn touch(path: &Path) {
    let _seen = File::options().write(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::Make { path, source }
}
