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
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2},
    sys::stat::{Mode, SFlag, fstatat},
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
        let root = open(upper, flags, Mode::empty())?;
        for stub in self.missing.iter().rev() {
            let Some((parent, name)) = locate(&root, stub)? else { continue };
            let Ok(stat) = fstatat(&parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            let flag = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
                SFlag::S_IFDIR => UnlinkatFlags::RemoveDir,
                SFlag::S_IFREG if stat.st_size == 0 => UnlinkatFlags::NoRemoveDir,
                _ => continue,
            };
            unlink(&parent, name, flag)?;
        }
        let mut parents: Vec<&Found> = self.parents.iter().collect();
        parents.sort_by(|one, other| other.path.cmp(&one.path));
        for parent in parents {
            remove_unchanged(&root, parent)?;
        }
        Ok(())
    }
}

fn remove_unchanged(root: &OwnedFd, found: &Found) -> io::Result<()> {
    let Some((above, name)) = locate(root, &found.path)? else { return Ok(()) };
    let Ok(stat) = fstatat(&above, name, AtFlags::AT_SYMLINK_NOFOLLOW) else { return Ok(()) };
    let is_directory = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
    if !is_directory || (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid) != (found.mode, found.uid, found.gid) {
        return Ok(());
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let Ok(directory) = openat2(above.as_fd(), name, how(flags)).map(File::from) else { return Ok(()) };
    for mark in ["trusted.overlay.opaque", "user.overlay.opaque"] {
        if directory.get_xattr(mark).is_ok_and(|value| value.is_some()) {
            return Ok(());
        }
    }
    unlink(&above, name, UnlinkatFlags::RemoveDir)
}

fn unlink(parent: &OwnedFd, name: &OsStr, flag: UnlinkatFlags) -> io::Result<()> {
    match unlinkat(parent, name, flag) {
        // A mount point stays if the command created files in it.
        Ok(()) | Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn how(flags: OFlag) -> OpenHow {
    OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS)
}

/// Opens the parent of a path; also returns the last component. `None` if the parent does not exist, or its path
/// contains a link.
fn locate<'a>(root: &OwnedFd, path: &'a Path) -> io::Result<Option<(OwnedFd, &'a OsStr)>> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let inside = parent.strip_prefix("/").unwrap_or(parent);
    let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
    match openat2(root, inside, how(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)) {
        Ok(parent) => Ok(Some((parent, name))),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
