//! Layers as tar archives, as images carry them.
//!
//! The format is tar with PAX extensions (pax(1), "pax Interchange Format"): each entry a header of 512 bytes and its
//! content; what does not fit, long names, names that are not ASCII and extended attributes (`SCHILY.xattr.NAME`, as
//! star(1) has it), stands in a record of its own before. What the entries mean is in the OCI image-spec, *layer.md*:
//! a second name of a file is a link to the first, and what the layer deletes is a [`Whiteout`](crate::Whiteout).
//!
//! The **diff-id** of a layer is the digest of its archive, uncompressed. So that everybody who builds the same gets
//! the same, [`write()`] is **reproducible**: names are sorted, no name of a user or a group is written, and no time
//! is later than the one given, for which builders take the variable `SOURCE_DATE_EPOCH`
//! (<https://reproducible-builds.org/specs/source-date-epoch/>).
//!
//! [`read()`] takes what others write, and whoever that is may be an attacker: there are [`Limits`], nothing is
//! followed, and what cannot be held is refused by name.
//!
//! ```
//! use minicontainer_layers::{Inode, Tree, archive::{Limits, chain_id, diff_id, read, write}};
//!
//! let layer = Tree::from([("/etc/motd", Inode::file("hello")), ("/etc/issue", Inode::whiteout())]);
//! let mut archive = Vec::new();
//! write(&layer, 1_700_000_000, &mut archive)?;
//! assert_eq!(read(archive.as_slice(), Limits::default())?, layer);
//!
//! let diff_id = diff_id(&layer, 1_700_000_000)?;
//! assert_eq!(diff_id, minicontainer_core::Digest::of(&archive));
//! assert_eq!(chain_id(&[diff_id.clone()]), Some(diff_id), "of a stack of one");
//! # Ok::<(), minicontainer_layers::archive::ArchiveError>(())
//! ```

mod extension;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::io;

use minicontainer_core::digest::{Digest, Digester};

pub use minicontainer_core::digest::chain_id;
pub use read::{Limits, read};
pub use write::write;

/// An extended attribute's name in a record has this in front.
const ATTRIBUTE: &str = "SCHILY.xattr.";

/// The diff-id of a layer: the digest of what [`write()`] writes.
///
/// # Errors
/// Those of [`write()`], though no digest ever fails to take bytes.
pub fn diff_id(layer: &crate::Tree, latest: u64) -> Result<Digest, ArchiveError> {
    let mut digester = Digester::new();
    write(layer, latest, &mut digester)?;
    Ok(digester.finish())
}

/// A layer cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be said in an archive, or not be believed.
    #[error("refused the layer's entry \"{}\": {reason}", entry.escape_debug())]
    Refused {
        /// The entry's path.
        entry: String,
        /// Why.
        reason: &'static str,
    },
    /// A mark of deletion that is none.
    #[error("refused the layer's entry \"{}\"", entry.escape_debug())]
    Whiteout {
        /// The entry's path.
        entry: String,
        /// What is wrong with its name.
        #[source]
        source: crate::WhiteoutError,
    },
    /// More than there may be.
    #[error("the layer has more than {limit} {unit}; if it is meant to be so large, allow more")]
    TooLarge {
        /// How many there may be.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// The archive is cut off or no archive at all.
    #[error("cannot read the layer: it is damaged, or no tar archive")]
    Damaged {
        /// What the reader says.
        #[source]
        source: io::Error,
    },
    /// Who was to take the archive did not.
    #[error("cannot write the layer's archive")]
    Write {
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ArchiveError {
    fn refused(entry: &str, reason: &'static str) -> ArchiveError {
        ArchiveError::Refused { entry: entry.to_owned(), reason }
    }

    fn damaged(source: io::Error) -> ArchiveError {
        ArchiveError::Damaged { source }
    }
}
