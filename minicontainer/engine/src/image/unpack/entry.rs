//! What one entry of a layer says: where, what, and whose.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::Path,
};

use nix::{
    sys::{
        stat::{Mode, fchmod, futimens},
        time::TimeSpec,
    },
    unistd::{Gid, Uid, fchown, geteuid},
};
use xattr::FileExt;

use super::UnpackError;

/// A path inside a layer: components joined by single slashes, none of them empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryPath {
    bytes: Vec<u8>,
}

impl EntryPath {
    pub(super) fn root() -> EntryPath {
        EntryPath { bytes: Vec::new() }
    }

    /// An absolute path means one below the layer's root, as it does for tar(1). A `..` is in no honest layer.
    pub(super) fn parse(raw: &[u8]) -> Result<EntryPath, UnpackError> {
        let mut path = EntryPath::root();
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err(EntryPath { bytes: raw.to_vec() }.refused("its path climbs with ..")),
                _ if component.contains(&0) => {
                    return Err(EntryPath { bytes: raw.to_vec() }.refused("its path contains a NUL byte"));
                }
                _ => path = path.join(component),
            }
        }
        Ok(path)
    }

    pub(super) fn join(&self, name: &[u8]) -> EntryPath {
        let mut bytes = self.bytes.clone();
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        EntryPath { bytes }
    }

    /// Parent and name; of the root there is neither.
    pub(super) fn split(&self) -> Option<(EntryPath, &[u8])> {
        if self.bytes.is_empty() {
            return None;
        }
        Some(match self.bytes.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (EntryPath { bytes: self.bytes[..slash].to_vec() }, &self.bytes[slash + 1..]),
            None => (EntryPath::root(), &self.bytes),
        })
    }

    /// The paths from the first component down to this path itself.
    pub(super) fn ancestors(&self) -> Vec<EntryPath> {
        let slashes = self.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
        slashes.chain([self.bytes.len()]).map(|end| EntryPath { bytes: self.bytes[..end].to_vec() }).collect()
    }

    /// Whether this is `other` or lies below it.
    pub(super) fn is_within(&self, other: &EntryPath) -> bool {
        self.bytes.strip_prefix(other.bytes.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    /// For system calls that look it up below the layer's root; the root itself is `.`.
    pub(super) fn as_path(&self) -> &Path {
        if self.bytes.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(&self.bytes)) }
    }

    /// For people: control characters and what is no UTF-8 are escaped, so that no archive can write to a terminal.
    pub(super) fn display(&self) -> impl fmt::Display + '_ {
        self.bytes.escape_ascii()
    }

    pub(super) fn refused(&self, reason: &'static str) -> UnpackError {
        UnpackError::Refused { entry: self.display().to_string(), reason }
    }

    /// For `map_err`: remembers what was tried for which entry.
    pub(super) fn failed<E: Into<io::Error>>(&self, action: &'static str) -> impl FnOnce(E) -> UnpackError {
        let entry = self.display().to_string();
        move |error| UnpackError::Entry { entry, action, source: error.into() }
    }
}

/// Whether owners, devices and `trusted.*` attributes can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::image) enum Privilege {
    /// Root: everything as the archive says.
    Root,
    /// An ordinary user: every file is the user's own.
    User,
}

impl Privilege {
    /// That of this process.
    pub(in crate::image) fn current() -> Privilege {
        if geteuid().is_root() { Privilege::Root } else { Privilege::User }
    }
}

/// Owner, permissions, time and extended attributes.
pub(super) struct Metadata {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    pub(super) mtime: i64,
    xattrs: Vec<(OsString, Vec<u8>)>,
    unkept: Vec<String>,
}

impl Metadata {
    /// That of a directory that an archive uses without listing it.
    pub(super) fn implied() -> Metadata {
        Metadata { uid: 0, gid: 0, mode: 0o755, mtime: 0, xattrs: Vec::new(), unkept: Vec::new() }
    }

    pub(super) fn read(entry: &mut tar::Entry<'_, impl Read>, path: &EntryPath) -> Result<Metadata, UnpackError> {
        let damaged = |source| UnpackError::Archive { source };
        let header = entry.header();
        let id = |value: u64| match u32::try_from(value) {
            // chown(2) takes the greatest number for "leave it as it is".
            Ok(id) if id != u32::MAX => Ok(id),
            _ => Err(path.refused("its owner's id is out of range")),
        };
        let mut metadata = Metadata {
            uid: id(header.uid().map_err(damaged)?)?,
            gid: id(header.gid().map_err(damaged)?)?,
            mode: header.mode().map_err(damaged)? & 0o7777,
            mtime: header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0),
            ..Metadata::implied()
        };
        for extension in entry.pax_extensions().map_err(damaged)?.into_iter().flatten() {
            let extension = extension.map_err(damaged)?;
            let Some(name) = extension.key_bytes().strip_prefix(b"SCHILY.xattr.") else { continue };
            if name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.") {
                let name = name.escape_ascii();
                metadata
                    .unkept
                    .push(format!("left out the attribute {name} of {}: it is overlayfs's own", path.display()));
                continue;
            }
            if name.contains(&0) {
                return Err(path.refused("an attribute's name contains a NUL byte"));
            }
            metadata.xattrs.push((OsString::from_vec(name.to_vec()), extension.value_bytes().to_vec()));
        }
        Ok(metadata)
    }

    /// Sets all of it on an open file or directory and says what could not be kept. The owner comes first: chown(2)
    /// clears set-user-id bits and capabilities.
    pub(super) fn set(&self, file: &File, privilege: Privilege) -> io::Result<Vec<String>> {
        let mut unkept = self.unkept.clone();
        if privilege == Privilege::Root {
            fchown(file, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))?;
        }
        fchmod(file, Mode::from_bits_truncate(self.mode))?;
        for (name, value) in &self.xattrs {
            match file.set_xattr(name, value) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EOPNOTSUPP)) => {
                    unkept.push(format!("left out attributes named {}: not permitted here", name.display()));
                }
                result => result?,
            }
        }
        futimens(file, &self.time(), &self.time())?;
        Ok(unkept)
    }

    pub(super) fn time(&self) -> TimeSpec {
        TimeSpec::new(self.mtime, 0)
    }
}
