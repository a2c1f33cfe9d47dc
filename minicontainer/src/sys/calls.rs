//! The system calls of the container's first process, one function each, with the types that the manual gives them.
//!
//! Every function is named after its call. Paths come as [`CStr`], so that nothing is allocated; descriptors are plain
//! numbers, because this process lives for a millisecond and then becomes another program, which closes them all.

mod identity;
mod mounts;
mod passing;
mod senders;
mod terminal;

use core::ffi::CStr;

use super::{Errno, Result};

pub(crate) use identity::*;
pub(crate) use mounts::*;
pub(crate) use passing::*;
pub(crate) use senders::*;
pub(crate) use terminal::*;

/// A descriptor of this process.
pub(crate) type Fd = i32;

/// A descriptor that is closed when it is no longer needed, so that a low limit on descriptors is enough.
pub(crate) struct Descriptor(pub Fd);

impl Descriptor {
    /// Its number, to be closed by hand or by execve(2).
    pub(crate) fn keep(self) -> Fd {
        let number = self.0;
        core::mem::forget(self);
        number
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // A descriptor that we opened ourselves can always be closed, and if not, execve(2) does it.
        let _closed = close(self.0);
    }
}

/// "Relative to the current directory", where a call wants a directory's descriptor.
pub(crate) const CURRENT_DIRECTORY: Fd = libc::AT_FDCWD;

/// The kind of file system that sysfs is, see statfs(2).
pub(crate) const SYSFS_MAGIC: u64 = 0x6265_6572;

/// Which device a device node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The type bits of its mode: `S_IFCHR` or `S_IFBLK`.
    pub kind: u32,
    /// The driver's number and the device's.
    pub device: u64,
}

/// A descriptor as a call's argument: a negative one keeps its sign.
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

/// Moves bytes from a pipe, as far as it holds any, to a place in a file, see splice(2).
pub(crate) fn splice_to(pipe: Fd, file: Fd, place: &mut u64, count: usize) -> Result<usize> {
    call!(SYS_splice, fd(pipe), 0, fd(file), &raw mut *place, count, libc::SPLICE_F_NONBLOCK)
}

/// Removes all flags that fcntl(2) can change from an open file: O_NONBLOCK, O_APPEND and the like.
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

/// Whether this process has told the kernel to forget its children the moment they end.
pub(crate) fn forgets_children() -> Result<bool> {
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

/// The type bits of a file's mode, see inode(7).
pub(crate) fn file_type(descriptor: Fd) -> Result<u32> {
    statx(descriptor, libc::STATX_TYPE).map(|status| u32::from(status.stx_mode) & libc::S_IFMT)
}

/// The owner and group of an open file.
pub(crate) fn owner(descriptor: Fd) -> Result<[u32; 2]> {
    statx(descriptor, libc::STATX_UID | libc::STATX_GID).map(|status| [status.stx_uid, status.stx_gid])
}

/// The device that an open node stands for; a file of another type has the number 0.
pub(crate) fn node(descriptor: Fd) -> Result<Node> {
    let status = statx(descriptor, libc::STATX_TYPE)?;
    let device = libc::makedev(status.stx_rdev_major, status.stx_rdev_minor);
    Ok(Node { kind: u32::from(status.stx_mode) & libc::S_IFMT, device })
}

/// The number of the mount that an open file was found through (Linux 5.8).
pub(crate) fn mount_id(descriptor: Fd) -> Result<u64> {
    statx(descriptor, libc::STATX_MNT_ID).map(|status| status.stx_mnt_id)
}

/// Whether two descriptors lead to the same file of the same mount.
pub(crate) fn is_same_place(one: Fd, other: Fd) -> Result<bool> {
    let place = |descriptor| {
        let status = statx(descriptor, libc::STATX_INO | libc::STATX_MNT_ID)?;
        Ok((status.stx_mnt_id, status.stx_ino))
    };
    Ok(place(one)? == place(other)?)
}

fn statx(descriptor: Fd, wanted: u32) -> Result<libc::statx> {
    // SAFETY: struct statx is plain numbers, for which all zero is a value.
    let mut status: libc::statx = unsafe { core::mem::zeroed() };
    call!(SYS_statx, fd(descriptor), path(c""), libc::AT_EMPTY_PATH, wanted, &raw mut status)?;
    Ok(status)
}

/// The number that says what kind of file system an open file is on, see statfs(2).
pub(crate) fn file_system_magic(descriptor: Fd) -> Result<u64> {
    // SAFETY: struct statfs is plain numbers, for which all zero is a value.
    let mut status: libc::statfs = unsafe { core::mem::zeroed() };
    call!(SYS_fstatfs, fd(descriptor), &raw mut status)?;
    Ok(status.f_type as u64)
}

/// Acts on files as this user and group from now on, see setfsuid(2).
pub(crate) fn set_file_system_ids(uid: u32, gid: u32) -> Result<()> {
    call!(SYS_setfsgid, gid)?;
    call!(SYS_setfsuid, uid).map(drop)
}

/// The kind of file system that namespaces lie in, see `linux/magic.h`.
pub(crate) const NSFS_MAGIC: u64 = 0x6e73_6673;

/// Asks which kind of namespace a descriptor is of: `CLONE_NEWNET` and so on. The request is `_IO(0xb7, 3)`, see
/// NS_GET_NSTYPE in ioctl_ns(2).
pub(crate) fn namespace_kind(namespace: Fd) -> Result<i32> {
    call!(SYS_ioctl, fd(namespace), 0xb703).map(|kind| kind as i32)
}

/// Enters a namespace.
pub(crate) fn setns(namespace: Fd, kind: i32) -> Result<usize> {
    call!(SYS_setns, fd(namespace), kind)
}

/// Opens `name` as if `root` were the root of the file system.
pub(crate) fn open_in_root(root: Fd, name: &CStr, flags: i32) -> Result<Fd> {
    openat2(root, name, flags, libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS)
}

/// Opens `name` below a directory: no `..` leads out of it, and no symbolic link is followed. `resolve` adds to that.
pub(crate) fn open_below(directory: Fd, name: &CStr, flags: i32, resolve: u64) -> Result<Fd> {
    let below = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
    openat2(directory, name, flags, below | resolve)
}

/// See openat2(2). The kernel asks to try again when directories are renamed underneath, which a hostile container could
/// do on purpose: hence the bound.
fn openat2(directory: Fd, name: &CStr, flags: i32, resolve: u64) -> Result<Fd> {
    let how = [(flags | libc::O_CLOEXEC) as u64, 0, resolve];
    for _ in 0..128 {
        match call!(SYS_openat2, fd(directory), path(name), how.as_ptr(), size_of_val(&how)) {
            Err(Errno(libc::EAGAIN)) => continue,
            result => return result.map(|number| number as Fd),
        }
    }
    Err(Errno(libc::EAGAIN))
}

/// Opens a file of the host's, in whose path no stranger has a word.
pub(crate) fn open(name: &CStr, flags: i32) -> Result<Fd> {
    call!(SYS_openat, fd(CURRENT_DIRECTORY), path(name), flags | libc::O_CLOEXEC, 0).map(|number| number as Fd)
}

/// What of a file system in between may not be passed on the way down a tree: a way up, a symbolic link, a mount.
pub(crate) const STAY: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_XDEV;

/// Opens a directory, not what a symbolic link of that name leads to, see openat2(2). With `O_PATH` in `flags` it need
/// not be readable.
pub(crate) fn open_directory(parent: Fd, name: &CStr, flags: i32, resolve: u64) -> Result<Fd> {
    let flags = flags | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let how = [flags as u64, 0, resolve];
    let opened = call!(SYS_openat2, fd(parent), path(name), how.as_ptr(), size_of_val(&how));
    opened.map(|number| number as Fd)
}

/// Reads some of a directory's entries; 0 bytes are the end of them.
pub(crate) fn getdents64(directory: Fd, buffer: &mut [u8]) -> Result<usize> {
    call!(SYS_getdents64, fd(directory), buffer.as_mut_ptr(), buffer.len())
}

/// Begins with a directory's first entry again.
pub(crate) fn rewind(directory: Fd) -> Result<usize> {
    call!(SYS_lseek, fd(directory), 0, libc::SEEK_SET)
}

pub(crate) fn unlinkat(directory: Fd, name: &CStr, flags: i32) -> Result<usize> {
    call!(SYS_unlinkat, fd(directory), path(name), flags)
}

pub(crate) fn renameat(from: Fd, name: &CStr, to: Fd, new_name: &CStr) -> Result<usize> {
    call!(SYS_renameat2, fd(from), path(name), fd(to), path(new_name), 0)
}

/// Changes the mode of what a path leads to.
pub(crate) fn chmod(name: &CStr, mode: u32) -> Result<usize> {
    call!(SYS_fchmodat, fd(CURRENT_DIRECTORY), path(name), mode)
}

/// Changes the mode of an open file.
pub(crate) fn fchmod(file: Fd, mode: u32) -> Result<usize> {
    call!(SYS_fchmod, fd(file), mode)
}

pub(crate) fn mkdirat(directory: Fd, name: &CStr, mode: u32) -> Result<usize> {
    call!(SYS_mkdirat, fd(directory), path(name), mode)
}

pub(crate) fn mknodat(directory: Fd, name: &CStr, mode: u32, device: u64) -> Result<usize> {
    call!(SYS_mknodat, fd(directory), path(name), mode, device)
}

pub(crate) fn symlinkat(target: &CStr, directory: Fd, name: &CStr) -> Result<usize> {
    call!(SYS_symlinkat, path(target), fd(directory), path(name))
}

/// Reads a symbolic link; what does not fit into the buffer is cut off.
pub(crate) fn readlinkat(directory: Fd, name: &CStr, buffer: &mut [u8]) -> Result<usize> {
    call!(SYS_readlinkat, fd(directory), path(name), buffer.as_mut_ptr(), buffer.len())
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

/// As an owner's or group's id: it stays as it is.
pub(crate) const UNCHANGED: u32 = u32::MAX;

/// Gives the file to another user and group.
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

/// Hands the kernel a filter for all further system calls of this thread, see seccomp(2).
pub(crate) fn install_filter(flags: u32, instructions: &[libc::sock_filter]) -> Result<usize> {
    // The kernel takes no more than 4096 of them, and core refuses to make more.
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

/// Lets the next program have this descriptor, too.
pub(crate) fn keep_over_execve(descriptor: Fd) -> Result<usize> {
    call!(SYS_fcntl, fd(descriptor), libc::F_SETFD, 0)
}

/// Becomes the program in this file; comes back only with the reason why not. Both lists end with a null pointer.
pub(crate) fn execveat(program: Fd, args: &[*const libc::c_char], env: &[*const libc::c_char]) -> Errno {
    match call!(SYS_execveat, fd(program), path(c""), args.as_ptr(), env.as_ptr(), libc::AT_EMPTY_PATH) {
        Err(errno) => errno,
        Ok(_) => Errno(libc::ENOSYS),
    }
}

/// The time of day: the only clock that no step of a plan can move.
pub(crate) fn clock_nanos() -> u64 {
    let mut time = [0u64; 2];
    match call!(SYS_clock_gettime, libc::CLOCK_REALTIME, time.as_mut_ptr()) {
        Ok(_) => time[0] * 1_000_000_000 + time[1],
        Err(_) => 0,
    }
}

/// Ends the process without running anything of the caller's program.
pub(crate) fn exit(code: i32) -> ! {
    loop {
        let _never_returns = call!(SYS_exit_group, code);
    }
}
