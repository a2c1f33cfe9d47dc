//! The operations that build the root file system and move into it. The rules of [`super::child`] hold here too.
//!
//! **Before this**: [`child`](super::child), whose table calls these functions. **Next**:
//! [`child_process`](super::child_process), what comes after the pivot.
//!
//! Nothing is mounted *on a path*: a path inside the new root comes from an image, and an image may hold a symbolic
//! link where a directory is expected. So the place is first opened (see [`super::child_places`]), and the mount is
//! then attached to that descriptor by move_mount(2). No link can lead it to the host.

use core::ffi::CStr;
use std::ffi::CString;

use super::child::{Failure, Named, State};
use super::child_places::{as_owner, find, find_existing, forget_mounts, keep, make_parents, open, open_of_kind};
use super::child_sources;
use super::compile::restriction;
use super::message::Call;
use super::program::{Bind, LayerLimit, OverlayMount, Place};
use crate::sys::Errno;
use crate::sys::calls::{self, CURRENT_DIRECTORY, Descriptor, Fd, MountAttr, Node};

/// Cuts the ties between this mount table and the one that it was copied from.
pub(super) fn make_private() -> Result<(), Failure> {
    let private = MountAttr { propagation: libc::MS_PRIVATE, ..MountAttr::default() };
    calls::mount_setattr(CURRENT_DIRECTORY, c"/", true, &private).named(Call::MountSetattr).map(drop)
}

/// Mounts a file system of bounded size over the container's own directory, and makes overlay's directories in it.
/// These are the engine's own paths; no image can influence them.
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

/// Stacks the layers. The new mount's descriptor is the new root from now on.
pub(super) fn mount_overlay(overlay: &OverlayMount, state: &mut State<'_>) -> Result<(), Failure> {
    state.root = match overlay {
        OverlayMount::OneByOne { options, target } => {
            let tree = file_system(c"overlay", options, 0)?;
            calls::move_mount_to(tree.0, target).named(Call::MoveMount)?;
            tree.keep()
        }
        // Kernels before 6.5 take all layers in one option of mount(2), which has to be short.
        OverlayMount::ByPath { layers, data, target } => {
            calls::chdir(layers).named(Call::Chdir)?;
            calls::mount(c"overlay", target, c"overlay", data).named(Call::Mount)?;
            calls::open(target, libc::O_PATH | libc::O_DIRECTORY).named(Call::Openat2)?
        }
    };
    Ok(())
}

/// Stacks the layers so that what root owns in them belongs to root of the container's user namespace: first each
/// layer is covered by a mount of itself with shifted owners, an *idmapped* mount.
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
        // The last one is the container's own directory, which belongs to root of the container now.
        if !owner_is_known {
            state.owner = Some(calls::owner(tree.0).named(Call::Statx)?);
        }
    }
    mount_as_owner(overlay, state)
}

/// Mounts an overlay as the owner of its layers: overlay makes every file in the name of the process that mounts it,
/// and that must be a user of the user namespace. The change of user costs root its capabilities over files; they are
/// taken back.
fn mount_as_owner(overlay: &OverlayMount, state: &mut State<'_>) -> Result<(), Failure> {
    let [uid, gid] = state.owner.unwrap_or_default();
    calls::set_file_system_ids(uid, gid).named(Call::Setuid)?;
    let powers = calls::permitted_capabilities().named(Call::Capset)?;
    calls::capset(powers, powers, 0).named(Call::Capset)?;
    mount_overlay(overlay, state)?;
    calls::set_file_system_ids(0, 0).named(Call::Setuid)
}

/// Writes a variable of the kernel's, in the container's own procfs and nowhere else.
pub(super) fn set_sysctl(place: &Place, value: &CStr, state: &State<'_>) -> Result<(), Failure> {
    let file = open_of_kind(place, libc::O_WRONLY, libc::PROC_SUPER_MAGIC as u64, state)?;
    calls::write(file.0, value.to_bytes()).named(Call::Write).map(drop)
}

/// pivot_root(2) wants a mount; so the directory is bound onto itself.
pub(super) fn bind_root(source: &CStr, state: &mut State<'_>) -> Result<(), Failure> {
    let tree = calls::open_tree(CURRENT_DIRECTORY, source, true).named(Call::OpenTree)?;
    calls::move_mount_to(tree, source).named(Call::MoveMount)?;
    state.root = tree;
    Ok(())
}

/// Makes a file system that is mounted nowhere yet.
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

/// Attaches a mount at its place, which is made when it is not there: a directory for a directory, else an empty
/// file.
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

/// Shows a device node of the host, if it is the one that is meant. Read-only, so that its mode, owner and times
/// cannot be changed through it; what is written to it goes to the device all the same.
pub(super) fn bind_device(source: &CStr, node: Node, place: &Place, state: &State<'_>) -> Result<(), Failure> {
    let tree = Descriptor(calls::open_tree(CURRENT_DIRECTORY, source, false).named(Call::OpenTree)?);
    if calls::node(tree.0).named(Call::Statx)? != node {
        return Err(Failure { call: Call::OpenTree, errno: Errno(libc::ENODEV) });
    }
    let attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;
    calls::mount_setattr(tree.0, c"", false, &restriction(attributes)).named(Call::MountSetattr)?;
    attach(&tree, place, libc::S_IFREG, state)
}

/// Makes a device node. One that is there already, in the rootfs of a bundle, must be the same device.
pub(super) fn make_node(place: &Place, mode: u32, node: Node, state: &State<'_>) -> Result<(), Failure> {
    let (parent, name) = make_parents(place, state)?;
    match calls::mknodat(parent.0, name, node.kind | mode, node.device) {
        Err(Errno(libc::EEXIST)) if calls::node(find(place, state)?.0).named(Call::Statx)? == node => Ok(()),
        result => result.named(Call::Mknod).map(drop),
    }
}

/// Makes a symbolic link. One that is there already, in the rootfs of a bundle, must say the same.
pub(super) fn make_link(place: &Place, target: &CStr, state: &State<'_>) -> Result<(), Failure> {
    let (parent, name) = make_parents(place, state)?;
    let mut there = [0; 64];
    match calls::symlinkat(target, parent.0, name) {
        Err(Errno(libc::EEXIST))
            if calls::readlinkat(parent.0, name, &mut there)
                .is_ok_and(|length| there.get(..length) == Some(target.to_bytes())) =>
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

/// Makes a read-only file system with an empty directory and an empty file. Every mask is a mount of one of the two.
/// They belong to this container alone: neither is a device or a file of the host.
///
/// Before Linux 6.15 only what is attached somewhere can be mounted a second time, see open_tree(2). So it is
/// attached to the host's `/dev` as this mount namespace shows it, which no later step needs and which goes with the
/// host's tree.
fn empty_files() -> Result<Fd, Failure> {
    let restrictions = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    let tree = file_system(c"tmpfs", &[], restrictions)?;
    calls::mkdirat(tree.0, EMPTY_DIRECTORY, 0o555).named(Call::Mkdir)?;
    calls::mknodat(tree.0, EMPTY_FILE, libc::S_IFREG | 0o444, 0).named(Call::Mknod)?;
    calls::mount_setattr(tree.0, c"", false, &restriction(libc::MOUNT_ATTR_RDONLY)).named(Call::MountSetattr)?;
    calls::move_mount_to(tree.0, c"/dev").named(Call::MoveMount)?;
    Ok(tree.keep())
}

/// Binds a path onto itself, read-only with all mounts below it.
pub(super) fn make_readonly(place: &Place, on_host: Option<&CStr>, state: &State<'_>) -> Result<(), Failure> {
    let Some(place) = find_existing(place, on_host, state)? else { return Ok(()) };
    let tree = Descriptor(calls::open_tree(place.0, c"", true).named(Call::OpenTree)?);
    calls::mount_setattr(tree.0, c"", true, &restriction(libc::MOUNT_ATTR_RDONLY)).named(Call::MountSetattr)?;
    calls::move_mount(tree.0, place.0).named(Call::MoveMount).map(drop)
}

/// Makes the new root the root. With both names `.` the old root lands on top of the new one, and detaching what is
/// on top leaves the new one: no directory for the old root is needed, see "pivot_root(".", ".")" in pivot_root(2).
pub(super) fn pivot(close: &[Fd], state: &mut State<'_>) -> Result<(), Failure> {
    calls::fchdir(state.root).named(Call::Fchdir)?;
    calls::pivot_root(c".", c".").named(Call::PivotRoot)?;
    calls::detach(c".").named(Call::Umount)?;
    // None of these descriptors is needed any more, and a working directory such as /proc/self/fd/5 must not find
    // one.
    drop(Descriptor(state.root));
    drop(state.empty.take().map(Descriptor));
    forget_mounts(state);
    // What bind mounts were made from is open in the host's tree.
    close.iter().for_each(|file| drop(Descriptor(*file)));
    calls::chdir(c"/").named(Call::Chdir).map(drop)
}

/// Makes a directory the root for path lookups only.
pub(super) fn chroot(path: &CStr) -> Result<(), Failure> {
    calls::chroot(path).named(Call::Chroot)?;
    calls::chdir(c"/").named(Call::Chdir).map(drop)
}
