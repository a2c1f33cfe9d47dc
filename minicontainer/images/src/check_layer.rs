//! Applying a single layer, to test what an archive does.

use std::{
    io::{self, Read},
    path::Path,
};

use minicontainer::core::{Digest, explain::Message};

use super::{
    ImageError, UnpackError,
    compression::decompress,
    hashing::Hashing,
    unpack::{Archive, Below, End, Privilege, Whiteouts, unpack},
};

/// The result of applying a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The digest of the uncompressed archive.
    pub diff_id: Digest,
    /// The size in bytes of the files that it added.
    pub size: u64,
    /// Warnings about what could not be kept.
    pub warnings: Vec<Message>,
}

/// Applies one layer, a tar archive that may be compressed with gzip, zstd, bzip2 or xz, to a directory with the
/// layers below it. Whiteouts delete files. Nothing outside the directory is changed, even by a hostile archive.
/// After an error, the part of the layer before the error is left in the directory.
///
/// ```
/// use minicontainer_images::check_layer;
///
/// let directory = tempfile::tempdir()?;
/// let empty_archive = [0; 1024];
/// assert_eq!(check_layer(empty_archive.as_slice(), directory.path())?.size, 0);
/// assert!(check_layer(b"no archive".as_slice(), directory.path()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_layer(layer: impl Read, directory: &Path) -> Result<Applied, ImageError> {
    let failed = |source| ImageError::Apply { directory: directory.to_owned(), source };
    let damaged = |source| failed(UnpackError::Archive { source });
    let tar = Hashing::new(decompress(layer)?);
    // There is no expected digest, so the archive must have an end marker to show that it is complete.
    let archive = Archive::new(tar, End::Required);
    // The directory itself has the layers below.
    let nothing = Below::layers(&[]).map_err(failed)?;
    let (outcome, mut tar) =
        unpack(archive, directory, Whiteouts::Applied, Privilege::current(), nothing).map_err(failed)?;
    io::copy(&mut tar, &mut io::sink()).map_err(damaged)?;
    let warnings = outcome.warnings.into_iter().collect();
    Ok(Applied { diff_id: tar.finish(), size: outcome.size, warnings })
}
