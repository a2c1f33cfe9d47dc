//! The attributes of an open file: its type, owner, device, mount and file system.

use super::{Fd, Node, fd, path};
use crate::sys::Result;

/// The type bits of a file's mode, see inode(7).
pub(crate) fn file_type(descriptor: Fd) -> Result<u32> {
    statx(descriptor, libc::STATX_TYPE).map(|status| u32::from(status.stx_mode) & libc::S_IFMT)
}

/// The owner and group of an open file.
pub(crate) fn owner(descriptor: Fd) -> Result<[u32; 2]> {
    statx(descriptor, libc::STATX_UID | libc::STATX_GID).map(|status| [status.stx_uid, status.stx_gid])
}

/// The device of an open device node. For other files, the device number is 0.
pub(crate) fn node(descriptor: Fd) -> Result<Node> {
    let status = statx(descriptor, libc::STATX_TYPE)?;
    let device = libc::makedev(status.stx_rdev_major, status.stx_rdev_minor);
    Ok(Node { kind: u32::from(status.stx_mode) & libc::S_IFMT, device })
}

/// The mount id of an open file (Linux 5.8).
pub(crate) fn mount_id(descriptor: Fd) -> Result<u64> {
    statx(descriptor, libc::STATX_MNT_ID).map(|status| status.stx_mnt_id)
}

/// The type and permissions of an open file.
pub(crate) fn mode(descriptor: Fd) -> Result<u32> {
    statx(descriptor, libc::STATX_MODE).map(|status| status.stx_mode.into())
}

/// Whether two descriptors lead to the same file of the same mount.
pub(crate) fn is_same_place(one: Fd, other: Fd) -> Result<bool> {
    let place = |descriptor| {
        let status = statx(descriptor, libc::STATX_INO | libc::STATX_MNT_ID)?;
        Ok((status.stx_mnt_id, status.stx_ino))
    };
    Ok(place(one)? == place(other)?)
}

pub(super) fn statx(descriptor: Fd, wanted: u32) -> Result<libc::statx> {
    // SAFETY: struct statx consists of plain numbers, for which all zeros is valid.
    let mut status: libc::statx = unsafe { core::mem::zeroed() };
    call!(SYS_statx, fd(descriptor), path(c""), libc::AT_EMPTY_PATH, wanted, &raw mut status)?;
    Ok(status)
}

/// The file system type of an open file, see statfs(2).
pub(crate) fn file_system_magic(descriptor: Fd) -> Result<u64> {
    // SAFETY: struct statfs consists of plain numbers, for which all zeros is valid.
    let mut status: libc::statfs = unsafe { core::mem::zeroed() };
    call!(SYS_fstatfs, fd(descriptor), &raw mut status)?;
    Ok(status.f_type as u64)
}
