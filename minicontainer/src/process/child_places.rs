//! How the child finds a path inside the new root. The rules of [`super::child`] hold here too.
//!
//! An image decides what its paths mean: any component may be a symbolic link, and a later mount may change where one
//! leads. So no path below `/proc`, `/sys` and `/dev` is looked up from the root once something is mounted there. The
//! engine keeps the descriptor of each such mount, which *is* the mount whatever its path means by now, and looks
//! names up below that: no `..` out of it, no symbolic link, no other mount on the way (openat2(2)). What was found
//! is compared with the mount once more, by mount id; the mount's kind of file system was asked when it was made.
//!
//! Elsewhere links are followed inside the root, since images are full of them (`/var/run`). What is found there must
//! lie outside of the three directories: the kernel is asked where a descriptor leads (`/proc/self/fd`), which no
//! image can influence.

use core::ffi::CStr;

use super::child::{Failure, Named, State};
use super::message::Call;
use super::program::{Place, Start};
use crate::sys::Errno;
use crate::sys::calls::{self, CURRENT_DIRECTORY, Descriptor, Fd};

/// A mount that the engine made, which later look-ups start from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnMount {
    /// What fsmount(2) or open_tree(2) gave.
    fd: Fd,
    /// The kernel's number for it, which is given to no other mount while this one lives.
    id: u64,
    /// The kind of file system.
    magic: u64,
    /// Whether it brought mounts of the host along, on which names may lie as well.
    with_submounts: bool,
}

/// Keeps a mount for later look-ups, if there will be any.
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
        if is_on_it || self.with_submounts { Ok(found) } else { Err(elsewhere()) }
    }
}

/// What is told of a path that leads where it must not.
fn elsewhere() -> Failure {
    Failure { call: Call::Openat2, errno: Errno(libc::EXDEV) }
}

/// The mount that look-ups of this place start from, if they start from one.
fn start(place: &Place, state: &State<'_>) -> Result<Option<OwnMount>, Failure> {
    let Start::Mount(slot) = place.start else { return Ok(None) };
    match state.mounts.get(slot).and_then(core::cell::Cell::get) {
        Some(mount) => Ok(Some(mount)),
        None => Err(Failure { call: Call::Openat2, errno: Errno(libc::EBADF) }),
    }
}

/// Opens a path that begins where the place does.
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

/// Opens a device node, which may be a mount of its own: the host's node, bound. The caller checks which device it
/// is.
pub(super) fn open_device(place: &Place, flags: i32, state: &State<'_>) -> Result<Descriptor, Failure> {
    let start = start(place, state)?.map_or(state.root, |mount| mount.fd);
    calls::open_below(start, &place.path, flags, 0).named(Call::Openat2).map(Descriptor)
}

/// Opens the place itself, to mount something on it. Where links are followed, one may lead to the root itself.
pub(super) fn find(place: &Place, state: &State<'_>) -> Result<Descriptor, Failure> {
    let found = open(place, &place.path, libc::O_PATH, state)?;
    match place.start {
        Start::Root if calls::is_same_place(found.0, state.root).named(Call::Statx)? => Err(elsewhere()),
        _ => Ok(found),
    }
}

/// Opens a place that need not be there, unless it shows the kernel's own files and the host has it there, too.
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

/// Opens a file of the kernel's in a file system of this kind, and in no other.
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

/// Opens the directory in which the place's last component lies, making it and its parents when they are missing.
pub(super) fn make_parents<'a>(place: &'a Place, state: &State<'_>) -> Result<(Descriptor, &'a CStr), Failure> {
    let open = |path| open(place, path, libc::O_PATH | libc::O_DIRECTORY, state);
    let Some((parent, name)) = place.components.last() else {
        return Ok((open(c".")?, c"."));
    };
    match open(parent) {
        // Nearly always it is there already; else it is made from the start down.
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

/// Makes something in the new root as its owner: in a mount whose owners are shifted into a user namespace, only a
/// user that the namespace maps can make files.
pub(super) fn as_owner<T>(state: &State<'_>, make: impl FnOnce() -> crate::sys::Result<T>) -> crate::sys::Result<T> {
    let Some([uid, gid]) = state.owner else { return make() };
    calls::set_file_system_ids(uid, gid)?;
    let made = make();
    calls::set_file_system_ids(0, 0)?;
    made
}

/// Refuses what lies at or below `/proc`, `/sys` or `/dev` of the new root, wherever the look-up came from.
fn outside_system_directories(found: Fd, root: Fd) -> Result<(), Failure> {
    let (mut found_path, mut root_path) = ([0; libc::PATH_MAX as usize], [0; libc::PATH_MAX as usize]);
    let root = real_path(root, &mut root_path)?;
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let inside = real_path(found, &mut found_path)?.strip_prefix(root).ok_or_else(elsewhere)?;
    let is_at = |directory: &[u8]| {
        inside.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let is_inside = is_at(b"") && ![&b"/proc"[..], b"/sys", b"/dev"].into_iter().any(is_at);
    if is_inside { Ok(()) } else { Err(elsewhere()) }
}

/// Where a descriptor leads, as the kernel tells it: from the root of the host, which is still this process's.
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
    // A path that fills the buffer may have been cut off.
    if length < buffer.len() { buffer.get(..length).ok_or(wrong) } else { Err(wrong) }
}
