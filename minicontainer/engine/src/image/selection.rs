//! What of a whole tree belongs into a layer: what a container changed in a copy of its image.
//!
//! An overlay's upper directory holds nothing but changes. The copy driver's tree holds everything, so it is compared
//! with the image as `diff` compares it, and of the tree only what that tells is packed. So what `diff` does not see does
//! not get into the layer either: a file whose content was replaced by as many bytes and whose time was set back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Component,
};

use minicontainer::layers::change::{Change, ChangeKind};

use super::unpack::EntryPath;

/// Paths that are packed, and names that are marked as deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection {
    packed: BTreeSet<String>,
    /// By the path of their directory.
    deleted: BTreeMap<String, Vec<String>>,
}

impl Selection {
    /// What changes make of it.
    pub fn of(changes: &[Change]) -> Selection {
        let mut selection = Selection::default();
        for change in changes {
            match (change.kind, change.path.rsplit_once('/')) {
                (ChangeKind::Deleted, Some((directory, name))) => {
                    selection.deleted.entry(directory.to_owned()).or_default().push(name.to_owned());
                }
                _ => drop(selection.packed.insert(change.path.clone())),
            }
        }
        selection
    }

    pub(super) fn has(&self, path: &EntryPath) -> bool {
        self.packed.contains(&absolute(path))
    }

    /// The names that are no longer in a directory.
    pub(super) fn deleted_in(&self, directory: &EntryPath) -> &[String] {
        self.deleted.get(&absolute(directory)).map_or(&[], Vec::as_slice)
    }
}

/// As changes have it: from the root, which itself has no name.
fn absolute(path: &EntryPath) -> String {
    let inside = path.as_path().components().filter(|part| matches!(part, Component::Normal(_)));
    inside.map(|name| format!("/{}", name.as_os_str().to_string_lossy())).collect()
}
