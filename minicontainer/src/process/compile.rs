//! Compiles a plan to a [`Program`]: allocates every string, list and buffer that the container's first process will
//! need.
//!
//! **Before this**: [`start`](super::start()) and its [hooks](super::hooks), the parent's side. The start has opened
//! the files and pipes of the new process, and passes them in the [`Context`].
//! **Here** [`Compiler::operation`] is a table with one line for each kind of step. It has no wildcard arm, so a new
//! kind of step does not compile until it has an operation. **Next**: [`child`](super::child), which carries out the
//! operations.

mod error;
mod execution;
mod lookup_start;
mod numbers;
mod overlay;
mod paths;
mod process;
mod streams;

use std::ffi::CString;
use std::path::PathBuf;

use minicontainer_core::options::TimeOffset;
use minicontainer_core::plan::{Actor, Namespace, Plan, Step};

use super::joined::OpenNamespaces;
use super::process_bytes::ProcessBytes;
use super::program::{Operation, Program};
use super::sources::Sources;
use super::standard_streams::Stream;
use super::start::clone_flag;
use crate::sys::calls::Fd;
use crate::sys::descriptors::ranges_between;
use lookup_start::Places;
use numbers::loopback_request;

pub use error::CompileError;
pub(crate) use numbers::restriction;

/// The inputs of the compiler in addition to the plan.
#[derive(Debug)]
pub(crate) struct Context {
    /// The descriptors that become stdin, stdout and stderr. They are above 2.
    pub standard: [Fd; 3],
    /// The kinds of those three streams.
    pub streams: [Stream; 3],
    /// Pipes, sockets and files above 2 that stay open until execve(2).
    pub kept: Vec<Fd>,
    /// The file that holds the launcher, and the pipe to which it reports.
    pub launcher: Fd,
    pub report: Fd,
    /// The socket to which the init writes the program's status, if there is an init.
    pub status: Option<Fd>,
    /// The `tasks` files of the container's cgroups (version 1).
    pub tasks: Vec<PathBuf>,
    /// The user namespace that was created beforehand, if the plan has one.
    pub user_namespace: Option<Fd>,
    /// The namespaces to join.
    pub namespaces: OpenNamespaces,
    /// The sources of bind mounts that are not just a path.
    pub sources: Sources,
    /// The capabilities that the process can have, one bit each, see `permitted_capabilities`.
    pub permitted: u64,
    /// Whether the kernel accepts overlay layers one by one (Linux 6.5).
    pub layers_one_by_one: bool,
    /// The socket through which the container's terminal is sent, if it gets one.
    pub terminal: Option<Fd>,
    /// The socket through which the listener of the seccomp filter is sent, if the filter asks about refused calls.
    pub listener: Option<Fd>,
    /// Whether every step is reported with the time it took.
    pub traced: bool,
    /// What of the program's arguments, environment and working directory is not UTF-8.
    pub process_bytes: ProcessBytes,
}

/// Compiles the steps that the container's first process carries out.
pub(crate) fn compile(plan: &Plan, context: &Context) -> Result<Program, CompileError> {
    let mut compiler = Compiler { plan, context, places: Places::default() };
    let (mut before_clone, mut operations) = (Vec::new(), Vec::new());
    for (index, step) in plan.steps.iter().enumerate() {
        let Some(operation) = compiler.operation(index)? else { continue };
        let list = if step.actor() == Actor::Engine { &mut before_clone } else { &mut operations };
        list.push((index, compiler.with_streams(index, operation)?));
    }
    let mounts = std::iter::repeat_with(Default::default).take(compiler.places.slots).collect();
    let acknowledged = plan.limits_writable_layer() || plan.steps.contains(&Step::EndWithEngine);
    Ok(Program { before_clone, operations, mounts, traced: context.traced, acknowledged })
}

/// A plan that is being compiled.
struct Compiler<'a> {
    plan: &'a Plan,
    context: &'a Context,
    /// What the steps compiled so far have mounted.
    places: Places,
}

impl Compiler<'_> {
    /// The operation for the plan's step at this index. None for a step that the engine itself carries out.
    fn operation(&mut self, index: usize) -> Result<Option<Operation>, CompileError> {
        let step = &self.plan.steps[index];
        Ok(Some(match step {
            Step::CreateCgroup { .. } | Step::LimitTogether { .. } | Step::LimitMemory { .. } => return Ok(None),
            Step::LimitCpu { .. } | Step::LimitPids { .. } | Step::LimitCpuset { .. } => return Ok(None),
            Step::LimitDevices { .. } | Step::MakeUserNamespace { .. } => return Ok(None),
            Step::Clone { .. } | Step::MapIds { .. } | Step::MoveIntoCgroup { .. } => return Ok(None),
            Step::JoinNamespace { namespace, .. } => self.join_namespace(index, *namespace)?,
            Step::CloseDescriptors => self.close_descriptors(),
            Step::ResetSignals => Operation::ResetSignals,
            Step::JoinCgroup { .. } => self.join_cgroup()?,
            Step::AwaitGo => Operation::AwaitGo,
            Step::UnshareCgroup => Operation::Unshare { flags: libc::CLONE_NEWCGROUP },
            Step::UnshareTime { offsets } => unshare_time(offsets)?,
            Step::NewSession => Operation::NewSession,
            Step::SetHostname { name } => Operation::SetHostname { name: text(name)? },
            Step::MakeMountsPrivate => Operation::MakeMountsPrivate,
            Step::LimitWritableLayer { .. } => self.limit_layer(step)?,
            Step::MountOverlay { .. } => self.mount_overlay(step)?,
            Step::BindRoot { source } => Operation::BindRoot { source: text(source)? },
            Step::Mount { .. } => self.mount(index)?,
            Step::BindMount { .. } => self.bind_mount(index)?,
            Step::BindDevice { path, major, minor, block } => self.bind_device(path, *major, *minor, *block)?,
            Step::MakeDevice { path, major, minor, mode, block } => {
                self.make_device(path, [*major, *minor], *mode, *block)?
            }
            Step::Symlink { target, path } => self.symlink(target, path)?,
            Step::OpenTerminal { owner, rows, columns } => self.open_terminal(*owner, (*rows, *columns))?,
            Step::Remount { destination, attributes } => self.remount(destination, attributes)?,
            Step::SetSysctl { name, value } => self.set_sysctl(name, value)?,
            Step::MaskPath { path } => self.mask(path)?,
            Step::ReadonlyPath { path } => self.make_readonly(path)?,
            Step::PivotRoot => Operation::PivotRoot { close: self.context.sources.open_files().collect() },
            Step::Chroot { path } => Operation::Chroot { path: text(path)? },
            Step::LoopbackUp => Operation::LoopbackUp { request: Box::new(loopback_request()) },
            Step::EnterWorkdir { path } => {
                let path = self.context.process_bytes.workdir(path);
                Operation::EnterWorkdir { path: bytes(path)?, components: components(path)? }
            }
            Step::SetUmask { mask } => Operation::SetUmask { mask: *mask },
            Step::SetRlimit { resource, soft, hard } => process::set_rlimit(resource, *soft, *hard)?,
            Step::EnterUserNamespace => Operation::EnterUserNamespace { namespace: self.user_namespace(step)? },
            Step::DropBoundingSet { keep } => self.drop_bounding_set(keep),
            Step::SetUser { uid, gid, groups } => process::set_user(*uid, *gid, groups.as_deref()),
            Step::SetCapabilities { .. } => self.set_capabilities(step)?,
            Step::EndWithEngine => Operation::EndWithEngine,
            Step::NoNewPrivileges => Operation::NoNewPrivileges,
            Step::InstallSeccomp { flags, instructions, .. } => {
                process::install_seccomp(*flags, instructions, self.context.listener)
            }
            Step::Execute { args, env, .. } => Operation::Execute(self.execution(args, env, index)?),
        }))
    }

    fn close_descriptors(&self) -> Operation {
        let context = self.context;
        let mut kept = context.kept.clone();
        kept.extend(context.user_namespace.into_iter().chain(context.sources.descriptors()));
        kept.extend(context.namespaces.descriptors());
        Operation::CloseDescriptors { standard: context.standard, close: ranges_between(&kept) }
    }

    fn join_namespace(&self, index: usize, namespace: Namespace) -> Result<Operation, CompileError> {
        let opened = self.context.namespaces.of_step(index);
        let opened = opened.ok_or_else(|| CompileError::no_operation(&self.plan.steps[index]))?;
        Ok(Operation::JoinNamespace { namespace: opened, kind: clone_flag(namespace) })
    }

    fn join_cgroup(&self) -> Result<Operation, CompileError> {
        let tasks = self.context.tasks.iter().map(|path| text(&path.to_string_lossy()));
        Ok(Operation::JoinCgroup { tasks: tasks.collect::<Result<_, _>>()? })
    }

    fn user_namespace(&self, step: &Step) -> Result<Fd, CompileError> {
        self.context.user_namespace.ok_or_else(|| CompileError::no_operation(step))
    }
}

fn unshare_time(offsets: &[TimeOffset]) -> Result<Operation, CompileError> {
    let line = |offset: &TimeOffset| format!("{} {} {}\n", offset.clock.number(), offset.seconds, offset.nanoseconds);
    Ok(Operation::UnshareTime { offsets: text(&offsets.iter().map(line).collect::<String>())? })
}

fn text(text: &str) -> Result<CString, CompileError> {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Result<CString, CompileError> {
    CString::new(bytes).map_err(|_| CompileError::Nul { text: String::from_utf8_lossy(bytes).into_owned() })
}

fn texts<'a>(all: impl IntoIterator<Item = &'a String>) -> Result<Vec<CString>, CompileError> {
    all.into_iter().map(|one| text(one)).collect()
}

fn borrowed(options: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    options.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

fn pairs<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<(CString, CString)>, CompileError> {
    options.map(|(key, value)| Ok((text(key)?, text(value)?))).collect()
}

/// The parent and the name of each component of a path. For `/a/b`: (`/`, `a`) and (`/a`, `b`).
fn components(path: &[u8]) -> Result<Vec<(CString, CString)>, CompileError> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let parts: Vec<&[u8]> = parts.collect();
    let component = |end: usize| {
        let parent = [b"/", parts[..end].join(&b'/').as_slice()].concat();
        Ok((bytes(&parent)?, bytes(parts[end])?))
    };
    (0..parts.len()).map(component).collect()
}
