//! Image layers as values, without a disk.
//!
//! An image is a stack of layers, each a set of changes to the layers below. A container adds one more layer, which
//! is writable and empty at first. This crate models layers exactly and does no I/O: file systems are passed in and
//! returned as values. So it also compiles to WebAssembly. A test compares it
//! with the kernel's overlayfs by performing thousands of operations on both (`tests/overlay`).
//!
//! | Module | What it contains |
//! |---|---|
//! | [`tree`] | a tree of files in memory: hard links, owners, attributes; with whiteouts it is a layer |
//! | [`diff`](mod@diff) | `apply` a layer to a tree, the `diff` of two trees as a layer |
//! | `archive` | layers as tar archives, the same bytes for the same layer; diff-ids (feature `archive`) |
//! | [`overlay`] | a model of overlayfs: the result of every call, and its changes in the upper directory |
//! | [`change`] | added, modified, deleted: the output of `docker diff` |
//! | [`whiteout`] | how a layer's archive marks deleted files |
//!
//! ```
//! use minicontainer_layers::{Inode, Overlay, Tree, apply, diff, overlay::Operation};
//!
//! let image = Tree::from([("/etc/motd", Inode::file("hello")), ("/etc/issue", Inode::file("Debian"))]);
//! let mut overlay = Overlay::new(vec![image.clone()], Tree::new());
//! overlay.perform(&Operation::Unlink { path: "/etc/issue".into() });
//!
//! // The upper directory is a layer: the difference between the image and the merged tree.
//! let mut applied = image.clone();
//! apply(overlay.upper(), &mut applied);
//! assert_eq!(applied, overlay.merged());
//! assert_eq!(*overlay.upper(), diff(&image, &overlay.merged()));
//! ```
#![forbid(unsafe_code)]
// A library never prints: it returns what a caller may print, and `println!` panics if the stream cannot be written.
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
