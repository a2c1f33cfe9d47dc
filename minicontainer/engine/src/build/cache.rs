//! What was built before: layers by the keys of what they were made from.
//!
//! ```text
//! build-cache/<key>.json      which layer came of it, and when
//! build-cache/mounts/<id>/    what `RUN --mount=type=cache` keeps
//! ```
//!
//! A record is a hint and no more: the layer itself may have gone with the last image that had it, and then there is
//! nothing in the cache. The key holds everything that the layer was made from, so that a record can never be wrong, only
//! useless. It names no instruction and no file, and a key says nothing of a secret, for none goes into it.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use minicontainer::{
    core::Digest,
    store::{Staging, Store, StoreError},
};
use serde::{Deserialize, Serialize};

use super::{BuildError, stack::Stacked};

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) diff_id: Digest,
    /// The layer as it travels.
    pub(super) blob: Digest,
    pub(super) size: u64,
    /// When it was made (RFC 3339): the image that is made of it again shall be the same to the last bit.
    pub(super) created: String,
}

/// The cache of a store.
#[derive(Debug)]
pub(super) struct Cache<'a> {
    store: &'a Store,
    directory: PathBuf,
}

impl<'a> Cache<'a> {
    /// That of this store.
    pub(super) fn of(store: &'a Store) -> Cache<'a> {
        Cache { store, directory: store.root().join("build-cache") }
    }

    fn place(&self, key: &Digest) -> PathBuf {
        self.directory.join(key.hex()).with_extension("json")
    }

    /// The layer that came of a step, if all of it is still there.
    pub(super) fn get(&self, key: &Digest) -> Result<Option<Stacked>, BuildError> {
        // A record that cannot be read is worth no more than none.
        let Ok(text) = fs::read(self.place(key)) else { return Ok(None) };
        let Ok(record) = serde_json::from_slice::<Record>(&text) else { return Ok(None) };
        let Some(layer) = self.store.layer(&record.diff_id)? else { return Ok(None) };
        match self.store.open_blob(&record.blob) {
            Ok(_) => Ok(Some(Stacked::of_record(record, layer.directory))),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers what came of a step. The layer must be in the store.
    pub(super) fn put(&self, staging: &Staging, key: &Digest, record: &Record) -> Result<(), BuildError> {
        self.make_directory(&self.directory)?;
        let (staged, place) = (staging.vacant(), self.place(key));
        let written = serde_json::to_vec(record).map_err(io::Error::from).and_then(|text| fs::write(&staged, text));
        written.and_then(|()| fs::rename(&staged, &place)).map_err(|source| BuildError::Make { path: place, source })
    }

    /// The directory that a cache mount of this id keeps, and of those who may not share it a further one.
    pub(super) fn mount(&self, id: &str, copy: usize) -> Result<PathBuf, BuildError> {
        let mounts = self.directory.join("mounts");
        self.make_directory(&mounts)?;
        Ok(mounts.join(format!("{}-{copy}", Digest::of(id.as_bytes()).hex())))
    }

    fn make_directory(&self, path: &Path) -> Result<(), BuildError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| BuildError::Make { path: path.to_owned(), source })
    }
}
