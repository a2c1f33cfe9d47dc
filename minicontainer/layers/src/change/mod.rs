//! A layer as a set of changes.
//!
//! An image is not one big file system but a stack of layers. A layer contains only its changes to the layers below:
//! files **added**, files **modified**, files **deleted**. An added and a modified file look the same in a layer; a
//! deleted file needs a mark, the **whiteout**. A container adds one more layer, which is writable and empty at
//! first.
//!
//! There are two formats for the same marks, and both are used here:
//!
//! | | in a layer's tar ([`Whiteout`](crate::Whiteout)) | in an overlay's upper directory ([`Upper`]) |
//! |---|---|---|
//! | `name` is deleted | an empty file `.wh.name` | a character device 0:0 called `name` |
//! | the directory below is hidden (this one is **opaque**) | an empty file `.wh..wh..opq` in it | the attribute `trusted.overlay.opaque=y` |
//! | rule from | OCI image-spec, *layer.md*, "Whiteouts" | overlayfs, *Documentation/filesystems/overlayfs.rst* |
//!
//! There are also two ways to find a container's changes: [`changes_of_upper`] reads the upper directory, which
//! contains only changes; [`diff`] compares two whole [`Listing`]s, for a root file system that is a plain copy. Both
//! give the output of `docker diff`, and a test checks that they agree.
//!
//! ```
//! use minicontainer_layers::change::{Listing, Upper, UpperEntry, changes_of_upper, file, directory};
//!
//! let image = Listing::from([("/etc", directory()), ("/etc/motd", file(5)), ("/etc/issue", file(9))]);
//! // In the container: echo hi > /etc/motd; rm /etc/issue; touch /new
//! let upper = [
//!     UpperEntry::new("/etc", Upper::Directory { opaque: false }),
//!     UpperEntry::new("/etc/motd", Upper::Other),
//!     UpperEntry::new("/etc/issue", Upper::Whiteout),
//!     UpperEntry::new("/new", Upper::Other),
//! ];
//! let changes: Vec<String> = changes_of_upper(&upper, &image)?.iter().map(ToString::to_string).collect();
//! assert_eq!(changes, ["C /etc", "D /etc/issue", "C /etc/motd", "A /new"]);
//! # Ok::<(), std::convert::Infallible>(())
//! ```

mod listing;
mod upper;

use std::fmt::{self, Write};

use serde::{Serialize, Serializer};

pub use listing::{Listing, Node, NodeKind, diff, directory, file};
pub use upper::{Lower, Upper, UpperEntry, changes_of_upper};

/// One path that differs from the layers below.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Change {
    /// The path, absolute in the container. Linux allows any bytes but NUL in a name, so it may not be UTF-8.
    #[serde(serialize_with = "as_text")]
    pub path: Vec<u8>,
    /// The kind of change.
    pub kind: ChangeKind,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The path did not exist.
    Added,
    /// The path existed and is different; for a directory also: something inside it changed.
    Modified,
    /// The path no longer exists.
    Deleted,
}

impl ChangeKind {
    /// The letter that `docker diff` shows: `A`, `C` for "changed", or `D`.
    pub fn letter(self) -> char {
        match self {
            ChangeKind::Added => 'A',
            ChangeKind::Modified => 'C',
            ChangeKind::Deleted => 'D',
        }
    }
}

impl Change {
    /// A change of this kind at this path.
    pub fn new(kind: ChangeKind, path: impl Into<Vec<u8>>) -> Change {
        Change { path: path.into(), kind }
    }
}

/// As `docker diff` prints it. Bytes that are not UTF-8 are written as `\xff`, so that two names never look the same.
impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char(self.kind.letter())?;
        formatter.write_char(' ')?;
        for chunk in self.path.utf8_chunks() {
            formatter.write_str(chunk.valid())?;
            write!(formatter, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

/// JSON text is UTF-8: other bytes become the replacement character, as in Docker's API.
fn as_text<S: Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(path))
}

/// Sorts in the order of a walk through the tree: `/a`, `/a/b`, `/a-b`. Plain text order would put `/a-b` between a
/// directory and its entries.
fn sorted(mut changes: Vec<Change>) -> Vec<Change> {
    fn names(change: &Change) -> impl Iterator<Item = &[u8]> {
        change.path.split(|byte| *byte == b'/')
    }
    changes.sort_by(|one, other| names(one).cmp(names(other)));
    changes
}

/// The parent directory of a path; `None` directly below the root, because changes of the root are not listed.
fn parent(path: &[u8]) -> Option<&[u8]> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    Some(&path[..slash]).filter(|parent| !parent.is_empty())
}
