//! A container that joins namespaces, through a process in between: the *joiner*.
//!
//! A thread of a program that has others cannot join a user namespace, and a pid namespace holds only for the
//! children of the process that joins it, see setns(2). So the engine makes a process that has nothing else to do. It
//! joins everything, creates the container's first process from where it is then, and exits. `CLONE_PARENT` makes
//! that process a child of the engine's, as if the engine had created it.
//!
//! ```text
//!   engine ── clone3 ──▶ joiner: setns …, clone3(CLONE_PARENT) ──▶ the container's first process
//!      ◀── its pidfd ────┘ exit
//! ```
//!
//! Processes that are in those namespaces already may be hostile. Until it executes the launcher, the new process has
//! a copy of the engine's memory, so it is made *non-dumpable* before it joins: no one in there can trace it, or read
//! through its files in /proc (CVE-2016-9962).

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use minicontainer_core::plan::{Plan, Step};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::super::StartError;
use super::super::child::{Pipes, carry_out_before_clone, interpret, tell_failed};
use super::super::message::Call;
use super::super::program::Program;
use super::cloned::{Child, Cloned};
use crate::sys::calls::{self, Fd};
use crate::sys::clone::{CloneArgs, clone3};
use crate::sys::wait;

/// Makes the container's first process by way of a joiner. The caller has blocked all signals.
pub(super) fn clone_by_joiner(plan: &Plan, program: &Program, pipes: Pipes, args: CloneArgs) -> Cloned {
    let failed = |source| Cloned::Failed(StartError::Pipe { source });
    let (ours, joiners) = match UnixStream::pair() {
        Ok(pair) => pair,
        Err(error) => return failed(Errno::from_raw(error.raw_os_error().unwrap_or_default())),
    };
    let clone_step = plan.steps.iter().position(|step| matches!(step, Step::Clone { .. })).unwrap_or_default();
    let joiner_args =
        CloneArgs { flags: args.flags & crate::sys::clone::CLONE_CLEAR_SIGHAND, ..CloneArgs::default() };
    // SAFETY: the child calls `join_and_clone`, which makes calls of `sys` only and never comes back.
    let joiner = match unsafe { clone3(joiner_args) } {
        Ok(None) => join_and_clone(program, pipes, args, clone_step, joiners.as_raw_fd()),
        Ok(Some((_, pidfd))) => pidfd,
        Err(errno) => return Cloned::Refused(errno),
    };
    // SAFETY: the kernel has just made this descriptor for us, and nothing else uses it.
    let joiner = unsafe { OwnedFd::from_raw_fd(joiner) };
    drop(joiners);
    // It waits for nothing, so its end comes soon; what it has sent by then is all.
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
            failed(Errno::EMFILE)
        }
        _ => Cloned::JoinerEnded(ended.how),
    }
}

/// The joiner's whole life.
fn join_and_clone(program: &Program, pipes: Pipes, mut args: CloneArgs, clone_step: usize, engine: Fd) -> ! {
    carry_out_before_clone(program, pipes);
    args.flags |= libc::CLONE_PARENT as u64;
    // SAFETY: the child calls `interpret`, which makes calls of `sys` only and never comes back.
    match unsafe { clone3(args) } {
        Ok(None) => interpret(program, pipes),
        Ok(Some((pid, pidfd))) => {
            // An engine that is gone has closed its end; then the new process gets no *go* and exits.
            let _if_alive = calls::send_descriptor(engine, &pid.to_ne_bytes(), pidfd);
            calls::exit(0)
        }
        Err(errno) => tell_failed(pipes, clone_step, Call::Clone, errno),
    }
}

/// Ends a child whose pidfd this process has no room for. Its number is its own as long as it is not waited for.
fn end_by_number(pid: i32) {
    let pid = Pid::from_raw(pid);
    let _gone = kill(pid, Signal::SIGKILL).and_then(|()| waitpid(pid, Some(WaitPidFlag::__WALL)).map(drop));
}
