//! An entry of a stack of trees: its place, and an open descriptor.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, Metadata},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;

use super::{RootFsError, tree::Node};
use crate::host::Owner;

/// The place of an entry in the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryPath {
    /// The path relative to the root. No component is a symbolic link.
    pub(super) path: Vec<u8>,
    /// The indices of the trees that contain it, uppermost first: one, or for a directory all that are merged.
    pub(super) trees: Vec<usize>,
}

impl EntryPath {
    /// The path relative to the root. Empty for the root itself.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// The absolute path in the container.
    pub fn absolute(&self) -> Vec<u8> {
        [b"/", self.path.as_slice()].concat()
    }
}

/// An entry of the merged stack.
#[derive(Debug)]
pub struct Entry {
    /// Where it is.
    pub place: EntryPath,
    /// The open file of the uppermost tree; for directories, followed by those of the other trees.
    pub(super) nodes: Vec<Node>,
    /// The path on the host, for messages.
    pub(super) on_host: PathBuf,
}

impl Entry {
    /// Type, owner, mode and size of the same file that [`open`](Entry::open) opens.
    pub fn metadata(&self) -> &Metadata {
        self.node().metadata()
    }

    /// Its owner, as a container sees it. [`metadata`](Entry::metadata) has the owner on the host.
    pub fn owner(&self) -> Owner {
        self.node().owner()
    }

    /// Opens a regular file for reading, without blocking. Any other type of file is an error.
    pub fn open(&self) -> Result<File, RootFsError> {
        self.node().open().map_err(RootFsError::io("open", &self.on_host))
    }

    /// The target of a symbolic link.
    pub fn target(&self) -> Result<PathBuf, RootFsError> {
        self.node().target().map_err(RootFsError::io("read the symbolic link", &self.on_host))
    }

    /// Extended attributes with their values.
    pub fn attributes(&self) -> Result<Vec<(OsString, Vec<u8>)>, RootFsError> {
        self.node().attributes().map_err(RootFsError::io("read the attributes of", &self.on_host))
    }

    /// Whether it is a whiteout.
    pub fn is_whiteout(&self) -> bool {
        is_whiteout(self.metadata())
    }

    /// Whether it is an opaque directory.
    pub fn is_opaque(&self) -> Result<bool, RootFsError> {
        let opaque = self.metadata().is_dir().then(|| is_opaque(self.node()));
        opaque.unwrap_or(Ok(false)).map_err(RootFsError::io("read the attributes of", &self.on_host))
    }

    fn node(&self) -> &Node {
        // An entry has at least one node.
        &self.nodes[0]
    }
}

/// Whether a file is a whiteout, overlayfs's mark for "deleted".
pub(super) fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

/// Whether a directory hides the directories in lower layers. Mounts of root use an attribute that containers cannot
/// set; mounts of ordinary users (`userxattr`) must use one that users can set.
pub(super) fn is_opaque(directory: &Node) -> io::Result<bool> {
    let name = if geteuid().is_root() { "trusted.overlay.opaque" } else { "user.overlay.opaque" };
    Ok(directory.attribute(name)?.as_deref() == Some(b"y"))
}
