//! A layer applied by itself, to see what an archive does.

use std::{
    io::{self, Read},
    path::Path,
};

use minicontainer::core::Digest;

use super::{
    ImageError, UnpackError,
    compression::decompress,
    hashing::Hashing,
    unpack::{Archive, End, Privilege, Whiteouts, unpack},
};

/// What came of applying a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The digest of the uncompressed archive.
    pub diff_id: Digest,
    /// Bytes in the files that it brought.
    pub size: u64,
    /// What could not be kept, in words.
    pub warnings: Vec<String>,
}

/// Applies one layer, a tar archive that may be compressed with gzip or zstd, to a directory that holds what lies
/// below it: whiteouts delete. Nothing outside the directory is touched, whatever the archive says. What an error
/// leaves in the directory is the part of the layer that came before.
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
    let tar = Hashing::new(decompress(layer, "the layer")?);
    // Nobody has said which digest it must have, so its end must tell that it is whole.
    let archive = Archive::new(tar, End::Required);
    let (outcome, mut tar) = unpack(archive, directory, Whiteouts::Applied, Privilege::current()).map_err(failed)?;
    io::copy(&mut tar, &mut io::sink()).map_err(damaged)?;
    let warnings = outcome.warnings.into_iter().collect();
    Ok(Applied { diff_id: tar.finish(), size: outcome.size, warnings })
}
