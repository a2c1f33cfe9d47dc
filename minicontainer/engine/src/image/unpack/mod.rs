//! A layer's tar archive becomes a directory tree that overlayfs can stack.
//!
//! A layer is a tar archive of *changes* (OCI image-spec, *layer.md*): files added or modified, and **whiteouts**,
//! empty files whose names say what the layer removes from the layers below. `a/.wh.b` hides `a/b`;
//! `a/.wh..wh..opq` makes `a` **opaque**, hiding everything below that `a` held. Overlayfs says the same in its own
//! way: a whiteout is a character device 0:0, an opaque directory has the extended attribute `trusted.overlay.opaque`
//! (an ordinary user's overlay: `user.overlay.opaque`); see the kernel's *overlayfs.rst*. So unpacking translates.
//!
//! Whoever made the archive may be an attacker who knows this code. Three rules hold:
//!
//! 1. **No path of the archive is ever a path of the host.** All are looked up below a descriptor of the layer's root
//!    by openat2(2) with `RESOLVE_IN_ROOT`: the kernel itself treats that directory as `/`, so neither `..` nor a
//!    symbolic link leads out, not even one that appears while we look. See [`tree`].
//! 2. **Nothing is opened that the archive may have prepared.** What stands in the way is removed first and the new
//!    file is made with `O_EXCL`, so no write goes through a hard link or a symbolic link.
//! 3. **Overlay's own language is not accepted from outside**: devices 0:0 and `*.overlay.*` attributes in an archive
//!    would hide or redirect files of other layers.
//!
//! Each layer is unpacked by itself, not on top of the others, so it can be shared by all images that have it. A
//! directory that an archive uses without listing it gets mode 0755 and belongs to root.
//!
//! Root keeps owners, devices and all attributes. An ordinary user has one id to give: all files become the user's
//! own (in the container: root's), devices are left out with a warning, and so are attributes that need powers.

mod entry;
mod error;
#[cfg(test)]
mod tests;
mod tree;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    path::Path,
};

use minicontainer::core::layer::{Whiteout, WhiteoutError};
use tar::{Archive, EntryType};
use xattr::FileExt;

pub(super) use entry::Privilege;
use entry::{EntryPath, Metadata};
pub use error::UnpackError;
pub(super) use tree::Tree;

/// More entries than any honest layer has.
const ENTRY_LIMIT: u64 = 4 << 20;
/// More bytes than any honest layer has: 128 GiB.
const SIZE_LIMIT: u64 = 128 << 30;

/// What came of unpacking.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// Bytes in files.
    pub(super) size: u64,
    /// What could not be kept, in words.
    pub(super) warnings: BTreeSet<String>,
}

/// Unpacks a tar archive into an empty directory.
pub(super) fn unpack(tar: impl Read, directory: &Path, privilege: Privilege) -> Result<Unpacked, UnpackError> {
    let root = Tree::open(directory).map_err(|source| UnpackError::Archive { source })?;
    let mut unpacker = Unpacker {
        tree: root,
        privilege,
        directories: BTreeMap::from([(EntryPath::root(), Metadata::implied())]),
        whiteouts: BTreeSet::new(),
        outcome: Unpacked::default(),
    };
    let mut archive = Archive::new(tar);
    let damaged = |source| UnpackError::Archive { source };
    for (count, entry) in (1..).zip(archive.entries().map_err(damaged)?) {
        if count > ENTRY_LIMIT {
            return Err(UnpackError::TooLarge { limit: ENTRY_LIMIT, unit: "entries" });
        }
        unpacker.apply(&mut entry.map_err(damaged)?)?;
    }
    unpacker.finish()
}

struct Unpacker {
    tree: Tree,
    privilege: Privilege,
    /// Directories get their modes and times last: a read-only one must be filled first, and filling changes its time.
    directories: BTreeMap<EntryPath, Metadata>,
    /// Whiteouts made so far, by path: a directory that takes the place of one is opaque.
    whiteouts: BTreeSet<EntryPath>,
    outcome: Unpacked,
}

impl Unpacker {
    fn apply(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), UnpackError> {
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            return Ok(());
        }
        let raw = entry.path_bytes().into_owned();
        let path = EntryPath::parse(&raw)?;
        // The tar of 1979 has no type for directories, only the slash.
        let is_directory = kind.is_dir() || (kind.is_file() && raw.ends_with(b"/"));
        let Some((parent, name)) = path.split() else {
            if !is_directory {
                return Err(path.refused("the root of a layer can only be a directory"));
            }
            let metadata = Metadata::read(entry, &path)?;
            self.directories.insert(path, metadata);
            return Ok(());
        };
        let text = String::from_utf8_lossy(name);
        match Whiteout::parse(&text) {
            Ok(None) if is_directory => {
                let metadata = Metadata::read(entry, &path)?;
                self.make_parents(&parent, &path)?;
                self.make_directory(&path)?;
                self.directories.insert(path, metadata);
                Ok(())
            }
            Ok(None) => self.make_node(entry, kind, &path, &parent),
            _ if matches!(text, Cow::Owned(_)) => Err(path.refused("a whiteout of a name that is no UTF-8")),
            Ok(Some(Whiteout::Deleted(hidden))) => self.hide(&path, &parent, hidden.as_str().as_bytes()),
            Ok(Some(Whiteout::Opaque)) => self.make_opaque(&path, &parent),
            Err(WhiteoutError::NoEntry { .. }) => Err(path.refused("a whiteout of nothing, of . or of ..")),
            // Notes of AUFS's own, from the days when Docker used it. Docker passes them over, too.
            Err(WhiteoutError::Reserved { .. }) => Ok(()),
        }
    }

    /// Everything but directories.
    fn make_node(
        &mut self,
        entry: &mut tar::Entry<'_, impl Read>,
        kind: EntryType,
        path: &EntryPath,
        parent: &EntryPath,
    ) -> Result<(), UnpackError> {
        let metadata = Metadata::read(entry, path)?;
        self.make_parents(parent, path)?;
        match kind {
            EntryType::Link => return self.link(entry, path),
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                return self.make_special(entry, kind, path, &metadata);
            }
            _ => {}
        }
        self.make_way(path)?;
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let size = entry.size();
                if self.outcome.size.saturating_add(size) > SIZE_LIMIT {
                    return Err(UnpackError::TooLarge { limit: SIZE_LIMIT, unit: "bytes" });
                }
                let file = self.tree.create(path).map_err(path.failed("create a file"))?;
                let copied = io::copy(entry, &mut &file).map_err(path.failed("copy the content"))?;
                if copied != size {
                    return Err(UnpackError::Archive { source: io::ErrorKind::UnexpectedEof.into() });
                }
                self.outcome.size += size;
                let unkept = metadata.set(&file, self.privilege).map_err(path.failed("set owner, mode and times"))?;
                self.outcome.warnings.extend(unkept);
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().ok_or_else(|| path.refused("a symbolic link to nowhere"))?;
                self.tree.symlink(path, &target).map_err(path.failed("make a symbolic link"))?;
                self.tree.set_unopened(path, &metadata, self.privilege).map_err(path.failed("set the owner"))?;
            }
            _ => return Err(path.refused("an entry of a type that no layer has")),
        }
        Ok(())
    }

    fn link(&mut self, entry: &tar::Entry<'_, impl Read>, path: &EntryPath) -> Result<(), UnpackError> {
        let raw = entry.link_name_bytes().ok_or_else(|| path.refused("a hard link to nothing"))?;
        let target = EntryPath::parse(&raw)?;
        if target.split().is_none() || self.whiteouts.contains(&target) {
            return Err(path.refused("a hard link to something that cannot have one"));
        }
        if self.tree.same_file(&target, path).map_err(path.failed("find the target of a hard link"))? {
            return Ok(());
        }
        self.make_way(path)?;
        self.tree.link(&target, path).map_err(path.failed("make a hard link"))
    }

    fn make_special(
        &mut self,
        entry: &tar::Entry<'_, impl Read>,
        kind: EntryType,
        path: &EntryPath,
        metadata: &Metadata,
    ) -> Result<(), UnpackError> {
        let header = entry.header();
        let number = |value: io::Result<Option<u32>>| value.map(Option::unwrap_or_default);
        let device = number(header.device_major()).and_then(|major| Ok((major, number(header.device_minor())?)));
        let (major, minor) = device.map_err(|source| UnpackError::Archive { source })?;
        if kind == EntryType::Char && (major, minor) == (0, 0) {
            return Err(path.refused("a device 0:0, which overlayfs would take for a whiteout"));
        }
        // linux/kdev_t.h: 12 bits and 20 bits. Larger numbers would silently become other devices.
        if major >= 1 << 12 || minor >= 1 << 20 {
            return Err(path.refused("a device number out of range"));
        }
        self.make_way(path)?;
        if kind != EntryType::Fifo && self.privilege == Privilege::User {
            let warning = format!("left out the device {}: only root can make one", path.display());
            self.outcome.warnings.insert(warning);
            return Ok(());
        }
        self.tree.special(path, kind, major, minor).map_err(path.failed("make a special file"))?;
        self.tree.set_unopened(path, metadata, self.privilege).map_err(path.failed("set owner and mode"))
    }

    fn hide(&mut self, entry: &EntryPath, parent: &EntryPath, hidden: &[u8]) -> Result<(), UnpackError> {
        self.make_parents(parent, entry)?;
        let path = parent.join(hidden);
        // A whiteout speaks of the layers below only (layer.md): what this layer itself has there stays.
        match self.tree.is_directory(&path).map_err(entry.failed("look"))? {
            Some(true) => self.set_opaque(&path),
            Some(false) => Ok(()),
            None => {
                self.tree.special(&path, EntryType::Char, 0, 0).map_err(entry.failed("make a whiteout"))?;
                self.whiteouts.insert(path);
                Ok(())
            }
        }
    }

    fn make_opaque(&mut self, entry: &EntryPath, directory: &EntryPath) -> Result<(), UnpackError> {
        if directory.split().is_none() {
            return Err(entry.refused("overlayfs cannot make the root of a layer opaque"));
        }
        self.make_parents(directory, entry)?;
        self.set_opaque(directory)
    }

    fn set_opaque(&self, path: &EntryPath) -> Result<(), UnpackError> {
        let name = match self.privilege {
            Privilege::Root => "trusted.overlay.opaque",
            Privilege::User => "user.overlay.opaque",
        };
        let directory = self.tree.open_directory(path).map_err(path.failed("open the directory"))?;
        directory.set_xattr(name, b"y").map_err(path.failed("mark the directory opaque"))
    }

    /// Makes the directories that lead to an entry and that the archive did not list.
    fn make_parents(&mut self, directory: &EntryPath, entry: &EntryPath) -> Result<(), UnpackError> {
        if self.tree.enter(directory).is_ok() {
            return Ok(());
        }
        for path in directory.ancestors() {
            if self.tree.enter(&path).is_err() {
                let in_the_way = self.tree.is_directory(&path).map_err(path.failed("look"))?.is_some();
                if in_the_way && !self.whiteouts.contains(&path) {
                    return Err(entry.refused("one of its parents is no directory"));
                }
                self.make_directory(&path)?;
                self.directories.entry(path).or_insert_with(Metadata::implied);
            }
        }
        self.tree.enter(directory).map_err(entry.failed("enter its directory"))
    }

    /// Makes one directory, whose parent is there. What else is there gives way; if that is a whiteout, then the
    /// directory goes on hiding what the whiteout hid.
    fn make_directory(&mut self, path: &EntryPath) -> Result<(), UnpackError> {
        let replaces_whiteout = self.whiteouts.contains(path);
        match self.tree.is_directory(path).map_err(path.failed("look"))? {
            Some(true) => return Ok(()),
            Some(false) => self.make_way(path)?,
            None => {}
        }
        self.tree.make_directory(path).map_err(path.failed("make a directory"))?;
        if replaces_whiteout { self.set_opaque(path) } else { Ok(()) }
    }

    /// Removes what is at a path, with what is known of it.
    fn make_way(&mut self, path: &EntryPath) -> Result<(), UnpackError> {
        if self.tree.remove(path).map_err(path.failed("remove what was there"))? == Some(true) {
            self.whiteouts.retain(|whiteout| !whiteout.is_within(path));
            self.directories.retain(|directory, _| !directory.is_within(path));
        }
        self.whiteouts.remove(path);
        Ok(())
    }

    fn finish(mut self) -> Result<Unpacked, UnpackError> {
        // Children first: a parent may end up closed to its owner.
        for (path, metadata) in self.directories.iter().rev() {
            // Reached by another name through a symbolic link, it may have been replaced since: then nothing is lost.
            let Ok(directory) = self.tree.open_directory(path) else { continue };
            let unkept = metadata.set(&directory, self.privilege).map_err(path.failed("set owner, mode and times"))?;
            self.outcome.warnings.extend(unkept);
        }
        Ok(self.outcome)
    }
}
