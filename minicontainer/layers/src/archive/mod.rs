//! Layers as tar archives, the format in images.
//!
//! The format is tar with PAX extensions (pax(1), "pax Interchange Format"): each entry is a header of 512 bytes and
//! its content. Values that do not fit into the header (long names, names that are not ASCII, and extended attributes
//! as star(1)'s `SCHILY.xattr.NAME`) are in a record before it. The meaning of the entries is defined in the OCI
//! image-spec, *layer.md*: a second name of a file is a link to the first, and a deleted file is a
//! [`Whiteout`](crate::Whiteout).
//!
//! The **diff-id** of a layer is the digest of its archive, uncompressed. [`write()`] is **reproducible**, so that
//! the same layer always has the same diff-id: names are sorted, user and group names are not written, and no time is
//! later than the given one, which builders take from the variable `SOURCE_DATE_EPOCH`
//! (<https://reproducible-builds.org/specs/source-date-epoch/>).
//!
//! [`read()`] accepts archives from untrusted sources: there are [`Limits`], links are not followed, and an entry
//! that cannot be represented is an error with its name.
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

/// The prefix of an extended attribute's name in a record.
const ATTRIBUTE: &str = "SCHILY.xattr.";

/// The diff-id of a layer: the digest of the output of [`write()`].
///
/// # Errors
/// Those of [`write()`], except output errors.
pub fn diff_id(layer: &crate::Tree, latest: u64) -> Result<Digest, ArchiveError> {
    let mut digester = Digester::new();
    write(layer, latest, &mut digester)?;
    Ok(digester.finish())
}

/// A layer cannot be written or read.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// An entry is invalid, or cannot be written to an archive.
    #[error("refused the layer's entry \"{}\": {reason}", entry.escape_debug())]
    Refused {
        /// The entry's path.
        entry: String,
        /// Why.
        reason: &'static str,
    },
    /// An invalid whiteout.
    #[error("refused the layer's entry \"{}\"", entry.escape_debug())]
    Whiteout {
        /// The entry's path.
        entry: String,
        /// What is wrong with its name.
        #[source]
        source: crate::WhiteoutError,
    },
    /// A limit is exceeded.
    #[error("the layer has more than {limit} {unit}; if it is meant to be so large, allow more")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// Its unit.
        unit: &'static str,
    },
    /// The archive is truncated or is not an archive.
    #[error("cannot read the layer: it is damaged or not a tar archive")]
    Damaged {
        /// The reader's error.
        #[source]
        source: io::Error,
    },
    /// The output failed.
    #[error("cannot write the layer's archive")]
    Write {
        /// Why not.
        #[source]
        source: io::Error,
    },
}

minicontainer_core::plain_diagnostic!(ArchiveError: InvalidInput);

impl ArchiveError {
    fn refused(entry: &str, reason: &'static str) -> ArchiveError {
        ArchiveError::Refused { entry: entry.to_owned(), reason }
    }

    fn damaged(source: io::Error) -> ArchiveError {
        ArchiveError::Damaged { source }
    }
}
