//! One file without its names: its kind, owner, content and attributes. See inode(7).

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::InodeId;

/// A file of any kind.
#[derive(Clone, PartialEq, Eq)]
pub struct Inode {
    /// Mode, owner, time, attributes.
    pub metadata: Metadata,
    /// Its kind, with its content.
    pub kind: Kind,
    /// The number of its names; always 1 for a directory, which cannot have hard links.
    pub(super) links: u32,
}

/// The attributes of every kind of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its permission bits, with set-user-ID, set-group-ID and sticky: twelve bits.
    pub mode: u32,
    /// The user id of its owner.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// When its content was last modified, in seconds since 1970, which is the precision of tar.
    pub modified: u64,
    /// Extended attributes by name, see xattr(7). Those of overlayfs itself are not included: instead there is the
    /// field `opaque`.
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
        /// Its entries, by name.
        entries: BTreeMap<String, InodeId>,
        /// In a layer: hides the directory's content in the layers below.
        opaque: bool,
    },
    /// A symbolic link.
    Symlink {
        /// Its target.
        target: String,
    },
    /// A named pipe, see fifo(7).
    Fifo,
    /// A device node.
    Device {
        /// Character or block.
        class: DeviceClass,
        /// The driver's number.
        major: u32,
        /// The device's number.
        minor: u32,
    },
    /// In a layer: a whiteout, which deletes the name in the layers below.
    Whiteout,
}

/// The class of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceClass {
    /// A character device, such as a terminal.
    Character,
    /// A block device, such as a disk.
    Block,
}

impl Metadata {
    /// Owned by root, modified in 1970, without attributes.
    pub fn with_mode(mode: u32) -> Metadata {
        Metadata { mode, uid: 0, gid: 0, modified: 0, xattrs: BTreeMap::new() }
    }
}

impl Inode {
    /// A file owned by root with this mode, without a name.
    pub fn new(kind: Kind, mode: u32) -> Inode {
        Inode { metadata: Metadata::with_mode(mode), kind, links: 0 }
    }

    /// A regular file that all users may read.
    pub fn file(content: impl Into<Vec<u8>>) -> Inode {
        Inode::new(Kind::File { content: Arc::new(content.into()) }, 0o644)
    }

    /// An empty directory that all users may enter.
    pub fn directory() -> Inode {
        Inode::new(Kind::Directory { entries: BTreeMap::new(), opaque: false }, 0o755)
    }

    /// A symbolic link. Linux ignores its mode, which is always the same.
    pub fn symlink(target: impl Into<String>) -> Inode {
        Inode::new(Kind::Symlink { target: target.into() }, 0o777)
    }

    /// A whiteout. It is not a file, so its mode and owner have no meaning.
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

    /// Whether it is a whiteout.
    pub fn is_whiteout(&self) -> bool {
        self.kind == Kind::Whiteout
    }

    /// Its entries, if it is a directory.
    pub fn entries(&self) -> impl Iterator<Item = (&str, InodeId)> {
        let entries = match &self.kind {
            Kind::Directory { entries, .. } => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten().map(|(name, id)| (name.as_str(), *id))
    }

    /// Whether two files are the same except for their names and, for directories, their entries.
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
