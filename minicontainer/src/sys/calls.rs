//! The system calls of the container's first process, one function each, with the types that the manual gives them.
//!
//! Every function is named after its call. Paths are passed as [`CStr`], so that nothing is allocated. Descriptors
//! are plain numbers, because this process executes another program after a millisecond, which closes them all.

mod attributes;
mod files;
mod identity;
mod mounts;
mod scm_credentials;
mod scm_rights;
mod terminal;
mod xattrs;

use core::ffi::CStr;

use super::{Errno, Result};

pub(crate) use attributes::*;
pub(crate) use files::*;
pub(crate) use identity::*;
pub(crate) use mounts::*;
pub(crate) use scm_credentials::*;
pub(crate) use scm_rights::*;
pub(crate) use terminal::*;
pub(crate) use xattrs::*;

/// A descriptor of this process.
pub(crate) type Fd = i32;

/// A descriptor that is closed when it is no longer needed, so that a low limit on descriptors is enough.
pub(crate) struct Descriptor(pub Fd);

impl Descriptor {
    /// Its number, without closing it: the caller closes it, or execve(2) does.
    pub(crate) fn keep(self) -> Fd {
        let number = self.0;
        core::mem::forget(self);
        number
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // Best effort: if this fails, execve(2) closes it.
        let _closed = close(self.0);
    }
}

/// The current directory, as an argument of calls that expect a directory's descriptor.
pub(crate) const CURRENT_DIRECTORY: Fd = libc::AT_FDCWD;

/// The file system type of sysfs, see statfs(2).
pub(crate) const SYSFS_MAGIC: u64 = 0x6265_6572;

/// The device of a device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The type bits of its mode: `S_IFCHR` or `S_IFBLK`.
    pub kind: u32,
    /// The major and minor number.
    pub device: u64,
}

/// A descriptor as an argument of a call, sign-extended.
pub(super) fn fd(number: Fd) -> usize {
    number as isize as usize
}

fn path(text: &CStr) -> usize {
    text.as_ptr().addr()
}

pub(crate) fn read(from: Fd, buffer: &mut [u8]) -> Result<usize> {
    call!(SYS_read, fd(from), buffer.as_mut_ptr(), buffer.len())
}

pub(crate) fn write(to: Fd, bytes: &[u8]) -> Result<usize> {
    call!(SYS_write, fd(to), bytes.as_ptr(), bytes.len())
}

pub(crate) fn close(descriptor: Fd) -> Result<usize> {
    call!(SYS_close, fd(descriptor))
}

pub(crate) fn close_range(first: u32, last: u32) -> Result<usize> {
    call!(SYS_close_range, first, last, 0)
}

pub(crate) fn dup3(from: Fd, to: Fd) -> Result<usize> {
    call!(SYS_dup3, fd(from), fd(to), 0)
}

/// How many bytes can be read from a pipe at once, see FIONREAD in ioctl(2).
pub(crate) fn readable_bytes(pipe: Fd) -> Result<usize> {
    let mut count = 0i32;
    call!(SYS_ioctl, fd(pipe), libc::FIONREAD, &raw mut count)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Moves the available bytes of a pipe to an offset in a file, see splice(2).
pub(crate) fn splice_to(pipe: Fd, file: Fd, place: &mut u64, count: usize) -> Result<usize> {
    call!(SYS_splice, fd(pipe), 0, fd(file), &raw mut *place, count, libc::SPLICE_F_NONBLOCK)
}

/// Clears all flags of an open file that fcntl(2) can change, such as O_NONBLOCK and O_APPEND.
pub(crate) fn clear_flags(descriptor: Fd) -> Result<usize> {
    call!(SYS_fcntl, fd(descriptor), libc::F_SETFL, 0)
}

/// Whether two descriptors of this process refer to the same open file description, as after dup(2): see kcmp(2).
pub(crate) fn is_same_open_file(one: Fd, other: Fd) -> Result<bool> {
    let process = std::process::id();
    call!(SYS_kcmp, process, process, 0 /* KCMP_FILE */, fd(one), fd(other)).map(|order| order == 0)
}

/// Sets `signal` to its default action and no flags.
pub(crate) fn default_action(signal: i32) -> Result<usize> {
    // struct kernel_sigaction: handler, flags, restorer, mask; all zero is SIG_DFL.
    let action = [0u64; 4];
    call!(SYS_rt_sigaction, signal, action.as_ptr(), 0, 8)
}

/// Whether this process ignores SIGCHLD, so that the kernel discards the exit status of its children.
pub(crate) fn ignores_sigchld() -> Result<bool> {
    let mut action = [0u64; 4];
    call!(SYS_rt_sigaction, libc::SIGCHLD, 0, action.as_mut_ptr(), 8)?;
    let [handler, flags, ..] = action;
    Ok(handler == libc::SIG_IGN as u64 || flags & libc::SA_NOCLDWAIT as u64 != 0)
}

pub(crate) fn unblock_signals() -> Result<usize> {
    let none = 0u64;
    call!(SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const none, 0, 8)
}

pub(crate) fn unshare(flags: i32) -> Result<usize> {
    call!(SYS_unshare, flags)
}

pub(crate) fn setsid() -> Result<usize> {
    call!(SYS_setsid)
}

pub(crate) fn sethostname(name: &CStr) -> Result<usize> {
    call!(SYS_sethostname, path(name), name.count_bytes())
}

/// Accesses files as this user and group from now on, see setfsuid(2).
pub(crate) fn set_file_system_ids(uid: u32, gid: u32) -> Result<()> {
    call!(SYS_setfsgid, gid)?;
    call!(SYS_setfsuid, uid).map(drop)
}

/// The type of the namespace file system, see `linux/magic.h`.
pub(crate) const NSFS_MAGIC: u64 = 0x6e73_6673;

/// The kind of namespace of a descriptor, such as `CLONE_NEWNET`. The request is `_IO(0xb7, 3)`, see NS_GET_NSTYPE in
/// ioctl_ns(2).
pub(crate) fn namespace_kind(namespace: Fd) -> Result<i32> {
    call!(SYS_ioctl, fd(namespace), 0xb703).map(|kind| kind as i32)
}

/// Enters a namespace.
pub(crate) fn setns(namespace: Fd, kind: i32) -> Result<usize> {
    call!(SYS_setns, fd(namespace), kind)
}

pub(crate) fn chdir(name: &CStr) -> Result<usize> {
    call!(SYS_chdir, path(name))
}

pub(crate) fn fchdir(directory: Fd) -> Result<usize> {
    call!(SYS_fchdir, fd(directory))
}

pub(crate) fn chroot(name: &CStr) -> Result<usize> {
    call!(SYS_chroot, path(name))
}

pub(crate) fn getcwd(buffer: &mut [u8]) -> Result<usize> {
    call!(SYS_getcwd, buffer.as_mut_ptr(), buffer.len())
}

pub(crate) fn umask(mask: u32) -> Result<usize> {
    call!(SYS_umask, mask)
}

pub(crate) fn socket(family: i32, kind: i32) -> Result<Fd> {
    call!(SYS_socket, family, kind, 0).map(|number| number as Fd)
}

pub(crate) fn set_interface_flags(socket: Fd, request: &libc::ifreq) -> Result<usize> {
    call!(SYS_ioctl, fd(socket), libc::SIOCSIFFLAGS, &raw const *request)
}

/// A user or group id that means "do not change".
pub(crate) const UNCHANGED: u32 = u32::MAX;

/// Changes the owner and group of a file.
pub(crate) fn set_owner(file: Fd, uid: u32, gid: u32) -> Result<usize> {
    call!(SYS_fchown, fd(file), uid, gid)
}

pub(crate) fn prlimit(resource: u32, soft: u64, hard: u64) -> Result<usize> {
    let limit = [soft, hard];
    call!(SYS_prlimit64, 0, resource, limit.as_ptr(), 0)
}

pub(crate) fn prctl(operation: i32, second: u64, third: u64) -> Result<usize> {
    call!(SYS_prctl, operation, second, third, 0, 0)
}

/// Installs a filter for all later system calls of this thread, see seccomp(2).
pub(crate) fn install_filter(flags: u32, instructions: &[libc::sock_filter]) -> Result<usize> {
    // The kernel accepts at most 4096 instructions, and core refuses to generate more.
    let program = libc::sock_fprog { len: instructions.len() as u16, filter: instructions.as_ptr().cast_mut() };
    call!(SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
}

pub(crate) fn setgroups(groups: &[u32]) -> Result<usize> {
    call!(SYS_setgroups, groups.len(), groups.as_ptr())
}

pub(crate) fn setresgid(gid: u32) -> Result<usize> {
    call!(SYS_setresgid, gid, gid, gid)
}

pub(crate) fn setresuid(uid: u32) -> Result<usize> {
    call!(SYS_setresuid, uid, uid, uid)
}

/// Sets the calling thread's capability sets; each is one bit for each capability, see capset(2).
pub(crate) fn capset(effective: u64, permitted: u64, inheritable: u64) -> Result<usize> {
    let header = [0x2008_0522u32 /* _LINUX_CAPABILITY_VERSION_3 */, 0];
    // Effective, permitted and inheritable, the lower half of each and then the upper.
    let sets = [effective, permitted, inheritable];
    let data = [sets.map(|set| set as u32), sets.map(|set| (set >> 32) as u32)];
    call!(SYS_capset, header.as_ptr(), data.as_ptr())
}

/// The calling thread's permitted capabilities, one bit each, see capget(2).
pub(crate) fn permitted_capabilities() -> Result<u64> {
    let header = [0x2008_0522u32, 0];
    // Effective, permitted and inheritable, the lower half of each and then the upper.
    let mut data = [0u32; 6];
    call!(SYS_capget, header.as_ptr(), data.as_mut_ptr())?;
    Ok(u64::from(data[1]) | u64::from(data[4]) << 32)
}

/// Keeps this descriptor open across execve(2).
pub(crate) fn keep_over_execve(descriptor: Fd) -> Result<usize> {
    call!(SYS_fcntl, fd(descriptor), libc::F_SETFD, 0)
}

/// Executes the program in this file; returns only on failure. Both lists end with a null pointer.
pub(crate) fn execveat(program: Fd, args: &[*const libc::c_char], env: &[*const libc::c_char]) -> Errno {
    match call!(SYS_execveat, fd(program), path(c""), args.as_ptr(), env.as_ptr(), libc::AT_EMPTY_PATH) {
        Err(errno) => errno,
        Ok(_) => Errno(libc::ENOSYS),
    }
}

/// The time of day, the only clock that no step of a plan can change.
pub(crate) fn clock_nanos() -> u64 {
    let mut time = [0u64; 2];
    match call!(SYS_clock_gettime, libc::CLOCK_REALTIME, time.as_mut_ptr()) {
        Ok(_) => time[0] * 1_000_000_000 + time[1],
        Err(_) => 0,
    }
}

/// Exits without running any code of the caller's program.
pub(crate) fn exit(code: i32) -> ! {
    loop {
        let _never_returns = call!(SYS_exit_group, code);
    }
}
