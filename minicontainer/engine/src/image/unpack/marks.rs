//! Marks of deletion, kept in overlayfs's language or carried out.
//!
//! A whiteout speaks of the layers below only (OCI image-spec, *layer.md*, "Whiteouts"): what the layer itself brings
//! stays, whether it comes before or after. Kept as a layer by itself that is easy, for nothing else is there. Applied to
//! a directory that holds the layers below, it must be known what this layer has brought.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use tar::EntryType;
use xattr::FileExt;

use super::{Privilege, UnpackError, Whiteouts, entry::EntryPath, unpacker::Unpacker};

/// What this layer itself has brought, while whiteouts are applied. Only hashes of the paths: those of a million paths
/// would take too much memory, and since their key is secret nobody can make two that are equal.
#[derive(Default)]
pub(super) struct Brought {
    key: RandomState,
    hashes: HashSet<u64>,
    /// The parent that was added last: members come in runs of neighbours.
    parent: Option<EntryPath>,
}

impl Brought {
    pub(super) fn add(&mut self, path: &EntryPath, parent: EntryPath) {
        self.hashes.insert(self.key.hash_one(path));
        if self.parent.as_ref() != Some(&parent) {
            for ancestor in parent.ancestors() {
                self.hashes.insert(self.key.hash_one(&ancestor));
            }
            self.parent = Some(parent);
        }
    }

    fn has(&self, path: &EntryPath) -> bool {
        self.hashes.contains(&self.key.hash_one(path))
    }
}

impl Unpacker {
    pub(super) fn hide(&mut self, entry: &EntryPath, parent: &EntryPath, hidden: &[u8]) -> Result<(), UnpackError> {
        let path = parent.join(hidden);
        if self.language == Whiteouts::Applied {
            return match self.tree.enter(parent) {
                Ok(()) => self.delete(&path),
                Err(_) => Ok(()), // Where there is no such directory, nothing has to go.
            };
        }
        self.make_parents(parent, entry)?;
        // A whiteout speaks of the layers below only (layer.md): what this layer itself has there stays.
        match self.tree.is_directory(&path).map_err(entry.failed("look"))? {
            Some(true) => self.set_opaque(&path),
            Some(false) => Ok(()),
            None => {
                self.tree.special(&path, EntryType::Char, 0, 0).map_err(entry.failed("make a whiteout"))?;
                self.remember(path.weight())?;
                self.whiteouts.insert(path);
                Ok(())
            }
        }
    }

    pub(super) fn make_opaque(&mut self, entry: &EntryPath, directory: &EntryPath) -> Result<(), UnpackError> {
        if self.language == Whiteouts::Kept && directory.is_root() {
            return Err(entry.refused("overlayfs cannot make the root of a layer opaque"));
        }
        self.make_parents(directory, entry)?;
        match self.language {
            Whiteouts::Kept => self.set_opaque(directory),
            Whiteouts::Applied => self.delete_inside(directory),
        }
    }

    pub(super) fn set_opaque(&self, path: &EntryPath) -> Result<(), UnpackError> {
        let name = match self.privilege {
            Privilege::Root => "trusted.overlay.opaque",
            Privilege::User => "user.overlay.opaque",
        };
        let directory = self.tree.open_directory(path).map_err(path.failed("open the directory"))?;
        directory.set_xattr(name, b"y").map_err(path.failed("mark the directory opaque"))
    }

    /// Deletes what is at a path but for what this layer has brought there.
    fn delete(&mut self, path: &EntryPath) -> Result<(), UnpackError> {
        match self.tree.is_directory(path).map_err(path.failed("look"))? {
            Some(true) if self.brought.has(path) => self.delete_inside(path),
            Some(false) if self.brought.has(path) => Ok(()),
            _ => self.make_way(path),
        }
    }

    fn delete_inside(&mut self, directory: &EntryPath) -> Result<(), UnpackError> {
        for name in self.tree.names(directory).map_err(directory.failed("list the directory"))? {
            self.delete(&directory.join(&name))?;
        }
        Ok(())
    }
}
