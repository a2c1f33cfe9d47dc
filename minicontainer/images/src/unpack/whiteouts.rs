//! Whiteouts in a layer: kept in the format of overlayfs, or applied.
//!
//! A whiteout applies to the layers below only (OCI image-spec, *layer.md*, "Whiteouts"): files of the layer itself
//! stay, whether they come before or after. For a layer that is kept by itself this is easy, because the directory
//! contains nothing else. If a layer is applied to a directory with the layers below, the paths that this layer has
//! added must be known.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use nix::{dir::Type, errno::Errno};
use tar::EntryType;
use xattr::FileExt;

use super::{Privilege, UnpackError, Whiteouts, entry::EntryPath, parents::Missing, unpacker::Unpacker};

const OPAQUE_ROOT: &str = "overlayfs cannot make the root of a layer opaque";

/// The paths that this layer itself has added, while whiteouts are applied. Only hashes are stored, because a million
/// paths would take too much memory. The key of the hash is secret, so an attacker cannot create collisions.
#[derive(Default)]
pub(super) struct SeenPaths {
    key: RandomState,
    hashes: HashSet<u64>,
    /// The parent that was added last: members of one directory usually follow each other.
    parent: Option<EntryPath>,
}

/// The maximum memory for one of the hashes: one byte more than its size, in a table that is at least 7/16 full, and
/// the table of half the size while it grows.
const HASH_WEIGHT: usize = 32;

impl SeenPaths {
    /// Adds a path and its ancestors; returns the approximate additional memory. Symbolic links can lead to one
    /// directory by many paths, so there may be many more paths than members.
    pub(super) fn add(&mut self, path: &EntryPath, parent: EntryPath) -> usize {
        let before = self.hashes.len();
        self.hashes.insert(self.key.hash_one(path));
        if self.parent.as_ref() != Some(&parent) {
            for ancestor in parent.ancestors() {
                self.hashes.insert(self.key.hash_one(&ancestor));
            }
            self.parent = Some(parent);
        }
        (self.hashes.len() - before) * HASH_WEIGHT
    }

    fn has(&self, path: &EntryPath) -> bool {
        self.hashes.contains(&self.key.hash_one(path))
    }
}

impl Unpacker {
    pub(super) fn hide(&mut self, entry: &EntryPath, parent: &EntryPath, hidden: &[u8]) -> Result<(), UnpackError> {
        if self.whiteout_mode == Whiteouts::Applied {
            let parent = self.resolve_directory(parent, Missing::Leave, entry)?;
            return match self.tree.enter(&parent) {
                Ok(()) => self.delete(&parent.join(hidden)),
                Err(_) => Ok(()), // Without such a directory there is nothing to delete.
            };
        }
        let path = self.resolve_directory(parent, Missing::Create, entry)?.join(hidden);
        // A whiteout applies to the layers below only (layer.md): what this layer itself has added there stays.
        match self.tree.is_directory(&path).map_err(entry.failed("look"))? {
            Some(true) => self.set_opaque(&path),
            Some(false) => Ok(()),
            None => {
                self.tree.special(&path, EntryType::Char, 0, 0).map_err(entry.failed("create a whiteout"))?;
                self.remember(path.memory_size())?;
                self.whiteouts.insert(path);
                Ok(())
            }
        }
    }

    pub(super) fn make_opaque(&mut self, entry: &EntryPath, directory: &EntryPath) -> Result<(), UnpackError> {
        let directory = self.resolve_directory(directory, Missing::Create, entry)?;
        match self.whiteout_mode {
            Whiteouts::Kept if directory.is_root() => Err(entry.refused(OPAQUE_ROOT)),
            Whiteouts::Kept | Whiteouts::Literal => self.set_opaque(&directory),
            Whiteouts::Applied => self.delete_inside(&directory),
        }
    }

    pub(super) fn set_opaque(&self, path: &EntryPath) -> Result<(), UnpackError> {
        let directory = self.tree.open_directory(path).map_err(path.failed("open the directory"))?;
        directory.set_xattr(self.opaque_name(), b"y").map_err(path.failed("mark the directory opaque"))
    }

    /// Whether this layer's own directory hides what the layers below have in it.
    pub(super) fn is_opaque(&self, path: &EntryPath) -> Result<bool, UnpackError> {
        let directory = match self.tree.open_directory(path) {
            // This layer has no directory there.
            Err(Errno::ENOENT) => return Ok(false),
            directory => directory.map_err(path.failed("open the directory"))?,
        };
        let value = directory.get_xattr(self.opaque_name()).map_err(path.failed("read the attributes"))?;
        Ok(value.as_deref() == Some(b"y"))
    }

    fn opaque_name(&self) -> &'static str {
        match self.privilege {
            Privilege::Root => "trusted.overlay.opaque",
            Privilege::User => "user.overlay.opaque",
        }
    }

    /// Deletes the file or directory at a path, except what this layer has added there.
    fn delete(&mut self, path: &EntryPath) -> Result<(), UnpackError> {
        match self.tree.is_directory(path).map_err(path.failed("look"))? {
            Some(true) if self.seen_paths.has(path) => self.delete_inside(path),
            Some(false) if self.seen_paths.has(path) => Ok(()),
            _ => self.make_parents(path),
        }
    }

    /// Deletes the contents of a directory, except what this layer has added there. A second call has nothing to do,
    /// so an archive with a thousand whiteouts for a large directory cannot cause a thousand listings of it.
    fn delete_inside(&mut self, directory: &EntryPath) -> Result<(), UnpackError> {
        if self.cleared.contains(directory) {
            return Ok(());
        }
        let mut inside = Vec::new();
        let mut listing = self.tree.list(directory).map_err(directory.failed("list the directory"))?;
        for entry in listing.iter() {
            let entry = entry.map_err(directory.failed("list the directory"))?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let path = directory.join(name);
            if !self.seen_paths.has(&path) {
                self.make_parents(&path)?;
            } else if entry.file_type().is_none_or(|kind| kind == Type::Directory) {
                // Visited after this one is closed: directories can be nested more deeply than files can be open.
                inside.push(path);
            }
        }
        drop(listing);
        for path in inside {
            if self.tree.is_directory(&path).map_err(path.failed("look"))? == Some(true) {
                self.delete_inside(&path)?;
            }
        }
        self.remember(directory.memory_size())?;
        self.cleared.insert(directory.clone());
        Ok(())
    }

    /// Discards what is recorded about a removed directory and the directories in it.
    pub(super) fn forget(&mut self, directory: &EntryPath) {
        for paths in [&mut self.whiteouts, &mut self.cleared, &mut self.implied] {
            let inside = paths.range(directory.first_below()..).take_while(|one| one.is_below(directory));
            for path in inside.cloned().collect::<Vec<_>>() {
                paths.remove(&path);
            }
        }
        let inside = self.directories.range(directory.first_below()..).map(|(path, _)| path);
        for path in inside.take_while(|one| one.is_below(directory)).cloned().collect::<Vec<_>>() {
            self.directories.remove(&path);
        }
        self.directories.remove(directory);
        self.cleared.remove(directory);
        self.implied.remove(directory);
    }
}
