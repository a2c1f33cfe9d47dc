//! The operations that build the root file system and enter it. The rules of [`super::child`] apply here too.
//!
//! **Before this**: [`child`](super::child), whose table calls these functions. **Next**:
//! [`child_process`](super::child_process), the operations after pivot_root(2).
//!
//! Nothing is mounted *on a path*, because an image may hold a symbolic link where a directory is expected. Instead
//! the place is opened first (see [`super::child_lookup`]), and then move_mount(2) attaches the mount to that
//! descriptor. So no link in the image can redirect a mount to the host.
//!
//! Decisions: `minicontainer/decisions/mounts-and-paths.md`.

use core::ffi::CStr;
use std::ffi::CString;

use super::child::{Failure, Named, State};
use super::child_lookup::{as_owner, find, find_existing, forget_mounts, keep, make_parents, open, open_of_kind};
use super::child_sources;
use super::compile::restriction;
use super::message::Call;
use super::program::{Bind, LayerLimit, OverlayMount, Place};
use crate::sys::Errno;
use crate::sys::calls::{self, CURRENT_DIRECTORY, Descriptor, Fd, MountAttr, Node};

/// Makes all mounts private, so that mounts do not propagate between this mount namespace and the host's.
pub(super) fn make_private() -> Result<(), Failure> {
    let private = MountAttr { propagation: libc::MS_PRIVATE, ..MountAttr::default() };
    calls::mount_setattr(CURRENT_DIRECTORY, c"/", true, &private).named(Call::MountSetattr).map(drop)
}

/// Mounts a tmpfs with a size limit over the container's own directory, and creates the directories of the overlay in
/// it. These are the engine's own paths, which no image can influence.
pub(super) fn limit_layer(limit: &LayerLimit, state: &mut State<'_>) -> Result<(), Failure> {
    state.owner = limit.owner;
    let tree = file_system(c"tmpfs", &limit.options, 0)?;
    calls::move_mount_to(tree.0, &limit.directory).named(Call::MoveMount)?;
    for path in &limit.directories {
        calls::mkdirat(CURRENT_DIRECTORY, path, 0o755).named(Call::Mkdir)?;
        if let Some([uid, gid]) = limit.owner {
            let made = Descriptor(calls::open(path, libc::O_RDONLY | libc::O_DIRECTORY).named(Call::Openat)?);
            calls::set_owner(made.0, uid, gid).named(Call::Fchown)?;
        }
    }
    Ok(())
}

/// Mounts the overlay. From now on, the descriptor of this mount is the new root.
pub(super) fn mount_overlay(overlay: &OverlayMount, state: &mut State<'_>) -> Result<(), Failure> {
    state.root = match overlay {
        OverlayMount::OneByOne { options, target } => {
            let tree = file_system(c"overlay", options, 0)?;
            calls::move_mount_to(tree.0, target).named(Call::MoveMount)?;
            tree.keep()
        }
        // Kernels before 6.5 take all layers in one option of mount(2), which must be short.
        OverlayMount::ByPath { layers, data, target } => {
            calls::chdir(layers).named(Call::Chdir)?;
            calls::mount(c"overlay", target, c"overlay", data).named(Call::Mount)?;
            calls::open(target, libc::O_PATH | libc::O_DIRECTORY).named(Call::Openat2)?
        }
    };
    Ok(())
}

/// Mounts the overlay so that files owned by root belong to root of the container's user namespace. For this, each
/// layer is first covered by an *idmapped* mount of itself, which shifts the owners.
pub(super) fn mount_idmapped_overlay(
    namespace: Fd,
    directories: &[CString],
    overlay: &OverlayMount,
    state: &mut State<'_>,
) -> Result<(), Failure> {
    let shifted = MountAttr {
        set: libc::MOUNT_ATTR_IDMAP,
        userns: u64::try_from(namespace).unwrap_or_default(),
        ..MountAttr::default()
    };
    let owner_is_known = state.owner.is_some();
    for directory in directories {
        let tree = Descriptor(calls::open_tree(CURRENT_DIRECTORY, directory, false).named(Call::OpenTree)?);
        calls::mount_setattr(tree.0, c"", false, &shifted).named(Call::MountSetattr)?;
        calls::move_mount_to(tree.0, directory).named(Call::MoveMount)?;
        // The last directory is the container's own. Through its idmapped mount it belongs to root of the container.
        if !owner_is_known {
            state.owner = Some(calls::owner(tree.0).named(Call::Statx)?);
        }
    }
    mount_as_owner(overlay, state)
}

/// Mounts an overlay as the owner of its layers. Overlayfs creates every file with the credentials of the process
/// that mounted it, so these must be of a user in the user namespace. By changing its file system user, root loses
/// its file capabilities; capset(2) restores them.
fn mount_as_owner(overlay: &OverlayMount, state: &mut State<'_>) -> Result<(), Failure> {
    let [uid, gid] = state.owner.unwrap_or_default();
    calls::set_file_system_ids(uid, gid).named(Call::Setuid)?;
    let capabilities = calls::permitted_capabilities().named(Call::Capset)?;
    calls::capset(capabilities, capabilities, 0).named(Call::Capset)?;
    mount_overlay(overlay, state)?;
    calls::set_file_system_ids(0, 0).named(Call::Setuid)
}

/// Writes a sysctl, only through the container's own procfs.
pub(super) fn set_sysctl(place: &Place, value: &CStr, state: &State<'_>) -> Result<(), Failure> {
    let file = open_of_kind(place, libc::O_WRONLY, libc::PROC_SUPER_MAGIC as u64, state)?;
    calls::write(file.0, value.to_bytes()).named(Call::Write).map(drop)
}

/// Bind-mounts the root directory onto itself, because pivot_root(2) requires a mount.
pub(super) fn bind_root(source: &CStr, state: &mut State<'_>) -> Result<(), Failure> {
    let tree = calls::open_tree(CURRENT_DIRECTORY, source, true).named(Call::OpenTree)?;
    calls::move_mount_to(tree, source).named(Call::MoveMount)?;
    state.root = tree;
    Ok(())
}

/// Creates a detached mount of a new file system.
fn file_system(fstype: &CStr, options: &[(CString, CString)], attributes: u64) -> Result<Descriptor, Failure> {
    let context = Descriptor(calls::fsopen(fstype).named(Call::Fsopen)?);
    for (key, value) in options {
        calls::fsconfig(context.0, key, value).named(Call::Fsconfig)?;
    }
    calls::fsconfig_create(context.0).named(Call::Fsconfig)?;
    calls::fsmount(context.0, attributes).named(Call::Fsmount).map(Descriptor)
}

pub(super) fn mount(
    fstype: &CStr,
    options: &[(CString, CString)],
    attributes: u64,
    place: &Place,
    slot: Option<usize>,
    state: &State<'_>,
) -> Result<(), Failure> {
    let tree = file_system(fstype, options, attributes)?;
    attach(&tree, place, libc::S_IFDIR, state)?;
    keep(tree, slot, false, state)
}

pub(super) fn bind_mount(bind: &Bind, state: &State<'_>) -> Result<(), Failure> {
    let Bind { source, recursive, attributes, place, slot } = bind;
    let tree = child_sources::tree(source, *recursive)?;
    if *attributes != 0 {
        calls::mount_setattr(tree.0, c"", *recursive, &restriction(*attributes)).named(Call::MountSetattr)?;
    }
    attach(&tree, place, calls::file_type(tree.0).named(Call::Statx)?, state)?;
    keep(tree, *slot, *recursive, state)
}

/// Attaches a mount at its place. A missing place is created: a directory for a directory, otherwise an empty file.
pub(super) fn attach(tree: &Descriptor, place: &Place, kind: u32, state: &State<'_>) -> Result<(), Failure> {
    let target = match find(place, state) {
        Err(Failure { errno: Errno(libc::ENOENT), .. }) => {
            let (parent, name) = make_parents(place, state)?;
            if kind == libc::S_IFDIR {
                as_owner(state, || calls::mkdirat(parent.0, name, 0o755)).named(Call::Mkdir)?;
            } else {
                as_owner(state, || calls::mknodat(parent.0, name, libc::S_IFREG | 0o644, 0)).named(Call::Mknod)?;
            }
            find(place, state)
        }
        found => found,
    }?;
    match (kind == libc::S_IFDIR, calls::file_type(target.0).named(Call::Statx)? == libc::S_IFDIR) {
        (true, false) => Err(Failure { call: Call::MoveMount, errno: Errno(libc::ENOTDIR) }),
        (false, true) => Err(Failure { call: Call::MoveMount, errno: Errno(libc::EISDIR) }),
        _ => calls::move_mount(tree.0, target.0).named(Call::MoveMount).map(drop),
    }
}

/// Bind-mounts a device node of the host, if it is the expected device. The mount is read-only, so that the node's
/// mode, owner and times cannot be changed through it. Writes to the device itself still work.
pub(super) fn bind_device(source: &CStr, node: Node, place: &Place, state: &State<'_>) -> Result<(), Failure> {
    let tree = Descriptor(calls::open_tree(CURRENT_DIRECTORY, source, false).named(Call::OpenTree)?);
    if calls::node(tree.0).named(Call::Statx)? != node {
        return Err(Failure { call: Call::OpenTree, errno: Errno(libc::ENODEV) });
    }
    let attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;
    calls::mount_setattr(tree.0, c"", false, &restriction(attributes)).named(Call::MountSetattr)?;
    attach(&tree, place, libc::S_IFREG, state)
}

/// Creates a device node. If the rootfs of a bundle has one already, it must be the same device.
pub(super) fn make_node(place: &Place, mode: u32, node: Node, state: &State<'_>) -> Result<(), Failure> {
    let (parent, name) = make_parents(place, state)?;
    match calls::mknodat(parent.0, name, node.kind | mode, node.device) {
        Err(Errno(libc::EEXIST)) if calls::node(find(place, state)?.0).named(Call::Statx)? == node => Ok(()),
        result => result.named(Call::Mknod).map(drop),
    }
}

/// Creates a symbolic link. If the rootfs of a bundle has one already, it must have the same target.
pub(super) fn make_link(place: &Place, target: &CStr, state: &State<'_>) -> Result<(), Failure> {
    let (parent, name) = make_parents(place, state)?;
    let mut existing = [0; 64];
    match calls::symlinkat(target, parent.0, name) {
        Err(Errno(libc::EEXIST))
            if calls::readlinkat(parent.0, name, &mut existing)
                .is_ok_and(|length| existing.get(..length) == Some(target.to_bytes())) =>
        {
            Ok(())
        }
        result => result.named(Call::Symlink).map(drop),
    }
}

pub(super) fn remount(place: &Place, attributes: u64, state: &State<'_>) -> Result<(), Failure> {
    let mount = open(place, &place.path, libc::O_PATH, state)?;
    calls::mount_setattr(mount.0, c"", false, &restriction(attributes)).named(Call::MountSetattr).map(drop)
}

/// Covers a file or a directory with an empty read-only one.
pub(super) fn mask(place: &Place, on_host: Option<&CStr>, state: &mut State<'_>) -> Result<(), Failure> {
    let Some(covered) = find_existing(place, on_host, state)? else { return Ok(()) };
    let empty = match state.empty {
        Some(empty) => empty,
        None => *state.empty.insert(empty_files()?),
    };
    let is_directory = calls::file_type(covered.0).named(Call::Statx)? == libc::S_IFDIR;
    let name = if is_directory { EMPTY_DIRECTORY } else { EMPTY_FILE };
    let cover = Descriptor(calls::open_tree(empty, name, false).named(Call::OpenTree)?);
    calls::move_mount(cover.0, covered.0).named(Call::MoveMount).map(drop)
}

const EMPTY_DIRECTORY: &CStr = c"directory";
const EMPTY_FILE: &CStr = c"file";

/// Creates a read-only file system with an empty directory and an empty file. Every mask is a mount of one of the
/// two. The container does not share them with the host or with other containers.
///
/// Before Linux 6.15, only an attached mount can be cloned, see open_tree(2). So the file system is attached to the
/// host's `/dev` in this mount namespace. No later step needs that `/dev`, and it is detached with the host's tree.
fn empty_files() -> Result<Fd, Failure> {
    let restrictions = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    let tree = file_system(c"tmpfs", &[], restrictions)?;
    calls::mkdirat(tree.0, EMPTY_DIRECTORY, 0o555).named(Call::Mkdir)?;
    calls::mknodat(tree.0, EMPTY_FILE, libc::S_IFREG | 0o444, 0).named(Call::Mknod)?;
    calls::mount_setattr(tree.0, c"", false, &restriction(libc::MOUNT_ATTR_RDONLY)).named(Call::MountSetattr)?;
    calls::move_mount_to(tree.0, c"/dev").named(Call::MoveMount)?;
    Ok(tree.keep())
}

/// Bind-mounts a path onto itself, read-only together with all mounts below it.
pub(super) fn make_readonly(place: &Place, on_host: Option<&CStr>, state: &State<'_>) -> Result<(), Failure> {
    let Some(place) = find_existing(place, on_host, state)? else { return Ok(()) };
    let tree = Descriptor(calls::open_tree(place.0, c"", true).named(Call::OpenTree)?);
    calls::mount_setattr(tree.0, c"", true, &restriction(libc::MOUNT_ATTR_RDONLY)).named(Call::MountSetattr)?;
    calls::move_mount(tree.0, place.0).named(Call::MoveMount).map(drop)
}

/// Changes the root to the new root. With `.` for both arguments, the old root is mounted on top of the new one, and
/// detaching it leaves the new one. So no directory for the old root is needed, see "pivot_root(".", ".")" in
/// pivot_root(2).
pub(super) fn pivot(close: &[Fd], state: &mut State<'_>) -> Result<(), Failure> {
    calls::fchdir(state.root).named(Call::Fchdir)?;
    calls::pivot_root(c".", c".").named(Call::PivotRoot)?;
    calls::detach(c".").named(Call::Umount)?;
    // These descriptors are no longer needed. They must be closed, or a working directory such as /proc/self/fd/5
    // could lead to one of them.
    drop(Descriptor(state.root));
    drop(state.empty.take().map(Descriptor));
    forget_mounts(state);
    // The sources of bind mounts are open in the host's tree.
    close.iter().for_each(|file| drop(Descriptor(*file)));
    calls::chdir(c"/").named(Call::Chdir).map(drop)
}

/// Changes the root for path look-ups only.
pub(super) fn chroot(path: &CStr) -> Result<(), Failure> {
    calls::chroot(path).named(Call::Chroot)?;
    calls::chdir(c"/").named(Call::Chdir).map(drop)
}
