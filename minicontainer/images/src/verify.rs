//! Verifying a layer of the store against its blob.

use std::path::{Path, PathBuf};

use minicontainer::{
    core::Digest,
    host::remove_tree,
    rootfs::RootFsError,
    store::{ImageLayer, StagedLayer, Staging, Store},
};

use super::{
    ImageError,
    compare::differences,
    layer::{LayerBlob, stage},
};

/// A layer that was unpacked again, to compare it with the existing one.
#[derive(Debug)]
pub struct Fresh {
    /// The new layer, which can replace the existing one.
    pub layer: StagedLayer,
    directory: PathBuf,
}

impl Fresh {
    /// The differences of a tree from this one, in words: at most ten.
    ///
    /// # Errors
    /// If one of the trees cannot be read.
    pub fn differences(&self, found: &Path) -> Result<Vec<String>, RootFsError> {
        differences(&self.directory, found)
    }

    /// Removes it, without its staging directory.
    ///
    /// # Errors
    /// Those of unlinkat(2).
    pub fn remove(self) -> std::io::Result<()> {
        remove_tree(self.directory.parent().unwrap_or(&self.directory))
    }
}

/// Unpacks a layer into a staging directory, and verifies its diff-id on the way.
///
/// # Errors
/// If the blob is missing, or does not match the diff-id.
pub fn unpack_beside(store: &Store, staging: &Staging, layer: &ImageLayer) -> Result<Fresh, ImageError> {
    let unpacked = stage(|| store.open_blob(&layer.blob), staging, layer)?;
    Ok(Fresh { layer: unpacked.layer, directory: unpacked.directory })
}

/// Verifies that a blob matches a diff-id.
///
/// # Errors
/// If it does not match, or cannot be read.
pub fn verify_diff_id(store: &Store, blob: &Digest, diff_id: &Digest) -> Result<(), ImageError> {
    LayerBlob { content: store.open_blob(blob)?, digest: None }.verify(diff_id)
}
