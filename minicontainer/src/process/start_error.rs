//! Errors of starting a process, and hints how to fix them.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use minicontainer_core::diagnostic::{Diagnostic, ErrorKind};
use minicontainer_core::plan::{Namespace, Step};

use super::compile::CompileError;
use super::hooks::HookError;
use super::path_error::{purpose, unusable_path};
use crate::sys::Errno;
use crate::sys::id_maps::IdMapError;
use crate::sys::user_namespace::UserNamespaceError;

/// Why a process could not be started. When this is returned, the partly set-up process has been reaped.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A step could not be prepared.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A pipe could not be created, or a descriptor could not be duplicated.
    #[error("cannot create a pipe to the new process: {source}")]
    Pipe {
        /// The reason.
        source: Errno,
    },
    /// The launcher could not be written to memory.
    #[error("cannot create the launcher in memory: memfd_create: {source}")]
    Launcher {
        /// The reason.
        source: Errno,
    },
    /// The process could not be created.
    #[error("cannot create a process in new namespaces ({}): clone3: {source}", names(.namespaces))]
    Clone {
        /// The requested namespaces.
        namespaces: Vec<Namespace>,
        /// The reason.
        source: Errno,
    },
    /// The caller ignores SIGCHLD, so the kernel discards the exit status of its children.
    #[error("cannot run a container while SIGCHLD is ignored: the kernel would discard the exit status")]
    SigchldIgnored,
    /// The ids of the user namespace could not be mapped.
    #[error("cannot write {path}: {source}")]
    MapIds {
        /// The file.
        path: String,
        /// The reason.
        source: io::Error,
    },
    /// The helper that maps subordinate ids failed.
    #[error("cannot map the container's ids: {program}: {reason}")]
    Helper {
        /// "newuidmap" or "newgidmap".
        program: &'static str,
        /// Its error message, or its exit status.
        reason: String,
    },
    /// A namespace to join could not be opened.
    #[error("cannot open the {namespace} namespace {path}: {source}")]
    OpenNamespace {
        /// Its kind.
        namespace: Namespace,
        /// Its path.
        path: String,
        /// The reason.
        source: io::Error,
    },
    /// The file at the path is not a namespace.
    #[error("cannot join the {namespace} namespace {path}: it is not a namespace")]
    NotNamespace {
        /// The expected kind.
        namespace: Namespace,
        /// The path.
        path: String,
    },
    /// The namespace at the path is of another kind.
    #[error("cannot join the {namespace} namespace {path}: it is a {found} namespace")]
    OtherNamespace {
        /// The expected kind.
        namespace: Namespace,
        /// The path.
        path: String,
        /// The actual kind.
        found: &'static str,
    },
    /// The container would change a namespace of the host.
    #[error("cannot join the {namespace} namespace {path}: it is the host's own, and the container would change it")]
    OwnNamespace {
        /// Its kind.
        namespace: Namespace,
        /// Its path.
        path: String,
    },
    /// The process could not be put into its cgroup.
    #[error("cannot put the new process into its cgroup: {}: {source}", .path.display())]
    MoveIntoCgroup {
        /// The file of the group.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A hook failed. The new process has been ended before it ran anything.
    #[error("cannot run the hook {name}: {source}")]
    Hook {
        /// Its name.
        name: String,
        /// The reason.
        source: HookError,
    },
    /// A step failed in the new process.
    #[error("{}", step_failed(step, *index, call, *errno))]
    Step {
        /// The step.
        step: Box<Step>,
        /// Its index in the plan, from 0.
        index: usize,
        /// The system call that failed.
        call: &'static str,
        /// The reason.
        errno: Errno,
    },
    /// The new process was killed before it executed the program. The cause is unknown.
    #[error(
        "the new process ended before the program was started ({ended}); was it killed, or the memory limit too low?"
    )]
    EndedEarly {
        /// How it ended.
        ended: String,
    },
    /// Waiting for the partly set-up process failed.
    #[error("cannot wait for the new process: {source}")]
    Wait {
        /// The reason.
        source: Errno,
    },
}

minicontainer_core::readable_debug!(StartError);

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

/// The message of a failed step: what it could not do, the cause, and where that was in the plan. The cause is the
/// problem with its path in the new root, or else the error of the call.
fn step_failed(step: &Step, index: usize, call: &str, errno: Errno) -> String {
    let cause = unusable_path(step, call, errno).map_or(errno.description(), |path| path.found);
    format!("cannot {}: {cause} (step {} of the plan, {call}: {errno:?})", purpose(step), index + 1)
}

impl Diagnostic for StartError {
    fn kind(&self) -> ErrorKind {
        let StartError::Step { step, call: "execve", errno, .. } = self else { return ErrorKind::Failed };
        match (step.as_ref(), *errno) {
            (Step::Execute { .. }, Errno(libc::ENOENT | libc::ENOTDIR)) => ErrorKind::CommandNotFound,
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
            StartError::Clone { source: Errno(libc::EPERM | libc::ENOSPC), namespaces, .. }
                if namespaces.contains(&Namespace::User) =>
            {
                Some(crate::host::USER_NAMESPACES_HINT.as_str())
            }
            StartError::Clone { source: Errno(libc::EPERM), .. } => {
                Some("run as root, or as a user who may create user namespaces")
            }
            StartError::Helper { .. } => Some(
                "/etc/subuid and /etc/subgid must allocate these ids to you, and newuidmap and newgidmap must be \
                 set-user-ID root: `minicontainer doctor` shows what is missing",
            ),
            StartError::SigchldIgnored => Some(
                "reset SIGCHLD to its default action first: call minicontainer::reset_sigchld() in your program, \
                 or signal(SIGCHLD, SIG_DFL), see sigaction(2)",
            ),
            StartError::Launcher { source: Errno(libc::EACCES) } | StartError::Step { call: "execveat", .. } => {
                Some("programs must be executable from memory: set the sysctl vm.memfd_noexec to 0 or 1")
            }
            StartError::OpenNamespace { .. }
            | StartError::NotNamespace { .. }
            | StartError::OtherNamespace { .. } => Some(
                "use a namespace of a running process, such as /proc/PID/ns/net, or one of ip-netns(8) in /run/netns",
            ),
            StartError::OwnNamespace { .. } => Some(
                "leave out the namespace, or the setting that changes it: hostname, linux.sysctl or a cgroup2 mount",
            ),
            StartError::Clone { source: Errno(libc::ENOMEM), .. } => {
                Some("a pid namespace whose first process has exited can no longer be joined")
            }
            StartError::Clone { source: Errno(libc::EAGAIN), .. } => {
                Some("the machine or your user has too many processes")
            }
            StartError::Step { step, call, errno, .. } if unusable_path(step, call, *errno).is_some() => {
                unusable_path(step, call, *errno).map(|path| path.hint)
            }
            StartError::Step { step, errno, .. } => match (step.as_ref(), *errno) {
                (Step::Execute { .. }, Errno(libc::ENOENT | libc::ENOTDIR)) => {
                    Some("check the path: `ls /bin` as the command shows the programs of the image")
                }
                (Step::Execute { .. }, Errno(libc::EACCES)) => {
                    Some("it may be a directory or not executable; chmod +x makes a file executable")
                }
                (Step::Execute { .. }, Errno(libc::ENOEXEC)) => {
                    Some("a script needs a first line such as #!/bin/sh; a program must be built for this machine")
                }
                (Step::BindMount { owners: Some(_), .. }, Errno(libc::EINVAL)) => Some(
                    "its file system does not support idmapped mounts: copy it to another one, such as ext4, xfs, \
                     btrfs, or from Linux 6.3 on tmpfs",
                ),
                (Step::BindMount { .. }, Errno(libc::ESTALE)) => {
                    Some("it was renamed or removed meanwhile: do not change it while it is in use")
                }
                (Step::BindMount { .. }, Errno(libc::ENOENT)) => {
                    Some("the source of a bind mount must exist on the host")
                }
                (Step::BindMount { .. } | Step::Mount { .. }, Errno(libc::EEXIST | libc::ELOOP)) => {
                    Some("the mount point in the image is a dangling symbolic link: choose another one, or remove it")
                }
                (Step::JoinNamespace { .. }, Errno(libc::EPERM)) => {
                    Some("only root of the user namespace that owns a namespace can join it: join that one too")
                }
                (Step::JoinNamespace { namespace: Namespace::User, .. }, Errno(libc::EINVAL)) => {
                    Some("it is the user namespace of the engine itself, or has no user and group 0: leave it out")
                }
                (Step::JoinNamespace { namespace: Namespace::Pid, .. }, Errno(libc::EINVAL)) => Some(
                    "only the engine's own pid namespace and those below it can be joined, see pid_namespaces(7)",
                ),
                (Step::UnshareTime { .. }, Errno(libc::ERANGE)) => {
                    Some("a clock cannot be set below zero: /proc/uptime shows how many seconds it can be set back")
                }
                (Step::UnshareTime { .. }, Errno(libc::EINVAL)) => {
                    Some("this kernel has no time namespaces: they came with Linux 5.6, as CONFIG_TIME_NS")
                }
                (Step::UnshareTime { .. }, Errno(libc::EPERM | libc::EACCES)) => {
                    Some("this requires CAP_SYS_ADMIN and CAP_SYS_TIME, which the engine does not have here")
                }
                (step, Errno(libc::ENODEV)) if step.makes_null_device() => Some(
                    "the root file system has another file at /dev/null: remove it, or mount a file system on /dev",
                ),
                (Step::OpenTerminal { .. }, Errno(libc::ENOSPC)) => {
                    Some("all terminals of the machine are in use: see /proc/sys/kernel/pty/max")
                }
                (Step::MountOverlay { .. }, Errno(libc::EINVAL)) => Some(
                    "the store's file system cannot hold an overlay's upper layer; try `Sandbox::driver(Driver::Copy)`",
                ),
                // The first steps that need a capability: some security modules allow creating a user namespace and
                // then deny its capabilities.
                (
                    Step::UnshareCgroup | Step::SetHostname { .. } | Step::MakeMountsPrivate | Step::Mount { .. },
                    Errno(libc::EPERM | libc::EACCES),
                ) => Some(crate::host::USER_NAMESPACES_HINT.as_str()),
                _ => None,
            },
            _ => None,
        }
    }
}
