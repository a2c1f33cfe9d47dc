//! The container's first process, from clone3(2) to execve(2): an interpreter of prepared operations.
//!
//! **Before this**: [`compile`](super::compile) has prepared the operations, and [`start`](super::start()) has
//! created this process. **Here** the operations are carried out one after the other. **Next**: the operations on
//! [mounts](super::child_mounts) and on the [process itself](super::child_process), and then the
//! [launcher](super::launcher), which this process executes last.
//!
//! **Nothing here may allocate, lock, log or panic**; the [parent module](super) explains why. Every value was
//! allocated by the parent, and every call goes straight to the kernel. The process leaves this module only by
//! execveat(2) of the [launcher](super::launcher), or by `_exit`.

use core::cell::Cell;
use std::ffi::CString;

use super::child_lookup::OwnMount;
use super::message::{self, Call};
use super::program::{Operation, Program};
use super::{child_mounts as mounts, child_process as process, child_streams, child_terminal};
use crate::sys::calls::{self, Descriptor, Fd};
use crate::sys::{self, Errno};

/// The child's ends of the two pipes between the process and its parent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pipes {
    /// Reads *go* from the parent.
    pub go: Fd,
    /// Writes messages to the parent.
    pub report: Fd,
}

/// The state that operations pass on to later operations.
pub(crate) struct State<'program> {
    /// The new root, once it is mounted.
    pub root: Fd,
    /// The user and group that own the new root's files, if not root.
    pub owner: Option<[u32; 2]>,
    /// The mounts from which later look-ups start, by slot.
    pub mounts: &'program [Cell<Option<OwnMount>>],
    /// A read-only file system with an empty file and an empty directory, which cover masked paths. Created at the
    /// first mask.
    pub empty: Option<Fd>,
}

/// A system call that failed.
pub(crate) struct Failure {
    pub call: Call,
    pub errno: Errno,
}

/// Adds the name of the system call to a result.
pub(crate) trait Named<T> {
    fn named(self, call: Call) -> Result<T, Failure>;
}

impl<T> Named<T> for sys::Result<T> {
    fn named(self, call: Call) -> Result<T, Failure> {
        self.map_err(|errno| Failure { call, errno })
    }
}

/// The exit code of a process whose set-up failed. The parent ignores it and uses the message sent before.
const SETUP_FAILED: i32 = 125;

/// Carries out the program. Never returns.
pub(crate) fn interpret(program: &Program, pipes: Pipes) -> ! {
    let mut state = State { root: calls::CURRENT_DIRECTORY, owner: None, mounts: &program.mounts, empty: None };
    // With umask 0, files get exactly the mode that the operation asks for. The program's own umask is set later.
    // This call cannot fail.
    let _callers_mask = calls::umask(0);
    for (step, operation) in &program.operations {
        if matches!(operation, Operation::Execute(_)) {
            send(pipes.report, &message::ready());
            // End of file means that the parent has exited.
            if program.acknowledged && calls::read(pipes.go, &mut [0]) != Ok(1) {
                calls::exit(SETUP_FAILED);
            }
        }
        execute_or_exit(*step, operation, program.traced, pipes, &mut state);
    }
    calls::exit(SETUP_FAILED)
}

/// Carries out the operations of the [joiner](super::start()), before it creates the container's first process.
pub(crate) fn execute_before_clone(program: &Program, pipes: Pipes) {
    let first = program.before_clone.first().map_or(0, |(step, _)| *step);
    // Processes in the joined namespaces must not be able to trace this process or the one that it creates.
    if let Err(errno) = calls::prctl(libc::PR_SET_DUMPABLE, 0, 0) {
        report_failure(pipes, first, Call::Prctl, errno);
    }
    // Drop the engine's groups now, because setgroups(2) may be forbidden in a joined user namespace.
    match calls::setgroups(&[]) {
        // An ordinary user cannot drop groups, so they stay, as in every container of an ordinary user.
        Ok(_) | Err(Errno(libc::EPERM)) => {}
        Err(errno) => report_failure(pipes, first, Call::Setgroups, errno),
    }
    let mut state = State { root: calls::CURRENT_DIRECTORY, owner: None, mounts: &program.mounts, empty: None };
    for (step, operation) in &program.before_clone {
        execute_or_exit(*step, operation, program.traced, pipes, &mut state);
    }
}

/// Reports that a step failed, and exits.
pub(crate) fn report_failure(pipes: Pipes, step: usize, call: Call, errno: Errno) -> ! {
    send(pipes.report, &message::failed(step, call, errno.0));
    calls::exit(SETUP_FAILED)
}

fn execute_or_exit(step: usize, operation: &Operation, traced: bool, pipes: Pipes, state: &mut State<'_>) {
    let before = if traced { calls::clock_nanos() } else { 0 };
    if let Err(Failure { call, errno }) = execute(operation, pipes, state) {
        report_failure(pipes, step, call, errno);
    }
    if traced {
        send(pipes.report, &message::done(step, calls::clock_nanos().saturating_sub(before)));
    }
}

/// Sends a message to the parent. If that fails, the parent has exited, so this process exits too.
fn send(report: Fd, message: &[u8]) {
    if calls::write(report, message).is_err() {
        calls::exit(SETUP_FAILED);
    }
}

/// One line for each kind of operation, and no wildcard arm, so a new operation does not compile until it is handled.
fn execute(operation: &Operation, pipes: Pipes, state: &mut State<'_>) -> Result<(), Failure> {
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
            execute(before, pipes, state)?;
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
            execute(before, pipes, state)?;
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
        Operation::InstallSeccomp { flags, instructions, listener } => {
            process::install_filter(*flags, instructions, *listener)
        }
        // Returns only if the launcher could not be executed.
        Operation::Execute(execution) => Err(process::execute(execution)),
    }
}

/// Enters the cgroup of each hierarchy of version 1: `0` stands for the process that writes.
fn join_cgroup(tasks: &[CString]) -> Result<(), Failure> {
    tasks.iter().try_for_each(|path| {
        let file = Descriptor(calls::open(path, libc::O_WRONLY).named(Call::Openat)?);
        calls::write(file.0, b"0").named(Call::Write).map(drop)
    })
}

/// Waits until the parent has run its hooks. The pipe may be used once more, and is closed by execve(2).
fn await_go(pipes: Pipes) -> Result<(), Failure> {
    match calls::read(pipes.go, &mut [0]).named(Call::Read)? {
        // End of file: the parent exited before it had run its hooks.
        0 => calls::exit(SETUP_FAILED),
        _ => Ok(()),
    }
}

/// Installs stdin, stdout and stderr, and closes every other descriptor inherited from the caller. The descriptors
/// that are still needed are between the ranges; execve(2) closes them.
fn close_descriptors(standard: &[Fd; 3], close: &[(u32, u32)]) -> Result<(), Failure> {
    for (place, descriptor) in (0..).zip(standard) {
        calls::dup3(*descriptor, place).named(Call::Dup)?;
    }
    close.iter().try_for_each(|(first, last)| calls::close_range(*first, *last).named(Call::Close).map(drop))
}

/// Resets every signal to its default action. This matters most for SIGPIPE, which Rust programs ignore.
fn reset_signals() -> Result<(), Failure> {
    for signal in 1..=64 {
        // The actions of SIGKILL and SIGSTOP cannot be changed.
        if signal != libc::SIGKILL && signal != libc::SIGSTOP {
            calls::default_action(signal).named(Call::Sigprocmask)?;
        }
    }
    calls::unblock_signals().named(Call::Sigprocmask).map(drop)
}
