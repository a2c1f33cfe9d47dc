//! From a plan to a [`Program`]: every string, list and buffer that the container's first process will need is made here.

mod execution;
mod inside;
mod numbers;
mod overlay;
mod places;
mod streams;

use std::ffi::CString;
use std::path::PathBuf;

use minicontainer_core::options::TimeOffset;
use minicontainer_core::plan::{Actor, Plan, Step, capability_number, resource_number};

use super::program::{LayerLimit, Operation, Program};
use super::sources::Sources;
use super::standard::Stream;
use crate::sys::calls::Fd;
use execution::execution;
use numbers::{bits, loopback_request, sock_filter};
use overlay::overlay;
use places::{Places, parts};
use streams::with_streams;

pub(crate) use numbers::restriction;

/// What the parent knows when it compiles, beside the plan.
#[derive(Debug)]
pub(crate) struct Context {
    /// What become stdin, stdout and stderr: descriptors above those three.
    pub standard: [Fd; 3],
    /// What those three are.
    pub streams: [Stream; 3],
    /// Descriptors above those three that stay open until execve(2).
    pub kept: Vec<Fd>,
    /// The file that holds the launcher, and the pipe to which it reports.
    pub launcher: Fd,
    pub report: Fd,
    /// The socket on which the init tells of the program, if there is one.
    pub status: Option<Fd>,
    /// The `tasks` files of the container's cgroups (version 1).
    pub tasks: Vec<PathBuf>,
    /// The user namespace that was made before, if one was, and who its root is outside.
    pub user_namespace: Option<Fd>,
    pub root_outside: Option<[u32; 2]>,
    /// The sources of bind mounts that are more than a path.
    pub sources: Sources,
    /// The capabilities that the engine itself has, one bit each: no more can be given.
    pub permitted: u64,
    /// Whether the writable layer lies in a file system of its own.
    pub limits_layer: bool,
    /// Whether the kernel takes overlay's layers one by one (Linux 6.5).
    pub layers_one_by_one: bool,
    /// What the container's terminal is handed over through, if it gets one.
    pub terminal: Option<Fd>,
    /// Whether every step is reported with the time it took.
    pub traced: bool,
}

/// A step could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A text from which the kernel would read only the first part.
    #[error("{text:?} has a NUL byte in it, which no path, argument or variable can have")]
    Nul {
        /// The text.
        text: String,
    },
    /// The older mount(2) takes no more than a page of options.
    #[error(
        "{count} layers do not fit into one mount(2) call on this kernel: use Linux 6.5 or newer, or the copy driver"
    )]
    TooManyLayers {
        /// How many there are.
        count: usize,
    },
    /// The layers lie in different directories, which the older mount(2) cannot say shortly.
    #[error("the layers {first} and {second} do not lie side by side")]
    ScatteredLayers {
        /// One layer.
        first: String,
        /// Another.
        second: String,
    },
    /// A kind of step that this library does not know how to carry out: to leave it out would be to weaken the container.
    #[error("nothing carries out the step {step}")]
    NoOperation {
        /// The step.
        step: String,
    },
    /// A resource whose number is not known.
    #[error("unknown resource {name}: see getrlimit(2) for the names")]
    UnknownResource {
        /// The name.
        name: String,
    },
}

impl CompileError {
    fn no_operation(step: &Step) -> CompileError {
        CompileError::NoOperation { step: format!("{step:?}") }
    }
}

/// Compiles the steps that the container's first process carries out.
pub(crate) fn compile(plan: &Plan, context: &Context) -> Result<Program, CompileError> {
    let mut operations = Vec::new();
    let mut places = Places::default();
    for (index, step) in plan.steps.iter().enumerate() {
        if let Step::Execute { args, env, .. } = step {
            operations.push((index, Operation::Execute(execution(args, env, index, context)?)));
        } else if step.actor() == Actor::Container {
            let operation = match inside::operation(index, plan, &mut places, context)? {
                Some(operation) => operation,
                None => operation(step, context)?,
            };
            operations.push((index, with_streams(step, operation, plan, &places, context)?));
        }
    }
    let mounts = std::iter::repeat_with(Default::default).take(places.slots).collect();
    let acknowledged = context.limits_layer || plan.steps.contains(&Step::EndWithEngine);
    Ok(Program { operations, mounts, traced: context.traced, acknowledged })
}

/// One step's operation, if it is not about a place inside the new root.
fn operation(step: &Step, context: &Context) -> Result<Operation, CompileError> {
    Ok(match step {
        Step::CloseDescriptors => Operation::CloseDescriptors { standard: context.standard, gaps: gaps(&context.kept) },
        Step::ResetSignals => Operation::ResetSignals,
        Step::JoinCgroup { .. } => {
            let tasks = context.tasks.iter().map(|path| text(&path.to_string_lossy())).collect::<Result<_, _>>()?;
            Operation::JoinCgroup { tasks }
        }
        Step::AwaitGo => Operation::AwaitGo,
        Step::UnshareCgroup => Operation::Unshare { flags: libc::CLONE_NEWCGROUP },
        Step::UnshareTime { offsets } => {
            let line =
                |offset: &TimeOffset| format!("{} {} {}\n", offset.clock.number(), offset.seconds, offset.nanoseconds);
            Operation::UnshareTime { offsets: text(&offsets.iter().map(line).collect::<String>())? }
        }
        Step::NewSession => Operation::NewSession,
        Step::SetHostname { name } => Operation::SetHostname { name: text(name)? },
        Step::MakeMountsPrivate => Operation::MakeMountsPrivate,
        Step::LimitWritableLayer { directory, bytes, inodes, directories } => {
            let owner = context.root_outside;
            let [uid, gid] = owner.unwrap_or_default().map(|id| id.to_string());
            let (size, inodes) = (bytes.to_string(), inodes.to_string());
            let mut options = vec![("source", "tmpfs"), ("mode", "0755"), ("size", &*size), ("nr_inodes", &*inodes)];
            options.extend(owner.is_some().then_some([("uid", &*uid), ("gid", &*gid)]).into_iter().flatten());
            let directories = directories.iter().map(|path| text(path)).collect::<Result<_, _>>()?;
            Operation::LimitWritableLayer(LayerLimit {
                options: pairs(options.into_iter())?,
                directory: text(directory)?,
                directories,
                owner,
            })
        }
        Step::MountOverlay { lowers, target, idmapped: true, .. } => Operation::Shifted {
            namespace: context.user_namespace.ok_or_else(|| CompileError::no_operation(step))?,
            // A limited writable layer lies in a tmpfs that belongs to root of the container anyway.
            directories: lowers
                .iter()
                .chain((!context.limits_layer).then_some(target))
                .map(|path| text(path))
                .collect::<Result<_, _>>()?,
            then: Box::new(overlay(step, context)?),
        },
        Step::MountOverlay { .. } => overlay(step, context)?,
        Step::BindRoot { source } => Operation::BindRoot { source: text(source)? },
        Step::PivotRoot => Operation::PivotRoot { close: context.sources.held().collect() },
        Step::Chroot { path } => Operation::Chroot { path: text(path)? },
        Step::LoopbackUp => Operation::LoopbackUp { request: Box::new(loopback_request()) },
        _ => process_operation(step, context)?,
    })
}

/// The operations that make the process who it shall be.
fn process_operation(step: &Step, context: &Context) -> Result<Operation, CompileError> {
    Ok(match step {
        Step::EnterWorkdir { path } => Operation::EnterWorkdir { path: text(path)?, components: components(path)? },
        Step::SetUmask { mask } => Operation::SetUmask { mask: *mask },
        Step::SetRlimit { resource, soft, hard } => {
            let number =
                resource_number(resource).ok_or_else(|| CompileError::UnknownResource { name: resource.clone() })?;
            Operation::SetRlimit { resource: number, soft: *soft, hard: *hard }
        }
        Step::EnterUserNamespace => Operation::EnterUserNamespace {
            namespace: context.user_namespace.ok_or_else(|| CompileError::no_operation(step))?,
        },
        Step::DropBoundingSet { keep } => {
            let keep = bits(keep) & context.permitted;
            Operation::DropBoundingSet { drop: (0..64).filter(|number| keep & (1 << number) == 0).collect() }
        }
        Step::SetUser { uid, gid, groups } => Operation::SetUser { uid: *uid, gid: *gid, groups: groups.clone() },
        Step::SetCapabilities { effective, permitted, inheritable, ambient } => Operation::SetCapabilities {
            effective: bits(effective) & context.permitted,
            permitted: bits(permitted) & context.permitted,
            inheritable: bits(inheritable) & context.permitted,
            ambient: ambient.iter().filter_map(|name| capability_number(name)).collect(),
        },
        Step::EndWithEngine => Operation::EndWithEngine,
        Step::NoNewPrivileges => Operation::NoNewPrivileges,
        Step::InstallSeccomp { flags, instructions, .. } => {
            Operation::InstallSeccomp { flags: *flags, instructions: instructions.iter().map(sock_filter).collect() }
        }
        _ => return Err(CompileError::no_operation(step)),
    })
}

/// The ranges of descriptors above 2 that hold none of `kept`.
pub(super) fn gaps(kept: &[Fd]) -> Vec<(u32, u32)> {
    let mut kept: Vec<u32> = kept.iter().filter_map(|number| u32::try_from(*number).ok()).collect();
    kept.sort_unstable();
    let mut first = 3;
    let mut gaps = Vec::new();
    for number in kept {
        if number > first {
            gaps.push((first, number - 1));
        }
        first = number + 1;
    }
    gaps.push((first, u32::MAX));
    gaps
}

fn text(text: &str) -> Result<CString, CompileError> {
    CString::new(text).map_err(|_| CompileError::Nul { text: text.to_owned() })
}

fn borrowed(options: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    options.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

fn pairs<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<(CString, CString)>, CompileError> {
    options.map(|(key, value)| Ok((text(key)?, text(value)?))).collect()
}

/// For each component of a path its parent and its name: `/` and `a`, `/a` and `b` for `/a/b`.
fn components(path: &str) -> Result<Vec<(CString, CString)>, CompileError> {
    let parts = parts(path);
    let component = |end: usize| Ok((text(&format!("/{}", parts[..end].join("/")))?, text(parts[end])?));
    (0..parts.len()).map(component).collect()
}
