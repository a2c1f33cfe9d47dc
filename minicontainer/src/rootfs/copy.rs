//! The copy driver: the merged tree, written out file by file.
//!
//! Everything visible to programs is kept: content, mode, owner, times, attributes, hard links. The only exception is
//! the root directory itself, which both drivers create with mode 0755. If the file system can share
//! blocks between files (btrfs, XFS), copy_file_range(2), which [`io::copy`] uses, makes *reflinks*, and the file
//! system does the copy-on-write.
//!
//! The copy is made below a descriptor, one name at a time, as the layers are read. So it may be as deep as they are.
//! Every file is new; no existing file is opened for writing.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{File, FileTimes, Metadata, Permissions},
    io,
    os::{
        fd::AsFd,
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, PermissionsExt, fchown},
        },
    },
    path::Path,
    sync::Arc,
};

use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, openat},
    sys::{
        stat::{FchmodatFlags, Mode, SFlag, UtimensatFlags, fchmodat, mkdirat, mknodat, utimensat},
        time::TimeSpec,
    },
    unistd::{Gid, Uid, fchownat, geteuid, linkat, symlinkat},
};

use super::{
    RootFsError, copy_data,
    merged::{Entry, Merged},
    tree::Directory,
    walk::{Closed, Next},
};
use crate::{
    host::{CAPABILITY, Owner, Owners, capability_in},
    sys::xattr,
};

/// Writes the merged tree into `target`, an empty directory.
pub(super) fn copy(merged: &Merged, target: &Path) -> Result<(), RootFsError> {
    let owners = Arc::new(Owners::of_caller());
    let mut copy = Copy {
        root: Directory::open(target, &owners).map_err(RootFsError::io("open", target))?,
        owners,
        entered: None,
        linked: HashMap::new(),
        directories: Vec::new(),
    };
    merged.walk(Closed::Refuse, |entry| {
        let failed = |source: io::Error| RootFsError::io("copy", entry.place.path())(source);
        let attributes =
            if entry.metadata().is_dir() || entry.metadata().is_file() { entry.attributes()? } else { Vec::new() };
        copy.entry(entry, attributes).map_err(failed).map(|()| Next::Enter)
    })?;
    copy.finish()
}

type Attributes = Vec<(OsString, Vec<u8>)>;

struct Copy {
    root: Directory,
    owners: Arc<Owners>,
    /// The directory of the last entry.
    entered: Option<(Vec<u8>, Directory)>,
    /// The first copy of each file that has several names, by device and inode.
    linked: HashMap<(u64, u64), Vec<u8>>,
    directories: Vec<(Vec<u8>, Metadata, Attributes)>,
}

impl Copy {
    fn entry(&mut self, entry: &Entry, attributes: Attributes) -> io::Result<()> {
        let (path, metadata) = (entry.place.path(), entry.metadata());
        self.enter(parent(path))?;
        let place = self.entered.as_ref().map_or(&self.root, |(_, directory)| directory);
        let name = Path::new(path.file_name().unwrap_or_default());
        if metadata.is_dir() {
            mkdirat(place, name, Mode::S_IRWXU)?;
            // The caller's umask may have removed permissions that the owner needs to fill it.
            fchmodat(place, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
            self.directories.push((path.as_os_str().as_bytes().to_vec(), metadata.clone(), attributes));
            return Ok(());
        }
        if metadata.nlink() > 1 {
            let inode = (metadata.dev(), metadata.ino());
            if let Some(first) = self.linked.get(&inode) {
                let first = Path::new(OsStr::from_bytes(first));
                let from = self.below(parent(first))?;
                return match linkat(&from, first.file_name().unwrap_or_default(), place, name, AtFlags::empty()) {
                    Err(Errno::EPERM) if self.owners.are_subordinate() => self.owners.link(&self.root, first, path),
                    linked => Ok(linked?),
                };
            }
            self.linked.insert(inode, path.as_os_str().as_bytes().to_vec());
        }
        let place = self.entered.as_ref().map_or(&self.root, |(_, directory)| directory);
        match metadata.is_file() {
            true => self.copy_file(entry, place, name, &attributes),
            false => self.copy_special(entry, place, name),
        }
    }

    fn enter(&mut self, path: &[u8]) -> io::Result<()> {
        if self.entered.as_ref().is_none_or(|(entered, _)| entered != path) {
            self.entered = Some((path.to_vec(), self.below(path)?));
        }
        Ok(())
    }

    fn below(&self, path: &[u8]) -> io::Result<Directory> {
        self.root.descend(path)?.ok_or_else(|| Errno::ENOENT.into())
    }

    /// Sets the modes, times and attributes of directories after they are filled, because a read-only directory
    /// cannot be filled, and filling changes the times. The innermost come first, because a directory without
    /// permissions cannot be entered.
    fn finish(self) -> Result<(), RootFsError> {
        for (path, metadata, attributes) in self.directories.iter().rev() {
            let opened = self.below(path).and_then(|directory| Ok(File::from(directory.open_for_reading()?)));
            let set = opened.and_then(|directory| self.copy_metadata(&directory, metadata, attributes));
            set.map_err(RootFsError::io("copy the directory", OsStr::from_bytes(path)))?;
        }
        Ok(())
    }

    fn copy_file(&self, entry: &Entry, place: &Directory, name: &Path, attributes: &Attributes) -> io::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let from = entry.open().map_err(io::Error::other)?;
        let to = File::from(openat(place, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
        copy_data(&from, &to)?;
        self.copy_metadata(&to, entry.metadata(), attributes)
    }

    /// The order matters: chown(2) clears set-user-ID bits and file capabilities, and every change could alter the
    /// times. An ordinary user gives a file away last, because only its owner may change it.
    fn copy_metadata(&self, to: &File, metadata: &Metadata, attributes: &Attributes) -> io::Result<()> {
        let mode = metadata.mode() & 0o7777;
        if geteuid().is_root() {
            fchown(to, Some(metadata.uid()), Some(metadata.gid()))?;
        }
        to.set_permissions(Permissions::from_mode(mode))?;
        let is_privileged = |name: &OsStr| name == CAPABILITY && !geteuid().is_root();
        for (name, value) in attributes {
            // Overlayfs attributes have been evaluated already, and the kernel has set an SELinux label for the new
            // path.
            let own = [&b"trusted.overlay."[..], b"user.overlay.", b"security.selinux"];
            if !own.iter().any(|prefix| name.as_bytes().starts_with(prefix)) && !is_privileged(name) {
                xattr::set(to, name, value)?;
            }
        }
        to.set_times(FileTimes::new().set_accessed(metadata.accessed()?).set_modified(metadata.modified()?))?;
        let owner = self.owners.inside(metadata);
        if owner != Owner::default() && !geteuid().is_root() {
            self.owners.give(to, owner, Some(mode))?;
        }
        let mut privileged = attributes.iter().filter(|(name, _)| is_privileged(name));
        privileged.try_for_each(|(name, value)| self.owners.set_attribute(to, name, &capability_in(value)))
    }

    /// Copies a symbolic link, device, pipe or socket, which cannot be opened for copying.
    fn copy_special(&self, entry: &Entry, place: &Directory, name: &Path) -> io::Result<()> {
        let metadata = entry.metadata();
        if metadata.is_symlink() {
            symlinkat(&entry.target().map_err(io::Error::other)?, place, name)?;
        } else {
            let kind = SFlag::from_bits_truncate(metadata.mode()) & SFlag::S_IFMT;
            mknodat(place, name, kind, Mode::S_IRUSR | Mode::S_IWUSR, metadata.rdev())?;
        }
        if geteuid().is_root() {
            let (uid, gid) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
            fchownat(place, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
        if !metadata.is_symlink() {
            // It was just created, and no container runs here yet, so it is not a symbolic link.
            fchmodat(place, name, Mode::from_bits_truncate(metadata.mode() & 0o7777), FchmodatFlags::FollowSymlink)?;
        }
        let accessed = TimeSpec::new(metadata.atime(), metadata.atime_nsec());
        let modified = TimeSpec::new(metadata.mtime(), metadata.mtime_nsec());
        utimensat(place.as_fd(), name, &accessed, &modified, UtimensatFlags::NoFollowSymlink)?;
        let owner = self.owners.inside(metadata);
        if owner == Owner::default() || geteuid().is_root() {
            return Ok(());
        }
        let file = openat(place, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
        self.owners.give(&file, owner, None)
    }
}

fn parent(path: &Path) -> &[u8] {
    path.parent().map_or(&[], |parent| parent.as_os_str().as_bytes())
}
