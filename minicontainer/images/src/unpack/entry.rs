//! The path and metadata of one entry of a layer.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::File,
    io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::Path,
};

use minicontainer::rootfs::{RootFsError, merged::Entry};
use nix::{
    sys::{
        stat::{Mode, fchmod, futimens},
        time::TimeSpec,
    },
    unistd::{Gid, Uid, fchown, geteuid},
};
use xattr::FileExt;

use super::{UnpackError, archive::Member, header::mode, pax::Time};

/// The maximum length of a path in the kernel, and of a name in it (limits.h).
pub(super) const PATH_LIMIT: usize = 4096;
const NAME_LIMIT: usize = 255;
/// The maximum size of an extended attribute, see xattr(7). The kernel refuses larger ones as well.
const ATTRIBUTE_LIMIT: usize = 64 << 10;

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
    pub(crate) fn weight(&self) -> usize {
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

/// Whether owners, devices and `trusted.*` attributes can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// Root: everything as the archive says.
    Root,
    /// An ordinary user: every file is the user's own.
    User,
}

impl Privilege {
    /// That of this process.
    pub(crate) fn current() -> Privilege {
        if geteuid().is_root() { Privilege::Root } else { Privilege::User }
    }
}

/// Owner, permissions, time and extended attributes.
pub(crate) struct Metadata {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) last: Last,
    xattrs: Vec<(OsString, Vec<u8>)>,
    unkept: Vec<String>,
}

/// The part of a directory's metadata that is set after it is filled: its mode may deny access, and filling changes
/// its time.
#[derive(Clone, Copy)]
pub(crate) struct Last {
    pub(crate) mode: u32,
    modified: Time,
}

impl Metadata {
    /// The metadata of a directory that an archive uses without listing it.
    pub(crate) fn implied() -> Metadata {
        let last = Last { mode: 0o755, modified: Time::default() };
        Metadata { uid: 0, gid: 0, last, xattrs: Vec::new(), unkept: Vec::new() }
    }

    /// The metadata of an entry of a layer below, except what belongs to overlayfs or to this machine.
    pub(crate) fn of(below: &Entry) -> Result<Metadata, RootFsError> {
        let found = below.metadata();
        let modified = Time { seconds: found.mtime(), nanoseconds: found.mtime_nsec() };
        let attributes = match below.attributes() {
            // An ordinary user may not open a directory without permissions, and a symbolic link cannot be opened.
            Err(error) if error.is_permission_denied() || found.is_symlink() => Vec::new(),
            attributes => attributes?,
        };
        let is_kept = |name: &[u8]| !is_of_overlayfs(name) && name != b"security.selinux";
        Ok(Metadata {
            uid: found.uid(),
            gid: found.gid(),
            last: Last { mode: found.mode() & 0o7777, modified },
            xattrs: attributes.into_iter().filter(|(name, _)| is_kept(name.as_bytes())).collect(),
            unkept: Vec::new(),
        })
    }

    pub(crate) fn read(member: &mut Member, path: &EntryPath) -> Result<Metadata, UnpackError> {
        let id = |value: u64| match u32::try_from(value) {
            // chown(2) interprets the greatest number as "leave it unchanged".
            Ok(id) if id != u32::MAX => Ok(id),
            _ => Err(path.refused("its owner's id is out of range")),
        };
        let mode = mode(&member.header).map_err(|source| UnpackError::Archive { source })?;
        let mut metadata = Metadata {
            uid: id(member.uid)?,
            gid: id(member.gid)?,
            last: Last { mode, modified: member.modified },
            ..Metadata::implied()
        };
        for (name, value) in member.attributes.drain(..) {
            if is_of_overlayfs(&name) {
                let name = name.escape_ascii();
                metadata
                    .unkept
                    .push(format!("left out the attribute {name} of {}: it is overlayfs's own", path.display()));
                continue;
            }
            if name.contains(&0) {
                return Err(path.refused("an attribute's name contains a NUL byte"));
            }
            if name.len() > NAME_LIMIT || value.len() > ATTRIBUTE_LIMIT {
                return Err(path.refused("an attribute's name is longer than 255 bytes, or its value than 64 KiB"));
            }
            metadata.xattrs.push((OsString::from_vec(name), value));
        }
        Ok(metadata)
    }

    /// Sets everything on an open file, and returns warnings.
    pub(crate) fn set(&self, file: &File, privilege: Privilege) -> io::Result<Vec<String>> {
        let unkept = self.set_first(file, privilege)?;
        self.last.set(file)?;
        Ok(unkept)
    }

    /// Sets owner and attributes, in this order: chown(2) clears set-user-id bits and capabilities.
    pub(crate) fn set_first(&self, file: &File, privilege: Privilege) -> io::Result<Vec<String>> {
        let mut unkept = self.unkept.clone();
        if privilege == Privilege::Root {
            fchown(file, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))?;
        }
        for (name, value) in &self.xattrs {
            match file.set_xattr(name, value) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EOPNOTSUPP)) => {
                    unkept.push(format!("left out attributes named {}: not permitted here", name.display()));
                }
                result => result?,
            }
        }
        Ok(unkept)
    }

    pub(crate) fn time(&self) -> TimeSpec {
        self.last.time()
    }
}

fn is_of_overlayfs(attribute: &[u8]) -> bool {
    attribute.starts_with(b"trusted.overlay.") || attribute.starts_with(b"user.overlay.")
}

impl Last {
    /// Sets mode and time of an open file or directory.
    pub(crate) fn set(&self, file: &File) -> io::Result<()> {
        fchmod(file, Mode::from_bits_truncate(self.mode))?;
        Ok(futimens(file, &self.time(), &self.time())?)
    }

    fn time(&self) -> TimeSpec {
        TimeSpec::new(self.modified.seconds, self.modified.nanoseconds)
    }
}
