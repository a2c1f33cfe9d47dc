//! The isolations that make a process a container, each of which can be left out to see what it was for.

use std::{fmt, str::FromStr};

/// One isolation of a container, as `--without` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// A process table of its own, see pid_namespaces(7).
    Pid,
    /// Network interfaces, addresses and ports of its own, see network_namespaces(7).
    Net,
    /// System V IPC objects and POSIX message queues of its own, see ipc_namespaces(7).
    Ipc,
    /// A hostname and domain name of its own, see uts_namespaces(7).
    Uts,
    /// A table of mounts of its own, see mount_namespaces(7). Without it the container is a chroot(2) jail.
    Mount,
    /// A view of the cgroup tree that starts at its own cgroup, see cgroup_namespaces(7).
    Cgroup,
    /// User ids of its own, see user_namespaces(7). An ordinary user cannot do without it.
    User,
    /// Root's powers cut down to Docker's set, see capabilities(7).
    Capabilities,
    /// No gain of powers through execve(2), see PR_SET_NO_NEW_PRIVS(2const).
    NoNewPrivileges,
    /// System calls that ordinary programs do not need refused, see seccomp(2).
    Seccomp,
    /// Kernel files that tell of, or reach, the whole machine hidden or made read-only.
    MaskedPaths,
    /// No device but the few harmless ones, whoever made its node, see "Device Controller" in the kernel's cgroup
    /// documentation. An ordinary user's container has no such rules: there the user namespace forbids device nodes.
    Devices,
}

impl Isolation {
    /// All of them, in the order in which help and errors list them.
    pub const ALL: [Isolation; 12] = [
        Isolation::Pid,
        Isolation::Net,
        Isolation::Ipc,
        Isolation::Uts,
        Isolation::Mount,
        Isolation::Cgroup,
        Isolation::User,
        Isolation::Capabilities,
        Isolation::NoNewPrivileges,
        Isolation::Seccomp,
        Isolation::MaskedPaths,
        Isolation::Devices,
    ];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Isolation::Pid => "pid",
            Isolation::Net => "net",
            Isolation::Ipc => "ipc",
            Isolation::Uts => "uts",
            Isolation::Mount => "mount",
            Isolation::Cgroup => "cgroup",
            Isolation::User => "user",
            Isolation::Capabilities => "capabilities",
            Isolation::NoNewPrivileges => "no-new-privileges",
            Isolation::Seccomp => "seccomp",
            Isolation::MaskedPaths => "masked-paths",
            Isolation::Devices => "devices",
        }
    }
}

/// The word is no isolation's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown isolation {given:?}: it is one of {}", names())]
pub struct IsolationError {
    /// What was given.
    pub given: String,
}

fn names() -> String {
    Isolation::ALL.map(Isolation::name).join(", ")
}

impl FromStr for Isolation {
    type Err = IsolationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Isolation::ALL
            .into_iter()
            .find(|isolation| isolation.name() == text)
            .ok_or_else(|| IsolationError { given: text.to_owned() })
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
