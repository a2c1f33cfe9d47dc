//! What a stack of trees shows under a name: where it is, and an open descriptor of it.

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

/// Where something is in the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// From the root, which has no name; no part of it is a symbolic link.
    pub(super) path: Vec<u8>,
    /// The numbers of the trees that show it, uppermost first: one, or of a directory all that are merged.
    pub(super) trees: Vec<usize>,
}

impl Place {
    /// The path from the root, which is empty itself.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// The same with a slash before it, as it is called inside of the container.
    pub fn absolute(&self) -> Vec<u8> {
        [b"/", self.path.as_slice()].concat()
    }
}

/// What the stack shows under a name.
#[derive(Debug)]
pub struct Entry {
    /// Where it is.
    pub place: Place,
    /// The uppermost tree's, opened; of directories the others follow.
    pub(super) nodes: Vec<Node>,
    /// The path on the host, for messages.
    pub(super) on_host: PathBuf,
}

impl Entry {
    /// Kind, owner, mode and size, of the very file that [`open`](Entry::open) opens.
    pub fn metadata(&self) -> &Metadata {
        self.node().metadata()
    }

    /// Opens a regular file to be read; anything else is refused, and nothing is waited for.
    pub fn open(&self) -> Result<File, RootFsError> {
        self.node().open().map_err(RootFsError::io("open", &self.on_host))
    }

    /// What a symbolic link says.
    pub fn target(&self) -> Result<PathBuf, RootFsError> {
        self.node().target().map_err(RootFsError::io("read the symbolic link", &self.on_host))
    }

    /// Extended attributes with their values.
    pub fn attributes(&self) -> Result<Vec<(OsString, Vec<u8>)>, RootFsError> {
        self.node().attributes().map_err(RootFsError::io("read the attributes of", &self.on_host))
    }

    /// Overlay's mark for "deleted".
    pub fn is_whiteout(&self) -> bool {
        is_whiteout(self.metadata())
    }

    /// Whether it is a directory that hides what lies below it.
    pub fn is_opaque(&self) -> Result<bool, RootFsError> {
        let opaque = self.metadata().is_dir().then(|| is_opaque(self.node()));
        opaque.unwrap_or(Ok(false)).map_err(RootFsError::io("read the attributes of", &self.on_host))
    }

    fn node(&self) -> &Node {
        // Nothing is shown that was not found.
        &self.nodes[0]
    }
}

/// Overlay's mark for "deleted".
pub(super) fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

/// Whether a directory hides what lies below it. Root's mounts keep the mark where containers cannot set it,
/// an ordinary user's (`userxattr`) have to keep it among the attributes that users may set.
pub(super) fn is_opaque(directory: &Node) -> io::Result<bool> {
    let name = if geteuid().is_root() { "trusted.overlay.opaque" } else { "user.overlay.opaque" };
    Ok(directory.attribute(name)?.as_deref() == Some(b"y"))
}
