//! Extracting an archive, as `ADD` and a context from a stream do: its files are added, and nothing is deleted.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::{Path, PathBuf},
};

use minicontainer::core::explain::Message;

use super::{
    ImageError, UnpackError,
    compression::decompress,
    unpack::{Archive, Below, Destination, End, Privilege, extract_below},
};

/// Whether files get the owners in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveOwners {
    /// Files get the owners of the archive.
    Kept,
    /// All files belong to root.
    Ignored,
}

/// What an extraction did besides creating files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Directories that the archive uses without listing them, and that the layers below have.
    pub implied: BTreeSet<PathBuf>,
    /// Warnings about what could not be kept.
    pub warnings: BTreeSet<Message>,
}

/// Extracts a tar archive, which may be compressed, into an empty directory, as if it were extracted at `destination`
/// in the merged tree of the layers `below`. Only new and changed files are created. `destination` must not contain
/// symbolic links:
///
/// - Symbolic links of that tree are followed, but never out of its root. A directory of the archive leaves a link to
///   a directory as it is.
/// - A directory that the archive does not list has the owner, the mode and the time that it has in that tree. Such
///   directories are returned.
/// - Names such as `.wh.x`, which delete files in a layer, are ordinary names.
///
/// # Errors
/// If the archive is truncated, or one of its entries is refused.
pub fn extract(
    archive: impl Read,
    directory: &Path,
    destination: &Path,
    below: &[PathBuf],
    owners: ArchiveOwners,
) -> Result<Extracted, ImageError> {
    let failed = |source| ImageError::Extract { source };
    let tar = decompress(archive)?;
    // There is no expected digest, so the archive must have an end marker to show that it is complete.
    let archive = Archive::new(tar, End::Required);
    let below = Below::layers(below).map_err(failed)?;
    let into = Destination { directory, path: destination, owners };
    let (extracted, mut rest) = extract_below(archive, &into, Privilege::current(), below).map_err(failed)?;
    io::copy(&mut rest, &mut io::sink()).map_err(|source| failed(UnpackError::Archive { source }))?;
    Ok(extracted)
}
