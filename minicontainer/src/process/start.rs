//! The parent's side of a start.
//!
//! **Before this**: [`Launch::start`](crate::Launch::start) has made the streams, the writable layer and the control
//! group.
//! **Here** one process becomes two:
//!
//! 1. What the child will need is made: [pipes and files](ends), and the [compiled](super::compile) plan.
//! 2. clone3(2) makes the child, in its new namespaces. It interprets the compiled plan, up to where it waits for
//!    *go*. A child that joins namespaces is made by way of a [joiner].
//! 3. The parent [supervises the child](supervise_child): it runs the [hooks](super::Hooks), says *go*, and
//!    [listens](report) until the child has become the program or is gone.
//!
//! **Next**: the [hooks](super::hooks), then [`compile`](super::compile), and then [`child`](super::child): the same
//! moment seen from the new process.

mod cloned;
mod ends;
mod joiner;
mod namespaces;
mod report;
mod shared_memory;

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use minicontainer_core::plan::{Namespace, Plan, Step};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

use super::child::{Pipes, interpret};
use super::compile::{Context, compile};
use super::hooks::Hooks;
use super::joined::{JoinedNamespace, OpenNamespaces};
use super::program::Program;
use super::sources::{HeldMounts, Sources};
use super::standard::Standard;
use super::start_error::StartError;
use super::{StepTime, status, user_namespace};
use crate::sys::{
    calls,
    clone::{self, CgroupEntrance, CloneArgs},
    wait,
};
use cloned::{Child, Cloned};
use ends::ParentEnds;
use namespaces::{clone_step, flags};
use report::listen_until_executed;
use shared_memory::may_share_memory;

pub(crate) use namespaces::clone_flag;

/// What a start is made of.
#[derive(Debug)]
pub(crate) struct StartRequest<'a> {
    /// The steps.
    pub plan: &'a Plan,
    /// The container's stdin, stdout and stderr.
    pub standard: Standard,
    /// What the caller holds open for steps that name it by a path.
    pub held: Held<'a>,
    /// Where the process enters its control group, if the plan has one.
    pub cgroup: Option<&'a CgroupEntrance>,
    /// Whether the time of every step is measured.
    pub traced: bool,
}

/// What the caller holds open, so that no path can lead elsewhere meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<'a> {
    /// What bind mounts show, by their places in the container.
    pub mounts: &'a HeldMounts,
    /// Namespaces that are joined.
    pub namespaces: &'a [JoinedNamespace],
}

/// A process that runs the program.
#[derive(Debug)]
pub(crate) struct Started {
    /// The process, for waiting and signalling: unlike a number it can never come to mean another process.
    pub pidfd: OwnedFd,
    /// Its number on the host.
    pub pid: i32,
    /// The program's number on the host: with an init, that of the process's child.
    pub program: i32,
    /// Where the init, if there is one, writes how the program ended.
    pub status: Option<OwnedFd>,
    /// When the program was let go.
    pub at: Instant,
    /// How long each step took, when traced.
    pub times: Vec<StepTime>,
    /// The engine's side of the container's terminal, if it has one.
    pub terminal: Option<OwnedFd>,
    /// The root of the container, which outlives its processes while it is held.
    pub root: Option<File>,
}

/// Carries the plan out, and returns as soon as the program runs.
pub(crate) fn start(request: StartRequest<'_>, hooks: Hooks<'_>) -> Result<Started, StartError> {
    if calls::forgets_children().unwrap_or(false) {
        return Err(StartError::ChildrenForgotten);
    }
    let StartRequest { plan, standard: Standard { descriptors, streams }, held, cgroup, traced } = request;
    let (parent, child) = ends::make(plan, descriptors)?;
    let users = user_namespace::make(plan)?;
    let context = Context {
        standard: child.standard(),
        streams,
        kept: child.kept(),
        launcher: child.launcher.as_raw_fd(),
        report: child.report.as_raw_fd(),
        status: child.status.as_ref().map(AsRawFd::as_raw_fd),
        terminal: child.terminal.as_ref().map(AsRawFd::as_raw_fd),
        tasks: cgroup.map(|group| group.tasks.clone()).unwrap_or_default(),
        sources: Sources::of(plan, held.mounts)?,
        namespaces: OpenNamespaces::of(plan, held.namespaces)?,
        user_namespace: users.as_ref().map(AsRawFd::as_raw_fd),
        permitted: permitted_capabilities(plan),
        layers_one_by_one: crate::host::kernel_at_least(6, 5),
        traced,
    };
    let childs = (compile(plan, &context)?, child.pipes());
    let args = clone_args(plan, cgroup);
    let hooks = Hooks::of_plan(plan, cgroup).followed_by(hooks);

    // The new process must not run a handler of the caller's, so no signal may arrive before it has reset them all.
    let callers_mask = block_signals().map_err(|source| StartError::Pipe { source })?;
    let supervise = |cloned: Cloned| {
        let restored = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&callers_mask), None);
        // The child has its own copies of these.
        drop((child, users, context));
        let child = cloned.child(plan, &parent)?;
        let hooks = restored.map(|()| hooks).map_err(|source| StartError::Pipe { source });
        supervise_child(child, parent, hooks, plan)
    };
    if !childs.0.before_clone.is_empty() {
        return supervise(joiner::clone_by_joiner(plan, &childs.0, childs.1, args));
    }
    if may_share_memory(plan) {
        let supervise = |cloned| supervise(Cloned::of(cloned));
        // SAFETY: the child makes calls of `sys` only; `supervise` comes back when the report pipe has ended, which
        // is when the child has become the program or is gone.
        return unsafe { clone::clone3_sharing_memory(args, enter, &childs, supervise) };
    }
    // SAFETY: the child calls `interpret`, which makes calls of `sys` only and never comes back.
    match unsafe { clone::clone3(args) } {
        Ok(None) => interpret(&childs.0, childs.1),
        Ok(Some(cloned)) => supervise(Cloned::of(Ok(cloned))),
        Err(errno) => supervise(Cloned::of(Err(errno))),
    }
}

/// Where a child begins that shares the caller's memory.
extern "C" fn enter(argument: *const libc::c_void) -> ! {
    // SAFETY: `start` passes a pointer to such a pair, which lives until this process is another program or gone.
    let (program, pipes) = unsafe { &*argument.cast::<(Program, Pipes)>() };
    interpret(program, *pipes)
}

/// The capabilities that can be given. In a user namespace that is not the engine's the process has every one.
fn permitted_capabilities(plan: &Plan) -> u64 {
    let enters = |step: &Step| match step {
        Step::MakeUserNamespace { .. } | Step::JoinNamespace { namespace: Namespace::User, .. } => true,
        Step::Clone { namespaces, .. } => namespaces.contains(&Namespace::User),
        _ => false,
    };
    match plan.steps.iter().any(enters) {
        true => u64::MAX,
        false => calls::permitted_capabilities().unwrap_or_default(),
    }
}

fn clone_args(plan: &Plan, cgroup: Option<&CgroupEntrance>) -> CloneArgs {
    let (namespaces, into_cgroup) = clone_step(plan);
    let mut args = CloneArgs { flags: clone::CLONE_CLEAR_SIGHAND | flags(&namespaces), ..CloneArgs::default() };
    if let (true, Some(directory)) = (into_cgroup, cgroup.and_then(|group| group.directory)) {
        args.flags |= clone::CLONE_INTO_CGROUP;
        args.cgroup = u64::try_from(directory).unwrap_or_default();
    }
    args
}

fn block_signals() -> Result<SigSet, Errno> {
    let mut callers_mask = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut callers_mask))?;
    Ok(callers_mask)
}

/// Runs the hooks, lets the child go on, and listens until it has become the program or is gone.
///
/// The child may share this process's memory. So there is no way out of this function but through the child's end or
/// its execve(2): also a panic in a hook, which is the caller's code, is held back until then.
fn supervise_child(
    child: Child,
    ends: ParentEnds,
    hooks: Result<Hooks<'_>, StartError>,
    plan: &Plan,
) -> Result<Started, StartError> {
    let ParentEnds { go, report, terminal, status } = ends;
    let prepared = catch_unwind(AssertUnwindSafe(|| hooks?.run(&child.as_starting())));
    // Without *go* the child exits. When it is gone already, its end of the pipe is too; what is heard tells why.
    let mut go = matches!(prepared, Ok(Ok(()))).then(|| File::from(go));
    let _if_alive = go.as_mut().map(|pipe| pipe.write(b"g"));
    let mut root = None;
    let heard = listen_until_executed(report, || {
        root = File::open(format!("/proc/{}/root", child.pid)).ok();
        let _if_alive = go.take().map(|mut pipe| pipe.write(b"a"));
    });
    let at = Instant::now();
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(panic) => {
            let _ended = end(&child);
            resume_unwind(panic)
        }
    };
    let started = prepared.and_then(|()| heard.conclude(plan)).and_then(|times| {
        let program = status.as_ref().map_or(Ok(child.pid), status::program_id);
        let program = program.map_err(|source| StartError::Pipe { source })?;
        Ok((times, program, terminal.map(take_terminal).transpose()?))
    });
    match started {
        Ok((times, program, terminal)) => {
            let Child { pid, pidfd } = child;
            Ok(Started { pidfd, pid, program, status, at, times, terminal, root })
        }
        Err(failure) => {
            let ended = end(&child)?;
            Err(match failure {
                StartError::EndedEarly { .. } => StartError::EndedEarly { ended: ended.how.to_string() },
                failure => failure,
            })
        }
    }
}

/// Ends a child whose start failed. It is exiting by itself, unless all went well but for its terminal or its init's
/// first message.
fn end(child: &Child) -> Result<wait::Ended, StartError> {
    wait::signal(&child.pidfd, libc::SIGKILL)
        .and_then(|()| wait::reap(&child.pidfd))
        .map_err(|source| StartError::Wait { source })
}

/// The terminal that the child has sent before it became the program.
fn take_terminal(socket: OwnedFd) -> Result<OwnedFd, StartError> {
    let received = calls::receive_descriptor(socket.as_raw_fd(), &mut [0]);
    let received = received.map_err(|errno| StartError::Pipe { source: Errno::from_raw(errno.0) })?;
    let terminal = received.1.ok_or(StartError::Pipe { source: Errno::EMFILE })?;
    // SAFETY: the kernel has just made this descriptor for us, and nothing else uses it.
    Ok(unsafe { OwnedFd::from_raw_fd(terminal) })
}

#[cfg(test)]
mod tests;
