//! The words for namespaces in a plan: which kinds there are, and how a user namespace names the users of the host.
//!
//! A *namespace* gives its processes a view of their own of one thing that the machine has but once: the mounts, the
//! process ids, the network. clone3(2) makes them at a process's birth.

use serde::Serialize;

/// A kind of namespace, see namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Namespace {
    /// User and group ids and capabilities.
    User,
    /// The table of mounts.
    Mount,
    /// Process ids.
    Pid,
    /// Network interfaces, routes, ports.
    Net,
    /// System V IPC and POSIX message queues.
    Ipc,
    /// Host and domain name.
    Uts,
    /// The root of the visible cgroup tree.
    Cgroup,
    /// The clocks that count from the start of the machine.
    Time,
}

/// One line of a uid_map or gid_map file, see user_namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct IdMapping {
    /// The first id inside the container.
    pub inside: u32,
    /// The first id on the host.
    pub outside: u32,
    /// How many ids follow each other.
    pub count: u32,
}
