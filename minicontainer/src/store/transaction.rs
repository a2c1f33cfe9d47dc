//! Adding staged content to the store: readers see all of it, or nothing.
//!
//! The slow part happens before the store's lock is taken: content is staged, verified and [flushed](Staging::flush)
//! to the disk. Under the lock there are only renames and a new index:
//!
//! ```text
//! stage ─▶ unpack, verify ─▶ flush ─▶ lock ─▶ rename layers, rename blobs, replace index.json ─▶ unlock
//! ```

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use minicontainer_core::Reference;
use oci_spec::image::Descriptor;

#[cfg(doc)]
use super::Staging;
use super::{Blob, Flushed, Lock, StagedLayer, Store, StoreError, image_layout::add_images};
use crate::host::remove_tree;

/// Content to add to the store: staged, complete and verified. The caller guarantees that each layer matches its
/// diff-id, and that everything to which an image refers is here or already in the store.
///
/// ```
/// use minicontainer::store::{StagedLayer, Store, StoreError, Transaction};
/// # use minicontainer::core::Digest;
///
/// let directory = tempfile::tempdir()?;
/// let store = Store::open(directory.path())?;
/// let staging = store.stage()?;
/// let diff_id = Digest::of(&[0; 1024]); // a tar archive without entries makes a tree without files
/// let layer = StagedLayer::new(&staging, &diff_id, |_tree| Ok::<u64, StoreError>(0))?;
/// let flushed = staging.flush()?; // slow, so before the lock
/// let lock = store.lock()?;
/// store.add(&lock, &flushed, Transaction { layers: vec![layer], ..Transaction::default() })?;
/// assert!(store.layer(&diff_id)?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Transaction<'a> {
    /// Unpacked layers. If the store has a layer already, because another operation was faster, it is not replaced.
    pub layers: Vec<StagedLayer>,
    /// Manifests, configs and compressed layers. They replace blobs of the same digest, which are equal or damaged.
    pub blobs: Vec<&'a Blob>,
    /// The manifest of each image, and its new name. If another image has that name, it loses it.
    pub images: Vec<(Descriptor, Option<Reference>)>,
}

impl Store {
    /// Moves staged and flushed content to its final path, and replaces the index last. A failure leaves the store
    /// unchanged. A crash leaves all existing images intact, and perhaps content that no image uses.
    ///
    /// # Errors
    /// If the store cannot be written, or a damaged layer is in the place of a new one.
    pub fn add(&self, _lock: &Lock, flushed: &Flushed<'_>, transaction: Transaction<'_>) -> Result<(), StoreError> {
        let before = self.layout.index()?;
        let mut placed = Vec::new();
        self.place(flushed, transaction, &mut placed).inspect_err(|_| {
            // The new index may be in place even if making it durable failed. Then the content that it lists must
            // stay.
            if self.layout.index().is_ok_and(|index| index == before) {
                // Best effort: content that cannot be removed only takes up space.
                placed.iter().for_each(|path| drop(fs::remove_file(path).or_else(|_| remove_tree(path))));
            }
        })
    }

    fn place(
        &self,
        flushed: &Flushed<'_>,
        transaction: Transaction<'_>,
        placed: &mut Vec<PathBuf>,
    ) -> Result<(), StoreError> {
        let (has_layers, has_blobs) = (!transaction.layers.is_empty(), !transaction.blobs.is_empty());
        for layer in &transaction.layers {
            if self.layer(&layer.key)?.is_none() {
                move_into_place(&layer.path, self.layer_directory(&layer.key), placed)?;
            }
        }
        for blob in transaction.blobs {
            move_into_place(&blob.path, self.blob_file(&blob.digest), placed)?;
        }
        // One fsync(2) per directory makes all renames in it durable, before the index refers to them.
        for directory in [(has_layers, self.layers_directory()), (has_blobs, self.blobs_directory())] {
            if let (true, directory) = directory {
                let synced = File::open(&directory).and_then(|directory| directory.sync_all());
                synced.map_err(StoreError::io("flush to disk", directory))?;
            }
        }
        if transaction.images.is_empty() {
            return Ok(());
        }
        let mut index = self.layout.index()?;
        add_images(&mut index, transaction.images);
        self.layout.write_index(flushed.staging(), index)
    }
}

/// Renames, and records the path if it did not exist before, so that it is removed if a later step fails.
fn move_into_place(staged: &Path, place: PathBuf, placed: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let is_new = !place.exists();
    match fs::rename(staged, &place) {
        // An image may have the same blob or layer twice: the first rename has moved it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_new => return Ok(()),
        renamed => renamed.map_err(StoreError::io("move into place", &place))?,
    }
    placed.extend(is_new.then_some(place));
    Ok(())
}
