//! Writes a layer's archive entry by entry, for `COPY`, `ADD` and `WORKDIR`.
//!
//! A layer must list every parent directory of its files; otherwise unpacking would create them with default
//! attributes. So existing directories of the image are written again with their attributes.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsStr,
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use minicontainer::store::Staging;
use tar::{Builder, EntryType, Header};

use super::{
    BuildError,
    files::{Files, Found, Kind, Resolved},
    select::Attributes,
};
use minicontainer_images::{LayerWriter, PackedLayer, packed};

/// Owner, permissions and modification time of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) modified: i64,
}

/// The times used in layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The modification time of new entries, in seconds since 1970.
    pub(super) now: i64,
    /// The latest allowed modification time: `SOURCE_DATE_EPOCH`.
    pub(super) latest: Option<i64>,
}

/// A layer's archive during writing.
pub(super) struct LayerArchive {
    builder: Builder<LayerWriter>,
    clock: Clock,
    written: BTreeSet<PathBuf>,
    /// For each file with hard links, the name that was written first.
    first_names: HashMap<(u64, u64), PathBuf>,
}

impl LayerArchive {
    /// Writes the directories along a path, including the path itself. Existing ones keep their attributes, new ones
    /// get this owner.
    pub(super) fn directories(
        &mut self,
        image: &dyn Files,
        way: &Resolved,
        uid: u32,
        gid: u32,
    ) -> Result<(), BuildError> {
        let mut here = image.root()?;
        for name in way.found.path.strip_prefix("/").unwrap_or(&way.found.path) {
            let Some(next) = image.child(&here, name)? else { break };
            if next.kind != Kind::Directory {
                return Err(BuildError::NotADirectory { path: next.path, of: image.name() });
            }
            self.directory(&next.path, owned(image, &next))?;
            here = next;
        }
        let mut path = way.found.path.clone();
        for name in &way.missing {
            path.push(name);
            let meta = Meta { mode: 0o755, uid, gid, modified: self.clock.now };
            self.directory(&path, meta)?;
        }
        Ok(())
    }

    /// Writes a directory, unless it was already written.
    pub(super) fn directory(&mut self, path: &Path, meta: Meta) -> Result<(), BuildError> {
        if path == Path::new("/") || !self.written.insert(path.to_owned()) {
            return Ok(());
        }
        check_name(path)?;
        let mut header = self.header(EntryType::Directory, meta, 0);
        let inside = relative(path).join("");
        self.builder.append_data(&mut header, inside, io::empty()).map_err(failed(path))
    }

    /// Writes a file with extended attributes. `content` must have exactly `size` bytes.
    pub(super) fn file_with(
        &mut self,
        path: &Path,
        meta: Meta,
        attributes: &Attributes,
        size: u64,
        content: impl Read,
    ) -> Result<(), BuildError> {
        check_name(path)?;
        if !attributes.is_empty() {
            let named: Vec<(String, &[u8])> =
                attributes.iter().map(|(name, value)| (format!("SCHILY.xattr.{name}"), value.as_slice())).collect();
            let records = named.iter().map(|(name, value)| (name.as_str(), *value));
            self.builder.append_pax_extensions(records).map_err(failed(path))?;
        }
        self.file(path, meta, size, content)
    }

    /// Writes a hard link if another name of the file is already in the archive. Otherwise records this name as the
    /// first one and returns false.
    pub(super) fn link(&mut self, path: &Path, meta: Meta, inode: Option<(u64, u64)>) -> Result<bool, BuildError> {
        check_name(path)?;
        let Some(inode) = inode else { return Ok(false) };
        let Some(first) = self.first_names.get(&inode).filter(|first| *first != path).cloned() else {
            self.first_names.insert(inode, path.to_owned());
            return Ok(false);
        };
        let mut header = self.header(EntryType::Link, meta, 0);
        self.link_to(&mut header, path, relative(&first).as_os_str()).map(|()| true)
    }

    /// Writes a regular file. `content` must have exactly `size` bytes.
    pub(super) fn file(&mut self, path: &Path, meta: Meta, size: u64, content: impl Read) -> Result<(), BuildError> {
        check_name(path)?;
        let mut header = self.header(EntryType::Regular, meta, size);
        self.builder.append_data(&mut header, relative(path), content).map_err(failed(path))
    }

    /// Writes a symbolic link.
    pub(super) fn symlink(&mut self, path: &Path, meta: Meta, target: &OsStr) -> Result<(), BuildError> {
        check_name(path)?;
        let mut header = self.header(EntryType::Symlink, meta, 0);
        self.link_to(&mut header, path, target)
    }

    /// Writes a link. A short target is written unchanged, because `append_link` would normalize it.
    fn link_to(&mut self, header: &mut Header, path: &Path, target: &OsStr) -> Result<(), BuildError> {
        let written = match header.set_link_name_literal(target.as_bytes()) {
            Ok(()) => self.builder.append_data(header, relative(path), io::empty()),
            Err(_) => self.builder.append_link(header, relative(path), target),
        };
        written.map_err(failed(path))
    }

    /// Writes a FIFO or a device.
    pub(super) fn special(&mut self, path: &Path, meta: Meta, kind: Kind) -> Result<(), BuildError> {
        check_name(path)?;
        let (entry, major, minor) = match kind {
            Kind::Device { block: true, major, minor } => (EntryType::Block, major, minor),
            Kind::Device { block: false, major, minor } => (EntryType::Char, major, minor),
            _ => (EntryType::Fifo, 0, 0),
        };
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let mut header = self.header(entry, meta, 0);
        header
            .set_device_major(number(major))
            .and_then(|()| header.set_device_minor(number(minor)))
            .and_then(|()| self.builder.append_data(&mut header, relative(path), io::empty()))
            .map_err(failed(path))
    }

    fn header(&self, kind: EntryType, meta: Meta, size: u64) -> Header {
        let modified = self.clock.latest.map_or(meta.modified, |latest| meta.modified.min(latest));
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(meta.mode);
        header.set_uid(meta.uid.into());
        header.set_gid(meta.gid.into());
        header.set_mtime(u64::try_from(modified).unwrap_or_default());
        header.set_size(size);
        header
    }
}

/// The attributes of a file. The owners of files in a context are ignored.
pub(super) fn owned(files: &dyn Files, found: &Found) -> Meta {
    let (uid, gid) = if files.has_owners() { (found.uid, found.gid) } else { (0, 0) };
    Meta { mode: found.mode, uid, gid, modified: found.modified }
}

/// Refuses the name of a whiteout, which would delete a file when the layer is unpacked (OCI image-spec, *layer.md*,
/// "Whiteouts").
fn check_name(path: &Path) -> Result<(), BuildError> {
    let is_reserved = path.iter().any(|name| name.as_bytes().starts_with(b".wh."));
    if is_reserved { Err(BuildError::Reserved { path: path.to_owned() }) } else { Ok(()) }
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::Write { path, source }
}

/// Creates a layer from the entries that `fill` writes. Both digests are computed during the write.
pub(super) fn layer<T: Send>(
    staging: &Staging,
    clock: Clock,
    fill: impl FnOnce(&mut LayerArchive) -> Result<T, BuildError> + Send,
) -> Result<(PackedLayer, T), BuildError> {
    let broken = |source| BuildError::Write { path: PathBuf::from("/"), source };
    packed(staging, broken, |tar| {
        let mut archive =
            LayerArchive { builder: Builder::new(tar), clock, written: BTreeSet::new(), first_names: HashMap::new() };
        let filled = fill(&mut archive)?;
        Ok((archive.builder.into_inner().map_err(broken)?, filled))
    })
}
