//! The parent's side of a start: pipes, clone3(2), id maps, *go*, and listening until the program runs.

mod namespaces;

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use minicontainer_core::plan::{IdMapping, Namespace, Plan, Step};
use minicontainer_core::spec::LEAST_MEMORY;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use nix::unistd::{getegid, geteuid, pipe2};

use namespaces::{clone_step, flags};

use super::child::{Pipes, interpret};
use super::compile::{Context, compile};
use super::ids::map_ids;
use super::message::{self, Message};
use super::program::Program;
use super::sources::{Held, Sources};
use super::standard::{Standard, above_standard};
use super::start_error::StartError;
use super::{StepTime, launcher, status, user_namespace, wait};
use crate::cgroup::Group;
use crate::sys::{
    self,
    birth::{self, CloneArgs},
    calls,
};

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
    pub root: Option<fs::File>,
}

/// Starts the plan's process. Bind mounts show what is `held`.
pub(crate) fn start(
    plan: &Plan,
    Standard { descriptors, streams }: Standard,
    held: &Held,
    group: Option<&Group>,
    traced: bool,
) -> Result<Started, StartError> {
    if calls::forgets_children().unwrap_or(false) {
        return Err(StartError::ChildrenForgotten);
    }
    let pipe = || -> Result<(OwnedFd, OwnedFd), StartError> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|source| StartError::Pipe { source })?;
        Ok((above_standard(read)?, above_standard(write)?))
    };
    let (go, say_go) = pipe()?;
    let (listen, report) = pipe()?;
    let launcher = above_standard(launcher::in_memory().map_err(|source| StartError::Launcher { source })?)?;
    let (receive, send) = terminal_socket(plan)?.unzip();
    let (status, inits) = status::pair(plan).map_err(|source| StartError::Pipe { source })?.unzip();
    let inits = inits.map(above_standard).transpose()?;
    let [stdin, stdout, stderr] = descriptors.map(|descriptor| descriptor.map(above_standard).transpose());
    let standard = [stdin?, stdout?, stderr?];
    let tasks = group.map(Group::tasks).unwrap_or_default();

    let users = user_namespace::make(plan)?;
    let (namespaces, into_cgroup) = clone_step(plan);
    let mut kept = vec![go.as_raw_fd(), report.as_raw_fd(), launcher.as_raw_fd()];
    kept.extend(users.as_ref().map(AsRawFd::as_raw_fd));
    let sources = Sources::of(plan, held)?;
    kept.extend(sources.descriptors());
    kept.extend(send.iter().chain(&inits).map(OwnedFd::as_raw_fd));
    let context = Context {
        standard: standard.each_ref().map(|descriptor| descriptor.as_ref().unwrap_or(&go).as_raw_fd()),
        streams,
        kept,
        launcher: launcher.as_raw_fd(),
        report: report.as_raw_fd(),
        status: inits.as_ref().map(OwnedFd::as_raw_fd),
        tasks,
        sources,
        user_namespace: users.as_ref().map(AsRawFd::as_raw_fd),
        root_outside: user_namespace::root_outside(plan),
        limits_layer: plan.steps.iter().any(|step| matches!(step, Step::LimitWritableLayer { .. })),
        // In a user namespace of its own the process has every capability.
        permitted: match namespaces.contains(&Namespace::User) || users.is_some() {
            true => u64::MAX,
            false => calls::permitted_capabilities().unwrap_or_default(),
        },
        terminal: send.as_ref().map(OwnedFd::as_raw_fd),
        layers_one_by_one: crate::host::kernel_at_least(6, 5),
        traced,
    };
    let program = compile(plan, &context)?;
    let mut args = CloneArgs { flags: birth::CLONE_CLEAR_SIGHAND | flags(&namespaces), ..CloneArgs::default() };
    if let (true, Some(directory)) = (into_cgroup, group.and_then(Group::directory)) {
        args.flags |= birth::CLONE_INTO_CGROUP;
        args.cgroup = u64::try_from(directory).unwrap_or_default();
    }

    // The new process must not run a handler of the caller's, so no signal may arrive before it has reset them all.
    let callers_mask = block_signals().map_err(|source| StartError::Pipe { source })?;
    let childs = (program, Pipes { go: go.as_raw_fd(), report: report.as_raw_fd() });
    let accompany = |born: sys::Result<(i32, RawFd)>| {
        let restored = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&callers_mask), None);
        drop((go, report, launcher, standard, users, send, inits, context));
        let (pid, pidfd) = born.map_err(|errno| StartError::Clone { namespaces, source: Errno::from_raw(errno.0) })?;
        // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        // From here on there is a child that may share our memory, so there is no way out but through its end.
        let prepared = restored.map_err(|source| StartError::Pipe { source }).and_then(|()| map_ids(plan, pid));
        bring_to_program(plan, (pid, pidfd), prepared, say_go, (listen, receive, status))
    };
    if may_share_memory(plan) {
        // SAFETY: the child makes calls of `sys` only; `accompany` comes back when the report pipe has ended, which is
        // when the child has become the program or is gone.
        return unsafe { birth::clone3_sharing_memory(args, enter, &childs, accompany) };
    }
    // SAFETY: the child calls `interpret`, which makes calls of `sys` only and never comes back.
    match unsafe { birth::clone3(args) } {
        Ok(None) => interpret(&childs.0, childs.1),
        Ok(Some(born)) => accompany(Ok(born)),
        Err(errno) => accompany(Err(errno)),
    }
}

/// Where a child begins that shares the caller's memory.
extern "C" fn enter(argument: *const libc::c_void) -> ! {
    // SAFETY: `start` passes a pointer to such a pair, which lives until this process is another program or gone.
    let (program, pipes) = unsafe { &*argument.cast::<(Program, Pipes)>() };
    interpret(program, *pipes)
}

/// Whether the process may run in the caller's memory until it becomes the program.
///
/// To copy the memory, if only its page tables, takes the longer the larger the caller is: 17 ms at 1 GB. To share it
/// takes no time, but has dangers of its own, so that it is not done when
/// - the process becomes another user: the kernel would then bar the *caller* from its own files in /proc, and the new
///   user might open the process's memory, which is the caller's (PR_SET_DUMPABLE in prctl(2));
/// - others live in its pid namespace, who could open that memory as well;
/// - it wants clocks of its own, which the kernel gives only to a process that shares its memory with nobody;
/// - memory is so scarce that the kernel may kill the process for it: it would kill the caller too.
fn may_share_memory(plan: &Plan) -> bool {
    let own_user = getegid().as_raw() == 0 && geteuid().is_root();
    plan.steps.iter().all(|step| match step {
        Step::Clone { namespaces, .. } => {
            namespaces.contains(&Namespace::Pid) && (own_user || namespaces.contains(&Namespace::User))
        }
        Step::MapIds { uids, gids, .. } => {
            let maps_to =
                |mappings: &[IdMapping], id| mappings.iter().any(|line| line.inside == 0 && line.outside == id);
            maps_to(uids, geteuid().as_raw()) && maps_to(gids, getegid().as_raw())
        }
        Step::EnterUserNamespace | Step::UnshareTime { .. } => false,
        Step::SetUser { uid, gid, .. } => *uid == 0 && *gid == 0,
        Step::LimitMemory { bytes, .. } => *bytes >= LEAST_MEMORY,
        _ => true,
    })
}

/// Lets the new process go on if all was prepared, and listens until it has become the program or is gone.
fn bring_to_program(
    plan: &Plan,
    (pid, pidfd): (i32, OwnedFd),
    prepared: Result<(), StartError>,
    say_go: OwnedFd,
    (listen, receive, status): (OwnedFd, Option<OwnedFd>, Option<OwnedFd>),
) -> Result<Started, StartError> {
    let mut say_go = prepared.is_ok().then(|| fs::File::from(say_go));
    // When the process is dead already, its end of the pipe is too; what is heard tells why.
    let _if_alive = say_go.as_mut().map(|pipe| pipe.write(b"g"));
    let mut root = None;
    let heard = listen_until_executed(listen, || {
        root = fs::File::open(format!("/proc/{pid}/root")).ok();
        let _if_alive = say_go.take().map(|mut pipe| pipe.write(b"a"));
    });
    let at = Instant::now();
    let started = prepared.and_then(|()| conclude(heard, plan));
    let started = started.and_then(|times| {
        let program = status.as_ref().map_or(Ok(pid), status::program_id);
        let program = program.map_err(|source| StartError::Pipe { source })?;
        Ok((times, receive.map(taken_over).transpose()?, program))
    });
    match started {
        Ok((times, terminal, program)) => Ok(Started { pidfd, pid, program, status, at, times, terminal, root }),
        Err(failure) => {
            // It is exiting by itself, unless all went well but for its terminal or its init's first message.
            wait::signal(&pidfd, libc::SIGKILL).map_err(|source| StartError::Wait { source })?;
            let ended = wait::reap(&pidfd).map_err(|source| StartError::Wait { source })?;
            Err(match failure {
                StartError::EndedEarly { .. } => StartError::EndedEarly { ended: ended.how.to_string() },
                failure => failure,
            })
        }
    }
}

/// What a terminal is handed over through, if the plan has one: the parent's end and the child's.
fn terminal_socket(plan: &Plan) -> Result<Option<(OwnedFd, OwnedFd)>, StartError> {
    let pair = plan.opens_terminal().then(UnixStream::pair).transpose();
    let pair = pair.map_err(|error| StartError::Pipe { source: Errno::from_raw(error.raw_os_error().unwrap_or(0)) })?;
    pair.map(|(receive, send)| Ok((receive.into(), above_standard(send.into())?))).transpose()
}

/// The terminal that the child has sent before it became the program.
fn taken_over(receive: OwnedFd) -> Result<OwnedFd, StartError> {
    let terminal = calls::receive_descriptor(receive.as_raw_fd());
    let terminal = terminal.map_err(|errno| StartError::Pipe { source: Errno::from_raw(errno.0) })?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(terminal) })
}

fn block_signals() -> Result<SigSet, Errno> {
    let mut callers_mask = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut callers_mask))?;
    Ok(callers_mask)
}

/// What was heard until the end of the report pipe.
struct Heard {
    ready: bool,
    failed: Option<(usize, &'static str, i32)>,
    times: Vec<StepTime>,
}

/// Reads messages until execve(2), or the end of the process, closes the pipe.
fn listen_until_executed(pipe: OwnedFd, mut when_ready: impl FnMut()) -> Heard {
    let mut heard = Heard { ready: false, failed: None, times: Vec::new() };
    let mut pipe = fs::File::from(pipe);
    let mut bytes = [0; message::SIZE];
    while pipe.read_exact(&mut bytes).is_ok() {
        match message::decode(&bytes) {
            Some(Message::Done { step, nanos }) => {
                heard.times.push(StepTime { step, took: Duration::from_nanos(nanos) });
            }
            Some(Message::Ready) => {
                heard.ready = true;
                when_ready();
            }
            Some(Message::Failed { step, call, errno }) => heard.failed = Some((step, call, errno)),
            None => {}
        }
    }
    heard
}

fn conclude(heard: Heard, plan: &Plan) -> Result<Vec<StepTime>, StartError> {
    match heard.failed {
        Some((index, call, errno)) => {
            let step = plan.steps.get(index).cloned().map(Box::new);
            let step = step.ok_or(StartError::EndedEarly { ended: "an unknown step failed".to_owned() })?;
            Err(StartError::Step { step, index, call, errno: Errno::from_raw(errno) })
        }
        None if heard.ready => Ok(heard.times),
        None => Err(StartError::EndedEarly { ended: String::new() }),
    }
}

#[cfg(test)]
mod tests;
