//! The operations that make the process what it will be, up to the launcher. The rules of [`super::child`] hold here
//! too.
//!
//! **Before this**: [`child_mounts`](super::child_mounts) has built the root and moved into it. **Next**: the
//! [launcher](super::launcher), which is executed last.

use core::ffi::CStr;
use std::ffi::CString;

use super::child::{Failure, Named};
use super::message::Call;
use super::program::Execution;
use crate::sys::Errno;
use crate::sys::calls::{self, Descriptor, Fd};

/// Switches the loopback interface on.
pub(super) fn loopback_up(request: &libc::ifreq) -> Result<(), Failure> {
    let socket = calls::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC).named(Call::Socket)?;
    calls::set_interface_flags(socket, request).named(Call::Ioctl)?;
    calls::close(socket).named(Call::Close).map(drop)
}

/// Joins a namespace of this kind. A user namespace is entered as its root: who one was outside has no name in there.
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

/// Asks the kernel to end this process with its parent. A parent that has died before this call is missed before the
/// program is executed: it does not acknowledge.
pub(super) fn end_with_engine() -> Result<(), Failure> {
    calls::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0).named(Call::Prctl).map(drop)
}

/// Makes clocks of the container's own, moves them, and enters where they hold: from then on nobody can move them.
/// The kernel lets nobody in who shares memory with others, since there lies the page from which programs read the
/// clocks.
pub(super) fn unshare_time(offsets: &CStr) -> Result<(), Failure> {
    calls::unshare(libc::CLONE_NEWTIME).named(Call::Unshare)?;
    if !offsets.is_empty() {
        let clocks = Descriptor(calls::open(c"/proc/self/timens_offsets", libc::O_WRONLY).named(Call::Openat)?);
        calls::write(clocks.0, offsets.to_bytes()).named(Call::Write)?;
    }
    let namespace = Descriptor(calls::open(c"/proc/self/ns/time_for_children", libc::O_RDONLY).named(Call::Openat)?);
    calls::setns(namespace.0, libc::CLONE_NEWTIME).named(Call::Setns).map(drop)
}

/// Enters the working directory, making it and its parents when they are missing, as Docker does.
pub(super) fn enter_workdir(path: &CStr, components: &[(CString, CString)]) -> Result<(), Failure> {
    match calls::chdir(path) {
        Err(Errno(libc::ENOENT)) => calls::fchdir(make_inside(path, components)?.0).named(Call::Fchdir)?,
        entered => entered.named(Call::Chdir)?,
    };
    // A directory outside the root has no path from it, which getcwd(2) shows by a name that does not begin with "/".
    let mut name = [0u8; libc::PATH_MAX as usize];
    calls::getcwd(&mut name).named(Call::Getcwd)?;
    match name.first() {
        Some(b'/') => Ok(()),
        _ => Err(Failure { call: Call::Getcwd, errno: Errno(libc::ENOENT) }),
    }
}

/// Makes a directory and its parents, each with the path of its own parent, and opens it. An image decides what a
/// path means, so each name is made in a directory that was found inside the root without magic links:
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

/// Drops capabilities, in ascending order of their numbers, from the bounding set.
pub(super) fn drop_bounding_set(drop: &[u32]) -> Result<(), Failure> {
    for number in drop {
        match calls::prctl(libc::PR_CAPBSET_DROP, u64::from(*number), 0) {
            Ok(_) => {}
            // The kernel has no capability of this number, and none of a higher one.
            Err(Errno(libc::EINVAL)) => break,
            Err(errno) => return Err(Failure { call: Call::Prctl, errno }),
        }
    }
    Ok(())
}

/// Changes ids, groups first, since afterwards it may not. The capabilities are kept over the change, so that the
/// next step can choose among them; execve(2) then drops what is not ambient.
pub(super) fn set_user(uid: u32, gid: u32, groups: Option<&[u32]>) -> Result<(), Failure> {
    if let Some(groups) = groups {
        calls::setgroups(groups).named(Call::Setgroups)?;
    }
    calls::setresgid(gid).named(Call::Setgid)?;
    calls::prctl(libc::PR_SET_KEEPCAPS, 1, 0).named(Call::Prctl)?;
    calls::setresuid(uid).named(Call::Setuid)?;
    calls::prctl(libc::PR_SET_KEEPCAPS, 0, 0).named(Call::Prctl).map(drop)
}

/// Executes the launcher, which becomes the program. Comes back only with the reason why it could not be executed.
pub(super) fn execute(execution: &Execution) -> Failure {
    // The launcher has still something to tell.
    for descriptor in &execution.kept {
        if let Err(failure) = calls::keep_over_execve(*descriptor).named(Call::Fcntl) {
            return failure;
        }
    }
    match calls::execveat(execution.launcher, &execution.args, &execution.env) {
        // What the program is given does not fit, which holds for the program as for the launcher.
        errno @ Errno(libc::E2BIG) => Failure { call: Call::Execve, errno },
        errno => Failure { call: Call::Execveat, errno },
    }
}
