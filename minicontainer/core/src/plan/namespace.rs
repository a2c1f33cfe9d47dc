//! The namespaces of a container: those that are made for it, and those of others that it joins.
//!
//! A *namespace* gives its processes a view of their own of one thing that the machine has only once: the mounts, the
//! process ids, the network. clone3(2) makes namespaces together with a process. setns(2) lets a process join one
//! that exists; a path such as `/proc/PID/ns/net` leads to it. In the runtime specification an entry of
//! `linux.namespaces` without a `path` is made, one with a path is joined, and a kind that is not listed is the
//! host's.

use std::fmt;

use oci_spec::runtime::{LinuxNamespaceType, Spec};
use serde::Serialize;

use super::{Availability, Host, Identity, PlanError, RootFs, Step};

/// A kind of namespace, see namespaces(7). A user namespace comes before those that it owns.
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

impl Namespace {
    /// Its name, as `--without` and `/proc/PID/ns` have it, but for the mount namespace, which the latter calls
    /// `mnt`.
    pub fn name(self) -> &'static str {
        match self {
            Namespace::User => "user",
            Namespace::Mount => "mount",
            Namespace::Pid => "pid",
            Namespace::Net => "net",
            Namespace::Ipc => "ipc",
            Namespace::Uts => "uts",
            Namespace::Cgroup => "cgroup",
            Namespace::Time => "time",
        }
    }

    /// Its kind in the words of the runtime specification.
    pub(crate) fn document(self) -> LinuxNamespaceType {
        match self {
            Namespace::User => LinuxNamespaceType::User,
            Namespace::Mount => LinuxNamespaceType::Mount,
            Namespace::Pid => LinuxNamespaceType::Pid,
            Namespace::Net => LinuxNamespaceType::Network,
            Namespace::Ipc => LinuxNamespaceType::Ipc,
            Namespace::Uts => LinuxNamespaceType::Uts,
            Namespace::Cgroup => LinuxNamespaceType::Cgroup,
            Namespace::Time => LinuxNamespaceType::Time,
        }
    }

    fn of_document(kind: LinuxNamespaceType) -> Namespace {
        match kind {
            LinuxNamespaceType::User => Namespace::User,
            LinuxNamespaceType::Mount => Namespace::Mount,
            LinuxNamespaceType::Pid => Namespace::Pid,
            LinuxNamespaceType::Network => Namespace::Net,
            LinuxNamespaceType::Ipc => Namespace::Ipc,
            LinuxNamespaceType::Uts => Namespace::Uts,
            LinuxNamespaceType::Cgroup => Namespace::Cgroup,
            LinuxNamespaceType::Time => Namespace::Time,
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
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

/// The namespaces that a document asks for, each kind at most once.
#[derive(Debug)]
pub(super) struct Namespaces {
    /// Those that are made, and those that are joined: both are not the host's, as far as the document says.
    pub all: Vec<Namespace>,
    joined: Vec<(Namespace, String)>,
}

/// How a container comes to its user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserNamespace {
    /// It stays in the host's.
    Host,
    /// clone3(2) makes it together with the container's first process, which then has every capability in it.
    Cloned,
    /// It is made before, and entered when everything is done that needs root of the host.
    EnteredLast,
    /// It is another container's, joined before anything else.
    Joined,
}

impl Namespaces {
    /// Reads the document's list.
    pub(super) fn of(spec: &Spec) -> Result<Namespaces, PlanError> {
        let listed = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
        let (mut all, mut joined) = (Vec::new(), Vec::new());
        for entry in listed.into_iter().flatten() {
            let namespace = Namespace::of_document(entry.typ());
            all.push(namespace);
            // Other runtimes take an empty path for none.
            if let Some(path) = entry.path().as_ref().filter(|path| !path.as_os_str().is_empty()) {
                if !path.has_root() {
                    return Err(PlanError::NamespacePath { path: path.display().to_string() });
                }
                joined.push((namespace, path.display().to_string()));
            }
        }
        all.sort_unstable();
        joined.sort_unstable();
        if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(PlanError::NamespaceTwice { namespace: twice[0] });
        }
        if joined.iter().any(|(namespace, _)| *namespace == Namespace::Mount) {
            return Err(PlanError::JoinedMountNamespace);
        }
        Ok(Namespaces { all, joined })
    }

    /// Whether it is made for the container.
    pub(super) fn makes(&self, wanted: Namespace) -> bool {
        self.all.contains(&wanted) && !self.joins(wanted)
    }

    /// Whether another one's is joined.
    pub(super) fn joins(&self, wanted: Namespace) -> bool {
        self.joined.iter().any(|(namespace, _)| *namespace == wanted)
    }

    /// Those that clone3(2) makes. A process first joins the cgroup that it will see as the root. Clocks that
    /// clone3(2) has made, with a process that has them, can be moved no more.
    pub(super) fn cloned(&self, user: UserNamespace) -> Vec<Namespace> {
        let cloned = |namespace: &Namespace| match namespace {
            Namespace::Cgroup | Namespace::Time => false,
            Namespace::User => user == UserNamespace::Cloned,
            other => self.makes(*other),
        };
        self.all.iter().copied().filter(cloned).collect()
    }

    /// The steps that join namespaces before the container's first process is made, the user namespace first: it owns
    /// the others, and only its root can join them.
    pub(super) fn joins_before_clone(&self) -> impl Iterator<Item = Step> + '_ {
        self.joined.iter().filter(|(namespace, _)| *namespace != Namespace::Cgroup).map(step)
    }

    /// The step that shows the container another root of the cgroup tree than the host's, if it has one.
    pub(super) fn cgroup_root(&self) -> Option<Step> {
        let joined = self.joined.iter().find(|(namespace, _)| *namespace == Namespace::Cgroup);
        joined.map(step).or(self.makes(Namespace::Cgroup).then_some(Step::UnshareCgroup))
    }

    /// Decides how the container comes to its user namespace, or why it cannot.
    pub(super) fn user(&self, root: &RootFs, host: &Host) -> Result<UserNamespace, PlanError> {
        let overlay = matches!(root, RootFs::Overlay { .. });
        match host.identity {
            Identity::Root if self.joins(Namespace::User) && overlay => {
                Err(PlanError::JoinedUserNamespaceWithOverlay)
            }
            _ if self.joins(Namespace::User) => Ok(UserNamespace::Joined),
            Identity::Root if !self.makes(Namespace::User) => Ok(UserNamespace::Host),
            Identity::User { .. } if !self.makes(Namespace::User) => Err(PlanError::UserNamespaceNeeded),
            identity => {
                if let Availability::Unavailable { cause, fix } = &host.user_namespaces {
                    return Err(PlanError::UserNamespacesUnavailable { cause: cause.clone(), fix: fix.clone() });
                }
                match (identity, self.joined.first()) {
                    (Identity::User { .. }, Some((namespace, _))) => {
                        Err(PlanError::JoinNeedsUserNamespace { namespace: *namespace })
                    }
                    (Identity::User { .. }, None) => Ok(UserNamespace::Cloned),
                    (Identity::Root, _) if overlay => Ok(UserNamespace::EnteredLast),
                    (Identity::Root, _) => Err(PlanError::OwnIdsNeedOverlay),
                }
            }
        }
    }
}

fn step((namespace, path): &(Namespace, String)) -> Step {
    Step::JoinNamespace { namespace: *namespace, path: path.clone() }
}
