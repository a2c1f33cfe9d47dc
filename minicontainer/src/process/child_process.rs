//! The operations on the process itself: namespaces, ids, capabilities, working directory, and executing the
//! launcher. The rules of [`super::child`] apply here too.
//!
//! **Before this**: [`child_mounts`](super::child_mounts) has built the root file system and entered it. **Next**:
//! the [launcher](super::launcher), which is executed last.

use core::ffi::CStr;
use std::ffi::CString;

use super::child::{Failure, Named};
use super::message::Call;
use super::program::Execution;
use crate::sys::Errno;
use crate::sys::calls::{self, Descriptor, Fd};

/// Brings up the loopback interface.
pub(super) fn loopback_up(request: &libc::ifreq) -> Result<(), Failure> {
    let socket = calls::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC).named(Call::Socket)?;
    calls::set_interface_flags(socket, request).named(Call::Ioctl)?;
    calls::close(socket).named(Call::Close).map(drop)
}

/// Joins a namespace of this kind. In a user namespace, the process becomes root, because its previous user may not
/// be mapped there.
pub(super) fn join_namespace(namespace: Fd, kind: i32) -> Result<(), Failure> {
    calls::setns(namespace, kind).named(Call::Setns)?;
    calls::close(namespace).named(Call::Close)?;
    if kind == libc::CLONE_NEWUSER {
        calls::setresgid(0).named(Call::Setgid)?;
        calls::setresuid(0).named(Call::Setuid)?;
    }
    Ok(())
}

pub(super) fn set_capabilities(
    effective: u64,
    permitted: u64,
    inheritable: u64,
    ambient: &[u32],
) -> Result<(), Failure> {
    calls::capset(effective, permitted, inheritable).named(Call::Capset)?;
    let change = |what: i32, number: u32| {
        calls::prctl(libc::PR_CAP_AMBIENT, what as u64, u64::from(number)).named(Call::Prctl).map(drop)
    };
    change(libc::PR_CAP_AMBIENT_CLEAR_ALL, 0)?;
    ambient.iter().try_for_each(|number| change(libc::PR_CAP_AMBIENT_RAISE, *number))
}

/// Asks the kernel to kill this process when its parent exits. If the parent exited before this call, it does not
/// acknowledge, so the program is not executed.
pub(super) fn end_with_engine() -> Result<(), Failure> {
    calls::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0).named(Call::Prctl).map(drop)
}

/// Creates a time namespace, sets its offsets, and enters it. After that the offsets cannot be changed. The kernel
/// does not allow this for a process that shares its memory, because programs read the clocks from a page in their
/// memory.
pub(super) fn unshare_time(offsets: &CStr) -> Result<(), Failure> {
    calls::unshare(libc::CLONE_NEWTIME).named(Call::Unshare)?;
    if !offsets.is_empty() {
        let clocks = Descriptor(calls::open(c"/proc/self/timens_offsets", libc::O_WRONLY).named(Call::Openat)?);
        calls::write(clocks.0, offsets.to_bytes()).named(Call::Write)?;
    }
    let namespace = Descriptor(calls::open(c"/proc/self/ns/time_for_children", libc::O_RDONLY).named(Call::Openat)?);
    calls::setns(namespace.0, libc::CLONE_NEWTIME).named(Call::Setns).map(drop)
}

/// Enters the working directory. It and its parents are created if they do not exist, as Docker does.
pub(super) fn enter_workdir(path: &CStr, components: &[(CString, CString)]) -> Result<(), Failure> {
    match calls::chdir(path) {
        Err(Errno(libc::ENOENT)) => calls::fchdir(make_inside(path, components)?.0).named(Call::Fchdir)?,
        entered => entered.named(Call::Chdir)?,
    };
    // For a directory that is not below the root, getcwd(2) returns a path that does not begin with "/".
    let mut name = [0u8; libc::PATH_MAX as usize];
    calls::getcwd(&mut name).named(Call::Getcwd)?;
    match name.first() {
        Some(b'/') => Ok(()),
        _ => Err(Failure { call: Call::Getcwd, errno: Errno(libc::ENOENT) }),
    }
}

/// Creates a directory and its parents, and opens it. Each component comes with the path of its parent. An image
/// controls where a path leads, so each parent is looked up inside the root and without magic links:
/// `/proc/self/fd/N` of this process could lead to the host (CVE-2024-21626).
fn make_inside(path: &CStr, components: &[(CString, CString)]) -> Result<Descriptor, Failure> {
    let root = Descriptor(calls::open(c"/", libc::O_PATH | libc::O_DIRECTORY).named(Call::Openat)?);
    let open = |path| {
        let found = calls::open_in_root(root.0, path, libc::O_PATH | libc::O_DIRECTORY);
        found.named(Call::Openat2).map(Descriptor)
    };
    for (parent, name) in components {
        match calls::mkdirat(open(parent)?.0, name, 0o755) {
            Ok(_) | Err(Errno(libc::EEXIST)) => {}
            Err(errno) => return Err(Failure { call: Call::Mkdir, errno }),
        }
    }
    open(path)
}

/// Drops capabilities from the bounding set, in ascending order of their numbers.
pub(super) fn drop_bounding_set(drop: &[u32]) -> Result<(), Failure> {
    for number in drop {
        match calls::prctl(libc::PR_CAPBSET_DROP, u64::from(*number), 0) {
            Ok(_) => {}
            // The kernel does not have this capability, nor any with a higher number.
            Err(Errno(libc::EINVAL)) => break,
            Err(errno) => return Err(Failure { call: Call::Prctl, errno }),
        }
    }
    Ok(())
}

/// Changes the user and group ids. Groups come first, because after the change of user the process may not change
/// them. The capabilities are kept, so that a later step can set them; execve(2) then drops those that are not
/// ambient.
pub(super) fn set_user(uid: u32, gid: u32, groups: Option<&[u32]>) -> Result<(), Failure> {
    if let Some(groups) = groups {
        calls::setgroups(groups).named(Call::Setgroups)?;
    }
    calls::setresgid(gid).named(Call::Setgid)?;
    calls::prctl(libc::PR_SET_KEEPCAPS, 1, 0).named(Call::Prctl)?;
    calls::setresuid(uid).named(Call::Setuid)?;
    calls::prctl(libc::PR_SET_KEEPCAPS, 0, 0).named(Call::Prctl).map(drop)
}

/// Installs the filter, and sends its listener to the engine if the filter asks about refused calls. All calls here
/// are allowed by every filter that lets the launcher start the program.
pub(super) fn install_filter(
    flags: u32,
    instructions: &[libc::sock_filter],
    listener: Option<Fd>,
) -> Result<(), Failure> {
    let installed = calls::install_filter(flags, instructions).named(Call::Seccomp)?;
    let Some(socket) = listener else { return Ok(()) };
    let listener = Descriptor(installed as Fd);
    calls::send_descriptor(socket, b"s", listener.0).named(Call::Sendmsg)?;
    calls::close(socket).named(Call::Close).map(drop)
}

/// Executes the launcher, which then executes the program. Returns only if that fails.
pub(super) fn execute(execution: &Execution) -> Failure {
    // The launcher still reports through these descriptors.
    for descriptor in &execution.kept {
        if let Err(failure) = calls::keep_over_execve(*descriptor).named(Call::Fcntl) {
            return failure;
        }
    }
    match calls::execveat(execution.launcher, &execution.args, &execution.env) {
        // The arguments and environment are too large, which is just as true for the program as for the launcher.
        errno @ Errno(libc::E2BIG) => Failure { call: Call::Execve, errno },
        errno => Failure { call: Call::Execveat, errno },
    }
}
