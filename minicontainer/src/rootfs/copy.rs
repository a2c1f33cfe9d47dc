//! The copy driver: the merged tree, written out file by file.
//!
//! Everything that a program can see is kept: content, mode, owner, times, attributes, hard links. (But for the root
//! directory itself, which both drivers make anew with mode 0755.) An ordinary user owns all of the copy, as of the
//! layers: inside the container that user is root. Where the file system shares blocks between files (btrfs, XFS),
//! copy_file_range(2), which [`io::copy`] uses, makes *reflinks*, and the file system does the copy-on-write.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File, FileTimes, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown, lchown, symlink},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::AT_FDCWD,
    sys::{
        stat::{Mode, SFlag, UtimensatFlags, mknod, utimensat},
        time::TimeSpec,
    },
    unistd::geteuid,
};

use super::{
    RootFsError,
    merged::{Entry, Merged},
};
use crate::sys::xattr;

/// Writes what the stack shows into `target`, an empty directory.
///
/// Targets are plain paths below the container's directory, which only its owner may enter and in which no container
/// runs yet; all is made anew, and nothing that exists is opened for writing.
pub(super) fn copy(merged: &Merged, target: &Path) -> Result<(), RootFsError> {
    // The first copy of each file that has several names, by device and inode.
    let mut linked: HashMap<(u64, u64), PathBuf> = HashMap::new();
    let mut directories = Vec::new();
    merged.walk(&mut |path, Entry { metadata, places }| {
        let from = &places[0];
        let to = target.join(path.strip_prefix("/").unwrap_or(path));
        let failed = || RootFsError::io("copy", from);
        if metadata.is_dir() {
            DirBuilder::new().mode(0o700).create(&to).map_err(failed())?;
            directories.push((from.clone(), to, metadata.clone()));
            return Ok(());
        }
        if metadata.nlink() > 1 {
            let inode = (metadata.dev(), metadata.ino());
            if let Some(first) = linked.get(&inode) {
                return fs::hard_link(first, &to).map_err(failed());
            }
            linked.insert(inode, to.clone());
        }
        if metadata.is_file() { copy_file(from, &to, metadata) } else { copy_special(from, &to, metadata) }
            .map_err(failed())
    })?;
    // Last of all: a read-only directory must be filled before, and filling changes its times.
    for (from, to, metadata) in &directories {
        let failed = || RootFsError::io("copy the directory", from);
        let (from, to) = (File::open(from).map_err(failed())?, File::open(to).map_err(failed())?);
        copy_metadata(&from, &to, metadata).map_err(failed())?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<()> {
    let mut from = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(from)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut from, &mut to)?;
    copy_metadata(&from, &to, metadata)
}

/// The order matters: chown(2) clears set-user-id bits and file capabilities, setting attributes needs no time.
fn copy_metadata(from: &File, to: &File, metadata: &Metadata) -> io::Result<()> {
    if geteuid().is_root() {
        fchown(to, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    to.set_permissions(Permissions::from_mode(metadata.mode() & 0o7777))?;
    for name in xattr::names(from)? {
        // Overlay's notes have been obeyed; a label of SELinux belongs to the place, and the kernel has given one.
        let bytes = name.as_encoded_bytes();
        let own = [&b"trusted.overlay."[..], b"user.overlay.", b"security.selinux"];
        if own.iter().any(|prefix| bytes.starts_with(prefix)) {
            continue;
        }
        if let Some(value) = xattr::get(from, &name)? {
            xattr::set(to, &name, &value)?;
        }
    }
    to.set_times(FileTimes::new().set_accessed(metadata.accessed()?).set_modified(metadata.modified()?))
}

/// A symbolic link, device, pipe or socket: what cannot be opened to be copied.
fn copy_special(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<()> {
    let set_owner = |chown: fn(PathBuf, Option<u32>, Option<u32>) -> io::Result<()>| match geteuid().is_root() {
        true => chown(to.to_owned(), Some(metadata.uid()), Some(metadata.gid())),
        false => Ok(()),
    };
    if metadata.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
        set_owner(lchown)?;
    } else {
        let kind = SFlag::from_bits_truncate(metadata.mode()) & SFlag::S_IFMT;
        mknod(to, kind, Mode::S_IRUSR | Mode::S_IWUSR, metadata.rdev())?;
        set_owner(chown)?;
        fs::set_permissions(to, Permissions::from_mode(metadata.mode() & 0o7777))?;
    }
    let accessed = TimeSpec::new(metadata.atime(), metadata.atime_nsec());
    let modified = TimeSpec::new(metadata.mtime(), metadata.mtime_nsec());
    Ok(utimensat(AT_FDCWD, to, &accessed, &modified, UtimensatFlags::NoFollowSymlink)?)
}
