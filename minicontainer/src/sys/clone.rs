//! Creating a process with clone3(2), with copied or with shared memory.

use std::path::PathBuf;

use super::calls::{Fd, fd};
use super::{Errno, Result};

/// The arguments of clone3(2), `struct clone_args`.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct CloneArgs {
    pub flags: u64,
    pub pidfd: u64,
    pub child_tid: u64,
    pub parent_tid: u64,
    pub exit_signal: u64,
    pub stack: u64,
    pub stack_size: u64,
    pub tls: u64,
    pub set_tid: u64,
    pub set_tid_size: u64,
    pub cgroup: u64,
}

/// The ways to enter a cgroup. Which of them exist depends on the cgroup version.
#[derive(Debug)]
pub(crate) struct CgroupEntrance {
    /// Version 1: the files through which a process moves itself into the group.
    pub tasks: Vec<PathBuf>,
    /// Version 2: the directory in which a process can be created.
    pub directory: Option<Fd>,
    /// The files through which another process is moved.
    pub members: Vec<PathBuf>,
}

/// Create the process in the cgroup of the descriptor in `cgroup`. The constant of the `libc` crate is too narrow for
/// it.
pub(crate) const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Start with default actions for all signals that were caught. The constant of the `libc` crate is too narrow for
/// it.
pub(crate) const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;

/// Creates a process as a copy of the calling thread. Returns the child's process id and pidfd in the parent, and
/// `None` in the child.
///
/// # Safety
/// The child may do nothing but call functions of this module and end by [`execve`] or [`exit`].
pub(crate) unsafe fn clone3(mut args: CloneArgs) -> Result<Option<(i32, Fd)>> {
    let mut pidfd: Fd = -1;
    args.flags |= libc::CLONE_PIDFD as u64;
    args.pidfd = (&raw mut pidfd).addr() as u64;
    let pid = call!(SYS_clone3, &raw const args, size_of::<CloneArgs>())?;
    Ok((pid != 0).then_some((pid as i32, pidfd)))
}

/// The stack size of a child that shares this process's memory. Its largest buffer is one path.
const STACK: usize = 64 * 1024;

/// Creates a process that runs `entry` with `argument` in *this* process's memory, on its own stack; the caller is
/// not suspended. No memory is copied, so the cost does not depend on the size of the caller. `while_alive` gets the
/// child's process id and pidfd. It must not return before the child has executed another program or exited, because
/// until then the child uses the stack and the argument.
///
/// # Safety
/// `entry` may do nothing but call functions of this module and end by [`execve`] or [`exit`], and `while_alive` must
/// not return too early, as described above.
pub(crate) unsafe fn clone3_sharing_memory<T, R>(
    mut args: CloneArgs,
    entry: extern "C" fn(*const libc::c_void) -> !,
    argument: &T,
    while_alive: impl FnOnce(Result<(i32, Fd)>) -> R,
) -> R {
    // u128, because the processor requires stacks aligned to 16 bytes.
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    let mut pidfd: Fd = -1;
    args.flags |= (libc::CLONE_PIDFD | libc::CLONE_VM) as u64;
    args.pidfd = (&raw mut pidfd).addr() as u64;
    args.stack = stack.as_mut_ptr().addr() as u64;
    args.stack_size = STACK as u64;
    let size = size_of::<CloneArgs>();
    // SAFETY: the structure names a stack, which lives until `while_alive` has returned, as does the argument.
    let born = unsafe {
        super::raw::clone3_sharing_memory((&raw const args).cast(), size, entry, (&raw const *argument).cast())
    };
    let answer = while_alive(born.map(|pid| (pid as i32, pidfd)));
    drop(stack);
    answer
}

pub(crate) fn pidfd_send_signal(pidfd: Fd, signal: i32) -> Result<usize> {
    call!(SYS_pidfd_send_signal, fd(pidfd), signal, 0, 0)
}

/// Waits for the end of the process behind `pidfd`, independently of its exit signal, see waitid(2).
pub(crate) fn waitid(pidfd: Fd) -> Result<(libc::siginfo_t, libc::rusage)> {
    // SAFETY: both structures consist of plain numbers, for which all zeros is valid.
    let (mut info, mut usage): (libc::siginfo_t, libc::rusage) = unsafe { core::mem::zeroed() };
    let options = libc::WEXITED | libc::__WALL;
    loop {
        match call!(SYS_waitid, libc::P_PIDFD, fd(pidfd), &raw mut info, options, &raw mut usage) {
            Err(Errno(libc::EINTR)) => continue,
            Err(errno) => return Err(errno),
            Ok(_) => return Ok((info, usage)),
        }
    }
}
