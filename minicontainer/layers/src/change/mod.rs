//! A layer as a set of changes.
//!
//! An image is not one big file system but a stack of layers, and a layer says only what it changes in what lies
//! below: files **added**, files **modified**, files **deleted**. Adding and modifying look the same in a layer,
//! there is simply a file; deleting needs a mark, the **whiteout**. A container is one more layer, empty at first and
//! writable.
//!
//! There are two ways to write the same marks, and both are met here:
//!
//! | | in a layer's tar ([`Whiteout`](crate::Whiteout)) | in an overlay's upper directory ([`Upper`]) |
//! |---|---|---|
//! | `name` is deleted | an empty file `.wh.name` | a character device 0:0 called `name` |
//! | nothing of the directory below shows (it is **opaque**) | an empty file `.wh..wh..opq` in it | the attribute `trusted.overlay.opaque=y` |
//! | rule from | OCI image-spec, *layer.md*, "Whiteouts" | overlayfs, *Documentation/filesystems/overlayfs.rst* |
//!
//! What a container changed is found in two ways as well: [`changes_of_upper`] reads it off the upper directory,
//! which holds nothing but changes; [`diff`] compares two whole [`Listing`]s, for a root file system that is a plain
//! copy. Both give what `docker diff` shows, and a test holds them to the same answer.
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

/// One path that differs from what lies below.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Change {
    /// The path, absolute in the container. Linux takes any bytes but NUL for a name, so it may not be UTF-8.
    #[serde(serialize_with = "as_text")]
    pub path: Vec<u8>,
    /// In what way.
    pub kind: ChangeKind,
}

/// In what way a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// There was nothing.
    Added,
    /// There was something else; of a directory also: something inside it changed.
    Modified,
    /// There is nothing any more.
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

/// JSON has no text but UTF-8: there a byte that is not becomes the replacement character, as in Docker's API.
fn as_text<S: Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(path))
}

/// Sorts as a walk through the tree would meet the paths: `/a`, `/a/b`, `/a-b`. Plain text order would put `/a-b`
/// between a directory and what it holds.
fn sorted(mut changes: Vec<Change>) -> Vec<Change> {
    fn names(change: &Change) -> impl Iterator<Item = &[u8]> {
        change.path.split(|byte| *byte == b'/')
    }
    changes.sort_by(|one, other| names(one).cmp(names(other)));
    changes
}

/// The directory that a path lies in; none for those directly below the root, whose change nobody lists.
fn parent(path: &[u8]) -> Option<&[u8]> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    Some(&path[..slash]).filter(|parent| !parent.is_empty())
}
