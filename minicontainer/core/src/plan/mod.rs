//! A container as a value: the ordered list of steps from an ordinary process to an isolated one.
//!
//! [`plan()`] decides everything that "starting a container" involves, but it starts nothing. It takes the OCI
//! runtime `Spec` (what the container must be), the [`RootFs`] (where its files come from) and the [`Host`] (what
//! this machine can do). It returns a [`Plan`], or an error that says why there is none. An invalid combination is
//! rejected here, before any process exists. The library executes the plan, `--explain` prints it, the tests compare
//! it, and the browser draws it.
//!
//! **Before this** in the reading path: [`spec`](crate::spec), which writes the runtime config. **Next**: the
//! library's `Launch::start`, which executes the plan. [`Step`] is the reference list of all steps.
//!
//! # The order, and the reasons for it
//!
//! 1. The engine creates the cgroup and sets its limits, so that the program is limited from its first instruction.
//! 2. The engine creates the container's first process by clone3(2), inside all its new namespaces. Namespaces of
//!    other containers are joined just before, the user namespace first.
//! 3. That process builds its root file system inside its own mount namespace. The host never sees these mounts, and
//!    none can be left behind.
//! 4. pivot_root(2) makes that file system the root. The host's tree is detached, and no path leads back to it.
//! 5. The process drops its privileges, in the only order that works: the bounding set while it still has the
//!    capability to do so, then the ids, then the capability sets, then `no_new_privs`. The seccomp filter comes
//!    last, because it forbids system calls that the earlier steps need.
//! 6. execve(2): the process becomes the program.
//!
//! Built step by step in the lessons `01-process`, `04-uts` and `09-two-containers`.
//!
//! ```
//! use minicontainer_core::plan::{Host, RootFs, Step, plan};
//! use oci_spec::runtime::Spec;
//!
//! let root = RootFs::Directory { path: "/srv/busybox".into() };
//! let plan = plan(&Spec::default(), &root, &Host::example())?;
//! let position = |wanted: fn(&Step) -> bool| plan.steps.iter().position(wanted).unwrap();
//! assert!(position(|step| matches!(step, Step::PivotRoot)) < position(|step| matches!(step, Step::Execute { .. })));
//! # Ok::<(), minicontainer_core::plan::PlanError>(())
//! ```
//!
//! Decisions: `minicontainer/decisions/plan.md`.

mod actor;
mod capability;
mod cgroup;
pub mod delegation;
mod device;
mod device_nodes;
mod device_program;
mod device_rule;
mod error;
mod filesystem;
mod host;
mod mount_options;
mod mounts;
mod namespace;
mod process;
mod rlimit;
mod step;
mod step_name;
pub mod subordinate;
mod system_path;
#[cfg(test)]
mod tests;
pub mod userns_ids;

use oci_spec::runtime::Spec;
use serde::Serialize;

use crate::options::StorageLimit;

pub use actor::Actor;
pub use capability::{CAPABILITIES, Capabilities, capability_number};
pub use cgroup::SwapLimit;
pub(crate) use cgroup::is_named_by_engine;
pub use device::{default_device_rules, every_device};
pub use device_nodes::is_default_device;
pub use device_program::device_program;
pub use device_rule::{DeviceAccess, DeviceRule};
pub use error::PlanError;
pub use host::{Availability, CgroupLayout, Cgroups, Host, Identity, Overlay};
pub use mount_options::MountAttribute;
pub use namespace::{IdMapping, Namespace};
use namespace::{Namespaces, UserNamespace};
pub use rlimit::{RESOURCES, resource_number};
pub use step::Step;
pub use subordinate::{IdRange, SubordinateIds};
pub use system_path::{is_at_or_below, is_system_path, may_be_covered};

/// Where the container's root file system comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RootFs {
    /// Read-only layers and one writable directory above them, merged by the kernel. A file is copied only when it is
    /// written.
    Overlay {
        /// The read-only layers, uppermost first: absolute paths on the host.
        lowers: Vec<String>,
        /// The writable layer.
        upper: String,
        /// Overlay's work directory, on the same file system as the upper directory.
        work: String,
        /// The engine's empty directory on which the merged tree is mounted.
        target: String,
        /// Whether the writable layer is removed when the container exits, so that it need not be synced to disk.
        volatile: bool,
        /// The most that the writable layer may hold; only for a layer that is removed when the container exits.
        limit: Option<StorageLimit>,
    },
    /// A plain directory: a full copy of the layers, or the `rootfs` of a bundle.
    Directory {
        /// Its absolute path on the host.
        path: String,
    },
}

/// The ordered list of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The steps, in the order of execution.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Makes the kernel kill the container when the engine's thread that starts it exits, by
    /// PR_SET_PDEATHSIG(2const). This is for a foreground command: if it dies, nothing else would stop its container.
    /// The program can undo the setting, so it protects from accidents only.
    ///
    /// The kernel clears the setting when a process changes its user or gains capabilities. So this step comes after
    /// all steps that do, and before execve(2), which keeps the setting unless the file is set-user-id.
    pub fn end_with_engine(&mut self) {
        let changes = |step: &Step| {
            matches!(step, Step::EnterUserNamespace | Step::SetUser { .. } | Step::SetCapabilities { .. })
        };
        let place = self.steps.iter().rposition(changes).map_or(0, |last| last + 1);
        self.steps.insert(place, Step::EndWithEngine);
    }

    /// Whether the launcher stays as the container's first process, with the program as its child.
    pub fn has_init(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Execute { init: true, .. }))
    }

    /// Whether the container has a `/dev/null` of its own.
    pub fn makes_null_device(&self) -> bool {
        self.steps.iter().any(Step::makes_null_device)
    }

    /// Whether the writable layer lies in a file system of its own, of bounded size.
    pub fn limits_writable_layer(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::LimitWritableLayer { .. }))
    }

    /// Whether a step changes what all processes of this namespace see, such as the hostname. Such a plan must not
    /// join the host's own namespace.
    pub fn changes(&self, namespace: Namespace) -> bool {
        let is_network = |name: &str| name.starts_with("net.");
        self.steps.iter().any(|step| match (step, namespace) {
            (Step::SetHostname { .. }, Namespace::Uts) => true,
            (Step::SetSysctl { name, .. }, Namespace::Net) => is_network(name),
            (Step::SetSysctl { name, .. }, Namespace::Ipc) => !is_network(name),
            // Mounted from the host's cgroup namespace, it would reset the options of the only hierarchy.
            (Step::Mount { fstype, .. }, Namespace::Cgroup) => fstype == "cgroup2",
            _ => false,
        })
    }

    /// Whether the program gets a terminal from the container's own devpts.
    pub fn opens_terminal(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::OpenTerminal { .. }))
    }

    /// Whether a seccomp filter is installed.
    pub fn has_filter(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::InstallSeccomp { .. }))
    }
}

/// Returns all steps that turn an ordinary process into an isolated one.
///
/// # Errors
/// When the runtime config lacks a required field, requests a feature that this engine or host does not have, or
/// combines settings that cannot be combined. An unsupported field is an error, and is never ignored.
pub fn plan(spec: &Spec, root: &RootFs, host: &Host) -> Result<Plan, PlanError> {
    error::refuse_unsupported(spec)?;
    let namespaces = Namespaces::of(spec)?;
    let user = namespaces.user(root, host)?;
    let group = cgroup::group(spec, host)?;
    let mut steps = group.limits.clone();
    if user == UserNamespace::EnteredLast {
        steps.push(process::make_user_namespace(spec)?);
    }
    steps.extend(namespaces.joins_before_clone());

    // Root of a joined user namespace cannot enter the host's cgroups, so the engine moves the process.
    let moved = group.created && user == UserNamespace::Joined;
    let into_cgroup = group.created && !moved && matches!(host.cgroups.layout, CgroupLayout::V2 { .. });
    steps.push(Step::Clone { namespaces: namespaces.cloned(user), into_cgroup });
    if user == UserNamespace::Cloned {
        steps.push(process::map_ids(spec, host)?);
    }
    let controllers = || group.controllers.clone();
    steps.extend(moved.then(|| Step::MoveIntoCgroup { controllers: controllers() }));
    steps.extend([Step::CloseDescriptors, Step::ResetSignals]);
    if group.created && !moved && !into_cgroup {
        steps.push(Step::JoinCgroup { controllers: controllers() });
    }
    steps.push(Step::AwaitGo);
    steps.extend(namespaces.cgroup_root());
    steps.extend(process::clocks(spec, &namespaces)?);
    steps.push(Step::NewSession);
    steps.extend(process::hostname(spec, &namespaces.all)?);
    steps.extend(filesystem::steps(spec, root, host, &namespaces.all, &group)?);
    if namespaces.makes(Namespace::Net) {
        steps.push(Step::LoopbackUp);
    }
    steps.extend((user == UserNamespace::EnteredLast).then_some(Step::EnterUserNamespace));
    steps.extend(process::steps(spec, host, user)?);
    Ok(Plan { steps })
}
