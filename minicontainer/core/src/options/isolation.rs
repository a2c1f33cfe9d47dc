//! The kinds of isolation that make a process a container. Each can be omitted, to show what it is for.

use std::{fmt, str::FromStr};

/// One kind of isolation, as named by `--without`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// The container's own process ids, see pid_namespaces(7).
    Pid,
    /// The container's own network interfaces, addresses and ports, see network_namespaces(7).
    Net,
    /// The container's own System V IPC objects and POSIX message queues, see ipc_namespaces(7).
    Ipc,
    /// The container's own hostname and domain name, see uts_namespaces(7).
    Uts,
    /// The container's own mount table, see mount_namespaces(7). Without it the container is a chroot(2) jail.
    Mount,
    /// A view of the cgroup tree that starts at the container's own cgroup, see cgroup_namespaces(7).
    Cgroup,
    /// The container's own user ids, see user_namespaces(7). An ordinary user's container always needs it.
    User,
    /// Root's capabilities are reduced to a small set, see capabilities(7).
    Capabilities,
    /// execve(2) grants no privileges, see PR_SET_NO_NEW_PRIVS(2const).
    NoNewPrivileges,
    /// System calls that ordinary programs do not need are denied, see seccomp(2).
    Seccomp,
    /// Kernel files that reveal or change the state of the whole machine are masked or read-only.
    MaskedPaths,
    /// Only a few harmless devices can be used, wherever their nodes come from, see "Device Controller" in the
    /// kernel's cgroup documentation. An ordinary user's container has no such rules: there the user namespace
    /// forbids device nodes.
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

    /// The name on the command line.
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

/// The word is not the name of an isolation.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown isolation {given:?}: must be one of {}", names())]
pub struct IsolationError {
    /// What was given.
    pub given: String,
}

crate::plain_diagnostic!(IsolationError: InvalidInput);

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
