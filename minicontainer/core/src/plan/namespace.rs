//! The namespaces of a container: those created for it, and existing ones that it joins.
//!
//! A *namespace* gives its processes their own view of a global resource: the mounts, the process ids, the network.
//! clone3(2) creates namespaces together with a process. setns(2) lets a process join an existing one, which a path
//! such as `/proc/PID/ns/net` refers to. In the runtime specification an entry of `linux.namespaces` without a `path`
//! is created, one with a path is joined, and for a kind that is not listed the container stays in the host's.

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
    /// The mount table.
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
    /// Its name in `--without` and in `/proc/PID/ns`, where only the mount namespace differs (`mnt`).
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

    /// Its kind in the runtime specification.
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
    /// The number of consecutive ids.
    pub count: u32,
}

/// The namespaces in a runtime config, each kind at most once.
#[derive(Debug)]
pub(super) struct Namespaces {
    /// Those that are created and those that are joined. As far as the runtime config says, neither is the host's.
    pub all: Vec<Namespace>,
    joined: Vec<(Namespace, String)>,
}

/// How a container enters its user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserNamespace {
    /// The container stays in the host's.
    Host,
    /// clone3(2) creates it together with the container's first process, which then has every capability in it.
    Cloned,
    /// It is created before, and entered after all steps that need root of the host.
    EnteredLast,
    /// It already exists, and is joined before any other namespace.
    Joined,
}

impl Namespaces {
    /// Reads the runtime config's list.
    pub(super) fn of(spec: &Spec) -> Result<Namespaces, PlanError> {
        let listed = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
        let (mut all, mut joined) = (Vec::new(), Vec::new());
        for entry in listed.into_iter().flatten() {
            let namespace = Namespace::of_document(entry.typ());
            all.push(namespace);
            // Other runtimes treat an empty path as no path.
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

    /// Whether this namespace is created for the container.
    pub(super) fn makes(&self, wanted: Namespace) -> bool {
        self.all.contains(&wanted) && !self.joins(wanted)
    }

    /// Whether an existing namespace of this kind is joined.
    pub(super) fn joins(&self, wanted: Namespace) -> bool {
        self.joined.iter().any(|(namespace, _)| *namespace == wanted)
    }

    /// Those that clone3(2) creates. The cgroup namespace is not among them, because the process must first enter the
    /// cgroup that becomes its root. Neither is the time namespace: clone3(2) would place the process in it at once,
    /// and then its clocks could no longer be moved.
    pub(super) fn cloned(&self, user: UserNamespace) -> Vec<Namespace> {
        let cloned = |namespace: &Namespace| match namespace {
            Namespace::Cgroup | Namespace::Time => false,
            Namespace::User => user == UserNamespace::Cloned,
            other => self.makes(*other),
        };
        self.all.iter().copied().filter(cloned).collect()
    }

    /// The steps that join namespaces before the container's first process is created. The user namespace comes
    /// first: it owns the others, and only its root can join them.
    pub(super) fn joins_before_clone(&self) -> impl Iterator<Item = Step> + '_ {
        self.joined.iter().filter(|(namespace, _)| *namespace != Namespace::Cgroup).map(step)
    }

    /// The step that enters a cgroup namespace, if the container has one.
    pub(super) fn cgroup_root(&self) -> Option<Step> {
        let joined = self.joined.iter().find(|(namespace, _)| *namespace == Namespace::Cgroup);
        joined.map(step).or(self.makes(Namespace::Cgroup).then_some(Step::UnshareCgroup))
    }

    /// Decides how the container enters its user namespace.
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
                    return Err(PlanError::UserNamespacesUnavailable {
                        cause: cause.to_string(),
                        fix: fix.to_string(),
                    });
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
