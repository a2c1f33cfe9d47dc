//! The parent's side of a start.
//!
//! **Before this**: [`Launch::start`](crate::Launch::start) has created the streams, the writable layer and the
//! cgroup. **Here** the container's first process is created:
//!
//! 1. The parent creates what the child will need: [pipes and files](ends), and the [compiled](super::compile) plan.
//! 2. clone3(2) creates the child in its new namespaces. The child interprets the compiled plan, up to the step in
//!    which it waits for *go*. If it joins namespaces, it is created by a [joiner].
//! 3. The parent [supervises the child](supervise_child): it runs the [hooks](super::Hooks), sends *go*, and
//!    [reads the child's reports](report) until the child has executed the program or exited.
//!
//! **Next**: the [hooks](super::hooks), then [`compile`](super::compile), and then [`child`](super::child), the side
//! of the new process.

mod clone_result;
mod descriptors;
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
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

use super::child::{Pipes, interpret};
use super::compile::{Context, compile};
use super::hooks::Hooks;
use super::joined::{JoinedNamespace, OpenNamespaces};
use super::process_bytes::ProcessBytes;
use super::program::Program;
use super::sources::{BindSources, Sources};
use super::standard_streams::Standard;
use super::start_error::StartError;
use super::{StepTime, init_status, user_namespace};
use crate::sys::{
    Errno, calls,
    clone::{self, CgroupEntrance, CloneArgs},
    of_nix, wait,
};
use clone_result::{Child, Cloned};
use descriptors::ParentEnds;
use namespaces::{clone_step, flags};
use report::read_reports;
use shared_memory::may_share_memory;

pub(crate) use namespaces::clone_flag;

/// The inputs of a start.
#[derive(Debug)]
pub(crate) struct StartRequest<'a> {
    /// The steps.
    pub plan: &'a Plan,
    /// The container's stdin, stdout and stderr.
    pub standard: Standard,
    /// The caller's open files for steps that name them by path.
    pub open_files: OpenFiles<'a>,
    /// How the process enters its cgroup, if the plan has one.
    pub cgroup: Option<&'a CgroupEntrance>,
    /// Whether the time of every step is measured.
    pub traced: bool,
    /// Whether the seccomp filter asks about each call that it would refuse.
    pub asks_about_calls: bool,
    /// What of the program's arguments, environment and working directory is not UTF-8.
    pub process_bytes: &'a ProcessBytes,
}

/// Files that the caller holds open, because a path could lead elsewhere by the time it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFiles<'a> {
    /// The sources of bind mounts, by their paths in the container.
    pub mounts: &'a BindSources,
    /// The namespaces to join.
    pub namespaces: &'a [JoinedNamespace],
}

/// A process that runs the program.
#[derive(Debug)]
pub(crate) struct Started {
    /// The process, for waiting and signalling. Unlike a process id, a pidfd never refers to another process later.
    pub pidfd: OwnedFd,
    /// Its process id on the host.
    pub pid: i32,
    /// The program's process id on the host. With an init, the program is a child of this process.
    pub program: i32,
    /// The socket to which the init, if there is one, writes the program's wait status.
    pub status: Option<OwnedFd>,
    /// When the program started.
    pub at: Instant,
    /// How long each step took, when traced.
    pub times: Vec<StepTime>,
    /// The engine's side of the container's terminal, if it has one.
    pub terminal: Option<OwnedFd>,
    /// The listener of the seccomp filter, if the filter asks about refused calls.
    pub listener: Option<OwnedFd>,
    /// The root directory of the container, which stays accessible after its processes have exited.
    pub root: Option<File>,
}

/// Carries out the plan, and returns as soon as the program runs.
pub(crate) fn start(request: StartRequest<'_>, hooks: Hooks<'_>) -> Result<Started, StartError> {
    if calls::ignores_sigchld().unwrap_or(false) {
        return Err(StartError::SigchldIgnored);
    }
    let StartRequest { plan, standard: Standard { descriptors, streams }, open_files, cgroup, .. } = request;
    let (parent, child) = descriptors::make(plan, descriptors, request.asks_about_calls)?;
    let users = user_namespace::make(plan)?;
    let context = Context {
        standard: child.standard(),
        streams,
        kept: child.kept(),
        launcher: child.launcher.as_raw_fd(),
        report: child.report.as_raw_fd(),
        status: child.status.as_ref().map(AsRawFd::as_raw_fd),
        terminal: child.terminal.as_ref().map(AsRawFd::as_raw_fd),
        listener: child.listener.as_ref().map(AsRawFd::as_raw_fd),
        tasks: cgroup.map(|group| group.tasks.clone()).unwrap_or_default(),
        sources: Sources::of(plan, open_files.mounts)?,
        namespaces: OpenNamespaces::of(plan, open_files.namespaces)?,
        user_namespace: users.as_ref().map(AsRawFd::as_raw_fd),
        permitted: permitted_capabilities(plan),
        layers_one_by_one: crate::host::kernel_at_least(6, 5),
        traced: request.traced,
        process_bytes: request.process_bytes.clone(),
    };
    let childs = (compile(plan, &context)?, child.pipes());
    let args = clone_args(plan, cgroup);
    let hooks = Hooks::of_plan(plan, cgroup).followed_by(hooks);

    // Signals are blocked until the child has reset all handlers, because it must not run a handler of the caller.
    let callers_mask = block_signals().map_err(|source| StartError::Pipe { source })?;
    let supervise = |cloned: Cloned| {
        let restored = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&callers_mask), None);
        // The child has its own copies of these.
        drop((child, users, context));
        let child = cloned.child(plan, &parent)?;
        let hooks = restored.map(|()| hooks).map_err(|errno| StartError::Pipe { source: of_nix(errno) });
        supervise_child(child, parent, hooks, plan)
    };
    if !childs.0.before_clone.is_empty() {
        return supervise(joiner::clone_by_joiner(plan, &childs.0, childs.1, args));
    }
    if may_share_memory(plan) {
        let supervise = |cloned| supervise(Cloned::of(cloned));
        // SAFETY: the child only makes calls of `sys`. `supervise` returns at the end of the report pipe, when the
        // child has executed the launcher and the program, or has exited.
        return unsafe { clone::clone3_sharing_memory(args, enter, &childs, supervise) };
    }
    // SAFETY: the child calls `interpret`, which only makes calls of `sys` and never returns.
    match unsafe { clone::clone3(args) } {
        Ok(None) => interpret(&childs.0, childs.1),
        Ok(Some(cloned)) => supervise(Cloned::of(Ok(cloned))),
        Err(errno) => supervise(Cloned::of(Err(errno))),
    }
}

/// The entry point of a child that shares the caller's memory.
extern "C" fn enter(argument: *const libc::c_void) -> ! {
    // SAFETY: `start` passes a pointer to such a pair, which lives until this process has called execve(2) or exited.
    let (program, pipes) = unsafe { &*argument.cast::<(Program, Pipes)>() };
    interpret(program, *pipes)
}

/// The capabilities that the process can have: all of them in a new or joined user namespace, otherwise the engine's.
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
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut callers_mask)).map_err(of_nix)?;
    Ok(callers_mask)
}

/// Runs the hooks, sends *go*, and reads reports until the child has executed the program or exited.
///
/// The child may share this process's memory. So this function must not return or unwind before the child has called
/// execve(2) or exited. A panic in a hook, which is the caller's code, is therefore caught and resumed afterwards.
fn supervise_child(
    child: Child,
    ends: ParentEnds,
    hooks: Result<Hooks<'_>, StartError>,
    plan: &Plan,
) -> Result<Started, StartError> {
    let ParentEnds { go, report, terminal, status, listener } = ends;
    let prepared = catch_unwind(AssertUnwindSafe(|| hooks?.run(&child.as_starting())));
    // Without *go* the child exits. If it has exited already, the write fails, and its report contains the reason.
    let mut go = matches!(prepared, Ok(Ok(()))).then(|| File::from(go));
    let _if_alive = go.as_mut().map(|pipe| pipe.write(b"g"));
    let mut root = None;
    let report = read_reports(report, || {
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
    let started = prepared.and_then(|()| report.conclude(plan)).and_then(|times| {
        let program = status.as_ref().map_or(Ok(child.pid), init_status::program_id);
        let program = program.map_err(|source| StartError::Pipe { source })?;
        let descriptors = (terminal.map(receive_sent).transpose()?, listener.map(receive_sent).transpose()?);
        Ok((times, program, descriptors))
    });
    match started {
        Ok((times, program, (terminal, listener))) => {
            let Child { pid, pidfd } = child;
            Ok(Started { pidfd, pid, program, status, at, times, terminal, listener, root })
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

/// Kills a child whose start failed. Usually it is exiting by itself; only if receiving a descriptor or its init's
/// first message failed is it still running.
fn end(child: &Child) -> Result<wait::Ended, StartError> {
    wait::signal(&child.pidfd, libc::SIGKILL)
        .and_then(|()| wait::reap(&child.pidfd))
        .map_err(|source| StartError::Wait { source })
}

/// Receives a descriptor that the child has sent before it executed the program.
fn receive_sent(socket: OwnedFd) -> Result<OwnedFd, StartError> {
    let received = calls::receive_descriptor(socket.as_raw_fd(), &mut [0]);
    let received = received.map_err(|source| StartError::Pipe { source })?;
    let descriptor = received.1.ok_or(StartError::Pipe { source: Errno(libc::EMFILE) })?;
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests;
