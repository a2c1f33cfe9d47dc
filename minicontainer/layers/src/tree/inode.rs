//! One file, whatever its names: what it is, whose, and what it holds. See inode(7).

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::InodeId;

/// A file of any kind.
#[derive(Clone, PartialEq, Eq)]
pub struct Inode {
    /// Mode, owner, time, attributes.
    pub metadata: Metadata,
    /// What it is, with what it holds.
    pub kind: Kind,
    /// How many names it has. Of a directory always 1, for a directory has one place only.
    pub(super) links: u32,
}

/// What every file has, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its permission bits, with set-user-ID, set-group-ID and sticky: twelve bits.
    pub mode: u32,
    /// The user id of its owner.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// When its content was last modified, in seconds since 1970: as exactly as tar says it.
    pub modified: u64,
    /// Extended attributes by name, see xattr(7). Those of overlayfs itself are not among them: what they say of a
    /// directory is `opaque`.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// What kind of file it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary file.
    File {
        /// Shared by copies of a tree until one of them writes.
        content: Arc<Vec<u8>>,
    },
    /// A directory.
    Directory {
        /// What it holds, by name.
        entries: BTreeMap<String, InodeId>,
        /// In a layer: hides what lies below it.
        opaque: bool,
    },
    /// A symbolic link.
    Symlink {
        /// What it says.
        target: String,
    },
    /// A named pipe, see fifo(7).
    Fifo,
    /// A device node.
    Device {
        /// Which of the two.
        class: DeviceClass,
        /// Which driver.
        major: u32,
        /// Which of the driver's devices.
        minor: u32,
    },
    /// In a layer: a mark, what lies below is deleted.
    Whiteout,
}

/// How a device is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceClass {
    /// Byte after byte, as a terminal.
    Character,
    /// By blocks in any order, as a disk.
    Block,
}

impl Metadata {
    /// Root's, from 1970, without attributes.
    pub fn with_mode(mode: u32) -> Metadata {
        Metadata { mode, uid: 0, gid: 0, modified: 0, xattrs: BTreeMap::new() }
    }
}

impl Inode {
    /// A file of root's with this mode, without a name yet.
    pub fn new(kind: Kind, mode: u32) -> Inode {
        Inode { metadata: Metadata::with_mode(mode), kind, links: 0 }
    }

    /// An ordinary file that everybody may read.
    pub fn file(content: impl Into<Vec<u8>>) -> Inode {
        Inode::new(Kind::File { content: Arc::new(content.into()) }, 0o644)
    }

    /// A directory that everybody may enter, empty.
    pub fn directory() -> Inode {
        Inode::new(Kind::Directory { entries: BTreeMap::new(), opaque: false }, 0o755)
    }

    /// A symbolic link. Its mode is never looked at, and on Linux always the same.
    pub fn symlink(target: impl Into<String>) -> Inode {
        Inode::new(Kind::Symlink { target: target.into() }, 0o777)
    }

    /// A mark of deletion. It is no file, so its mode and owner say nothing.
    pub fn whiteout() -> Inode {
        Inode::new(Kind::Whiteout, 0)
    }

    /// How many names it has.
    pub fn links(&self) -> u32 {
        self.links
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory { .. })
    }

    /// Whether it is an opaque directory.
    pub fn is_opaque(&self) -> bool {
        matches!(self.kind, Kind::Directory { opaque: true, .. })
    }

    /// Whether it is a mark of deletion.
    pub fn is_whiteout(&self) -> bool {
        self.kind == Kind::Whiteout
    }

    /// What it holds, if it is a directory.
    pub fn entries(&self) -> impl Iterator<Item = (&str, InodeId)> {
        let entries = match &self.kind {
            Kind::Directory { entries, .. } => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten().map(|(name, id)| (name.as_str(), *id))
    }

    /// Whether another is the same but for its names and, of a directory, what it holds.
    pub fn looks_like(&self, other: &Inode) -> bool {
        let kind = match (&self.kind, &other.kind) {
            (Kind::Directory { opaque, .. }, Kind::Directory { opaque: other, .. }) => opaque == other,
            (Kind::Whiteout, Kind::Whiteout) => return true,
            (kind, other) => kind == other,
        };
        kind && self.metadata == other.metadata
    }
}

/// As one line, so that trees can be compared by eye.
impl fmt::Debug for Inode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whiteout() {
            return formatter.write_str("whiteout");
        }
        let Metadata { mode, uid, gid, modified, xattrs } = &self.metadata;
        match &self.kind {
            Kind::File { content } => write!(formatter, "file \"{}\"", content.escape_ascii()),
            Kind::Directory { opaque: true, .. } => formatter.write_str("opaque directory"),
            Kind::Directory { .. } => formatter.write_str("directory"),
            Kind::Symlink { target } => write!(formatter, "symlink to {target:?}"),
            Kind::Fifo => formatter.write_str("fifo"),
            Kind::Device { class, major, minor } => write!(formatter, "{class:?} device {major}:{minor}"),
            Kind::Whiteout => Ok(()),
        }?;
        write!(formatter, " {mode:04o} {uid}:{gid} at {modified}")?;
        xattrs.iter().try_for_each(|(name, value)| write!(formatter, " {name}=\"{}\"", value.escape_ascii()))
    }
}
