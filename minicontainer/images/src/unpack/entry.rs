//! The path of one entry of a layer.

use std::{ffi::OsStr, fmt, io, os::unix::ffi::OsStrExt, path::Path};

use super::UnpackError;

/// The maximum length of a path in the kernel, and of a name in it (limits.h).
pub(super) const PATH_LIMIT: usize = 4096;
pub(super) const NAME_LIMIT: usize = 255;

/// A path inside a layer: components joined by single slashes, none of them empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EntryPath {
    bytes: Vec<u8>,
}

impl EntryPath {
    pub(crate) fn root() -> EntryPath {
        EntryPath { bytes: Vec::new() }
    }

    /// An absolute path means one below the layer's root, as in tar(1). `..` is refused: no ordinary layer contains
    /// it.
    pub(crate) fn parse(raw: &[u8]) -> Result<EntryPath, UnpackError> {
        let mut path = EntryPath::root();
        if raw.len() >= PATH_LIMIT {
            let start = EntryPath { bytes: [&raw[..NAME_LIMIT], b"..."].concat() };
            return Err(start.refused("its path is longer than 4095 bytes"));
        }
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err(EntryPath { bytes: raw.to_vec() }.refused("its path climbs with ..")),
                _ if component.contains(&0) => {
                    return Err(EntryPath { bytes: raw.to_vec() }.refused("its path contains a NUL byte"));
                }
                _ if component.len() > NAME_LIMIT => {
                    return Err(
                        EntryPath { bytes: raw.to_vec() }.refused("a name in its path is longer than 255 bytes")
                    );
                }
                _ => path = path.join(component),
            }
        }
        Ok(path)
    }

    pub(crate) fn join(&self, name: &[u8]) -> EntryPath {
        let mut bytes = self.bytes.clone();
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        EntryPath { bytes }
    }

    /// The path of an entry in this directory.
    pub(crate) fn below(&self, entry: &EntryPath) -> EntryPath {
        if entry.is_root() { self.clone() } else { self.join(&entry.bytes) }
    }

    /// Parent and name; `None` for the root.
    pub(crate) fn split(&self) -> Option<(&[u8], &[u8])> {
        if self.bytes.is_empty() {
            return None;
        }
        Some(match self.bytes.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&self.bytes[..slash], &self.bytes[slash + 1..]),
            None => (&[], &self.bytes),
        })
    }

    /// The parent; the root is its own parent.
    pub(crate) fn parent(&self) -> EntryPath {
        EntryPath { bytes: self.split().map_or_else(Vec::new, |(parent, _)| parent.to_vec()) }
    }

    pub(crate) fn has_component(&self, test: impl Fn(&[u8]) -> bool) -> bool {
        self.bytes.split(|byte| *byte == b'/').any(test)
    }

    pub(crate) fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_root(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn is_same(&self, bytes: &[u8]) -> bool {
        self.bytes == bytes
    }

    /// The approximate memory for storing the path.
    pub(crate) fn memory_size(&self) -> usize {
        self.bytes.len() + 2 * size_of::<EntryPath>()
    }

    /// The paths from the first component down to this path itself.
    pub(crate) fn ancestors(&self) -> Vec<EntryPath> {
        let slashes = self.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
        slashes.chain([self.bytes.len()]).map(|end| EntryPath { bytes: self.bytes[..end].to_vec() }).collect()
    }

    /// Whether this lies below `other`.
    pub(crate) fn is_below(&self, other: &EntryPath) -> bool {
        self.bytes.strip_prefix(other.bytes.as_slice()).is_some_and(|rest| rest.first() == Some(&b'/'))
    }

    /// A bound for ranges: no path below this one sorts before it, and paths that are not below do not sort in
    /// between.
    pub(crate) fn first_below(&self) -> EntryPath {
        self.join(b"")
    }

    /// For system calls that look it up below the layer's root; the root itself is `.`.
    pub(crate) fn as_path(&self) -> &Path {
        path_of(&self.bytes)
    }

    /// For display: control characters and bytes that are not UTF-8 are escaped, so that an archive cannot write
    /// control sequences to a terminal.
    pub(crate) fn display(&self) -> impl fmt::Display + '_ {
        self.bytes.escape_ascii()
    }

    pub(crate) fn refused(&self, reason: &'static str) -> UnpackError {
        UnpackError::Refused { entry: self.display().to_string(), reason }
    }

    /// For `map_err`: adds the action and the entry.
    pub(crate) fn failed<E: Into<io::Error>>(&self, action: &'static str) -> impl FnOnce(E) -> UnpackError {
        let entry = self.display().to_string();
        move |error| UnpackError::Entry { entry, action, source: error.into() }
    }
}

/// For system calls, see [`EntryPath::as_path`].
pub(crate) fn path_of(bytes: &[u8]) -> &Path {
    if bytes.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(bytes)) }
}
