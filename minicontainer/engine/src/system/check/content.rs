//! Blobs and unpacked layers. Each is checked once, however many images use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
};

use minicontainer::{
    core::{Digest, digest::Digester},
    store::{ImageLayer, LayerId},
};

use super::{Depth, Fix, Pass, SystemError};

/// Blobs and layers.
#[derive(Default)]
pub(super) struct Content {
    /// Blobs that are in use.
    pub(super) blobs: BTreeSet<Digest>,
    /// Layers that are in use, by their keys.
    pub(super) layers: BTreeMap<Digest, LayerUse>,
    pub(super) blob_states: BTreeMap<Digest, Blob>,
    pub(super) layer_states: BTreeMap<Digest, Layer>,
}

/// An unpacked layer in use.
#[derive(Clone)]
pub(super) struct LayerUse {
    pub(super) id: LayerId,
    /// The keys of the layers below it in an image that has it, the lowest first.
    pub(super) below: Vec<Digest>,
    /// The blobs from which it can be unpacked.
    pub(super) blobs: BTreeSet<Digest>,
}

/// The state of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Blob {
    /// It has this size, and if its content was read, the right digest.
    Whole(u64),
    Missing,
    Damaged,
}

/// The state of an unpacked layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// It is usable.
    Whole,
    /// It is not unpacked, but can be.
    Packed,
    /// It is not usable and cannot be unpacked.
    Lost(String),
}

impl Content {
    /// Adds a layer with one of its blobs. `below` are the keys of the layers below it.
    pub(super) fn use_layer(&mut self, key: &Digest, id: LayerId, below: &[Digest], blob: Digest) {
        let new = || LayerUse { id, below: below.to_vec(), blobs: BTreeSet::new() };
        self.layers.entry(key.clone()).or_insert_with(new).blobs.insert(blob);
    }
}

impl Pass<'_> {
    /// Checks a blob. A damaged one becomes a finding.
    pub(super) fn blob(&mut self, digest: &Digest) -> Blob {
        if let Some(state) = self.content.blob_states.get(digest) {
            return state.clone();
        }
        let path = self.blob_path(digest);
        let state = match self.read_blob(digest) {
            Ok(Ok(size)) => Blob::Whole(size),
            Ok(Err(why)) => {
                self.find("damaged blob", digest.to_string(), path, why, Fix::RemoveBlob(digest.clone()));
                Blob::Damaged
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Blob::Missing,
            Err(error) => {
                let why = format!("it cannot be read: {error}");
                self.find("damaged blob", digest.to_string(), path, why, Fix::RemoveBlob(digest.clone()));
                Blob::Damaged
            }
        };
        self.note_blob(digest, state.clone());
        state
    }

    pub(super) fn note_blob(&mut self, digest: &Digest, state: Blob) {
        if !matches!(state, Blob::Whole(_)) {
            self.suspects.blobs.insert(digest.clone());
        }
        self.content.blob_states.insert(digest.clone(), state);
    }

    fn read_blob(&self, digest: &Digest) -> io::Result<Result<u64, String>> {
        let path = self.blob_path(digest);
        // A link is not followed, and opening a FIFO must not block.
        let metadata = fs::symlink_metadata(&path)?;
        if !metadata.is_file() {
            return Ok(Err("not a regular file".to_owned()));
        }
        if self.depth_of_blob(digest) == Depth::Quick {
            return Ok(Ok(metadata.len()));
        }
        let (mut file, mut hash) = (fs::File::open(&path)?, Hashing { digester: Digester::new() });
        let size = io::copy(&mut file, &mut hash)?;
        let actual = hash.digester.finish();
        Ok(if actual == *digest {
            Ok(size)
        } else {
            Err(format!("its content, {size} bytes, has the digest {actual}"))
        })
    }

    /// Checks a blob that a document describes: it must have the described size.
    pub(super) fn described(&mut self, digest: &Digest, size: u64) -> Blob {
        match self.blob(digest) {
            Blob::Whole(actual) if actual != size => {
                let why = format!("it has {actual} bytes, and should have {size}");
                let (path, fix) = (self.blob_path(digest), Fix::RemoveBlob(digest.clone()));
                self.find("damaged blob", digest.to_string(), path, why, fix);
                self.note_blob(digest, Blob::Damaged);
                Blob::Damaged
            }
            state => state,
        }
    }

    /// Checks all blobs and layers in use.
    pub(super) fn contents(&mut self) -> Result<(), SystemError> {
        for digest in self.content.blobs.clone() {
            self.blob(&digest);
        }
        for (key, LayerUse { id, below, blobs }) in self.content.layers.clone() {
            let whole = blobs.into_iter().find(|blob| matches!(self.blob(blob), Blob::Whole(_)));
            let below = below.iter().map(|key| self.store.layer_tree(key)).collect();
            let state = self.layer(&key, whole.map(|blob| ImageLayer { id, blob, below }))?;
            self.content.layer_states.insert(key, state);
        }
        Ok(())
    }
}

/// A writer that computes a digest.
struct Hashing {
    digester: Digester,
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.digester.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
