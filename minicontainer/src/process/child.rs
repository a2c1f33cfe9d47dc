//! The container's first process, from clone3(2) to execve(2): an interpreter of prepared operations.
//!
//! **Nothing here may allocate, lock, log or panic** (see the module above for why). Every value was made by the parent;
//! every call goes straight to the kernel; and the only ways out are execveat(2), of the [launcher](super::launcher), and
//! `_exit`.

use core::cell::Cell;

use super::child_places::OwnMount;
use super::message::{self, Call};
use super::program::{Operation, Program};
use super::{child_mounts, child_process, child_streams};
use crate::sys::calls::{self, Descriptor, Fd};
use crate::sys::{self, Errno};

/// The two pipes between the process and its parent, from the side of the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pipes {
    /// Where the parent's *go* comes from.
    pub go: Fd,
    /// Where messages go to.
    pub report: Fd,
}

/// What the process remembers from one operation to the next.
pub(crate) struct State<'program> {
    /// The new root, once it is mounted.
    pub root: Fd,
    /// Who owns the new root's files, where that is not simply root.
    pub owner: Option<[u32; 2]>,
    /// The mounts that later look-ups start from, by slot.
    pub mounts: &'program [Cell<Option<OwnMount>>],
    /// A read-only file system with an empty file and an empty directory to cover paths with, once one was needed.
    pub empty: Option<Fd>,
}

/// A system call that failed.
pub(crate) struct Failure {
    pub call: Call,
    pub errno: Errno,
}

/// Says which call a result belongs to.
pub(crate) trait Named<T> {
    fn named(self, call: Call) -> Result<T, Failure>;
}

impl<T> Named<T> for sys::Result<T> {
    fn named(self, call: Call) -> Result<T, Failure> {
        self.map_err(|errno| Failure { call, errno })
    }
}

/// The exit code of a process whose set-up failed. Nobody reads it: the message before it says more.
const SETUP_FAILED: i32 = 125;

/// Carries the program out; never comes back.
pub(crate) fn interpret(program: &Program, pipes: Pipes) -> ! {
    let mut state = State { root: calls::CURRENT_DIRECTORY, owner: None, mounts: &program.mounts, empty: None };
    // What is made from here on has just the permission bits it is given; the program's own mask comes later. This call
    // cannot fail.
    let _callers_mask = calls::umask(0);
    for (step, operation) in &program.operations {
        let before = if program.traced { calls::clock_nanos() } else { 0 };
        if let Operation::Execute(execution) = operation {
            tell(pipes.report, &message::ready());
            // An end of file would mean that the parent is gone, as its side of the pipe is.
            if program.acknowledged && calls::read(pipes.go, &mut [0]) != Ok(1) {
                calls::exit(SETUP_FAILED);
            }
            let failure = child_process::execute(execution);
            tell(pipes.report, &message::failed(*step, failure.call, failure.errno.0));
            calls::exit(SETUP_FAILED);
        }
        if let Err(failure) = carry_out(operation, pipes, &mut state) {
            tell(pipes.report, &message::failed(*step, failure.call, failure.errno.0));
            calls::exit(SETUP_FAILED);
        }
        if program.traced {
            tell(pipes.report, &message::done(*step, calls::clock_nanos().saturating_sub(before)));
        }
    }
    calls::exit(SETUP_FAILED)
}

/// Sends a message. If nobody listens any more the parent is gone, and this process is about to notice or to exit.
fn tell(report: Fd, message: &[u8]) {
    if calls::write(report, message).is_err() {
        calls::exit(SETUP_FAILED);
    }
}

fn carry_out(operation: &Operation, pipes: Pipes, state: &mut State<'_>) -> Result<(), Failure> {
    match operation {
        Operation::CloseDescriptors { standard, gaps } => close_descriptors(standard, gaps),
        Operation::ResetSignals => reset_signals(),
        Operation::JoinCgroup { tasks } => tasks.iter().try_for_each(|path| {
            let file = Descriptor(calls::open(path, libc::O_WRONLY).named(Call::Openat)?);
            calls::write(file.0, b"0").named(Call::Write).map(drop)
        }),
        Operation::AwaitGo => {
            let mut byte = [0u8; 1];
            match calls::read(pipes.go, &mut byte).named(Call::Read)? {
                // The parent died before it had done its part: so must its child.
                0 => calls::exit(SETUP_FAILED),
                // It is closed by execve(2), or ends once more before that.
                _ => Ok(()),
            }
        }
        Operation::Unshare { flags } => calls::unshare(*flags).named(Call::Unshare).map(drop),
        Operation::NewSession => calls::setsid().named(Call::Setsid).map(drop),
        Operation::GiveStreams { before, owner, streams } => {
            carry_out(before, pipes, state)?;
            child_streams::give(*owner, streams)
        }
        Operation::SetHostname { name } => calls::sethostname(name).named(Call::Sethostname).map(drop),
        Operation::Execute(_) => Ok(()),
        other => match child_mounts::carry_out(other, state) {
            Some(result) => result,
            None => child_process::carry_out(other),
        },
    }
}

/// Puts stdin, stdout and stderr in their places and closes whatever else the caller happened to have open. The few
/// that are still needed lie between the gaps, and execve(2) closes those.
fn close_descriptors(standard: &[Fd; 3], gaps: &[(u32, u32)]) -> Result<(), Failure> {
    for (place, descriptor) in (0..).zip(standard) {
        calls::dup3(*descriptor, place).named(Call::Dup)?;
    }
    gaps.iter().try_for_each(|(first, last)| calls::close_range(*first, *last).named(Call::Close).map(drop))
}

/// Gives every signal its default action, SIGPIPE above all, which Rust programs ignore.
fn reset_signals() -> Result<(), Failure> {
    for signal in 1..=64 {
        // SIGKILL and SIGSTOP cannot be changed, nor need they be.
        if signal != libc::SIGKILL && signal != libc::SIGSTOP {
            calls::default_action(signal).named(Call::Sigprocmask)?;
        }
    }
    calls::unblock_signals().named(Call::Sigprocmask).map(drop)
}
