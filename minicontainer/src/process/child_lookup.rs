//! How the child looks up paths in the new root. The rules of [`super::child`] apply here too.
//!
//! An image controls its paths: any component may be a symbolic link, and a later mount may change where a link
//! leads. So once something is mounted at `/proc`, `/sys` or `/dev`, no path below is looked up from the root.
//! Instead the engine keeps the descriptor of each such mount, which refers to that mount even if its path now leads
//! elsewhere. Names are looked up below that descriptor: without `..` out of it, symbolic links or other mounts
//! (openat2(2)). The mount id of the result is compared with that of the mount. The file system type of the mount was
//! recorded when it was made.
//!
//! Elsewhere, symbolic links are followed inside the root, because images contain many (`/var/run`). The result must
//! be outside of the three directories. To check this, the kernel is asked where the descriptor leads
//! (`/proc/self/fd`), which no image can influence.

use core::ffi::CStr;

use super::child::{Failure, Named, State};
use super::message::Call;
use super::program::{Place, Start};
use crate::sys::Errno;
use crate::sys::calls::{self, CURRENT_DIRECTORY, Descriptor, Fd};

/// A mount made by the engine, from which later look-ups start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnMount {
    /// The descriptor from fsmount(2) or open_tree(2).
    fd: Fd,
    /// The mount id, which no other mount has as long as this one exists.
    id: u64,
    /// The type of the file system.
    magic: u64,
    /// Whether it includes mounts of the host below it, which may contain the looked-up names as well.
    with_submounts: bool,
}

/// Keeps the descriptor of a mount, if later look-ups start from it.
pub(super) fn keep(
    mount: Descriptor,
    slot: Option<usize>,
    with_submounts: bool,
    state: &State<'_>,
) -> Result<(), Failure> {
    let Some(kept) = slot.and_then(|slot| state.mounts.get(slot)) else { return Ok(()) };
    let id = calls::mount_id(mount.0).named(Call::Statx)?;
    let magic = calls::file_system_magic(mount.0).named(Call::Fstatfs)?;
    kept.set(Some(OwnMount { fd: mount.0, id, magic, with_submounts }));
    core::mem::forget(mount);
    Ok(())
}

/// Closes the descriptors of all kept mounts.
pub(super) fn forget_mounts(state: &State<'_>) {
    for kept in state.mounts {
        drop(kept.take().map(|mount| Descriptor(mount.fd)));
    }
}

impl OwnMount {
    /// Opens a name below the mount.
    fn open(&self, path: &CStr, flags: i32) -> Result<Descriptor, Failure> {
        let stay = if self.with_submounts { 0 } else { libc::RESOLVE_NO_XDEV };
        let found = Descriptor(calls::open_below(self.fd, path, flags, stay).named(Call::Openat2)?);
        let is_on_it = calls::mount_id(found.0).named(Call::Statx)? == self.id;
        if is_on_it || self.with_submounts { Ok(found) } else { Err(forbidden_place()) }
    }
}

/// The failure of a look-up that leads to a forbidden place.
fn forbidden_place() -> Failure {
    Failure { call: Call::Openat2, errno: Errno(libc::EXDEV) }
}

/// The mount from which look-ups of this place start, if they start from a mount.
fn start(place: &Place, state: &State<'_>) -> Result<Option<OwnMount>, Failure> {
    let Start::Mount(slot) = place.start else { return Ok(None) };
    match state.mounts.get(slot).and_then(core::cell::Cell::get) {
        Some(mount) => Ok(Some(mount)),
        None => Err(Failure { call: Call::Openat2, errno: Errno(libc::EBADF) }),
    }
}

/// Opens a path, starting where the place starts.
pub(super) fn open(place: &Place, path: &CStr, flags: i32, state: &State<'_>) -> Result<Descriptor, Failure> {
    if let Some(mount) = start(place, state)? {
        return mount.open(path, flags);
    }
    if let Start::System = place.start {
        return calls::open_below(state.root, path, flags, 0).named(Call::Openat2).map(Descriptor);
    }
    let found = Descriptor(calls::open_in_root(state.root, path, flags).named(Call::Openat2)?);
    outside_system_directories(found.0, state.root)?;
    Ok(found)
}

/// Opens a device node, which may itself be a mount: a bind mount of the host's node. The caller checks which device
/// it is.
pub(super) fn open_device(place: &Place, flags: i32, state: &State<'_>) -> Result<Descriptor, Failure> {
    let start = start(place, state)?.map_or(state.root, |mount| mount.fd);
    calls::open_below(start, &place.path, flags, 0).named(Call::Openat2).map(Descriptor)
}

/// Opens the place itself, to mount something on it. A symbolic link that leads to the root itself is refused.
pub(super) fn find(place: &Place, state: &State<'_>) -> Result<Descriptor, Failure> {
    let found = open(place, &place.path, libc::O_PATH, state)?;
    match place.start {
        Start::Root if calls::is_same_place(found.0, state.root).named(Call::Statx)? => Err(forbidden_place()),
        _ => Ok(found),
    }
}

/// Opens a place that may be missing. It must exist if it is in a procfs or sysfs and the host has it too.
pub(super) fn find_existing(
    place: &Place,
    on_host: Option<&CStr>,
    state: &State<'_>,
) -> Result<Option<Descriptor>, Failure> {
    let missing = match find(place, state) {
        Err(failure @ Failure { errno: Errno(libc::ENOENT | libc::ENOTDIR), .. }) => failure,
        found => return found.map(Some),
    };
    let (Some(mount), Some(path)) = (start(place, state)?, on_host) else { return Ok(None) };
    let shows_kernel = [libc::PROC_SUPER_MAGIC as u64, calls::SYSFS_MAGIC].contains(&mount.magic);
    let Ok(hosts) = calls::open(path, libc::O_PATH).map(Descriptor) else { return Ok(None) };
    match shows_kernel && calls::file_system_magic(hosts.0).named(Call::Fstatfs)? == mount.magic {
        true => Err(missing),
        false => Ok(None),
    }
}

/// Opens a file of the kernel, only in a file system of this type.
pub(super) fn open_of_kind(place: &Place, flags: i32, magic: u64, state: &State<'_>) -> Result<Descriptor, Failure> {
    let wrong = Failure { call: Call::Fstatfs, errno: Errno(libc::EINVAL) };
    match start(place, state)? {
        Some(mount) if mount.magic == magic => {
            let file = mount.open(&place.path, flags)?;
            if calls::file_system_magic(file.0).named(Call::Fstatfs)? == magic { Ok(file) } else { Err(wrong) }
        }
        _ => Err(wrong),
    }
}

/// Opens the directory that contains the place's last component. Missing directories are created.
pub(super) fn make_parents<'a>(place: &'a Place, state: &State<'_>) -> Result<(Descriptor, &'a CStr), Failure> {
    let open = |path| open(place, path, libc::O_PATH | libc::O_DIRECTORY, state);
    let Some((parent, name)) = place.components.last() else {
        return Ok((open(c".")?, c"."));
    };
    match open(parent) {
        // Nearly always it exists already. Otherwise it is created component by component.
        Err(Failure { errno: Errno(libc::ENOENT), .. }) => {
            let mut above = open(c".")?;
            for pair in place.components.windows(2) {
                let [(_, missing), (path, _)] = pair else { continue };
                match as_owner(state, || calls::mkdirat(above.0, missing, 0o755)) {
                    Ok(_) | Err(Errno(libc::EEXIST)) => {}
                    Err(errno) => return Err(Failure { call: Call::Mkdir, errno }),
                }
                above = open(path)?;
            }
            Ok((above, name))
        }
        opened => opened.map(|parent| (parent, name.as_c_str())),
    }
}

/// Creates something in the new root as its owner: in an idmapped mount, only a user that the namespace maps can
/// create files.
pub(super) fn as_owner<T>(state: &State<'_>, make: impl FnOnce() -> crate::sys::Result<T>) -> crate::sys::Result<T> {
    let Some([uid, gid]) = state.owner else { return make() };
    calls::set_file_system_ids(uid, gid)?;
    let made = make();
    calls::set_file_system_ids(0, 0)?;
    made
}

/// Refuses what is at or below `/proc`, `/sys` or `/dev` of the new root.
fn outside_system_directories(found: Fd, root: Fd) -> Result<(), Failure> {
    let (mut found_path, mut root_path) = ([0; libc::PATH_MAX as usize], [0; libc::PATH_MAX as usize]);
    let root = real_path(root, &mut root_path)?;
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let inside = real_path(found, &mut found_path)?.strip_prefix(root).ok_or_else(forbidden_place)?;
    let is_at = |directory: &[u8]| {
        inside.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let is_inside = is_at(b"") && ![&b"/proc"[..], b"/sys", b"/dev"].into_iter().any(is_at);
    if is_inside { Ok(()) } else { Err(forbidden_place()) }
}

/// The path of a descriptor according to the kernel, from the root of the host, which is still the root of this
/// process.
fn real_path(descriptor: Fd, buffer: &mut [u8]) -> Result<&[u8], Failure> {
    const DIRECTORY: &[u8] = b"/proc/self/fd/";
    let mut name = [0; 32];
    let (directory, digits) = name.split_at_mut(DIRECTORY.len());
    directory.copy_from_slice(DIRECTORY);
    let mut number = descriptor.unsigned_abs();
    let length = (number.checked_ilog10().unwrap_or(0) + 1) as usize;
    for digit in digits.iter_mut().take(length).rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let wrong = Failure { call: Call::Readlink, errno: Errno(libc::ENAMETOOLONG) };
    let Ok(name) = CStr::from_bytes_until_nul(&name) else { return Err(wrong) };
    let length = calls::readlinkat(CURRENT_DIRECTORY, name, buffer).named(Call::Readlink)?;
    // A path that fills the buffer may have been truncated.
    if length < buffer.len() { buffer.get(..length).ok_or(wrong) } else { Err(wrong) }
}
