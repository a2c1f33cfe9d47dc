//! A container as a value: the ordered list of steps from an ordinary process to an isolated one.
//!
//! [`plan()`] is where everything comes together that people mean by "starting a container", and it starts nothing.
//! It takes the OCI runtime `Spec` (what the container shall be), the [`RootFs`] (how its files come to be) and the
//! [`Host`] (what this machine can do) and answers with a [`Plan`], or says why there is none. A wrong combination
//! dies here, before any process exists. The same plan is executed by the library, printed by `--explain`, compared
//! by tests and drawn by the browser.
//!
//! **Before this** in the reading path: [`spec`](crate::spec), which writes the document. **Next**: the library's
//! `Launch::start`, which has the plan carried out; [`Step`] is the list to look things up in.
//!
//! # The order, and why it is so
//!
//! 1. The engine makes the control group and sets its limits: no instruction of the program runs unlimited.
//! 2. The engine creates the container's first process by clone3(2), inside all its new namespaces. Namespaces of
//!    other containers are joined just before, the user namespace first.
//! 3. That process builds its root file system inside its own mount namespace, so that the host never sees a mount of
//!    it and none can be left behind.
//! 4. pivot_root(2) makes that the root; the host's tree is detached, and no path leads back.
//! 5. Powers are given up, in the one order that works: the bounding set while it still may, then the ids, then the
//!    sets, then `no_new_privs`, and last the filter of system calls, which forbids what the steps before it need.
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
pub mod own_ids;
mod process;
mod resource;
mod step;
mod step_name;
pub mod subordinate;
mod system_path;
#[cfg(test)]
mod tests;

use oci_spec::runtime::Spec;
use serde::Serialize;

use crate::options::StorageLimit;

pub use actor::Actor;
pub use capability::{CAPABILITIES, Capabilities, capability_number};
pub(crate) use cgroup::is_engines;
pub use cgroup::{CONTROLLERS_HINT, SwapLimit};
pub use device::{default_device_rules, every_device};
pub use device_program::device_program;
pub use device_rule::{DeviceAccess, DeviceRule};
pub use error::PlanError;
pub use host::{Availability, CgroupLayout, Cgroups, Host, Identity, Overlay};
pub use mount_options::MountAttribute;
pub use namespace::{IdMapping, Namespace};
use namespace::{Namespaces, UserNamespace};
pub use resource::{RESOURCES, resource_number};
pub use step::Step;
pub use subordinate::{IdRange, SubordinateIds};
pub use system_path::{is_at_or_below, is_system_path, may_be_covered};

/// How the container's root file system comes to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RootFs {
    /// Layers below, one writable directory above, merged by the kernel: nothing is copied until it is written.
    Overlay {
        /// The read-only layers, uppermost first: absolute paths on the host.
        lowers: Vec<String>,
        /// The writable layer.
        upper: String,
        /// Overlay's scratch directory, on the same file system as the upper.
        work: String,
        /// An empty directory of the engine's on which the merged tree is mounted.
        target: String,
        /// Whether the writable layer will be thrown away, so that nothing need be synced to disk.
        volatile: bool,
        /// The most that the writable layer may hold; only for one that will be thrown away.
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
    /// The steps, in the order in which they are carried out.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Ties the container's life to that of the engine's thread that starts it, by PR_SET_PDEATHSIG(2const): for
    /// a command in the foreground, which nobody else would clear up after. A program that does not want this can
    /// undo it, so it protects from accidents and from nothing else.
    ///
    /// The kernel forgets the wish when a process changes its user or gains powers. So it comes behind all steps that
    /// do, and before execve(2), which keeps it unless the file is set-user-id.
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

    /// Whether a step changes what all processes of this namespace see, such as the machine's name. A plan that does
    /// so must not join the host's own namespace.
    pub fn changes(&self, namespace: Namespace) -> bool {
        let is_network = |name: &str| name.starts_with("net.");
        self.steps.iter().any(|step| match (step, namespace) {
            (Step::SetHostname { .. }, Namespace::Uts) => true,
            (Step::SetSysctl { name, .. }, Namespace::Net) => is_network(name),
            (Step::SetSysctl { name, .. }, Namespace::Ipc) => !is_network(name),
            // Mounted from the host's cgroup namespace, it would set the options of the one hierarchy anew.
            (Step::Mount { fstype, .. }, Namespace::Cgroup) => fstype == "cgroup2",
            _ => false,
        })
    }

    /// Whether the program gets a terminal of the container's own.
    pub fn opens_terminal(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::OpenTerminal { .. }))
    }
}

/// Decides every step from an ordinary process to an isolated one.
///
/// # Errors
/// When the document lacks what a container needs, asks for what this engine or this host does not have, or combines
/// what cannot be combined. A field that is understood but not supported is refused, never ignored.
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

    // A root of someone else's user namespace cannot enter the host's control groups, so the engine moves its
    // process.
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
