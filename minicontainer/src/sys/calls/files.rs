//! Calls with file names: look-up below a directory, creation, renaming and removal.

use core::ffi::CStr;

use super::{CURRENT_DIRECTORY, Fd, fd, path};
use crate::sys::{Errno, Result};

/// Opens `name` as if `root` were the root of the file system.
pub(crate) fn open_in_root(root: Fd, name: &CStr, flags: i32) -> Result<Fd> {
    openat2(root, name, flags, libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS)
}

/// Opens `name` below a directory: no `..` leads out of it, and no symbolic link is followed. `resolve` adds to that.
pub(crate) fn open_below(directory: Fd, name: &CStr, flags: i32, resolve: u64) -> Result<Fd> {
    let below = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
    openat2(directory, name, flags, below | resolve)
}

/// See openat2(2). The call fails with EAGAIN if directories are renamed during the look-up. A hostile container
/// could cause this on purpose, so the number of attempts is limited.
fn openat2(directory: Fd, name: &CStr, flags: i32, resolve: u64) -> Result<Fd> {
    let how = [(flags | libc::O_CLOEXEC) as u64, 0, resolve];
    for _ in 0..128 {
        match call!(SYS_openat2, fd(directory), path(name), how.as_ptr(), size_of_val(&how)) {
            Err(Errno(libc::EAGAIN)) => continue,
            result => return result.map(|number| number as Fd),
        }
    }
    Err(Errno(libc::EAGAIN))
}

/// Opens a host file. The path must not contain components that an attacker controls.
pub(crate) fn open(name: &CStr, flags: i32) -> Result<Fd> {
    call!(SYS_openat, fd(CURRENT_DIRECTORY), path(name), flags | libc::O_CLOEXEC, 0).map(|number| number as Fd)
}

/// A look-up in a tree must not leave the directory, follow a symbolic link, or cross a mount.
pub(crate) const STAY: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_XDEV;

/// Opens a directory without following a symbolic link, see openat2(2). With `O_PATH` in `flags`, it need not be
/// readable.
pub(crate) fn open_directory(parent: Fd, name: &CStr, flags: i32, resolve: u64) -> Result<Fd> {
    let flags = flags | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let how = [flags as u64, 0, resolve];
    let opened = call!(SYS_openat2, fd(parent), path(name), how.as_ptr(), size_of_val(&how));
    opened.map(|number| number as Fd)
}

/// Reads the next entries of a directory; 0 bytes mean the end.
pub(crate) fn getdents64(directory: Fd, buffer: &mut [u8]) -> Result<usize> {
    call!(SYS_getdents64, fd(directory), buffer.as_mut_ptr(), buffer.len())
}

/// Rewinds to the first entry of a directory.
pub(crate) fn rewind(directory: Fd) -> Result<usize> {
    call!(SYS_lseek, fd(directory), 0, libc::SEEK_SET)
}

pub(crate) fn unlinkat(directory: Fd, name: &CStr, flags: i32) -> Result<usize> {
    call!(SYS_unlinkat, fd(directory), path(name), flags)
}

pub(crate) fn renameat(from: Fd, name: &CStr, to: Fd, new_name: &CStr) -> Result<usize> {
    call!(SYS_renameat2, fd(from), path(name), fd(to), path(new_name), 0)
}

/// Changes the mode of the file at a path.
pub(crate) fn chmod(name: &CStr, mode: u32) -> Result<usize> {
    call!(SYS_fchmodat, fd(CURRENT_DIRECTORY), path(name), mode)
}

/// Changes the mode of an open file.
pub(crate) fn fchmod(file: Fd, mode: u32) -> Result<usize> {
    call!(SYS_fchmod, fd(file), mode)
}

pub(crate) fn mkdirat(directory: Fd, name: &CStr, mode: u32) -> Result<usize> {
    call!(SYS_mkdirat, fd(directory), path(name), mode)
}

pub(crate) fn mknodat(directory: Fd, name: &CStr, mode: u32, device: u64) -> Result<usize> {
    call!(SYS_mknodat, fd(directory), path(name), mode, device)
}

pub(crate) fn symlinkat(target: &CStr, directory: Fd, name: &CStr) -> Result<usize> {
    call!(SYS_symlinkat, path(target), fd(directory), path(name))
}

/// Reads a symbolic link. The result is truncated to the buffer.
pub(crate) fn readlinkat(directory: Fd, name: &CStr, buffer: &mut [u8]) -> Result<usize> {
    call!(SYS_readlinkat, fd(directory), path(name), buffer.as_mut_ptr(), buffer.len())
}

/// Creates a hard link. Both paths are below the directory.
pub(crate) fn linkat(directory: Fd, name: &CStr, new_name: &CStr) -> Result<usize> {
    call!(SYS_linkat, fd(directory), path(name), fd(directory), path(new_name), 0)
}

/// Changes the owner and group of a file of any type, also of one opened with `O_PATH`.
pub(crate) fn set_owner_of(file: Fd, uid: u32, gid: u32) -> Result<usize> {
    call!(SYS_fchownat, fd(file), path(c""), uid, gid, libc::AT_EMPTY_PATH)
}
