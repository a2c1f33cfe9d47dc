//! Containers that join namespaces are started by a process in between, the *joiner*.
//!
//! A multithreaded process cannot join a user namespace, and joining a PID namespace only affects the children of the
//! process that joins it, see setns(2). So the engine creates a process for this purpose alone. It joins the
//! namespaces, creates the container's first process there, and exits. `CLONE_PARENT` makes that process a child of
//! the engine, as if the engine had created it.
//!
//! ```text
//!   engine ── clone3 ──▶ joiner: setns …, clone3(CLONE_PARENT) ──▶ the container's first process
//!      ◀── its pidfd ────┘ exit
//! ```
//!
//! Processes that are in those namespaces already may be hostile. Until it executes the launcher, the new process has
//! a copy of the engine's memory. So it is made *non-dumpable* before it joins: then those processes cannot trace it
//! or read its files in /proc (CVE-2016-9962).

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use minicontainer_core::plan::{Plan, Step};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::super::StartError;
use super::super::child::{Pipes, execute_before_clone, interpret, report_failure};
use super::super::message::Call;
use super::super::program::Program;
use super::clone_result::{Child, Cloned};
use crate::sys::Errno;
use crate::sys::calls::{self, Fd};
use crate::sys::clone::{CloneArgs, clone3};
use crate::sys::wait;

/// Creates the container's first process by means of a joiner. The caller has blocked all signals.
pub(super) fn clone_by_joiner(plan: &Plan, program: &Program, pipes: Pipes, args: CloneArgs) -> Cloned {
    let failed = |source| Cloned::Failed(StartError::Pipe { source });
    let (ours, joiners) = match UnixStream::pair() {
        Ok(pair) => pair,
        Err(error) => return failed(Errno(error.raw_os_error().unwrap_or_default())),
    };
    let clone_step = plan.steps.iter().position(|step| matches!(step, Step::Clone { .. })).unwrap_or_default();
    let joiner_args =
        CloneArgs { flags: args.flags & crate::sys::clone::CLONE_CLEAR_SIGHAND, ..CloneArgs::default() };
    // SAFETY: the child calls `join_and_clone`, which only makes calls of `sys` and never returns.
    let joiner = match unsafe { clone3(joiner_args) } {
        Ok(None) => join_and_clone(program, pipes, args, clone_step, joiners.as_raw_fd()),
        Ok(Some((_, pidfd))) => pidfd,
        Err(errno) => return Cloned::Refused(errno),
    };
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    let joiner = unsafe { OwnedFd::from_raw_fd(joiner) };
    drop(joiners);
    // The joiner waits for nothing, so it exits soon. After that, everything that it sends has been sent.
    let ended = match wait::reap(&joiner) {
        Ok(ended) => ended,
        Err(source) => return Cloned::Failed(StartError::Wait { source }),
    };
    let mut pid = [0; size_of::<i32>()];
    match calls::receive_descriptor(ours.as_raw_fd(), &mut pid) {
        Ok((length, Some(pidfd))) if length == pid.len() => {
            // SAFETY: as above.
            Cloned::Made(Child { pid: i32::from_ne_bytes(pid), pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } })
        }
        Ok((length, None)) if length == pid.len() => {
            end_by_number(i32::from_ne_bytes(pid));
            failed(Errno(libc::EMFILE))
        }
        _ => Cloned::JoinerEnded(ended.how),
    }
}

/// The code of the joiner.
fn join_and_clone(program: &Program, pipes: Pipes, mut args: CloneArgs, clone_step: usize, engine: Fd) -> ! {
    execute_before_clone(program, pipes);
    args.flags |= libc::CLONE_PARENT as u64;
    // SAFETY: the child calls `interpret`, which only makes calls of `sys` and never returns.
    match unsafe { clone3(args) } {
        Ok(None) => interpret(program, pipes),
        Ok(Some((pid, pidfd))) => {
            // If the engine has exited, its end is closed. Then the new process gets no *go* and exits.
            let _if_alive = calls::send_descriptor(engine, &pid.to_ne_bytes(), pidfd);
            calls::exit(0)
        }
        Err(errno) => report_failure(pipes, clone_step, Call::Clone, errno),
    }
}

/// Kills a child by its process id, because this process has too many descriptors open to receive the pidfd. The id
/// cannot have been reused, because the child has not been reaped yet.
fn end_by_number(pid: i32) {
    let pid = Pid::from_raw(pid);
    let _gone = kill(pid, Signal::SIGKILL).and_then(|()| waitpid(pid, Some(WaitPidFlag::__WALL)).map(drop));
}
