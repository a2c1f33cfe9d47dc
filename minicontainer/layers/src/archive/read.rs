//! Reads a layer from an archive.

use std::{
    io::{self, Read},
    mem,
};

use tar::{EntryType, Header};

use super::{ArchiveError, extension::Extension};
use crate::{
    Whiteout,
    tree::{DeviceClass, Inode, InodeId, Kind, Metadata, Tree},
};

/// The longest path in Linux, `PATH_MAX`.
const LONGEST_PATH: usize = 4096;
/// The longest name in it, `NAME_MAX`.
const LONGEST_NAME: usize = 255;
/// The limit on names and attributes of one entry, in bytes. No ordinary entry reaches it.
const LARGEST_EXTENSION: u64 = 1 << 20;

/// The largest layer that is read into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries in the archive.
    pub entries: u64,
    /// Bytes in files, names and attributes.
    pub bytes: u64,
}

/// A million entries and 1 GiB.
impl Default for Limits {
    fn default() -> Limits {
        Limits { entries: 1 << 20, bytes: 1 << 30 }
    }
}

/// Reads a layer from an uncompressed tar archive. Directories that are not listed are owned by root, with mode 0755.
/// Extended attributes of overlayfs are ignored.
///
/// # Errors
/// When the archive is damaged, exceeds the limits, or has an entry that a layer cannot have: a path with `..`, a
/// name that is not UTF-8, a hard link to a file that is not in the layer, or a whiteout of overlayfs.
pub fn read(archive: impl Read, limits: Limits) -> Result<Tree, ArchiveError> {
    let mut archive = tar::Archive::new(archive);
    let mut reader = Reader { layer: Tree::new(), next: Extension::default(), left: limits.bytes, limits };
    let entries = archive.entries().map_err(ArchiveError::damaged)?.raw(true);
    for (count, entry) in (1..).zip(entries) {
        if count > limits.entries {
            return Err(ArchiveError::TooLarge { limit: limits.entries, unit: "entries" });
        }
        reader.take(entry.map_err(ArchiveError::damaged)?)?;
    }
    Ok(reader.layer)
}

struct Reader {
    layer: Tree,
    next: Extension,
    /// The remaining bytes of the limit.
    left: u64,
    limits: Limits,
}

impl Reader {
    fn take(&mut self, mut entry: tar::Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        let kind = entry.header().entry_type();
        let size = entry.header().entry_size().map_err(ArchiveError::damaged)?;
        match kind {
            EntryType::XGlobalHeader => return Ok(()),
            EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink if size > LARGEST_EXTENSION => {
                return Err(ArchiveError::TooLarge {
                    limit: LARGEST_EXTENSION,
                    unit: "bytes of names and attributes",
                });
            }
            EntryType::XHeader => {
                let records = self.content(&mut entry, size)?;
                return self.next.add_records(&records);
            }
            EntryType::GNULongName => {
                self.next.path = Some(terminated(self.content(&mut entry, size)?));
                return Ok(());
            }
            EntryType::GNULongLink => {
                self.next.target = Some(terminated(self.content(&mut entry, size)?));
                return Ok(());
            }
            _ => {}
        }
        let extension = mem::take(&mut self.next);
        let raw = extension.path.clone().unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let path = Path::parse(&raw)?;
        if extension.size.is_some_and(|recorded| recorded != size) {
            return Err(path.refused("it has two different sizes"));
        }
        // The original tar format of 1979 has no type for directories, and marks them by a slash at the end.
        let is_directory = kind.is_dir() || (kind.is_file() && raw.ends_with(b"/"));
        let mark = path.mark()?;
        if is_directory && mark.is_none() {
            let metadata = metadata(entry.header(), extension, &path)?;
            let id = self.directory(&path.names);
            self.layer.inode_mut(id).metadata = metadata;
            return Ok(());
        }
        let Some((name, above)) = path.names.split_last() else {
            return Err(path.refused("the root of a layer can only be a directory"));
        };
        let directory = self.directory(above);
        match mark {
            Some(mark) => self.mark(directory, &mark),
            None if kind.is_hard_link() => {
                let target = extension.target.or(entry.link_name_bytes().map(|name| name.into_owned()));
                let id = self.linked(&path, &target.unwrap_or_default())?;
                self.layer.put(directory, name, id);
            }
            None => {
                let kind = self.kind(&mut entry, &path, extension.target.clone())?;
                let mut inode = Inode::new(kind, 0);
                inode.metadata = metadata(entry.header(), extension, &path)?;
                let id = self.layer.add(inode);
                self.layer.put(directory, name, id);
            }
        }
        Ok(())
    }

    /// The directory at this path, which is created if it does not exist. If it replaces a whiteout, it is opaque,
    /// because the whiteout hides everything below.
    fn directory(&mut self, names: &[String]) -> InodeId {
        let mut directory = Tree::ROOT;
        for name in names {
            let there = self.layer.entry(directory, name);
            directory = match there.filter(|id| self.layer.inode(*id).is_directory()) {
                Some(id) => id,
                None => {
                    let id = self.layer.add(Inode::directory());
                    self.set_opaque(id, there.is_some_and(|id| self.layer.inode(id).is_whiteout()));
                    self.layer.put(directory, name, id);
                    id
                }
            };
        }
        directory
    }

    fn set_opaque(&mut self, id: InodeId, is_opaque: bool) {
        if let Kind::Directory { opaque, .. } = &mut self.layer.inode_mut(id).kind {
            *opaque |= is_opaque;
        }
    }

    /// A whiteout applies to the layers below, not to this layer itself.
    fn mark(&mut self, directory: InodeId, mark: &Whiteout) {
        let name = match mark {
            Whiteout::Opaque => return self.set_opaque(directory, true),
            Whiteout::Deleted(name) => name.as_str(),
        };
        match self.layer.entry(directory, name) {
            Some(id) => self.set_opaque(id, true),
            None => {
                let mark = self.layer.add(Inode::whiteout());
                self.layer.put(directory, name, mark);
            }
        }
    }

    fn linked(&self, path: &Path, target: &[u8]) -> Result<InodeId, ArchiveError> {
        let target = Path::parse(target)?;
        let found = target.names.iter().try_fold(Tree::ROOT, |directory, name| self.layer.entry(directory, name));
        let is_file = |id: &InodeId| !self.layer.inode(*id).is_directory() && !self.layer.inode(*id).is_whiteout();
        found.filter(is_file).ok_or_else(|| path.refused("it is a hard link to a file that is not in this layer"))
    }

    fn kind(
        &mut self,
        entry: &mut tar::Entry<'_, impl Read>,
        path: &Path,
        target: Option<Vec<u8>>,
    ) -> Result<Kind, ArchiveError> {
        let header = entry.header().clone();
        match header.entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                let size = header.entry_size().map_err(ArchiveError::damaged)?;
                Ok(Kind::File { content: self.content(entry, size)?.into() })
            }
            EntryType::Symlink => {
                let target = target.or(entry.link_name_bytes().map(|name| name.into_owned())).unwrap_or_default();
                match String::from_utf8(target) {
                    Ok(target) if !target.is_empty() && target.len() < LONGEST_PATH => Ok(Kind::Symlink { target }),
                    _ => Err(path.refused("its link target is empty, too long or not UTF-8")),
                }
            }
            EntryType::Fifo => Ok(Kind::Fifo),
            EntryType::Char => device(&header, DeviceClass::Character, path),
            EntryType::Block => device(&header, DeviceClass::Block, path),
            _ => Err(path.refused("a layer cannot contain this kind of file")),
        }
    }

    /// Reads an entry's content. Memory grows with the actual content, not with the size in the header.
    fn content(&mut self, entry: &mut impl Read, size: u64) -> Result<Vec<u8>, ArchiveError> {
        let too_large = ArchiveError::TooLarge { limit: self.limits.bytes, unit: "bytes" };
        self.left = self.left.checked_sub(size).ok_or(too_large)?;
        let mut content = Vec::new();
        entry.take(size).read_to_end(&mut content).map_err(ArchiveError::damaged)?;
        match content.len() as u64 == size {
            true => Ok(content),
            false => Err(ArchiveError::damaged(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// The path of an entry.
struct Path {
    names: Vec<String>,
}

impl Path {
    /// An absolute path is below the layer's root, as in tar(1). A path with `..` is rejected.
    fn parse(raw: &[u8]) -> Result<Path, ArchiveError> {
        let refused = |reason| ArchiveError::refused(&String::from_utf8_lossy(raw), reason);
        let text = str::from_utf8(raw).map_err(|_| refused("its path is not UTF-8"))?;
        let names: Vec<String> =
            text.split('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect();
        let is_long = |name: &String| name.len() > LONGEST_NAME;
        match () {
            () if text.len() > LONGEST_PATH || names.iter().any(is_long) => Err(refused("its path is too long")),
            () if names.iter().any(|name| name == "..") => Err(refused("its path contains ..")),
            () if text.contains('\0') => Err(refused("its path contains a NUL byte")),
            () => Ok(Path { names }),
        }
    }

    fn refused(&self, reason: &'static str) -> ArchiveError {
        ArchiveError::refused(&self.names.join("/"), reason)
    }

    /// Whether its name is a whiteout, which cannot have entries.
    fn mark(&self) -> Result<Option<Whiteout>, ArchiveError> {
        let failed = |source| ArchiveError::Whiteout { entry: self.names.join("/"), source };
        let Some((name, above)) = self.names.split_last() else { return Ok(None) };
        for name in above {
            if Whiteout::parse(name).map_err(failed)?.is_some() {
                return Err(self.refused("it is below a whiteout"));
            }
        }
        Whiteout::parse(name).map_err(failed)
    }
}

fn metadata(header: &Header, extension: Extension, path: &Path) -> Result<Metadata, ArchiveError> {
    let id = |pax: Option<u64>, value: io::Result<u64>| match u32::try_from(pax.map_or(value, Ok).unwrap_or(u64::MAX))
    {
        // For chown(2) the largest number means "do not change".
        Ok(id) if id != u32::MAX => Ok(id),
        _ => Err(path.refused("its owner's id is out of range")),
    };
    Ok(Metadata {
        mode: header.mode().map_err(ArchiveError::damaged)? & 0o7777,
        uid: id(extension.uid, header.uid())?,
        gid: id(extension.gid, header.gid())?,
        modified: extension.modified.or(header.mtime().ok()).unwrap_or(0),
        xattrs: extension.xattrs,
    })
}

fn device(header: &Header, class: DeviceClass, path: &Path) -> Result<Kind, ArchiveError> {
    let number =
        |number: io::Result<Option<u32>>| number.map_err(ArchiveError::damaged).map(Option::unwrap_or_default);
    match (number(header.device_major())?, number(header.device_minor())?) {
        (0, 0) => Err(path.refused("a device 0:0 is a whiteout of overlayfs")),
        (major, minor) => Ok(Kind::Device { class, major, minor }),
    }
}

/// GNU tar ends a long name with a NUL byte.
fn terminated(mut name: Vec<u8>) -> Vec<u8> {
    if name.last() == Some(&0) {
        name.pop();
    }
    name
}
