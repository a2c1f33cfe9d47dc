//! Traces a command's system calls, and injects a fault or a kill at one of them.
//!
//! The command is traced with ptrace(2), so it stops before and after each call. At the call that a test has chosen,
//! the tracer replaces the number by an invalid one, so that the kernel does nothing, and the result by an errno.
//! This simulates the faults of a disk exactly when a test needs them, and requires no special device.

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

/// The tracer's decision on a system call.
pub enum Decision {
    /// The call is executed.
    Execute,
    /// The call does nothing and returns this errno.
    Fail(i32),
    /// The call writes only half of the bytes.
    WriteHalf,
    /// The call does nothing, and the command is killed.
    Kill,
}

/// The kind of a system call: it changes, removes, opens or writes files, starts a process, waits, or sends a signal.
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

/// Runs a command; `decide` is called for each system call. The command must start no other programs.
#[expect(clippy::zombie_processes, reason = "waitpid(2) below reaps the process")]
pub fn traced(command: &mut Command, mut decide: impl FnMut(Kind) -> Decision) -> Ended {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: only ptrace(2) is called between fork and execve.
    unsafe { command.pre_exec(|| ptrace::traceme().map_err(io::Error::from)) };
    let mut child = command.spawn().expect("the command starts");
    let main = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    waitpid(main, None).expect("it stops at its execve");
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(main, options).expect("it is traced");
    ptrace::syscall(main, None).expect("it goes on");
    // The threads that are inside a call, each with the errno that replaces the call's result.
    let mut inside: BTreeMap<Pid, Option<i32>> = BTreeMap::new();
    let status = loop {
        // __WNOTHREAD, because the children of other tests, which run in other threads, must not be reaped.
        let event = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)).expect("it is waited for");
        let (thread, signal) = match event {
            WaitStatus::Exited(ended, code) if ended == main => break ExitStatus::from_raw(code << 8),
            WaitStatus::Signaled(ended, signal, _) if ended == main => break ExitStatus::from_raw(signal as i32),
            WaitStatus::PtraceSyscall(thread) => {
                match inside.remove(&thread) {
                    Some(instead) => give(thread, instead),
                    None => match kind(thread).map(&mut decide) {
                        None | Some(Decision::Execute) => drop(inside.insert(thread, None)),
                        Some(Decision::WriteHalf) => {
                            halve(thread);
                            inside.insert(thread, None);
                        }
                        Some(Decision::Fail(errno)) => {
                            skip(thread);
                            inside.insert(thread, Some(errno));
                        }
                        Some(Decision::Kill) => {
                            skip(thread);
                            // The exit is reported as a separate event.
                            let _killed = nix::sys::signal::kill(main, Signal::SIGKILL);
                        }
                    },
                }
                (thread, None)
            }
            // A new thread begins with this stop, which must not be delivered as a signal.
            WaitStatus::Stopped(thread, Signal::SIGSTOP) => (thread, None),
            WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
            WaitStatus::PtraceEvent(thread, ..) => (thread, None),
            _ => continue,
        };
        // This fails if the thread has been killed in the meantime.
        let _goes_on = ptrace::syscall(thread, signal);
    };
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
    Ended { status, stderr }
}

/// The kind of the call at whose entry a thread has stopped, or None if it does not matter here.
fn kind(thread: Pid) -> Option<Kind> {
    let registers = ptrace::getregs(thread).ok()?;
    let number = i64::try_from(registers.orig_rax).ok()?;
    let creates = |flags: u64| flags & (libc::O_CREAT as u64) != 0;
    match number {
        // Descriptors 0 to 2 are the standard streams, not files of the store.
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

/// Whether clone3(2) creates a thread. The flags are the first field of its arguments.
fn makes_thread(thread: Pid, arguments: u64) -> bool {
    let flags = ptrace::read(thread, arguments as *mut libc::c_void).unwrap_or_default();
    flags & i64::from(libc::CLONE_THREAD) != 0
}

/// Makes the kernel skip the call at whose entry a thread has stopped.
fn skip(thread: Pid) {
    if let Ok(mut registers) = ptrace::getregs(thread) {
        registers.orig_rax = u64::MAX;
        let _set = ptrace::setregs(thread, registers);
    }
}

/// Halves the length of the write(2) at whose entry a thread has stopped.
fn halve(thread: Pid) {
    if let Ok(mut registers) = ptrace::getregs(thread) {
        registers.rdx = registers.rdx.div_ceil(2);
        let _set = ptrace::setregs(thread, registers);
    }
}

/// Replaces the result of the call at whose exit a thread has stopped.
fn give(thread: Pid, instead: Option<i32>) {
    if let (Some(errno), Ok(mut registers)) = (instead, ptrace::getregs(thread)) {
        registers.rax = i64::from(-errno) as u64;
        let _set = ptrace::setregs(thread, registers);
    }
}
