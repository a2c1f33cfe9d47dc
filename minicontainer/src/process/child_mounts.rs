//! The operations that build the root file system and move into it. The rules of [`super::child`] hold here too.
//!
//! Nothing is mounted *on a path*: a path inside the new root comes from an image, and an image may hold a symbolic link
//! where a directory is expected. So the place is first opened by openat2(2) as if the new root were the root of
//! everything, and the mount is then attached to that descriptor by move_mount(2). No link can lead it to the host.

use super::child::{Failure, Named, State};
use super::compile::restriction;
use super::message::Call;
use super::program::{Operation, Place, Source};
use super::{child_sources, child_terminal};
use crate::sys::Errno;
use crate::sys::calls::{self, CURRENT_DIRECTORY, Descriptor, Fd, MountAttr};

/// Carries the operation out if it is one of those here.
pub(super) fn carry_out(operation: &Operation, state: &mut State) -> Option<Result<(), Failure>> {
    Some(match operation {
        Operation::MakeMountsPrivate => {
            let private = MountAttr { propagation: libc::MS_PRIVATE, ..MountAttr::default() };
            calls::mount_setattr(CURRENT_DIRECTORY, c"/", true, &private).named(Call::MountSetattr).map(drop)
        }
        Operation::LimitWritableLayer { options, directory, directories, owner } => {
            state.owner = *owner;
            limit_layer(options, directory, directories, *owner)
        }
        Operation::MountOverlay { options, target } => mount_overlay(options, target, state),
        Operation::MountOverlayByPath { layers, data, target } => mount_overlay_by_path(layers, data, target, state),
        Operation::Shifted { namespace, directories, then } => {
            shift(*namespace, directories, state).and_then(|()| mount_as_owner(then, state))
        }
        Operation::BindRoot { source } => bind_root(source, state),
        Operation::Mount { fstype, options, attributes, place } => {
            file_system(fstype, options, *attributes).and_then(|tree| attach(&tree, place, libc::S_IFDIR, state))
        }
        Operation::BindMount { source, recursive, attributes, place } => {
            bind(source, *recursive, *attributes, place, state)
        }
        Operation::MakeDevice { mode, device, place } => make_node(state, place, *mode, *device),
        Operation::Symlink { target, place } => make_link(state, place, target),
        Operation::OpenTerminal(terminal) => child_terminal::open(terminal, state),
        Operation::Remount { attributes, path } => remount(state, path, *attributes),
        Operation::SetSysctl { path, value } => set_sysctl(state, path, value),
        Operation::MaskPath { path } => mask(state, path),
        Operation::ReadonlyPath { path } => make_readonly(state, path),
        Operation::PivotRoot => pivot(state),
        Operation::Chroot { path } => {
            calls::chroot(path).named(Call::Chroot).and_then(|_| calls::chdir(c"/").named(Call::Chdir)).map(drop)
        }
        _ => return None,
    })
}

/// Mounts a file system of bounded size over the container's own directory, and makes overlay's directories in it. These
/// are paths of the engine's, in which no image has a word.
fn limit_layer(
    options: &[(std::ffi::CString, std::ffi::CString)],
    directory: &core::ffi::CStr,
    directories: &[std::ffi::CString],
    owner: Option<[u32; 2]>,
) -> Result<(), Failure> {
    let tree = file_system(c"tmpfs", options, 0)?;
    calls::move_mount_to(tree.0, directory).named(Call::MoveMount)?;
    for path in directories {
        calls::mkdirat(CURRENT_DIRECTORY, path, 0o755).named(Call::Mkdir)?;
        if let Some([uid, gid]) = owner {
            let made = Descriptor(calls::open(path, libc::O_RDONLY | libc::O_DIRECTORY).named(Call::Openat)?);
            calls::set_owner(made.0, uid, gid).named(Call::Fchown)?;
        }
    }
    Ok(())
}

/// Stacks the layers. The new mount's descriptor is the new root from now on.
fn mount_overlay(
    options: &[(std::ffi::CString, std::ffi::CString)],
    target: &core::ffi::CStr,
    state: &mut State,
) -> Result<(), Failure> {
    let tree = file_system(c"overlay", options, 0)?;
    calls::move_mount_to(tree.0, target).named(Call::MoveMount)?;
    state.root = tree.0;
    core::mem::forget(tree);
    Ok(())
}

/// The same for kernels before 6.5, which take all layers in one option: mount(2), from within the layers' directory.
fn mount_overlay_by_path(
    layers: &core::ffi::CStr,
    data: &core::ffi::CStr,
    target: &core::ffi::CStr,
    state: &mut State,
) -> Result<(), Failure> {
    calls::chdir(layers).named(Call::Chdir)?;
    calls::mount(c"overlay", target, c"overlay", data).named(Call::Mount)?;
    state.root = calls::open(target, libc::O_PATH | libc::O_DIRECTORY).named(Call::Openat2)?;
    Ok(())
}

/// Shows directories, each at its own place, with their owners shifted into a user namespace.
fn shift(namespace: Fd, directories: &[std::ffi::CString], state: &mut State) -> Result<(), Failure> {
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
    Ok(())
}

/// Mounts an overlay as the owner of its layers: whoever mounts it, in whose name overlay will make every file, must have
/// a name in the user namespace. Of root's powers, those over files go with the name and are taken back.
fn mount_as_owner(overlay: &Operation, state: &mut State) -> Result<(), Failure> {
    let [uid, gid] = state.owner.unwrap_or_default();
    calls::set_file_system_ids(uid, gid).named(Call::Setuid)?;
    let powers = calls::permitted_capabilities().named(Call::Capset)?;
    calls::capset(powers, powers, 0).named(Call::Capset)?;
    let mounted = carry_out(overlay, state).unwrap_or(Ok(()));
    calls::set_file_system_ids(0, 0).named(Call::Setuid)?;
    mounted
}

/// Makes something in the new root as its owner: whoever has no name in a user namespace can make nothing in a mount
/// whose owners are shifted into it.
fn as_owner<T>(state: &State, make: impl FnOnce() -> crate::sys::Result<T>) -> crate::sys::Result<T> {
    let Some([uid, gid]) = state.owner else { return make() };
    calls::set_file_system_ids(uid, gid)?;
    let made = make();
    calls::set_file_system_ids(0, 0)?;
    made
}

/// Writes a variable of the kernel's, below the container's own `/proc` and nowhere else: what is mounted over it could
/// lead anywhere.
fn set_sysctl(state: &State, path: &core::ffi::CStr, value: &core::ffi::CStr) -> Result<(), Failure> {
    let file = Descriptor(calls::open_in_root(state.root, path, libc::O_WRONLY).named(Call::Openat2)?);
    if calls::file_system_magic(file.0).named(Call::Fstatfs)? != libc::PROC_SUPER_MAGIC as u64 {
        return Err(Failure { call: Call::Fstatfs, errno: Errno(libc::EINVAL) });
    }
    calls::write(file.0, value.to_bytes()).named(Call::Write).map(drop)
}

/// pivot_root(2) wants a mount; so the directory is bound onto itself.
fn bind_root(source: &core::ffi::CStr, state: &mut State) -> Result<(), Failure> {
    let tree = calls::open_tree(CURRENT_DIRECTORY, source, true).named(Call::OpenTree)?;
    calls::move_mount_to(tree, source).named(Call::MoveMount)?;
    state.root = tree;
    Ok(())
}

/// Makes a file system that is mounted nowhere yet.
fn file_system(
    fstype: &core::ffi::CStr,
    options: &[(std::ffi::CString, std::ffi::CString)],
    attributes: u64,
) -> Result<Descriptor, Failure> {
    let context = Descriptor(calls::fsopen(fstype).named(Call::Fsopen)?);
    for (key, value) in options {
        calls::fsconfig(context.0, key, value).named(Call::Fsconfig)?;
    }
    calls::fsconfig_create(context.0).named(Call::Fsconfig)?;
    calls::fsmount(context.0, attributes).named(Call::Fsmount).map(Descriptor)
}

fn bind(source: &Source, recursive: bool, attributes: u64, place: &Place, state: &mut State) -> Result<(), Failure> {
    let tree = child_sources::tree(source, recursive)?;
    if attributes != 0 {
        calls::mount_setattr(tree.0, c"", recursive, &restriction(attributes)).named(Call::MountSetattr)?;
    }
    let kind = calls::file_type(tree.0).named(Call::Statx)?;
    attach(&tree, place, kind, state)
}

/// Attaches a mount at its place, which is made when it is not there: a directory for a directory, else an empty file.
pub(super) fn attach(tree: &Descriptor, place: &Place, kind: u32, state: &mut State) -> Result<(), Failure> {
    let target = match calls::open_in_root(state.root, &place.path, libc::O_PATH) {
        Err(Errno(libc::ENOENT)) => {
            let (parent, name) = make_parents(state, place)?;
            if kind == libc::S_IFDIR {
                as_owner(state, || calls::mkdirat(parent.0, name, 0o755)).named(Call::Mkdir)?;
            } else {
                as_owner(state, || calls::mknodat(parent.0, name, libc::S_IFREG | 0o644, 0)).named(Call::Mknod)?;
            }
            calls::open_in_root(state.root, &place.path, libc::O_PATH)
        }
        result => result,
    };
    let target = Descriptor(target.named(Call::Openat2)?);
    calls::move_mount(tree.0, target.0).named(Call::MoveMount).map(drop)
}

/// Opens the directory in which the place's last component lies, making it and its parents when they are missing.
fn make_parents<'a>(state: &State, place: &'a Place) -> Result<(Descriptor, &'a core::ffi::CStr), Failure> {
    let open = |path| calls::open_in_root(state.root, path, libc::O_PATH | libc::O_DIRECTORY);
    let Some((parent, name)) = place.components.last() else {
        return Ok((Descriptor(open(c".").named(Call::Openat2)?), c"."));
    };
    match open(parent) {
        // Nearly always it is there already; else it is made from the root down.
        Err(Errno(libc::ENOENT)) => {
            let mut above = Descriptor(open(c".").named(Call::Openat2)?);
            for pair in place.components.windows(2) {
                let [(_, missing), (path, _)] = pair else { continue };
                match as_owner(state, || calls::mkdirat(above.0, missing, 0o755)) {
                    Ok(_) | Err(Errno(libc::EEXIST)) => {}
                    Err(errno) => return Err(Failure { call: Call::Mkdir, errno }),
                }
                above = Descriptor(open(path).named(Call::Openat2)?);
            }
            Ok((above, name))
        }
        opened => Ok((Descriptor(opened.named(Call::Openat2)?), name)),
    }
}

fn make_node(state: &State, place: &Place, mode: u32, device: u64) -> Result<(), Failure> {
    let (parent, name) = make_parents(state, place)?;
    match calls::mknodat(parent.0, name, mode, device) {
        // A bundle's rootfs may hold its own.
        Err(Errno(libc::EEXIST)) => Ok(()),
        result => result.named(Call::Mknod).map(drop),
    }
}

fn make_link(state: &State, place: &Place, target: &core::ffi::CStr) -> Result<(), Failure> {
    let (parent, name) = make_parents(state, place)?;
    match calls::symlinkat(target, parent.0, name) {
        Err(Errno(libc::EEXIST)) => Ok(()),
        result => result.named(Call::Symlink).map(drop),
    }
}

fn remount(state: &State, path: &core::ffi::CStr, attributes: u64) -> Result<(), Failure> {
    let mount = Descriptor(calls::open_in_root(state.root, path, libc::O_PATH).named(Call::Openat2)?);
    calls::mount_setattr(mount.0, c"", false, &restriction(attributes)).named(Call::MountSetattr).map(drop)
}

/// Opens a path that need not be there.
fn existing(state: &State, path: &core::ffi::CStr) -> Result<Option<Descriptor>, Failure> {
    match calls::open_in_root(state.root, path, libc::O_PATH) {
        Err(Errno(libc::ENOENT | libc::ENOTDIR)) => Ok(None),
        result => result.named(Call::Openat2).map(|descriptor| Some(Descriptor(descriptor))),
    }
}

/// Covers a file with the host's `/dev/null`, a directory with an empty read-only file system; all directories share
/// one. It is copied from where it was attached first, because before Linux 6.15 only what is attached can be copied.
fn mask(state: &mut State, path: &core::ffi::CStr) -> Result<(), Failure> {
    let Some(covered) = existing(state, path)? else { return Ok(()) };
    let directory = calls::file_type(covered.0).named(Call::Statx)? == libc::S_IFDIR;
    let cover = match state.empty {
        _ if !directory => calls::open_tree(CURRENT_DIRECTORY, c"/dev/null", false),
        Some(empty) => calls::open_tree(empty, c"", false),
        None => {
            let attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
            let tree = file_system(c"tmpfs", &[], attributes | libc::MOUNT_ATTR_NOEXEC)?;
            calls::move_mount(tree.0, covered.0).named(Call::MoveMount)?;
            state.empty = Some(tree.0);
            core::mem::forget(tree);
            return Ok(());
        }
    };
    let cover = Descriptor(cover.named(Call::OpenTree)?);
    calls::move_mount(cover.0, covered.0).named(Call::MoveMount).map(drop)
}

/// Binds a path onto itself, read-only with all mounts below it.
fn make_readonly(state: &State, path: &core::ffi::CStr) -> Result<(), Failure> {
    let Some(place) = existing(state, path)? else { return Ok(()) };
    let tree = Descriptor(calls::open_tree(place.0, c"", true).named(Call::OpenTree)?);
    calls::mount_setattr(tree.0, c"", true, &restriction(libc::MOUNT_ATTR_RDONLY)).named(Call::MountSetattr)?;
    calls::move_mount(tree.0, place.0).named(Call::MoveMount).map(drop)
}

/// Makes the new root the root. With both names `.` the old root lands on top of the new one, and detaching what is on
/// top leaves the new one: no directory for the old root is needed, see "pivot_root(".", ".")" in pivot_root(2).
fn pivot(state: &mut State) -> Result<(), Failure> {
    calls::fchdir(state.root).named(Call::Fchdir)?;
    calls::pivot_root(c".", c".").named(Call::PivotRoot)?;
    calls::detach(c".").named(Call::Umount)?;
    // Neither descriptor is needed any more, and a working directory such as /proc/self/fd/5 shall not find it.
    drop(Descriptor(state.root));
    drop(state.empty.take().map(Descriptor));
    calls::chdir(c"/").named(Call::Chdir).map(drop)
}
