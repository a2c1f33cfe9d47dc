//! Why a process could not be started, and how to fix it.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use minicontainer_core::diagnostic::{Diagnostic, ErrorKind};
use minicontainer_core::plan::{Namespace, Step};
use nix::errno::Errno;

use super::compile::CompileError;
use super::hooks::HookError;
use super::place_error::{purpose, unusable_place};
use crate::sys::id_maps::IdMapError;
use crate::sys::user_namespace::UserNamespaceError;

/// Why a process could not be started. The process that was half made is gone when this is returned.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A step could not be prepared.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A pipe could not be made, or a descriptor not be duplicated.
    #[error("cannot make a pipe to the new process: {source}")]
    Pipe {
        /// The reason.
        source: Errno,
    },
    /// The launcher could not be put into memory.
    #[error("cannot make the launcher's file in memory: memfd_create: {source}")]
    Launcher {
        /// The reason.
        source: Errno,
    },
    /// The kernel made no process.
    #[error("cannot make a process in new namespaces ({}): clone3: {source}", names(.namespaces))]
    Clone {
        /// The namespaces asked for.
        namespaces: Vec<Namespace>,
        /// The reason.
        source: Errno,
    },
    /// The caller ignores SIGCHLD, so the kernel forgets how a child ended before anybody can ask.
    #[error("cannot run anything while SIGCHLD is ignored: the kernel would forget how the program ended")]
    ChildrenForgotten,
    /// The ids of the user namespace could not be mapped.
    #[error("cannot write {path}: {source}")]
    MapIds {
        /// The file.
        path: String,
        /// The reason.
        source: io::Error,
    },
    /// The program that maps further ids than the user's own did not.
    #[error("cannot map the container's ids: {program}: {reason}")]
    Helper {
        /// "newuidmap" or "newgidmap".
        program: &'static str,
        /// What it said, or how it ended.
        reason: String,
    },
    /// A namespace that is to be joined could not be opened.
    #[error("cannot open the {namespace} namespace {path}: {source}")]
    OpenNamespace {
        /// Its kind.
        namespace: Namespace,
        /// Where it should be.
        path: String,
        /// The reason.
        source: io::Error,
    },
    /// There is a file at the path of a namespace, but not a namespace.
    #[error("cannot join the {namespace} namespace {path}: it is not a namespace")]
    NotNamespace {
        /// The kind that it should be.
        namespace: Namespace,
        /// Where it should be.
        path: String,
    },
    /// There is a namespace at the path, but of another kind.
    #[error("cannot join the {namespace} namespace {path}: it is a {found} namespace")]
    OtherNamespace {
        /// The kind that it should be.
        namespace: Namespace,
        /// Where it should be.
        path: String,
        /// The kind that it is.
        found: &'static str,
    },
    /// The container would change what the host's processes see.
    #[error("cannot join the {namespace} namespace {path}: it is the host's own, and the container would change it")]
    OwnNamespace {
        /// Its kind.
        namespace: Namespace,
        /// Where it is.
        path: String,
    },
    /// The process could not be put into its control group.
    #[error("cannot put the new process into its control group: {}: {source}", .path.display())]
    MoveIntoCgroup {
        /// The file of the group.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A hook failed. The new process has run nothing and is gone.
    #[error("cannot run the hook {name}: {source}")]
    Hook {
        /// Its name.
        name: String,
        /// The reason.
        source: HookError,
    },
    /// A step failed inside the new process.
    #[error("{}", step_failed(step, *index, call, *errno))]
    Step {
        /// The step.
        step: Box<Step>,
        /// Its place in the plan, from 0.
        index: usize,
        /// The system call that failed.
        call: &'static str,
        /// The reason.
        errno: Errno,
    },
    /// The new process ended before it could become the program: it was killed, by whom it cannot tell.
    #[error(
        "the new process ended before the program was started ({ended}); was it killed, or the memory limit too low?"
    )]
    EndedEarly {
        /// How it ended.
        ended: String,
    },
    /// The end of a half-made process could not be waited for.
    #[error("cannot wait for the new process: {source}")]
    Wait {
        /// The reason.
        source: Errno,
    },
}

impl From<IdMapError> for StartError {
    fn from(error: IdMapError) -> StartError {
        match error {
            IdMapError::Write { path, source } => StartError::MapIds { path, source },
            IdMapError::Helper { program, reason } => StartError::Helper { program, reason },
        }
    }
}

impl From<UserNamespaceError> for StartError {
    fn from(error: UserNamespaceError) -> StartError {
        match error {
            UserNamespaceError::Pipe(source) => StartError::Pipe { source },
            UserNamespaceError::Clone(source) => StartError::Clone { namespaces: vec![Namespace::User], source },
            UserNamespaceError::Maps(error) => error.into(),
            UserNamespaceError::Wait(source) => StartError::Wait { source },
        }
    }
}

fn names(namespaces: &[Namespace]) -> String {
    let names: Vec<&str> = namespaces.iter().map(|namespace| namespace.name()).collect();
    names.join(", ")
}

/// Says what is wrong with the place inside the new root, or, where the failure has another cause, which call failed.
fn step_failed(step: &Step, index: usize, call: &str, errno: Errno) -> String {
    match unusable_place(step, call, errno) {
        Some(place) => format!("cannot {}: {} ({call}: {errno})", purpose(step), place.found),
        None => format!("step {} of the plan failed ({}): {call}{}: {errno}", index + 1, step.kind(), subject(step)),
    }
}

/// What the step was about, set off from what stands before it.
fn subject(step: &Step) -> String {
    format!(" {}", step.subject()).trim_end().to_owned()
}

impl Diagnostic for StartError {
    fn kind(&self) -> ErrorKind {
        let StartError::Step { step, call: "execve", errno, .. } = self else { return ErrorKind::Failed };
        match (step.as_ref(), *errno) {
            (Step::Execute { .. }, Errno::ENOENT | Errno::ENOTDIR) => ErrorKind::CommandNotFound,
            (Step::Execute { .. }, _) => ErrorKind::CommandNotExecutable,
            _ => ErrorKind::Failed,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        self.fixed_hint().map(Cow::Borrowed)
    }
}

impl StartError {
    #[expect(clippy::too_many_lines, reason = "a table with one entry for each cause")]
    fn fixed_hint(&self) -> Option<&'static str> {
        match self {
            StartError::Clone { source: Errno::EPERM | Errno::ENOSPC, namespaces, .. }
                if namespaces.contains(&Namespace::User) =>
            {
                Some(crate::host::USER_NAMESPACES_HINT)
            }
            StartError::Clone { source: Errno::EPERM, .. } => {
                Some("run as root, or as a user who may make user namespaces")
            }
            StartError::Helper { .. } => Some(
                "/etc/subuid and /etc/subgid must allocate these ids to you, and newuidmap and newgidmap be set-user-ID root: \
                 `minicontainer doctor` tells which is missing",
            ),
            StartError::ChildrenForgotten => Some(
                "give it its default action first: minicontainer::reset_sigchld() in a program of your own, \
                 or signal(SIGCHLD, SIG_DFL), see sigaction(2)",
            ),
            StartError::Launcher { source: Errno::EACCES } | StartError::Step { call: "execveat", .. } => {
                Some("programs must be executable from memory: set the sysctl vm.memfd_noexec to 0 or 1")
            }
            StartError::OpenNamespace { .. }
            | StartError::NotNamespace { .. }
            | StartError::OtherNamespace { .. } => Some(
                "the namespaces of a process that runs are /proc/PID/ns/net and so on; ip-netns(8) has its own in \
                 /run/netns",
            ),
            StartError::OwnNamespace { .. } => Some(
                "leave out the namespace, or what is changed in it: hostname, linux.sysctl or the mount of cgroup2",
            ),
            StartError::Clone { source: Errno::ENOMEM, .. } => {
                Some("a pid namespace whose first process has ended cannot be joined any more")
            }
            StartError::Clone { source: Errno::EAGAIN, .. } => {
                Some("the machine or your user has too many processes")
            }
            StartError::Step { step, call, errno, .. } if unusable_place(step, call, *errno).is_some() => {
                unusable_place(step, call, *errno).map(|place| place.hint)
            }
            StartError::Step { step, errno, .. } => match (step.as_ref(), *errno) {
                (Step::Execute { .. }, Errno::ENOENT | Errno::ENOTDIR) => {
                    Some("see what the image holds: run it with the command sh or ls")
                }
                (Step::Execute { .. }, Errno::EACCES) => {
                    Some("is it a directory, or not executable? chmod +x makes a file executable")
                }
                (Step::Execute { .. }, Errno::ENOEXEC) => {
                    Some("a script needs a first line such as #!/bin/sh; a program must be built for this machine")
                }
                (Step::BindMount { owners: Some(_), .. }, Errno::EINVAL) => Some(
                    "its file system cannot show files with other owners (idmapped mounts): copy it to another one, such \
                     as ext4, xfs, btrfs, or from Linux 6.3 on tmpfs",
                ),
                (Step::BindMount { .. }, Errno::ESTALE) => {
                    Some("it was renamed or removed meanwhile: let nobody change it while it is in use")
                }
                (Step::BindMount { .. }, Errno::ENOENT) => Some("the source of a bind mount must exist on the host"),
                (Step::BindMount { .. } | Step::Mount { .. }, Errno::EEXIST | Errno::ELOOP) => Some(
                    "the mount's place in the image is a symbolic link that leads nowhere: choose another, or remove the link",
                ),
                (Step::JoinNamespace { .. }, Errno::EPERM) => {
                    Some("only root of the user namespace that owns a namespace can join it: join that one too")
                }
                (Step::JoinNamespace { namespace: Namespace::User, .. }, Errno::EINVAL) => {
                    Some("it is the user namespace of the engine itself, or has no user and group 0: leave it out")
                }
                (Step::JoinNamespace { namespace: Namespace::Pid, .. }, Errno::EINVAL) => Some(
                    "only the engine's own pid namespace and those below it can be joined, see pid_namespaces(7)",
                ),
                (Step::UnshareTime { .. }, Errno::ERANGE) => {
                    Some("no clock can be set back beyond its zero: /proc/uptime tells how many seconds ago that was")
                }
                (Step::UnshareTime { .. }, Errno::EINVAL) => {
                    Some("this kernel has no time namespaces: they came with Linux 5.6, as CONFIG_TIME_NS")
                }
                (Step::UnshareTime { .. }, Errno::EPERM | Errno::EACCES) => {
                    Some("it takes CAP_SYS_ADMIN and CAP_SYS_TIME, which the engine lacks here")
                }
                (step, Errno::ENODEV) if step.makes_null_device() => Some(
                    "the root file system holds another file at /dev/null: remove it, or mount a file system on /dev",
                ),
                (Step::OpenTerminal { .. }, Errno::ENOSPC) => {
                    Some("all terminals of the machine are in use: see /proc/sys/kernel/pty/max")
                }
                (Step::MountOverlay { .. }, Errno::EINVAL) => {
                    Some("the store's file system cannot hold an overlay's upper layer; try --driver copy")
                }
                // The first steps that need power: a security module lets the namespace be made and then denies it.
                (
                    Step::UnshareCgroup | Step::SetHostname { .. } | Step::MakeMountsPrivate | Step::Mount { .. },
                    Errno::EPERM | Errno::EACCES,
                ) => Some(crate::host::USER_NAMESPACES_HINT),
                _ => None,
            },
            _ => None,
        }
    }
}
