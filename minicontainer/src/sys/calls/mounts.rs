//! The calls that create, change and detach mounts.
//!
//! In the kernel's newer interface, a mount is first created detached, as a descriptor, and then attached to another
//! descriptor. So no path is looked up twice, which would allow another process to change it in between. See
//! fsopen(2), open_tree(2), move_mount(2), mount_setattr(2).

use core::ffi::CStr;

use super::{CURRENT_DIRECTORY, Fd, fd, path};
use crate::sys::Result;

/// The changes made by mount_setattr(2), `struct mount_attr`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MountAttr {
    pub set: u64,
    pub clear: u64,
    pub propagation: u64,
    pub userns: u64,
}

/// The older mount call, for older kernels on which the newer ones lack an option.
pub(crate) fn mount(source: &CStr, target: &CStr, fstype: &CStr, data: &CStr) -> Result<usize> {
    call!(SYS_mount, path(source), path(target), path(fstype), 0, path(data))
}

/// Detaches the mount on `name` with all mounts below it: path look-ups no longer see it, and it is unmounted when it
/// is no longer in use.
pub(crate) fn detach(name: &CStr) -> Result<usize> {
    call!(SYS_umount2, path(name), libc::MNT_DETACH)
}

pub(crate) fn pivot_root(new: &CStr, put_old: &CStr) -> Result<usize> {
    call!(SYS_pivot_root, path(new), path(put_old))
}

pub(crate) fn fsopen(fstype: &CStr) -> Result<Fd> {
    call!(SYS_fsopen, path(fstype), 1 /* FSOPEN_CLOEXEC */).map(|number| number as Fd)
}

/// Sets one option; an empty value is a plain flag.
pub(crate) fn fsconfig(context: Fd, key: &CStr, value: &CStr) -> Result<usize> {
    if value.is_empty() {
        call!(SYS_fsconfig, fd(context), 0 /* FSCONFIG_SET_FLAG */, path(key), 0, 0)
    } else {
        call!(SYS_fsconfig, fd(context), 1 /* FSCONFIG_SET_STRING */, path(key), path(value), 0)
    }
}

pub(crate) fn fsconfig_create(context: Fd) -> Result<usize> {
    call!(SYS_fsconfig, fd(context), 6 /* FSCONFIG_CMD_CREATE */, 0, 0, 0)
}

pub(crate) fn fsmount(context: Fd, attributes: u64) -> Result<Fd> {
    call!(SYS_fsmount, fd(context), 1 /* FSMOUNT_CLOEXEC */, attributes).map(|number| number as Fd)
}

/// Creates a detached copy of the mount at `name`, with the mounts below it if `recursive`.
pub(crate) fn open_tree(directory: Fd, name: &CStr, recursive: bool) -> Result<Fd> {
    let flags = 1 /* OPEN_TREE_CLONE */ | libc::O_CLOEXEC | libc::AT_EMPTY_PATH;
    call!(SYS_open_tree, fd(directory), path(name), flags | below(recursive)).map(|number| number as Fd)
}

/// As [`open_tree`], but does not follow a symbolic link at the end of the path.
pub(crate) fn open_tree_itself(name: &CStr, recursive: bool) -> Result<Fd> {
    let flags = 1 /* OPEN_TREE_CLONE */ | libc::O_CLOEXEC | libc::AT_SYMLINK_NOFOLLOW;
    call!(SYS_open_tree, fd(CURRENT_DIRECTORY), path(name), flags | below(recursive)).map(|number| number as Fd)
}

/// Attaches a detached mount on the file or directory that `destination` is open on.
pub(crate) fn move_mount(tree: Fd, destination: Fd) -> Result<usize> {
    // MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH: use both descriptors themselves.
    call!(SYS_move_mount, fd(tree), path(c""), fd(destination), path(c""), 0x04 | 0x40)
}

/// Attaches a detached mount on a path of the host.
pub(crate) fn move_mount_to(tree: Fd, destination: &CStr) -> Result<usize> {
    call!(SYS_move_mount, fd(tree), path(c""), fd(CURRENT_DIRECTORY), path(destination), 0x04)
}

/// Changes the mount that `mount` is open on, and those below it if `recursive`.
pub(crate) fn mount_setattr(mount: Fd, name: &CStr, recursive: bool, change: &MountAttr) -> Result<usize> {
    let flags = libc::AT_EMPTY_PATH | below(recursive);
    call!(SYS_mount_setattr, fd(mount), path(name), flags, &raw const *change, size_of::<MountAttr>())
}

/// The flag that includes the mounts below a mount.
fn below(recursive: bool) -> i32 {
    if recursive { libc::AT_RECURSIVE } else { 0 }
}
