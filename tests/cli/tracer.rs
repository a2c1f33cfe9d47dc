//! A command whose system calls are watched, and one of them made to fail, or made its last.
//!
//! The command is traced with ptrace(2): it stops before each call and after it. What changes files is counted; at
//! the call that a test has chosen, the number of the call is replaced by one that does not exist, so that the kernel
//! does nothing, and the result by the errno of a fault. No fault of a disk is as easily had, and none comes as
//! surely when it should.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Stdio},
};

use nix::{
    sys::{
        ptrace::{self, Options},
        signal::Signal,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// What becomes of a call.
pub enum Fate {
    Goes,
    /// It does nothing and gives this errno.
    Fails(i32),
    /// It writes half of what it should.
    Halves,
    /// It does nothing, and the command is killed.
    Last,
}

/// A call that changes files, removes one, or opens one; or that starts a process, waits for it, or sends it a
/// signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Change,
    Remove,
    Open,
    Write,
    Start,
    Poll,
    Wait,
    Signal,
}

pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
}

/// Runs a command; `fate` decides on each call. The command must start no other programs.
#[expect(clippy::zombie_processes, reason = "waitpid(2) waits for its end, as for whatever else happens to it")]
pub fn traced(command: &mut Command, mut fate: impl FnMut(Kind) -> Fate) -> Ended {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: ptrace(2) alone is called between fork and execve.
    unsafe { command.pre_exec(|| ptrace::traceme().map_err(io::Error::from)) };
    let mut child = command.spawn().expect("the command starts");
    let main = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    waitpid(main, None).expect("it stops at its execve");
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(main, options).expect("it is traced");
    ptrace::syscall(main, None).expect("it goes on");
    // Of each thread that is inside a call: what that call shall give instead.
    let mut inside: BTreeMap<Pid, Option<i32>> = BTreeMap::new();
    let status = loop {
        // Other tests have children, too; only those of this thread are waited for.
        let event = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)).expect("it is waited for");
        let (thread, signal) = match event {
            WaitStatus::Exited(ended, code) if ended == main => break ExitStatus::from_raw(code << 8),
            WaitStatus::Signaled(ended, signal, _) if ended == main => break ExitStatus::from_raw(signal as i32),
            WaitStatus::PtraceSyscall(thread) => {
                match inside.remove(&thread) {
                    Some(instead) => give(thread, instead),
                    None => match kind(thread).map(&mut fate) {
                        None | Some(Fate::Goes) => drop(inside.insert(thread, None)),
                        Some(Fate::Halves) => {
                            halve(thread);
                            inside.insert(thread, None);
                        }
                        Some(Fate::Fails(errno)) => {
                            skip(thread);
                            inside.insert(thread, Some(errno));
                        }
                        Some(Fate::Last) => {
                            skip(thread);
                            // Its end comes as an event of its own.
                            let _killed = nix::sys::signal::kill(main, Signal::SIGKILL);
                        }
                    },
                }
                (thread, None)
            }
            // A new thread begins with a stop, which is no signal of its.
            WaitStatus::Stopped(thread, Signal::SIGSTOP) => (thread, None),
            WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
            WaitStatus::PtraceEvent(thread, ..) => (thread, None),
            _ => continue,
        };
        // It may have been killed meanwhile.
        let _goes_on = ptrace::syscall(thread, signal);
    };
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
    Ended { status, stderr }
}

/// Of what kind the call is before which a thread has stopped, if it matters here.
fn kind(thread: Pid) -> Option<Kind> {
    let registers = ptrace::getregs(thread).ok()?;
    let number = i64::try_from(registers.orig_rax).ok()?;
    let creates = |flags: u64| flags & (libc::O_CREAT as u64) != 0;
    match number {
        // What is written to the terminal is not a file.
        libc::SYS_write | libc::SYS_writev if registers.rdi > 2 => Some(Kind::Write),
        libc::SYS_openat if creates(registers.rdx) => Some(Kind::Change),
        libc::SYS_open if creates(registers.rsi) => Some(Kind::Change),
        libc::SYS_open | libc::SYS_openat | libc::SYS_openat2 => Some(Kind::Open),
        libc::SYS_mkdir
        | libc::SYS_mkdirat
        | libc::SYS_rename
        | libc::SYS_renameat
        | libc::SYS_renameat2
        | libc::SYS_link
        | libc::SYS_linkat
        | libc::SYS_symlink
        | libc::SYS_symlinkat
        | libc::SYS_mknodat
        | libc::SYS_fsync
        | libc::SYS_fdatasync
        | libc::SYS_syncfs
        | libc::SYS_copy_file_range
        | libc::SYS_ftruncate
        | libc::SYS_fsetxattr => Some(Kind::Change),
        libc::SYS_unlink | libc::SYS_unlinkat | libc::SYS_rmdir => Some(Kind::Remove),
        libc::SYS_clone3 if !makes_thread(thread, registers.rdi) => Some(Kind::Start),
        libc::SYS_poll | libc::SYS_ppoll => Some(Kind::Poll),
        libc::SYS_waitid => Some(Kind::Wait),
        libc::SYS_pidfd_send_signal => Some(Kind::Signal),
        _ => None,
    }
}

/// Whether clone3(2) makes a thread: the flags stand first in its arguments.
fn makes_thread(thread: Pid, arguments: u64) -> bool {
    let flags = ptrace::read(thread, arguments as *mut libc::c_void).unwrap_or_default();
    flags & i64::from(libc::CLONE_THREAD) != 0
}

/// Has the kernel do nothing for the call before which a thread has stopped.
fn skip(thread: Pid) {
    if let Ok(mut registers) = ptrace::getregs(thread) {
        registers.orig_rax = u64::MAX;
        let _set = ptrace::setregs(thread, registers);
    }
}

/// Has the call of write(2) before which a thread has stopped write less.
fn halve(thread: Pid) {
    if let Ok(mut registers) = ptrace::getregs(thread) {
        registers.rdx = registers.rdx.div_ceil(2);
        let _set = ptrace::setregs(thread, registers);
    }
}

/// Replaces the result of the call after which a thread has stopped.
fn give(thread: Pid, instead: Option<i32>) {
    if let (Some(errno), Ok(mut registers)) = (instead, ptrace::getregs(thread)) {
        registers.rax = i64::from(-errno) as u64;
        let _set = ptrace::setregs(thread, registers);
    }
}
