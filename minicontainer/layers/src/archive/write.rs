//! Writes a layer as an archive, with the same bytes for the same layer.

use std::{collections::BTreeMap, io};

use tar::{Builder, EntryType, Header};

use super::{ATTRIBUTE, ArchiveError};
use crate::{
    OPAQUE_FILE_NAME, Whiteout,
    tree::{DeviceClass, Inode, Kind, Metadata, Tree, join},
};

/// The longest name in a header. Longer ones are in a record before it.
const LONGEST_NAME: usize = 100;

/// Writes a layer as a tar archive. No time in it is later than `latest`, in seconds since 1970.
///
/// # Errors
/// When a name would be a whiteout in an archive, an attribute's name cannot be written to a record, or `output`
/// fails.
pub fn write(layer: &Tree, latest: u64, output: impl io::Write) -> Result<(), ArchiveError> {
    let mut archive = Archive { builder: Builder::new(output), latest };
    let mut first_names = BTreeMap::new();
    for (path, id) in layer.walk() {
        let (above, name) = path.rsplit_once('/').unwrap_or_default();
        if Whiteout::parse(name) != Ok(None) {
            return Err(ArchiveError::refused(&path, "its name would be a whiteout in a layer; rename it"));
        }
        let inode = layer.inode(id);
        match first_names.get(&id) {
            _ if inode.is_whiteout() => {
                let mark =
                    Whiteout::of(name).map_err(|source| ArchiveError::Whiteout { entry: path.clone(), source })?;
                archive.append(&join(above, &mark.to_string()), &Inode::new(Inode::file("").kind, 0o600), None)?;
            }
            Some(first) => archive.append(&path, inode, Some(first))?,
            None => archive.append(&path, inode, None)?,
        }
        if inode.is_opaque() {
            archive.append(&join(&path, OPAQUE_FILE_NAME), &Inode::new(Inode::file("").kind, 0o600), None)?;
        }
        first_names.insert(id, path);
    }
    archive.builder.finish().map_err(|source| ArchiveError::Write { source })
}

struct Archive<W: io::Write> {
    builder: Builder<W>,
    latest: u64,
}

impl<W: io::Write> Archive<W> {
    /// Writes one entry. With `link` it is a hard link to that path.
    fn append(&mut self, path: &str, inode: &Inode, link: Option<&String>) -> Result<(), ArchiveError> {
        let failed = |source| ArchiveError::Write { source };
        let mut header = self.header(&inode.metadata);
        let mut content: &[u8] = &[];
        let mut target = link.map(|first| relative(first)).unwrap_or_default();
        let kind = match &inode.kind {
            _ if link.is_some() => EntryType::Link,
            Kind::File { content: bytes } => {
                content = bytes.as_slice();
                EntryType::Regular
            }
            Kind::Directory { .. } => EntryType::Directory,
            Kind::Symlink { target: text } => {
                target.clone_from(text);
                EntryType::Symlink
            }
            Kind::Fifo => EntryType::Fifo,
            Kind::Device { class, major, minor } => {
                header.set_device_major(*major).and_then(|()| header.set_device_minor(*minor)).map_err(failed)?;
                match class {
                    DeviceClass::Character => EntryType::Char,
                    DeviceClass::Block => EntryType::Block,
                }
            }
            Kind::Whiteout => return Ok(()),
        };
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        let name = match (relative(path), inode.is_directory()) {
            (name, true) if name.is_empty() => "./".to_owned(),
            (name, true) => name + "/",
            (name, false) => name,
        };
        let mut records = Vec::new();
        set_text(&mut header.as_old_mut().name, &name, "path", &mut records);
        set_text(&mut header.as_old_mut().linkname, &target, "linkpath", &mut records);
        if link.is_none() {
            records.extend(attributes(path, &inode.metadata)?);
        }
        let records = records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        self.builder.append_pax_extensions(records).map_err(failed)?;
        header.set_cksum();
        self.builder.append(&header, content).map_err(failed)
    }

    fn header(&self, metadata: &Metadata) -> Header {
        let mut header = Header::new_ustar();
        header.set_mode(metadata.mode);
        header.set_uid(metadata.uid.into());
        header.set_gid(metadata.gid.into());
        header.set_mtime(metadata.modified.min(self.latest));
        header
    }
}

/// Paths in a layer have no leading slash.
fn relative(path: &str) -> String {
    path.trim_start_matches('/').to_owned()
}

/// Puts a text into its header field, or into a record if it does not fit or is not ASCII.
fn set_text(field: &mut [u8; LONGEST_NAME], text: &str, key: &str, records: &mut Vec<(String, Vec<u8>)>) {
    if text.len() > LONGEST_NAME || !text.is_ascii() {
        records.push((key.to_owned(), text.as_bytes().to_vec()));
    }
    // A fallback for programs that do not support records.
    for (place, byte) in field.iter_mut().zip(text.bytes()) {
        *place = if byte.is_ascii() { byte } else { b'?' };
    }
}

fn attributes(path: &str, metadata: &Metadata) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let record = |(name, value): (&String, &Vec<u8>)| match name.contains(['=', '\0']) {
        true => {
            Err(ArchiveError::refused(path, "an attribute's name has a character that is not allowed in a record"))
        }
        false => Ok((format!("{ATTRIBUTE}{name}"), value.clone())),
    };
    metadata.xattrs.iter().map(record).collect()
}
