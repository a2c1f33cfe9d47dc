//! The container's first process, from clone3(2) to execve(2): an interpreter of prepared operations.
//!
//! **Before this**: [`compile`](super::compile) has prepared the operations, and [`start`](super::start()) has made
//! this process. **Here** they are carried out one after the other. **Next**: what the
//! operations do to [mounts](super::child_mounts) and to the [process itself](super::child_process), and then the
//! [launcher](super::launcher), which this process executes last.
//!
//! **Nothing here may allocate, lock, log or panic** (see the module above for why). Every value was made by the
//! parent; every call goes straight to the kernel; and the only ways out are execveat(2), of the
//! [launcher](super::launcher), and
//! `_exit`.

use core::cell::Cell;
use std::ffi::CString;

use super::child_places::OwnMount;
use super::message::{self, Call};
use super::program::{Operation, Program};
use super::{child_mounts as mounts, child_process as process, child_streams, child_terminal};
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
    // What is made from here on has just the permission bits it is given; the program's own mask comes later. This
    // call cannot fail.
    let _callers_mask = calls::umask(0);
    for (step, operation) in &program.operations {
        if matches!(operation, Operation::Execute(_)) {
            tell(pipes.report, &message::ready());
            // An end of file would mean that the parent is gone, as its side of the pipe is.
            if program.acknowledged && calls::read(pipes.go, &mut [0]) != Ok(1) {
                calls::exit(SETUP_FAILED);
            }
        }
        carry_out_or_exit(*step, operation, program.traced, pipes, &mut state);
    }
    calls::exit(SETUP_FAILED)
}

/// Carries out what comes before the container's first process: the part of the [joiner](super::start()).
pub(crate) fn carry_out_before_clone(program: &Program, pipes: Pipes) {
    let first = program.before_clone.first().map_or(0, |(step, _)| *step);
    // Processes of the namespaces must not look into this process, nor into the one that it creates.
    if let Err(errno) = calls::prctl(libc::PR_SET_DUMPABLE, 0, 0) {
        tell_failed(pipes, first, Call::Prctl, errno);
    }
    // In a user namespace that is joined it may be too late to leave the engine's groups.
    match calls::setgroups(&[]) {
        // An ordinary user cannot leave any group, so they stay, as in every container of an ordinary user.
        Ok(_) | Err(Errno(libc::EPERM)) => {}
        Err(errno) => tell_failed(pipes, first, Call::Setgroups, errno),
    }
    let mut state = State { root: calls::CURRENT_DIRECTORY, owner: None, mounts: &program.mounts, empty: None };
    for (step, operation) in &program.before_clone {
        carry_out_or_exit(*step, operation, program.traced, pipes, &mut state);
    }
}

/// Tells that a step failed, and exits.
pub(crate) fn tell_failed(pipes: Pipes, step: usize, call: Call, errno: Errno) -> ! {
    tell(pipes.report, &message::failed(step, call, errno.0));
    calls::exit(SETUP_FAILED)
}

fn carry_out_or_exit(step: usize, operation: &Operation, traced: bool, pipes: Pipes, state: &mut State<'_>) {
    let before = if traced { calls::clock_nanos() } else { 0 };
    if let Err(Failure { call, errno }) = carry_out(operation, pipes, state) {
        tell_failed(pipes, step, call, errno);
    }
    if traced {
        tell(pipes.report, &message::done(step, calls::clock_nanos().saturating_sub(before)));
    }
}

/// Sends a message. If nobody listens any more the parent is gone, and this process is about to notice or to exit.
fn tell(report: Fd, message: &[u8]) {
    if calls::write(report, message).is_err() {
        calls::exit(SETUP_FAILED);
    }
}

/// One line for each kind of operation, and no other arm: an operation that nothing carries out does not compile.
fn carry_out(operation: &Operation, pipes: Pipes, state: &mut State<'_>) -> Result<(), Failure> {
    match operation {
        Operation::CloseDescriptors { standard, close } => close_descriptors(standard, close),
        Operation::ResetSignals => reset_signals(),
        Operation::JoinCgroup { tasks } => join_cgroup(tasks),
        Operation::AwaitGo => await_go(pipes),
        Operation::JoinNamespace { namespace, kind } => process::join_namespace(*namespace, *kind),
        Operation::Unshare { flags } => calls::unshare(*flags).named(Call::Unshare).map(drop),
        Operation::UnshareTime { offsets } => process::unshare_time(offsets),
        Operation::NewSession => calls::setsid().named(Call::Setsid).map(drop),
        Operation::GiveStreams { before, owner, streams } => {
            carry_out(before, pipes, state)?;
            child_streams::give(*owner, streams)
        }
        Operation::SetHostname { name } => calls::sethostname(name).named(Call::Sethostname).map(drop),
        Operation::MakeMountsPrivate => mounts::make_private(),
        Operation::LimitWritableLayer(limit) => mounts::limit_layer(limit, state),
        Operation::MountOverlay(overlay) => mounts::mount_overlay(overlay, state),
        Operation::MountIdmappedOverlay { namespace, directories, overlay } => {
            mounts::mount_idmapped_overlay(*namespace, directories, overlay, state)
        }
        Operation::BindRoot { source } => mounts::bind_root(source, state),
        Operation::Mount { fstype, options, attributes, place, slot } => {
            mounts::mount(fstype, options, *attributes, place, *slot, state)
        }
        Operation::BindMount(bind) => mounts::bind_mount(bind, state),
        Operation::BindDevice { source, node, place } => mounts::bind_device(source, *node, place, state),
        Operation::MakeDevice { mode, node, place } => mounts::make_node(place, *mode, *node, state),
        Operation::Symlink { target, place } => mounts::make_link(place, target, state),
        Operation::OpenTerminal(terminal) => child_terminal::open(terminal, state),
        Operation::OpenNull { before, place, streams } => {
            carry_out(before, pipes, state)?;
            child_streams::open_null(place, streams, state)
        }
        Operation::Remount { attributes, place } => mounts::remount(place, *attributes, state),
        Operation::SetSysctl { place, value } => mounts::set_sysctl(place, value, state),
        Operation::MaskPath { place, on_host } => mounts::mask(place, on_host.as_deref(), state),
        Operation::ReadonlyPath { place, on_host } => mounts::make_readonly(place, on_host.as_deref(), state),
        Operation::PivotRoot { close } => mounts::pivot(close, state),
        Operation::Chroot { path } => mounts::chroot(path),
        Operation::LoopbackUp { request } => process::loopback_up(request),
        Operation::EnterWorkdir { path, components } => process::enter_workdir(path, components),
        Operation::SetUmask { mask } => calls::umask(*mask).named(Call::Prctl).map(drop),
        Operation::SetRlimit { resource, soft, hard } => {
            calls::prlimit(*resource, *soft, *hard).named(Call::Prlimit).map(drop)
        }
        Operation::EnterUserNamespace { namespace } => process::join_namespace(*namespace, libc::CLONE_NEWUSER),
        Operation::DropBoundingSet { drop } => process::drop_bounding_set(drop),
        Operation::SetUser { uid, gid, groups } => process::set_user(*uid, *gid, groups.as_deref()),
        Operation::SetCapabilities { effective, permitted, inheritable, ambient } => {
            process::set_capabilities(*effective, *permitted, *inheritable, ambient)
        }
        Operation::EndWithEngine => process::end_with_engine(),
        Operation::NoNewPrivileges => calls::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).named(Call::Prctl).map(drop),
        Operation::InstallSeccomp { flags, instructions } => {
            calls::install_filter(*flags, instructions).named(Call::Seccomp).map(drop)
        }
        // Comes back only with the reason why the launcher could not be executed.
        Operation::Execute(execution) => Err(process::execute(execution)),
    }
}

/// Enters the control group of each hierarchy of version 1: `0` stands for the process that writes.
fn join_cgroup(tasks: &[CString]) -> Result<(), Failure> {
    tasks.iter().try_for_each(|path| {
        let file = Descriptor(calls::open(path, libc::O_WRONLY).named(Call::Openat)?);
        calls::write(file.0, b"0").named(Call::Write).map(drop)
    })
}

/// Waits until the parent has done its part. The pipe is closed by execve(2), or used once more before that.
fn await_go(pipes: Pipes) -> Result<(), Failure> {
    match calls::read(pipes.go, &mut [0]).named(Call::Read)? {
        // The parent died before it had done its part: so must its child.
        0 => calls::exit(SETUP_FAILED),
        _ => Ok(()),
    }
}

/// Puts stdin, stdout and stderr in their places and closes whatever else the caller happened to have open. The few
/// that are still needed lie between the ranges, and execve(2) closes those.
fn close_descriptors(standard: &[Fd; 3], close: &[(u32, u32)]) -> Result<(), Failure> {
    for (place, descriptor) in (0..).zip(standard) {
        calls::dup3(*descriptor, place).named(Call::Dup)?;
    }
    close.iter().try_for_each(|(first, last)| calls::close_range(*first, *last).named(Call::Close).map(drop))
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
