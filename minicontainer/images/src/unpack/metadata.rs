//! The metadata of one entry of a layer.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
};

use minicontainer::{
    core::explain::Message,
    host::{CAPABILITY, Owner, Owners, capability_in},
    rootfs::{RootFsError, merged::Entry},
};
use nix::{
    sys::{
        stat::{Mode, fchmod, futimens},
        time::TimeSpec,
    },
    unistd::{Gid, Uid, fchown, geteuid},
};
use xattr::FileExt;

use super::{
    UnpackError,
    archive::Member,
    entry::{EntryPath, NAME_LIMIT},
    header::mode,
    pax::Time,
};
use crate::warning::warning;

/// The maximum size of an extended attribute, see xattr(7). The kernel refuses larger ones as well.
const ATTRIBUTE_LIMIT: usize = 64 << 10;

/// The bits of a mode that let a program run as its owner or group, see inode(7).
const SET_IDS: u32 = 0o6000;

/// Whether devices and `trusted.*` attributes can be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// Root: all metadata of the archive can be kept.
    Root,
    /// An ordinary user: owners can be kept if there are subordinate ids for them.
    User,
}

impl Privilege {
    /// The owners that files can have.
    pub(crate) fn owners(self) -> Owners {
        match self {
            Privilege::User if geteuid().is_root() => Owners::single(),
            _ => Owners::of_caller(),
        }
    }

    /// That of this process.
    pub(crate) fn current() -> Privilege {
        if geteuid().is_root() { Privilege::Root } else { Privilege::User }
    }
}

/// Owner, permissions, time and extended attributes.
pub(crate) struct Metadata {
    pub(crate) last: FinalAttributes,
    xattrs: Vec<(OsString, Vec<u8>)>,
    warnings: Vec<Message>,
}

/// The part of a directory's metadata that is set after it is filled: its mode may deny access, and filling changes
/// its time. An ordinary user cannot fill a directory that belongs to another id.
#[derive(Clone, Copy)]
pub(crate) struct FinalAttributes {
    pub(crate) owner: Owner,
    pub(crate) mode: u32,
    modified: Time,
}

impl Metadata {
    /// The metadata of a directory that an archive uses without listing it.
    pub(crate) fn implied() -> Metadata {
        let last = FinalAttributes { owner: Owner::default(), mode: 0o755, modified: Time::default() };
        Metadata { last, xattrs: Vec::new(), warnings: Vec::new() }
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
        let is_kept = |name: &[u8]| !is_overlay_attribute(name) && name != b"security.selinux";
        Ok(Metadata {
            last: FinalAttributes { owner: below.owner(), mode: found.mode() & 0o7777, modified },
            xattrs: attributes.into_iter().filter(|(name, _)| is_kept(name.as_bytes())).collect(),
            warnings: Vec::new(),
        })
    }

    pub(crate) fn read(member: &mut Member, path: &EntryPath) -> Result<Metadata, UnpackError> {
        let id = |value: u64| match u32::try_from(value) {
            // chown(2) interprets the largest number as "leave it unchanged".
            Ok(id) if id != u32::MAX => Ok(id),
            _ => Err(path.refused("its owner's id is out of range")),
        };
        let mode = mode(&member.header).map_err(|source| UnpackError::Archive { source })?;
        let mut metadata = Metadata {
            last: FinalAttributes {
                owner: Owner { uid: id(member.uid)?, gid: id(member.gid)? },
                mode,
                modified: member.modified,
            },
            ..Metadata::implied()
        };
        for (name, value) in member.attributes.drain(..) {
            if is_overlay_attribute(&name) {
                let arguments =
                    [("name", name.escape_ascii().to_string().into()), ("path", path.display().to_string().into())];
                metadata.warnings.push(warning("left-out-overlay-attribute", arguments));
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

    /// If the owner cannot be kept, makes root the owner and returns false. A program that runs as its owner must not
    /// run as root instead, so it loses the set-id bits. Directories keep these bits, which only determine the group
    /// of new files.
    pub(crate) fn keep_owner(&mut self, owners: &Owners, is_directory: bool) -> bool {
        let is_kept = owners.can_keep(self.last.owner);
        if !is_kept {
            self.last.owner = Owner::default();
            self.last.mode &= if is_directory { !0 } else { !SET_IDS };
        }
        is_kept
    }

    /// Sets everything on an open file, and returns warnings.
    pub(crate) fn set(&self, file: &File, owners: &Owners) -> io::Result<Vec<Message>> {
        let mut warnings = self.set_first(file, owners)?;
        self.last.set(file, owners)?;
        for (name, value) in self.xattrs.iter().filter(|(name, _)| name == CAPABILITY) {
            warnings.extend(match geteuid().is_root() || !owners.can_set_capabilities() {
                true => set_attribute(file, name, value)?,
                false => owners.set_attribute(file, name, &capability_in(value)).map(|()| None)?,
            });
        }
        Ok(warnings)
    }

    /// Sets root's owners, and attributes. The order matters: chown(2) clears set-user-id bits and capabilities.
    pub(crate) fn set_first(&self, file: &File, owners: &Owners) -> io::Result<Vec<Message>> {
        let mut warnings = self.warnings.clone();
        if geteuid().is_root() && owners.can_keep(self.last.owner) {
            let Owner { uid, gid } = self.last.owner;
            fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        for (name, value) in self.xattrs.iter().filter(|(name, _)| name != CAPABILITY) {
            warnings.extend(set_attribute(file, name, value)?);
        }
        Ok(warnings)
    }

    pub(crate) fn time(&self) -> TimeSpec {
        self.last.time()
    }
}

fn is_overlay_attribute(attribute: &[u8]) -> bool {
    attribute.starts_with(b"trusted.overlay.") || attribute.starts_with(b"user.overlay.")
}

/// Sets an attribute, and returns a warning if that is not permitted.
fn set_attribute(file: &File, name: &OsString, value: &[u8]) -> io::Result<Option<Message>> {
    match file.set_xattr(name, value) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EOPNOTSUPP)) => {
            Ok(Some(warning("left-out-attribute", [("name", name.display().to_string().into())])))
        }
        result => result.map(|()| None),
    }
}

impl FinalAttributes {
    /// Sets the mode and time of an open file or directory. If the engine runs as an ordinary user, it changes the
    /// owner last, because only a file's owner may change it.
    pub(crate) fn set(&self, file: &File, owners: &Owners) -> io::Result<()> {
        fchmod(file, Mode::from_bits_truncate(self.mode))?;
        futimens(file, &self.time(), &self.time())?;
        match self.is_given() {
            true => owners.give(file, self.owner, Some(self.mode)),
            false => Ok(()),
        }
    }

    /// Whether the engine runs as an ordinary user, and the file must belong to another id.
    pub(crate) fn is_given(&self) -> bool {
        !geteuid().is_root() && self.owner != Owner::default()
    }

    fn time(&self) -> TimeSpec {
        TimeSpec::new(self.modified.seconds, self.modified.nanoseconds)
    }
}
