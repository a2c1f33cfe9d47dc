//! What the planner must know about the machine. The caller probes it and passes it in as data.

use serde::Serialize;

use super::{IdRange, SubordinateIds, userns_ids::TakenIds};
use crate::seccomp::Architecture;

/// The properties of the machine that affect a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// The processor: system calls are numbered differently on each.
    pub architecture: Architecture,
    /// The user that the engine runs as.
    pub identity: Identity,
    /// The capabilities that the engine has and can therefore grant, as a bit mask numbered as in capabilities(7). An
    /// ordinary user gets them all with the user namespace.
    pub capabilities: u64,
    /// The subordinate ids that an ordinary user may use. Root may use all ids.
    pub subordinate: SubordinateIds,
    /// The ids that are already allocated. Root's containers with their own ids must not get them.
    pub taken: TakenIds,
    /// Whether user namespaces can be created. An ordinary user needs them.
    pub user_namespaces: Availability,
    /// What overlayfs can do here.
    pub overlay: Overlay,
    /// The layout of the cgroup hierarchies, and whether the engine may use them.
    pub cgroups: Cgroups,
    /// How many processors the engine may use, see sched_getaffinity(2).
    pub processors: u32,
    /// The processors with counters of thermal throttling (x86). The counters reveal the load of other containers, so
    /// they are masked.
    pub thermal_throttle: Vec<u32>,
}

/// The user that the engine runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Root with its capabilities: no user namespace is needed.
    Root,
    /// An ordinary user, who becomes root of a user namespace.
    User {
        /// The user's id on the host.
        uid: u32,
        /// The user's group id on the host.
        gid: u32,
    },
}

/// Whether a feature is available, and if not, why and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// The feature works; it was tried.
    Available,
    /// The feature does not work.
    Unavailable {
        /// What went wrong, such as "unshare(CLONE_NEWUSER) failed: EPERM".
        cause: String,
        /// How to fix it.
        fix: String,
    },
}

/// What overlayfs can do for this engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlay {
    /// It works with `trusted.overlay.*` attributes, which require root.
    Trusted,
    /// It works inside a user namespace, with `user.overlay.*` attributes (Linux 5.11 or newer).
    UserXattr,
    /// It is not available, so the copy driver is used.
    None,
}

/// The cgroup hierarchies, see cgroups(7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cgroups {
    /// Version and hierarchies.
    pub layout: CgroupLayout,
    /// Whether the engine may create cgroups there.
    pub access: Availability,
    /// The cgroup below which the engine creates them, such as `user.slice/ada`; empty for the root of the
    /// hierarchies, which belongs to root. An ordinary user may have a *delegated* cgroup, see "Delegation" in
    /// cgroups(7).
    pub parent: String,
    /// How many processes root's containers may have together, so that process ids are left for the host. An ordinary
    /// user's containers are limited by the administrator who delegated their cgroup.
    pub together: Option<u64>,
}

/// The layout of the cgroup hierarchies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CgroupLayout {
    /// No hierarchy is mounted.
    None,
    /// Version 1, one hierarchy for each set of controllers; version 2 may be mounted as well (hybrid).
    V1 {
        /// The hierarchies as `/proc/self/cgroup` names them, such as `memory` or `cpu,cpuacct`.
        hierarchies: Vec<String>,
    },
    /// Version 2, one hierarchy for all controllers.
    V2 {
        /// The controllers that the cgroup `parent` offers.
        controllers: Vec<String>,
    },
}

impl Host {
    /// A typical host: root, a recent kernel, cgroup v2. For examples, tests and the browser.
    pub fn example() -> Host {
        let controllers = ["cpuset", "cpu", "io", "memory", "pids"].map(str::to_owned).to_vec();
        Host {
            architecture: Architecture::X86_64,
            capabilities: u64::MAX,
            identity: Identity::Root,
            subordinate: no_subordinate_ids(),
            taken: TakenIds::none(),
            user_namespaces: Availability::Available,
            overlay: Overlay::Trusted,
            cgroups: Cgroups {
                layout: CgroupLayout::V2 { controllers },
                access: Availability::Available,
                parent: String::new(),
                together: Some(3_670_016),
            },
            processors: 4,
            thermal_throttle: Vec::new(),
        }
    }

    /// The same host for an ordinary user without a delegated cgroup and without subordinate ids.
    pub fn example_rootless() -> Host {
        let cause = "the cgroup hierarchy belongs to root".to_owned();
        let fix = "run as root, or let systemd delegate a cgroup to you".to_owned();
        let mut host = Host::example();
        host.identity = Identity::User { uid: 1000, gid: 1000 };
        host.overlay = Overlay::UserXattr;
        host.cgroups.access = Availability::Unavailable { cause, fix };
        host.cgroups.together = None;
        host
    }

    /// The same host for an ordinary user with the subordinate ids that distributions allocate to every new user.
    pub fn example_rootless_with_ids() -> Host {
        let allocated = vec![IdRange { first: 100_000, count: 65_536 }];
        let subordinate = SubordinateIds::Allocated { uids: allocated.clone(), gids: allocated };
        Host { subordinate, ..Host::example_rootless() }
    }
}

fn no_subordinate_ids() -> SubordinateIds {
    let cause = "there are none for ada in /etc/subuid".to_owned();
    SubordinateIds::None { cause, fix: "`sudo usermod --add-subuids 100000-165535 ada`".to_owned() }
}
