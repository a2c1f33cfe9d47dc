//! What the planner must know of the machine, probed by the caller and passed in as data.

use serde::Serialize;

use super::{IdRange, SubordinateIds, own_ids::TakenIds};
use crate::seccomp::Architecture;

/// The machine as far as it changes a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// The processor: system calls are numbered differently on each.
    pub architecture: Architecture,
    /// Who the engine runs as.
    pub identity: Identity,
    /// The powers that the engine holds and so can give, as bits numbered as in capabilities(7). An ordinary user
    /// gets them all with the user namespace.
    pub capabilities: u64,
    /// The further ids that an ordinary user may use; root has them all.
    pub subordinate: SubordinateIds,
    /// The ids that belong to somebody, so that root's containers with ids of their own must not get them.
    pub taken: TakenIds,
    /// Whether user namespaces can be made; an ordinary user needs them.
    pub user_namespaces: Availability,
    /// What overlayfs can do here.
    pub overlay: Overlay,
    /// How control groups are laid out here, and whether the engine may use them.
    pub cgroups: Cgroups,
    /// The processors for which the kernel counts how often they were too hot, as x86's do: other containers' work
    /// shows in these counts, so that they are masked.
    pub thermal_throttle: Vec<u32>,
}

/// Who the engine runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Root with its powers: no user namespace is needed.
    Root,
    /// An ordinary user, who becomes root of a user namespace.
    User {
        /// The user's id on the host.
        uid: u32,
        /// The user's group id on the host.
        gid: u32,
    },
}

/// Whether something can be had, and if not, why and what would fix it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// It works: it was tried.
    Available,
    /// It does not.
    Unavailable {
        /// What went wrong, such as "unshare(CLONE_NEWUSER) failed: EPERM".
        cause: String,
        /// What would fix it.
        fix: String,
    },
}

/// What overlayfs can do for this engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlay {
    /// With `trusted.overlay.*` attributes: root's.
    Trusted,
    /// With `user.overlay.*` attributes, Linux 5.11 or newer: works inside a user namespace.
    UserXattr,
    /// Not at all: the copy driver must do.
    None,
}

/// How control groups are laid out, see cgroups(7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cgroups {
    /// Version and hierarchies.
    pub layout: CgroupLayout,
    /// Whether the engine may make groups there.
    pub access: Availability,
    /// The group below which it makes them, such as `user.slice/ada`; empty for the root of the hierarchies, which is
    /// root's. To an ordinary user a group may have been *delegated*, see "Delegation" in cgroups(7).
    pub parent: String,
    /// How many processes root's containers may have together, so that numbers are left for the host. An ordinary
    /// user's containers are bounded by whoever has delegated their group.
    pub together: Option<u64>,
}

/// The layout of the control group hierarchies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CgroupLayout {
    /// No hierarchy is mounted.
    None,
    /// Version 1, one hierarchy for each set of controllers; version 2 may be mounted beside (hybrid).
    V1 {
        /// The hierarchies as `/proc/self/cgroup` names them, such as `memory` or `cpu,cpuacct`.
        hierarchies: Vec<String>,
    },
    /// Version 2, one hierarchy for all.
    V2 {
        /// The controllers that the group `parent` offers.
        controllers: Vec<String>,
    },
}

impl Host {
    /// A host as most are today: root, a recent kernel, cgroup v2. For examples, tests and the browser.
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
            thermal_throttle: Vec::new(),
        }
    }

    /// The same host for an ordinary user, to whom no cgroup was delegated and no ids allocated.
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

    /// The same host for an ordinary user with the ids that distributions allocate to every new one.
    pub fn example_rootless_with_ids() -> Host {
        let allocated = vec![IdRange { first: 100_000, count: 65_536 }];
        let subordinate = SubordinateIds::Allocated { uids: allocated.clone(), gids: allocated };
        Host { subordinate, ..Host::example_rootless() }
    }
}

fn no_subordinate_ids() -> SubordinateIds {
    let cause = "there are none for ada in /etc/subuid".to_owned();
    SubordinateIds::None { cause, fix: "sudo usermod --add-subuids 100000-165535 ada".to_owned() }
}
