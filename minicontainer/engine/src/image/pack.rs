//! A directory becomes a tar archive: what a container wrote becomes a layer.
//!
//! The upper directory of an overlay holds just the changes, in overlayfs's language; an archive has its own
//! (OCI image-spec, *layer.md*): a whiteout, the device 0:0, becomes an empty file `.wh.NAME`, and an opaque directory
//! gets an empty file `.wh..wh..opq`. The same directory always makes the same bytes, whatever order the file system
//! lists it in: names are sorted. `SOURCE_DATE_EPOCH` (reproducible-builds.org) bounds the times.
//!
//! A container may run, and change its directory, while we read it. All is looked up below a descriptor of the directory
//! as in unpacking ([`Tree`]), so whatever it does, no file of the host's gets into the layer.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use minicontainer::{
    layers::OPAQUE_FILE_NAME,
    store::{Staging, StoreError},
};
use nix::sys::stat::{FileStat, SFlag, major, minor};
use tar::{Builder, EntryType, Header};
use xattr::FileExt;

use super::{
    digested::{PackedLayer, packed},
    selection::Selection,
    unpack::{EntryPath, Privilege, Tree},
};

/// A directory could not be packed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum PackError {
    /// A system call failed.
    #[error("cannot pack \"{entry}\" into a layer")]
    Entry { entry: String, source: io::Error },
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Write { source: io::Error },
    /// Overlayfs kept something in a form that no layer has.
    #[error("cannot pack \"{entry}\" into a layer: overlayfs keeps a part of it elsewhere ({attribute})")]
    Overlay { entry: String, attribute: String },
    /// The store could not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What marks mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks<'a> {
    /// The directory is an overlay's upper: its marks become whiteouts.
    Upper,
    /// It is a whole tree, where a device 0:0 would be just that.
    Whole,
    /// It is a whole tree of which only this belongs to the layer.
    Changed(&'a Selection),
}

/// Packs what an overlay's upper directory holds; both digests are computed while it is written. No time in it is later
/// than `latest`, in seconds since 1970.
pub fn layer_from_upper(directory: &Path, staging: &Staging, latest: Option<u64>) -> Result<PackedLayer, PackError> {
    let broken = |source| PackError::Write { source };
    let (layer, ()) = packed(staging, broken, |tar| Ok((pack(directory, tar, Marks::Upper, latest)?, ())))?;
    Ok(layer)
}

/// The same of a whole tree of which only a part has changed.
pub fn layer_from_changed(
    directory: &Path,
    changed: &Selection,
    staging: &Staging,
    latest: Option<u64>,
) -> Result<PackedLayer, PackError> {
    let broken = |source| PackError::Write { source };
    let (layer, ()) = packed(staging, broken, |tar| Ok((pack(directory, tar, Marks::Changed(changed), latest)?, ())))?;
    Ok(layer)
}

/// Writes the tar archive of a directory.
pub(super) fn pack<W: Write>(directory: &Path, tar: W, marks: Marks<'_>, latest: Option<u64>) -> Result<W, PackError> {
    let failed = |source| PackError::Entry { entry: directory.display().to_string(), source };
    let tree = Tree::open(directory).map_err(failed)?;
    let mut packer = Packer {
        tree,
        marks,
        latest: latest.map(|latest| i64::try_from(latest).unwrap_or(i64::MAX)),
        builder: Builder::new(tar),
        first_names: HashMap::new(),
    };
    packer.add_directory(&EntryPath::root())?;
    packer.builder.into_inner().map_err(|source| PackError::Write { source })
}

struct Packer<'a, W: Write> {
    tree: Tree,
    marks: Marks<'a>,
    latest: Option<i64>,
    builder: Builder<W>,
    /// Of files with several names, the one that was met first.
    first_names: HashMap<(u64, u64), EntryPath>,
}

impl<W: Write> Packer<'_, W> {
    /// Adds what a directory holds.
    fn add_directory(&mut self, directory: &EntryPath) -> Result<(), PackError> {
        let mut names = self.tree.names(directory).map_err(failed(directory))?;
        names.sort();
        if let Marks::Changed(selection) = self.marks {
            for name in selection.deleted_in(directory) {
                self.mark(&directory.join(&[b".wh.", name.as_bytes()].concat()))?;
            }
        }
        for name in names {
            let path = directory.join(&name);
            if matches!(self.marks, Marks::Changed(selection) if !selection.has(&path)) {
                continue;
            }
            // What a running container has removed since is not there.
            let Some(stat) = self.tree.look(&path).map_err(failed(&path))? else { continue };
            match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
                SFlag::S_IFCHR if self.marks == Marks::Upper && stat.st_rdev == 0 => {
                    self.mark(&directory.join(&[b".wh.", name.as_slice()].concat()))?;
                }
                SFlag::S_IFDIR => self.add_whole_directory(&path, &stat)?,
                // Nobody listens at a socket any more, and no layer has one.
                SFlag::S_IFSOCK => {}
                kind => self.add_other(&path, &stat, kind)?,
            }
        }
        Ok(())
    }

    fn add_whole_directory(&mut self, path: &EntryPath, stat: &FileStat) -> Result<(), PackError> {
        let opened = self.tree.open_directory(path).map_err(failed(path))?;
        let is_opaque = self.write_attributes(path, &opened)?;
        let mut header = self.header(stat, EntryType::Directory, 0);
        let slash = EntryPath::as_path(path).join("");
        self.builder.append_data(&mut header, slash, io::empty()).map_err(failed(path))?;
        if is_opaque {
            self.mark(&path.join(OPAQUE_FILE_NAME.as_bytes()))?;
        }
        self.add_directory(path)
    }

    fn add_other(&mut self, path: &EntryPath, stat: &FileStat, kind: SFlag) -> Result<(), PackError> {
        if stat.st_nlink > 1 {
            if let Some(first) = self.first_names.get(&(stat.st_dev, stat.st_ino)).cloned() {
                let mut header = self.header(stat, EntryType::Link, 0);
                return self.append_link(&mut header, path, first.as_path().as_os_str().as_bytes());
            }
            self.first_names.insert((stat.st_dev, stat.st_ino), path.clone());
        }
        match kind {
            SFlag::S_IFLNK => {
                let target = self.tree.read_link(path).map_err(failed(path))?;
                let mut header = self.header(stat, EntryType::Symlink, 0);
                self.append_link(&mut header, path, &target)
            }
            SFlag::S_IFREG => {
                let file = self.tree.open_itself(path).map_err(failed(path))?;
                self.write_attributes(path, &file)?;
                let size = u64::try_from(stat.st_size).unwrap_or_default();
                let mut header = self.header(stat, EntryType::Regular, size);
                let content = Exactly { content: file, remaining: size };
                self.builder.append_data(&mut header, path.as_path(), content).map_err(failed(path))
            }
            _ => {
                let kind = match kind {
                    SFlag::S_IFCHR => EntryType::Char,
                    SFlag::S_IFBLK => EntryType::Block,
                    _ => EntryType::Fifo,
                };
                let mut header = self.header(stat, kind, 0);
                let device = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                header
                    .set_device_major(device(major(stat.st_rdev)))
                    .and_then(|()| header.set_device_minor(device(minor(stat.st_rdev))))
                    .and_then(|()| self.builder.append_data(&mut header, path.as_path(), io::empty()))
                    .map_err(failed(path))
            }
        }
    }

    /// A link's text must stay as it is, and `Builder::append_link` would write a short one in its own form.
    fn append_link(&mut self, header: &mut Header, path: &EntryPath, target: &[u8]) -> Result<(), PackError> {
        let result = match header.set_link_name_literal(target) {
            Ok(()) => self.builder.append_data(header, path.as_path(), io::empty()),
            Err(_) => self.builder.append_link(header, path.as_path(), std::ffi::OsStr::from_bytes(target)),
        };
        result.map_err(failed(path))
    }

    fn mark(&mut self, path: &EntryPath) -> Result<(), PackError> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        self.builder.append_data(&mut header, path.as_path(), io::empty()).map_err(failed(path))
    }

    /// Writes the extended attributes that belong to a layer; says whether overlayfs marks the directory as opaque.
    fn write_attributes(&mut self, path: &EntryPath, file: &File) -> Result<bool, PackError> {
        let mut kept = Vec::new();
        let mut is_opaque = false;
        for name in file.list_xattr().map_err(failed(path))? {
            let bytes = name.as_bytes();
            let of_overlay = bytes.strip_prefix(b"trusted.overlay.").or_else(|| bytes.strip_prefix(b"user.overlay."));
            match of_overlay {
                Some(b"opaque") => is_opaque = true,
                Some(b"redirect" | b"metacopy") if self.marks == Marks::Upper => {
                    let (entry, attribute) = (path.display().to_string(), name.display().to_string());
                    return Err(PackError::Overlay { entry, attribute });
                }
                None if bytes == b"security.capability" || bytes.starts_with(b"user.") => {
                    let value = file.get_xattr(&name).map_err(failed(path))?.unwrap_or_default();
                    kept.push((format!("SCHILY.xattr.{}", name.to_string_lossy()), value));
                }
                // The others are the file system's own, or this machine's.
                _ => {}
            }
        }
        if !kept.is_empty() {
            kept.sort();
            let records = kept.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            self.builder.append_pax_extensions(records).map_err(failed(path))?;
        }
        Ok(is_opaque && self.marks == Marks::Upper)
    }

    fn header(&self, stat: &FileStat, kind: EntryType, size: u64) -> Header {
        // Outside all files are the ordinary user's own, inside they are root's.
        let (uid, gid) = match Privilege::current() {
            Privilege::Root => (stat.st_uid, stat.st_gid),
            Privilege::User => (0, 0),
        };
        let modified = self.latest.map_or(stat.st_mtime, |latest| stat.st_mtime.min(latest));
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(stat.st_mode & 0o7777);
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        header.set_mtime(u64::try_from(modified).unwrap_or_default());
        header.set_size(size);
        header
    }
}

/// For `map_err`: remembers which entry it was.
fn failed<E: Into<io::Error>>(path: &EntryPath) -> impl FnOnce(E) -> PackError {
    let entry = path.display().to_string();
    move |error| PackError::Entry { entry, source: error.into() }
}

/// Just as many bytes as a header has promised, even of a file that grows or shrinks while it is read.
struct Exactly {
    content: File,
    remaining: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.content.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::Error::other("the file became shorter while it was read"));
        }
        self.remaining -= count as u64;
        Ok(count)
    }
}
