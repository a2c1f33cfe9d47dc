//! Packing a directory as a tar archive: the changes of a container become a layer.
//!
//! The upper directory of an overlay contains exactly the changes, in the format of overlayfs. Archives have another
//! format (OCI image-spec, *layer.md*): a whiteout, the device 0:0, becomes an empty file `.wh.NAME`, and an opaque
//! directory gets an empty file `.wh..wh..opq`. The same directory always makes the same bytes, because names are
//! sorted. `SOURCE_DATE_EPOCH` (reproducible-builds.org) limits the times.
//!
//! A container may be running and changing its directory during packing. Everything is read below descriptors
//! ([`merged`]), so no file of the host can get into the layer. If a file becomes shorter meanwhile, its missing end
//! is packed as zeros, as tar(1) does, because its size has been written before its content. This is a warning.
//!
//! [`merged`]: minicontainer::rootfs::merged

mod error;
mod exact_size;

use std::{
    collections::HashMap,
    io::{self, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use minicontainer::{
    core::explain::Message,
    host::{CAPABILITY, Owner, capability_in},
    layers::OPAQUE_FILE_NAME,
    rootfs::{
        Closed, Next,
        merged::{Entry, Merged},
    },
    store::Staging,
};
use nix::sys::stat::{major, minor};
use tar::{Builder, EntryType, Header};

use exact_size::ExactSize;

pub use error::PackError;

use super::{
    changed_entries::Selection,
    hashing::{PackedLayer, packed},
    warning::warning,
};

/// How whiteouts and opaque directories are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whiteouts<'a> {
    /// The directory is an overlay's upper: its marks become whiteouts.
    Upper,
    /// It is a whole tree, in which a device 0:0 is an ordinary device.
    Whole,
    /// It is a whole tree; only this selection of it belongs to the layer.
    Changed(&'a Selection),
}

/// Packs an overlay's upper directory; both digests are computed while it is written. Times are limited to `latest`,
/// in seconds since 1970. Returns the layer and warnings.
pub fn layer_from_upper(
    directory: &Path,
    staging: &Staging,
    latest: Option<u64>,
) -> Result<(PackedLayer, Vec<Message>), PackError> {
    layer(&Merged::plain(directory)?, Whiteouts::Upper, staging, latest)
}

/// Packs the changed part of a whole tree.
pub fn layer_from_changed(
    directory: &Path,
    changed: &Selection,
    staging: &Staging,
    latest: Option<u64>,
) -> Result<(PackedLayer, Vec<Message>), PackError> {
    layer(&Merged::plain(directory)?, Whiteouts::Changed(changed), staging, latest)
}

fn layer(
    files: &Merged,
    whiteouts: Whiteouts<'_>,
    staging: &Staging,
    latest: Option<u64>,
) -> Result<(PackedLayer, Vec<Message>), PackError> {
    packed(staging, |source| PackError::Write { source }, |tar| pack(files, tar, whiteouts, latest))
}

/// Writes a merged tree as a tar archive; returns the writer and warnings.
pub(super) fn pack<W: Write>(
    files: &Merged,
    tar: W,
    whiteouts: Whiteouts<'_>,
    latest: Option<u64>,
) -> Result<(W, Vec<Message>), PackError> {
    let mut packer = Packer {
        whiteouts,
        latest: latest.map(|latest| i64::try_from(latest).unwrap_or(i64::MAX)),
        builder: Builder::new(tar),
        first_names: HashMap::new(),
        warnings: Vec::new(),
    };
    packer.mark_deleted(Path::new(""))?;
    files.walk(Closed::Refuse, |entry| packer.add(entry))?;
    let tar = packer.builder.into_inner().map_err(|source| PackError::Write { source })?;
    Ok((tar, packer.warnings))
}

struct Packer<'a, W: Write> {
    whiteouts: Whiteouts<'a>,
    latest: Option<i64>,
    builder: Builder<W>,
    /// The first name of each file that has several names.
    first_names: HashMap<(u64, u64), PathBuf>,
    warnings: Vec<Message>,
}

impl<W: Write> Packer<'_, W> {
    fn add(&mut self, entry: &Entry) -> Result<Next, PackError> {
        let (path, metadata) = (entry.place.path(), entry.metadata());
        let kind = metadata.file_type();
        if matches!(self.whiteouts, Whiteouts::Changed(selection) if !selection.has(path)) {
            return Ok(Next::Pass);
        }
        // In a layer, such a name would delete another file (OCI image-spec, layer.md).
        if self.whiteouts != Whiteouts::Whole
            && path.file_name().is_some_and(|name| name.as_bytes().starts_with(b".wh."))
        {
            self.warnings.push(warning("left-out-whiteout", [("path", shown(path).into())]));
            return Ok(Next::Pass);
        }
        if self.whiteouts == Whiteouts::Upper && entry.is_whiteout() {
            self.mark_as_deleted(
                path.parent().unwrap_or(Path::new("")),
                path.file_name().unwrap_or_default().as_bytes(),
            )?;
        } else if kind.is_dir() {
            self.add_directory(entry)?;
        } else if !kind.is_socket() {
            // Sockets are left out: the process that listened on one is not part of the image.
            self.add_other(entry)?;
        }
        Ok(Next::Enter)
    }

    fn add_directory(&mut self, entry: &Entry) -> Result<(), PackError> {
        let path = entry.place.path();
        let is_opaque = self.write_attributes(entry)?;
        let mut header = self.header(entry, EntryType::Directory, 0);
        self.builder.append_data(&mut header, path.join(""), io::empty()).map_err(failed(path))?;
        if is_opaque {
            self.mark(&path.join(OPAQUE_FILE_NAME))?;
        }
        self.mark_deleted(path)
    }

    fn add_other(&mut self, entry: &Entry) -> Result<(), PackError> {
        let (path, metadata) = (entry.place.path(), entry.metadata());
        let kind = metadata.file_type();
        if metadata.nlink() > 1 {
            let inode = (metadata.dev(), metadata.ino());
            if let Some(first) = self.first_names.get(&inode).cloned() {
                let mut header = self.header(entry, EntryType::Link, 0);
                return self.append_link(&mut header, path, &first);
            }
            self.first_names.insert(inode, path.to_owned());
        }
        if kind.is_file() {
            return self.add_file(entry);
        }
        if kind.is_symlink() {
            let mut header = self.header(entry, EntryType::Symlink, 0);
            return self.append_link(&mut header, path, &entry.target()?);
        }
        let kind = match () {
            () if kind.is_char_device() => EntryType::Char,
            () if kind.is_block_device() => EntryType::Block,
            () => EntryType::Fifo,
        };
        let mut header = self.header(entry, kind, 0);
        let device = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        header
            .set_device_major(device(major(metadata.rdev())))
            .and_then(|()| header.set_device_minor(device(minor(metadata.rdev()))))
            .and_then(|()| self.builder.append_data(&mut header, path, io::empty()))
            .map_err(failed(path))
    }

    fn add_file(&mut self, entry: &Entry) -> Result<(), PackError> {
        let path = entry.place.path();
        let file = entry.open()?;
        self.write_attributes(entry)?;
        let size = file.metadata().map_err(failed(path))?.len();
        let mut header = self.header(entry, EntryType::Regular, size);
        let mut content = ExactSize { content: file, remaining: size, lacking: 0 };
        self.builder.append_data(&mut header, path, &mut content).map_err(failed(path))?;
        if content.lacking > 0 {
            let (path, lacking) = (shown(path), content.lacking);
            self.warnings.push(warning("became-shorter", [("path", path.into()), ("count", lacking.into())]));
        }
        Ok(())
    }

    /// Writes a link with its target unchanged; `Builder::append_link` would normalize a short one.
    fn append_link(&mut self, header: &mut Header, path: &Path, target: &Path) -> Result<(), PackError> {
        let result = match header.set_link_name_literal(target.as_os_str().as_bytes()) {
            Ok(()) => self.builder.append_data(header, path, io::empty()),
            Err(_) => self.builder.append_link(header, path, target),
        };
        result.map_err(failed(path))
    }

    /// Writes whiteouts for names that are no longer in a directory.
    fn mark_deleted(&mut self, directory: &Path) -> Result<(), PackError> {
        let Whiteouts::Changed(selection) = self.whiteouts else { return Ok(()) };
        selection.deleted_in(directory).iter().try_for_each(|name| self.mark_as_deleted(directory, name))
    }

    fn mark_as_deleted(&mut self, directory: &Path, name: &[u8]) -> Result<(), PackError> {
        self.mark(&directory.join(std::ffi::OsStr::from_bytes(&[b".wh.", name].concat())))
    }

    fn mark(&mut self, path: &Path) -> Result<(), PackError> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        self.builder.append_data(&mut header, path, io::empty()).map_err(failed(path))
    }

    /// Writes the extended attributes that belong in a layer; returns whether the directory is opaque.
    fn write_attributes(&mut self, entry: &Entry) -> Result<bool, PackError> {
        let mut kept = Vec::new();
        let mut is_opaque = false;
        for (name, value) in entry.attributes()? {
            let bytes = name.as_bytes();
            let of_overlay = bytes.strip_prefix(b"trusted.overlay.").or_else(|| bytes.strip_prefix(b"user.overlay."));
            match of_overlay {
                Some(b"opaque") => is_opaque = true,
                Some(b"redirect" | b"metacopy") if self.whiteouts == Whiteouts::Upper => {
                    let (entry, attribute) = (shown(entry.place.path()), name.display().to_string());
                    return Err(PackError::Overlay { entry, attribute });
                }
                None if bytes == b"security.capability" || bytes.starts_with(b"user.") => match name.to_str() {
                    Some(CAPABILITY) => kept.push((format!("SCHILY.xattr.{CAPABILITY}"), capability_in(&value))),
                    Some(name) => kept.push((format!("SCHILY.xattr.{name}"), value)),
                    None => {
                        let (path, name) = (shown(entry.place.path()), bytes.escape_ascii().to_string());
                        let arguments = [("name", name.into()), ("path", path.into())];
                        self.warnings.push(warning("left-out-attribute-name", arguments));
                    }
                },
                // Other attributes are specific to the file system or to this machine.
                _ => {}
            }
        }
        if !kept.is_empty() {
            kept.sort();
            let records = kept.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            self.builder.append_pax_extensions(records).map_err(failed(entry.place.path()))?;
        }
        Ok(is_opaque && self.whiteouts == Whiteouts::Upper)
    }

    fn header(&self, entry: &Entry, kind: EntryType, size: u64) -> Header {
        let (metadata, Owner { uid, gid }) = (entry.metadata(), entry.owner());
        let modified = self.latest.map_or(metadata.mtime(), |latest| metadata.mtime().min(latest));
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(metadata.mode() & 0o7777);
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        header.set_mtime(u64::try_from(modified).unwrap_or_default());
        header.set_size(size);
        header
    }
}

/// For display: control characters and bytes that are not UTF-8 are escaped.
fn shown(path: &Path) -> String {
    path.as_os_str().as_bytes().escape_ascii().to_string()
}

/// For `map_err`: adds the entry.
fn failed(path: &Path) -> impl FnOnce(io::Error) -> PackError {
    let entry = shown(path);
    move |source| PackError::Entry { entry, source }
}
