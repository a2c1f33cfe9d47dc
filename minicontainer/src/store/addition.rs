//! How what is staged enters the store: all of it, or nothing that anybody can see.

use std::{fs, path::PathBuf};

use minicontainer_core::Reference;
use oci_spec::image::Descriptor;

use super::{Blob, Lock, StagedLayer, Staging, Store, StoreError, layout::set_reference, staging::publish};
use crate::sys::removal::remove_tree;

/// What shall be in the store: staged, complete and verified. Whoever makes it answers for that: each layer's content
/// is the one that its diff-id names, and each image has all that it refers to, here or in the store already.
///
/// ```
/// use minicontainer::store::{Addition, StagedLayer, Store, StoreError};
/// # use minicontainer::core::Digest;
///
/// let directory = tempfile::tempdir()?;
/// let store = Store::open(directory.path())?;
/// let lock = store.lock()?; // before we look for what is missing, so that nobody else adds it meanwhile
/// let staging = store.stage()?;
/// let diff_id = Digest::of(&[0; 1024]); // a tar archive without entries makes a tree without files
/// let layer = StagedLayer::new(&staging, &diff_id, |_tree| Ok::<u64, StoreError>(0))?;
/// store.add(&lock, &staging, Addition { layers: vec![layer], ..Addition::default() })?;
/// assert!(store.layer(&diff_id)?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Addition<'a> {
    /// Layers that the store does not have.
    pub layers: Vec<StagedLayer>,
    /// Manifests, configs and layers as they travel; the store may have some of them.
    pub blobs: Vec<&'a Blob>,
    /// The manifest of each image, and the name that it shall have; an image that had that name loses it.
    pub images: Vec<(Descriptor, Option<Reference>)>,
}

impl Store {
    /// Moves what is staged to its place when it is safely on the disk; the index, by which images are found, last. A
    /// failure leaves the store as it was; a crash leaves every image that there was, and maybe content of no image.
    pub fn add(&self, _lock: &Lock, staging: &Staging, addition: Addition<'_>) -> Result<(), StoreError> {
        let before = self.layout.index()?;
        staging.flush()?;
        let mut placed = Vec::new();
        self.place(staging, addition, &mut placed).inspect_err(|_| {
            // The index may be in its place although that could not be made durable. Then what it lists must stay.
            if self.layout.index().is_ok_and(|index| index == before) {
                // What cannot be removed takes room and does no harm.
                placed.iter().for_each(|path| drop(fs::remove_file(path).or_else(|_| remove_tree(path))));
            }
        })
    }

    fn place(&self, staging: &Staging, addition: Addition<'_>, placed: &mut Vec<PathBuf>) -> Result<(), StoreError> {
        for layer in &addition.layers {
            let place = self.layer_directory(&layer.diff_id);
            placed.extend(Some(place.clone()).filter(|place| !place.exists()));
            publish(&layer.path, &place)?;
        }
        for blob in addition.blobs {
            let place = self.layout.blob_path(&blob.digest);
            if !place.exists() {
                placed.push(place.clone());
                publish(&blob.path, &place)?;
            }
        }
        if addition.images.is_empty() {
            return Ok(());
        }
        let mut index = self.layout.index()?;
        for (manifest, reference) in addition.images {
            set_reference(&mut index, manifest, reference.as_ref());
        }
        self.layout.write_index(staging, index)
    }
}
