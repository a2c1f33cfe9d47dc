//! Layers as values: what an image is made of, without a disk.
//!
//! An image is a stack of layers, each a set of changes to what lies below; a container is one more layer, empty at
//! first and writable. This crate says what that means, exactly, and does no I/O: file systems come in and go out as
//! values. So the same code unpacks what a browser was given, draws what copy-on-write does, and is held to the
//! kernel's overlayfs by a test that lets both do the same thousands of times (`tests/overlay`).
//!
//! | Module | What it holds |
//! |---|---|
//! | [`tree`] | a tree of files in memory: hard links, owners, attributes; with marks of deletion it is a layer |
//! | [`diff`] | `apply` a layer to a tree, the `diff` of two trees as a layer |
//! | `archive` | layers as tar archives, the same bytes for the same layer; diff-ids (feature `archive`) |
//! | [`overlay`] | overlayfs as a model: every call's answer, and what it leaves in the upper directory |
//! | [`change`] | added, modified, deleted: what `docker diff` shows |
//! | [`whiteout`] | how a layer's archive marks what it deletes |
//!
//! ```
//! use minicontainer_layers::{Inode, Overlay, Tree, apply, diff, overlay::Operation};
//!
//! let image = Tree::from([("/etc/motd", Inode::file("hello")), ("/etc/issue", Inode::file("Debian"))]);
//! let mut overlay = Overlay::new(vec![image.clone()], Tree::new());
//! overlay.perform(&Operation::Unlink { path: "/etc/issue".into() });
//!
//! // What overlayfs left in the upper directory is a layer, and the very difference.
//! let mut applied = image.clone();
//! apply(overlay.upper(), &mut applied);
//! assert_eq!(applied, overlay.merged());
//! assert_eq!(*overlay.upper(), diff(&image, &overlay.merged()));
//! ```
#![forbid(unsafe_code)]
// A library never prints: it returns what a caller may print, and `println!` panics where the stream cannot be
// written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[cfg(feature = "archive")]
pub mod archive;
pub mod change;
pub mod diff;
pub mod overlay;
pub mod tree;
pub mod whiteout;

pub use diff::{apply, diff};
pub use overlay::Overlay;
pub use tree::{Inode, InodeId, Kind, Metadata, Tree};
pub use whiteout::{DeletedName, OPAQUE_FILE_NAME, Whiteout, WhiteoutError};
