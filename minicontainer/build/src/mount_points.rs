//! Removes the mount points that were created for a `RUN`.
//!
//! A file system can only be mounted on an existing path. If the image does not have it, an empty directory or file
//! is created in the writable layer and would become part of the image. Examples are `/proc` in an image with a
//! single program, and the mount point of a secret. So created mount points are removed afterwards if they are still
//! empty.
//!
//! The command runs as root of the container, and may replace a parent directory by a symbolic link (CVE-2024-23652).
//! So the path is looked up below a descriptor by openat2(2) with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`. If the
//! path contains a link, the mount point is not removed.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use minicontainer::host::{Owner, Owners};
use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2},
    sys::stat::{FileStat, Mode, SFlag, fstat, fstatat},
    unistd::{UnlinkatFlags, unlinkat},
};
use xattr::FileExt;

use super::{
    BuildError,
    files::{Files, Found, resolve},
};

/// The mount points of a `RUN` that the image does not have.
#[derive(Debug, Default)]
pub(super) struct MountPoints {
    /// Missing paths, including missing parents.
    missing: BTreeSet<PathBuf>,
    /// The existing directories above the missing paths.
    parents: Vec<Found>,
}

impl MountPoints {
    /// Finds the missing targets of mounts, before they are created.
    pub(super) fn of<'a>(
        image: &dyn Files,
        targets: impl Iterator<Item = &'a Path>,
    ) -> Result<MountPoints, BuildError> {
        let mut stubs = MountPoints::default();
        for target in targets {
            let way = resolve(image, target)?;
            let mut path = way.found.path.clone();
            for name in &way.missing {
                path.push(name);
                stubs.missing.insert(path.clone());
            }
            if way.missing.is_empty() {
                continue;
            }
            let mut here = image.root()?;
            for name in way.found.path.strip_prefix("/").unwrap_or(&way.found.path) {
                let Some(next) = image.child(&here, name)? else { break };
                stubs.parents.push(next.clone());
                here = next;
            }
        }
        Ok(stubs)
    }

    /// Removes created mount points that are still empty. Then removes their parents that are empty and unchanged:
    /// overlayfs copied them up only for the mount points.
    pub(super) fn remove(&self, upper: &Path) -> io::Result<()> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = Upper { root: open(upper, flags, Mode::empty())?, owners: Owners::of_caller() };
        for stub in self.missing.iter().rev() {
            let Some((parent, name)) = root.locate(stub)? else { continue };
            let Ok(stat) = root.stat(&parent, name) else { continue };
            let flag = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
                SFlag::S_IFDIR => UnlinkatFlags::RemoveDir,
                SFlag::S_IFREG if stat.st_size == 0 => UnlinkatFlags::NoRemoveDir,
                _ => continue,
            };
            root.unlink(&parent, name, flag)?;
        }
        let mut parents: Vec<&Found> = self.parents.iter().collect();
        parents.sort_by(|one, other| other.path.cmp(&one.path));
        for parent in parents {
            root.remove_unchanged(parent)?;
        }
        Ok(())
    }
}

/// The upper directory of a container that has exited. Some directories in it may belong to subordinate ids, and an
/// ordinary user cannot change these directly.
struct Upper {
    root: OwnedFd,
    owners: Owners,
}

impl Upper {
    fn remove_unchanged(&self, found: &Found) -> io::Result<()> {
        let Some((above, name)) = self.locate(&found.path)? else { return Ok(()) };
        let Ok(stat) = self.stat(&above, name) else { return Ok(()) };
        let is_directory = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
        let owner = self.owners.translate(Owner { uid: stat.st_uid, gid: stat.st_gid });
        if !is_directory || (stat.st_mode & 0o7777, owner.uid, owner.gid) != (found.mode, found.uid, found.gid) {
            return Ok(());
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let Ok(directory) = self.open(&above, Path::new(name), flags).map(File::from) else { return Ok(()) };
        for mark in ["trusted.overlay.opaque", "user.overlay.opaque"] {
            if directory.get_xattr(mark).is_ok_and(|value| value.is_some()) {
                return Ok(());
            }
        }
        self.unlink(&above, name, UnlinkatFlags::RemoveDir)
    }

    fn unlink(&self, parent: &OwnedFd, name: &OsStr, flag: UnlinkatFlags) -> io::Result<()> {
        let removed = match unlinkat(parent, name, flag) {
            Err(Errno::EACCES) => self.owners.remove(parent, name, matches!(flag, UnlinkatFlags::RemoveDir)),
            removed => removed.map_err(io::Error::from),
        };
        match removed {
            // A mount point stays if the command created files in it.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTEMPTY | libc::EEXIST | libc::ENOENT)) => {
                Ok(())
            }
            removed => removed,
        }
    }

    fn stat(&self, parent: &OwnedFd, name: &OsStr) -> io::Result<FileStat> {
        match fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::EACCES) => {
                let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                Ok(fstat(self.owners.look(parent, Path::new(name), flags.bits())?)?)
            }
            stat => Ok(stat?),
        }
    }

    fn open(&self, directory: &OwnedFd, path: &Path, flags: OFlag) -> io::Result<OwnedFd> {
        let how = OpenHow::new().flags(flags);
        let below = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        match openat2(directory, path, how.resolve(below)) {
            Err(Errno::EACCES) => self.owners.look(directory, path, flags.bits()),
            opened => Ok(opened?),
        }
    }

    /// Opens the parent of a path; also returns the last component. `None` if the parent does not exist, or its path
    /// contains a link.
    fn locate<'a>(&self, path: &'a Path) -> io::Result<Option<(OwnedFd, &'a OsStr)>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        let inside = parent.strip_prefix("/").unwrap_or(parent);
        let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
        match self.open(&self.root, inside, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC) {
            Ok(parent) => Ok(Some((parent, name))),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
