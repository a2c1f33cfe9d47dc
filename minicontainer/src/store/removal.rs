//! Removing a tree that strangers filled: a layer half unpacked, or what a container left.
//!
//! Two things make this more than [`std::fs::remove_dir_all`]. Overlay's `work/work` has mode 000, and so may any
//! directory that an image or a container made: to an ordinary user it is closed until its mode is changed. And a
//! container can nest directories deeper than a path or a stack of descriptors can reach (`while mkdir a; do cd a; done`).
//! So below a few levels, which are gone into, every directory found is *moved* up, where its own turn comes: the work
//! is never deeper than that.

use std::{ffi::CString, io, os::fd::AsFd, path::Path};

use nix::{
    NixPath,
    dir::Dir,
    errno::Errno,
    fcntl::{AT_FDCWD, OFlag, renameat},
    sys::stat::{FchmodatFlags, Mode, fchmodat, fstat},
    unistd::{UnlinkatFlags, unlinkat},
};

/// How many levels are gone into. Each holds a descriptor open, and costs nothing else; moving up changes two
/// directories on the disk.
const LEVELS: u32 = 8;

/// Removes a directory with everything in it; one that is not there is removed already. No symbolic link is followed:
/// names are looked up below descriptors, each opened with `O_NOFOLLOW`.
pub(crate) fn remove_tree(directory: &Path) -> io::Result<()> {
    match remove_levels(AT_FDCWD, directory, LEVELS) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// The same for a directory that is there, below one that is open.
pub(super) fn remove_directory(parent: impl AsFd, directory: &Path) -> nix::Result<()> {
    remove_levels(parent, directory, LEVELS)
}

fn remove_levels<P: ?Sized + NixPath>(parent: impl AsFd, name: &P, levels: u32) -> nix::Result<()> {
    let mut directory = open(&parent, name)?;
    match levels.checked_sub(1) {
        None => flatten(&mut directory)?,
        Some(levels) => {
            for child in names(&mut directory)? {
                if !is_removed(&directory, &child)? {
                    remove_levels(directory.as_fd(), child.as_c_str(), levels)?;
                }
            }
        }
    }
    unlinkat(parent, name, UnlinkatFlags::RemoveDir)
}

/// Empties a directory of any depth.
fn flatten(top: &mut Dir) -> nix::Result<()> {
    let mut moved = 0_u64;
    loop {
        let names = names(top)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            if is_removed(top, &name)? {
                continue;
            }
            let mut inner = open(&*top, name.as_c_str())?;
            for child in self::names(&mut inner)? {
                if !is_removed(&inner, &child)? {
                    // Moving a directory changes its `..` entry, which needs permission to write in it.
                    drop(open(&inner, child.as_c_str())?);
                    move_up(&inner, &child, top, &mut moved)?;
                }
            }
            unlinkat(&*top, name.as_c_str(), UnlinkatFlags::RemoveDir)?;
        }
    }
}

/// Opens a directory, giving its owner all permissions where they are missing. No process lives any more that could
/// put a symbolic link in its place between the two.
fn open<P: ?Sized + NixPath>(parent: impl AsFd, name: &P) -> nix::Result<Dir> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let open = || Dir::openat(parent.as_fd(), name, flags, Mode::empty());
    match open() {
        Err(Errno::EACCES) => {}
        opened => {
            let directory = opened?;
            if Mode::from_bits_truncate(fstat(&directory)?.st_mode).contains(Mode::S_IRWXU) {
                return Ok(directory);
            }
        }
    }
    fchmodat(parent.as_fd(), name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
    open()
}

fn names(directory: &mut Dir) -> nix::Result<Vec<CString>> {
    let names = directory.iter().map(|entry| Ok(entry?.file_name().to_owned())).collect::<nix::Result<Vec<_>>>()?;
    Ok(names.into_iter().filter(|name| !matches!(name.to_bytes(), b"." | b"..")).collect())
}

/// Removes anything but a directory that has something in it; says whether it was such a thing.
fn is_removed(parent: &Dir, name: &CString) -> nix::Result<bool> {
    let unlink = |what| unlinkat(parent, name.as_c_str(), what);
    match unlink(UnlinkatFlags::NoRemoveDir) {
        Err(Errno::EISDIR) => {}
        result => return result.map(|()| true),
    }
    match unlink(UnlinkatFlags::RemoveDir) {
        Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(false),
        result => result.map(|()| true),
    }
}

/// Gives a directory a name in `top` that nothing has: renameat(2) would replace an empty directory, which does no
/// harm, and refuses with these two errors to replace anything else.
fn move_up(parent: &Dir, name: &CString, top: &Dir, moved: &mut u64) -> nix::Result<()> {
    loop {
        *moved += 1;
        match renameat(parent, name.as_c_str(), top, format!("removed-{moved}").as_str()) {
            Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOTDIR) => continue,
            result => return result,
        }
    }
}
