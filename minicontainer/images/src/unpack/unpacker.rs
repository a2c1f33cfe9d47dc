//! Unpacking members one by one as files, directories, links or whiteouts.
//!
//! Some things must be remembered until the end of an archive: the modes and times of its directories; its whiteouts,
//! because later entries may replace them; and, where whiteouts are applied, the paths that it has added. All are
//! bounded.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
};

use minicontainer::host::Owners;
use minicontainer::layers::{Whiteout, WhiteoutError};
use nix::errno::Errno;
use tar::EntryType;

use super::{
    Privilege, Tree, UnpackError, Unpacked, Whiteouts,
    archive::{Archive, Member},
    entry::EntryPath,
    header::device,
    metadata::{FinalAttributes, Metadata},
    parents::{Below, Missing},
    whiteouts::SeenPaths,
};
use crate::warning::warning;

/// The maximum size of a layer: 128 GiB.
const SIZE_LIMIT: u64 = 128 << 30;
/// The maximum number of members.
const MEMBER_LIMIT: u64 = 2 << 20;
/// The memory for directories and whiteouts, enough for a quarter of a million; where whiteouts are applied, it also
/// holds the paths that the layer has added, enough for a million.
const MEMORY_LIMIT: usize = 32 << 20;

pub(super) struct Unpacker {
    pub(super) tree: Tree,
    pub(super) whiteout_mode: Whiteouts,
    pub(super) privilege: Privilege,
    pub(super) owners: Owners,
    /// The number of files that could not keep their owner.
    pub(super) without_owner: u64,
    pub(super) below: Below,
    /// The directory in which an archive that is not a layer is extracted.
    pub(super) destination: EntryPath,
    /// Directories that the archive uses without listing them, and that the layers below have; only for an archive
    /// that is not a layer.
    pub(super) implied: BTreeSet<EntryPath>,
    members: u64,
    /// Directories get their modes and times last: a read-only one must be filled first; filling changes its time.
    pub(super) directories: BTreeMap<EntryPath, FinalAttributes>,
    /// Whiteouts created so far, by path: a directory that replaces one is opaque.
    pub(super) whiteouts: BTreeSet<EntryPath>,
    pub(super) seen_paths: SeenPaths,
    /// Opaque directories whose whiteouts have been applied, so that they contain only files of this layer.
    pub(super) cleared: BTreeSet<EntryPath>,
    /// The approximate memory that these use.
    memory_size: usize,
    outcome: Unpacked,
}

impl Unpacker {
    pub(super) fn new(tree: Tree, whiteout_mode: Whiteouts, privilege: Privilege, below: Below) -> Unpacker {
        let mut directories = BTreeMap::new();
        if whiteout_mode == Whiteouts::Kept {
            directories.insert(EntryPath::root(), Metadata::implied().last);
        }
        Unpacker {
            tree,
            whiteout_mode,
            privilege,
            owners: privilege.owners(),
            without_owner: 0,
            below,
            destination: EntryPath::root(),
            implied: BTreeSet::new(),
            members: 0,
            directories,
            whiteouts: BTreeSet::new(),
            seen_paths: SeenPaths::default(),
            cleared: BTreeSet::new(),
            memory_size: 0,
            outcome: Unpacked::default(),
        }
    }

    pub(super) fn apply(&mut self, mut member: Member, content: &mut Archive<impl Read>) -> Result<(), UnpackError> {
        self.members += 1;
        if self.members > MEMBER_LIMIT {
            return Err(UnpackError::TooLarge { limit: MEMBER_LIMIT, unit: "entries" });
        }
        let path = self.destination.below(&EntryPath::parse(&member.path)?);
        let kind = member.header.entry_type();
        // The original tar format of 1979 has no type for directories, and marks them by a slash at the end.
        let is_directory = kind.is_dir() || (kind.is_file() && member.path.ends_with(b"/"));
        if path == self.destination && self.whiteout_mode == Whiteouts::Literal && is_directory {
            return Ok(()); // As in tar(1), "." stands for the destination, which is there.
        }
        let Some((_, name)) =
            path.split().filter(|_| self.whiteout_mode != Whiteouts::Literal || path != self.destination)
        else {
            if !is_directory {
                return Err(path.refused("the root of a layer can only be a directory"));
            }
            let metadata = self.metadata(&mut member, &path)?;
            return self.set_directory(path, &metadata);
        };
        let parent = path.parent();
        let is_layer = self.whiteout_mode != Whiteouts::Literal;
        if is_layer && parent.has_component(|name| name.starts_with(b".wh..wh.")) {
            return Ok(()); // AUFS metadata in directories, see below.
        }
        if is_layer && parent.has_component(|name| name.starts_with(b".wh.")) {
            return Err(path.refused("it lies below a whiteout"));
        }
        let text = String::from_utf8_lossy(name);
        match if is_layer { Whiteout::parse(&text) } else { Ok(None) } {
            Ok(None) if is_directory => {
                let metadata = self.metadata(&mut member, &path)?;
                let parent = self.resolve_directory(&parent, Missing::Create, &path)?;
                let path = parent.join(name);
                if !is_layer && self.is_link_to_directory(&path)? {
                    return Ok(());
                }
                self.make_directory(&path)?;
                self.note(&path, parent)?;
                self.set_directory(path, &metadata)
            }
            Ok(None) => {
                let metadata = self.metadata(&mut member, &path)?;
                let parent = self.resolve_directory(&parent, Missing::Create, &path)?;
                let path = parent.join(name);
                self.note(&path, parent)?;
                self.make_node(&member, content, &path, &metadata)
            }
            _ if matches!(text, Cow::Owned(_)) => Err(path.refused("a whiteout of a name that is not UTF-8")),
            Ok(Some(Whiteout::Deleted(hidden))) => self.hide(&path, &parent, hidden.as_str().as_bytes()),
            Ok(Some(Whiteout::Opaque)) => self.make_opaque(&path, &parent),
            Err(WhiteoutError::NoEntry { .. }) => Err(path.refused("a whiteout of nothing, of . or of ..")),
            // Internal metadata of AUFS, which Docker used in the past. Docker ignores it, too.
            Err(WhiteoutError::Reserved { .. }) => Ok(()),
        }
    }

    /// Creates any entry except a directory.
    fn make_node(
        &mut self,
        member: &Member,
        content: &mut Archive<impl Read>,
        path: &EntryPath,
        metadata: &Metadata,
    ) -> Result<(), UnpackError> {
        match member.header.entry_type() {
            EntryType::Link => self.link(member, path),
            EntryType::Char | EntryType::Block | EntryType::Fifo => self.make_special(member, path, metadata),
            EntryType::Regular | EntryType::Continuous => {
                self.fill_file(member.size, path, metadata, |file| match &member.sparse {
                    None => io::copy(content, &mut &*file).map(drop),
                    Some(map) => map.fill(file, content),
                })
            }
            EntryType::Symlink => {
                let target = member.link.as_ref().ok_or_else(|| path.refused("a symbolic link to nowhere"))?;
                self.make_parents(path)?;
                self.tree.symlink(path, target).map_err(path.failed("create a symbolic link"))?;
                self.tree.set_unopened(path, metadata, &self.owners).map_err(path.failed("set the owner"))
            }
            _ => Err(path.refused("an entry of a type that no layer has")),
        }
    }

    /// Creates a regular file, whose content `fill` writes.
    pub(super) fn fill_file(
        &mut self,
        size: u64,
        path: &EntryPath,
        metadata: &Metadata,
        fill: impl FnOnce(&File) -> io::Result<()>,
    ) -> Result<(), UnpackError> {
        if self.outcome.size.saturating_add(size) > SIZE_LIMIT {
            return Err(UnpackError::TooLarge { limit: SIZE_LIMIT, unit: "bytes" });
        }
        let file = match self.tree.create(path) {
            Err(Errno::EEXIST) => {
                self.make_parents(path)?;
                self.tree.create(path)
            }
            file => file,
        };
        let file = file.map_err(path.failed("create a file"))?;
        fill(&file).map_err(|source| match source.kind() {
            // Reading failed, not writing: the archive is invalid, or its gzip stream.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                UnpackError::Archive { source }
            }
            _ => path.failed("copy the content")(source),
        })?;
        self.outcome.size += size;
        let warnings = metadata.set(&file, &self.owners).map_err(path.failed("set owner, mode and times"))?;
        self.outcome.warn(warnings);
        Ok(())
    }

    fn make_special(&mut self, member: &Member, path: &EntryPath, metadata: &Metadata) -> Result<(), UnpackError> {
        let kind = member.header.entry_type();
        let (major, minor) = match kind {
            // The device fields of a FIFO have no meaning.
            EntryType::Fifo => (0, 0),
            _ => device(&member.header).map_err(|source| UnpackError::Archive { source })?,
        };
        if kind == EntryType::Char && (major, minor) == (0, 0) {
            return Err(path.refused("a device 0:0, which overlayfs would take for a whiteout"));
        }
        // linux/kdev_t.h: 12 bits and 20 bits. Larger numbers would silently become other devices.
        if major >= 1 << 12 || minor >= 1 << 20 {
            return Err(path.refused("a device number out of range"));
        }
        self.make_parents(path)?;
        if kind != EntryType::Fifo && self.privilege == Privilege::User {
            self.outcome.warn(vec![warning("left-out-device", [("path", path.display().to_string().into())])]);
            return Ok(());
        }
        self.tree.special(path, kind, major, minor).map_err(path.failed("create a special file"))?;
        self.tree.set_unopened(path, metadata, &self.owners).map_err(path.failed("set owner and mode"))
    }

    /// Creates one directory, whose parent exists. Anything else at its path is removed first: a whiteout, or another
    /// entry of this layer. That entry hid the files of the layers below, so the new directory becomes opaque, to
    /// hide them too.
    pub(super) fn make_directory(&mut self, path: &EntryPath) -> Result<(), UnpackError> {
        let replaced = self.tree.is_directory(path).map_err(path.failed("look"))?;
        match replaced {
            Some(true) => return Ok(()),
            Some(false) => self.make_parents(path)?,
            None => {}
        }
        self.tree.make_directory(path).map_err(path.failed("create a directory"))?;
        if replaced.is_some() && self.whiteout_mode == Whiteouts::Kept { self.set_opaque(path) } else { Ok(()) }
    }

    /// Sets owner and attributes of a directory now, and records the rest for the end.
    pub(super) fn set_directory(&mut self, path: EntryPath, metadata: &Metadata) -> Result<(), UnpackError> {
        let directory = self.tree.open_directory(&path).map_err(path.failed("open the directory"))?;
        let warnings = metadata.set_first(&directory, &self.owners).map_err(path.failed("set the owner"))?;
        self.outcome.warn(warnings);
        self.implied.remove(&path);
        let memory_size = path.memory_size() + size_of::<FinalAttributes>();
        match self.directories.insert(path, metadata.last) {
            None => self.remember(memory_size),
            Some(_) => Ok(()),
        }
    }

    /// Removes the file or directory at a path, and what is recorded about it.
    pub(super) fn make_parents(&mut self, path: &EntryPath) -> Result<(), UnpackError> {
        if self.tree.remove(path).map_err(path.failed("remove what was there"))? == Some(true) {
            self.forget(path);
        }
        self.whiteouts.remove(path);
        Ok(())
    }

    fn note(&mut self, path: &EntryPath, parent: EntryPath) -> Result<(), UnpackError> {
        if self.whiteout_mode != Whiteouts::Applied {
            return Ok(());
        }
        let memory_size = self.seen_paths.add(path, parent);
        self.remember(memory_size)
    }

    pub(super) fn remember(&mut self, memory_size: usize) -> Result<(), UnpackError> {
        self.memory_size += memory_size;
        match self.memory_size > MEMORY_LIMIT {
            true => Err(UnpackError::TooLarge { limit: 32, unit: "MiB of paths that must be remembered" }),
            false => Ok(()),
        }
    }

    pub(super) fn finish(mut self) -> Result<Unpacked, UnpackError> {
        self.outcome.warnings.extend(self.owner_warning());
        // Children first: a parent's mode may deny access to its owner.
        for (path, last) in self.directories.iter().rev() {
            // If it was reached by another name through a symbolic link, it may have been replaced since; then there
            // is nothing to set.
            let Ok(directory) = self.tree.open_directory(path) else { continue };
            last.set(&directory, &self.owners).map_err(path.failed("set owner, mode and time"))?;
        }
        Ok(self.outcome)
    }
}
