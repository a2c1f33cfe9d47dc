//! The part of a whole tree that belongs in a layer: the changes of a container of the copy driver.
//!
//! An overlay's upper directory contains only changes. The tree of the copy driver contains everything, so it is
//! compared with the image in the same way as by `diff`, and only the differences are packed. A change that `diff`
//! does not detect is therefore not packed: a file whose content was replaced by the same number of bytes, and whose
//! time was restored.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use minicontainer::layers::change::{Change, ChangeKind};

/// Paths that are packed, and names that are marked as deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection {
    packed: BTreeSet<Vec<u8>>,
    /// By the path of their directory.
    deleted: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Selection {
    /// The selection for these changes.
    pub fn of(changes: &[Change]) -> Selection {
        let mut selection = Selection::default();
        for change in changes {
            // The path relative to the root.
            let path = change.path.strip_prefix(b"/").unwrap_or(&change.path);
            if change.kind == ChangeKind::Deleted {
                let slash = path.iter().rposition(|byte| *byte == b'/');
                let (directory, name) = slash.map_or((&[][..], path), |slash| (&path[..slash], &path[slash + 1..]));
                selection.deleted.entry(directory.to_vec()).or_default().push(name.to_vec());
            } else {
                selection.packed.insert(path.to_vec());
            }
        }
        selection
    }

    pub(super) fn has(&self, path: &Path) -> bool {
        self.packed.contains(path.as_os_str().as_bytes())
    }

    /// The names that are no longer in a directory.
    pub(super) fn deleted_in(&self, directory: &Path) -> &[Vec<u8>] {
        self.deleted.get(directory.as_os_str().as_bytes()).map_or(&[], Vec::as_slice)
    }
}
