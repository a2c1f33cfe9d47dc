//! A layer that was made on this machine becomes a layer of the store, before any image has it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use minicontainer::store::{StagedLayer, Staging};

use super::{
    ImageError, PackedLayer,
    compression::decompress,
    unpack::{Archive, End, Privilege, Whiteouts, unpack},
};

/// A layer that is packed and unpacked, both in a staging directory.
#[derive(Debug)]
pub struct Built {
    /// The layer, ready for the store.
    pub layer: StagedLayer,
    /// Where its files are meanwhile: a lower directory for what is built on it.
    pub directory: PathBuf,
    /// What of it could not be kept, in words.
    pub warnings: BTreeSet<String>,
}

/// Unpacks what was just packed: from its archive, and not from what it was packed of, so that what we go on with is
/// what everybody else will get.
///
/// # Errors
/// If the archive cannot be unpacked.
pub fn unpack_built(staging: &Staging, packed: &PackedLayer) -> Result<Built, ImageError> {
    let (mut warnings, mut directory) = (BTreeSet::new(), PathBuf::new());
    let layer = StagedLayer::new(staging, &packed.diff_id, |tree: &Path| {
        directory = tree.to_owned();
        let failed = |source| ImageError::Unpack { diff_id: packed.diff_id.clone(), source };
        let tar = decompress(packed.blob.open()?, "the new layer")?;
        let archive = Archive::new(tar, End::Required);
        let (unpacked, _) = unpack(archive, tree, Whiteouts::Kept, Privilege::current()).map_err(failed)?;
        warnings = unpacked.warnings;
        Ok::<u64, ImageError>(unpacked.size)
    })?;
    Ok(Built { layer, directory, warnings })
}
