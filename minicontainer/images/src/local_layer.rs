//! Unpacking a layer that was packed on this machine, before an image uses it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use minicontainer::{
    core::explain::Message,
    store::{StagedLayer, Staging},
};

use super::{
    ImageError, PackedLayer,
    compression::decompress,
    unpack::{Archive, Below, End, Privilege, Whiteouts, unpack},
};

/// A layer in packed and unpacked form, both in a staging directory.
#[derive(Debug)]
pub struct Built {
    /// The layer, ready for the store.
    pub layer: StagedLayer,
    /// The path of its files until it is installed. The next build steps use it as a lower directory.
    pub directory: PathBuf,
    /// Warnings about what could not be kept.
    pub warnings: BTreeSet<Message>,
}

/// Unpacks a layer that was just packed. It is unpacked from its archive, so that the following build steps use
/// exactly the files that users of the image will get.
///
/// # Errors
/// If the archive cannot be unpacked.
pub fn unpack_built(staging: &Staging, packed: &PackedLayer) -> Result<Built, ImageError> {
    let (mut warnings, mut directory) = (BTreeSet::new(), PathBuf::new());
    let layer = StagedLayer::new(staging, &packed.diff_id, |tree: &Path| {
        directory = tree.to_owned();
        let failed = |source| ImageError::Unpack { diff_id: packed.diff_id.clone(), source };
        let tar = decompress(packed.blob.open()?)?;
        let archive = Archive::new(tar, End::Required);
        // It was packed from a directory, so it lists all directories that it uses.
        let nothing = Below::layers(&[]).map_err(failed)?;
        let (unpacked, _) = unpack(archive, tree, Whiteouts::Kept, Privilege::current(), nothing).map_err(failed)?;
        warnings = unpacked.warnings;
        Ok::<u64, ImageError>(unpacked.size)
    })?;
    Ok(Built { layer, directory, warnings })
}
