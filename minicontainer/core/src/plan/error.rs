//! Why there is no plan.

use std::borrow::Cow;

use oci_spec::runtime::Spec;

use super::Namespace;
use crate::diagnostic::{Diagnostic, ErrorKind};
use crate::seccomp::SeccompError;

/// Why a container cannot be planned. No process exists yet when this is returned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A field that every container needs is not in the document.
    #[error("the runtime config has no {field}")]
    Missing {
        /// The field's name in `config.json`.
        field: &'static str,
    },
    /// A field has a value that this engine does not carry out.
    #[error(
        "{field} \"{value}\" is not supported; take it out of the runtime config, or run the bundle with runc or crun"
    )]
    Unsupported {
        /// The field's name in `config.json`.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A namespace is in the list more than once.
    #[error("namespace {namespace:?} is listed twice")]
    NamespaceTwice {
        /// Which one.
        namespace: Namespace,
    },
    /// The path of a namespace depends on a working directory that is not known.
    #[error("invalid path \"{path}\" in linux.namespaces: must be absolute (for example, /proc/PID/ns/net)")]
    NamespacePath {
        /// What was given.
        path: String,
    },
    /// The container's root would be mounted where other containers live.
    #[error(
        "cannot join a mount namespace: the container's root file system would be mounted in it, for all its processes"
    )]
    JoinedMountNamespace,
    /// The layers belong to root of the host, who has no name in the joined namespace.
    #[error("cannot join a user namespace with overlay layers that belong to root: root has no id in it")]
    JoinedUserNamespaceWithOverlay,
    /// Only root of the user namespace that owns a namespace can join it.
    #[error(
        "cannot join a {namespace} namespace as an ordinary user without joining the user namespace that owns it"
    )]
    JoinNeedsUserNamespace {
        /// The one that was to be joined.
        namespace: Namespace,
    },
    /// An ordinary user's container without a user namespace.
    #[error("an ordinary user needs a user namespace to isolate anything; add it to the namespaces or run as root")]
    UserNamespaceNeeded,
    /// This host does not let the engine make user namespaces.
    #[error("user namespaces cannot be made here: {cause}")]
    UserNamespacesUnavailable {
        /// What went wrong.
        cause: String,
        /// What would fix it.
        fix: String,
    },
    /// A user id that stands for nobody outside.
    #[error("{kind} {id} is not mapped: only id 0 exists in this container, which stands for you; {cause}")]
    IdNotMapped {
        /// "user" or "group".
        kind: &'static str,
        /// The id.
        id: u32,
        /// Why there are no other ids.
        cause: String,
        /// What would fix it.
        fix: String,
    },
    /// A user id beyond the ranges that are mapped.
    #[error(
        "{kind} {id} is not mapped: the container's maps do not reach so far; choose a lower id, or have longer ranges in /etc/subuid and /etc/subgid"
    )]
    IdBeyondMap {
        /// "user" or "group".
        kind: &'static str,
        /// The id.
        id: u32,
    },
    /// The host's overlayfs cannot be used.
    #[error(
        "overlayfs cannot be used here (it needs root, or Linux 5.11 or newer and a file system with user.* attributes); use the copy driver: --driver copy"
    )]
    OverlayUnavailable,
    /// An overlay would be mounted where the host sees it.
    #[error(
        "an overlay needs a mount namespace of the container's own, else the host would see the mount; without one use the copy driver"
    )]
    OverlayNeedsMountNamespace,
    /// The limited layer lies in memory.
    #[error(
        "the writable layer can be limited only in a container that is thrown away when it ends (--rm): it then lies in memory"
    )]
    LayerLimitNeedsThrowAway,
    /// The limited layer lies in memory, and the kernel's files there cannot do what they must.
    #[error(
        "the writable layer cannot be limited on this kernel: it then lies in memory, and files there {lack} only from Linux {version} on; leave the limit out{instead}"
    )]
    LayerLimitNeedsNewerKernel {
        /// What they cannot do.
        lack: &'static str,
        /// The first kernel whose files can.
        version: &'static str,
        /// What else could be done.
        instead: &'static str,
    },
    /// A copy is as large as the image, and lies on the disk.
    #[error("the writable layer can be limited only with overlayfs: the copy driver has no layer of its own")]
    LayerLimitNeedsOverlay,
    /// A copied tree belongs to root of the host, who is nobody in the container's own user namespace.
    #[error(
        "ids of its own (--userns auto, --profile=untrusted) need the overlay driver, which shows root's layers as \
         the container's; leave --driver copy out"
    )]
    OwnIdsNeedOverlay,
    /// A mount would change the host's own tree.
    #[error(
        "a mount on {destination} needs a mount namespace of the container's own, else the host would get the mount"
    )]
    MountNeedsMountNamespace {
        /// Where it should have gone.
        destination: String,
    },
    /// A path of the document leads nowhere below the root.
    #[error(
        "invalid path \"{path}\" in {field}: must be absolute, below the root and without \"..\" (for example, /data)"
    )]
    Path {
        /// The field's name in `config.json`.
        field: &'static str,
        /// What was given.
        path: String,
    },
    /// A mount would hide the container's own procfs, on which its isolation depends.
    #[error("cannot mount anything on {destination}: /proc is a procfs of the container's own, and stays so")]
    CoversProc {
        /// Where it should have gone.
        destination: String,
    },
    /// A variable of the kernel's is set through procfs.
    #[error("cannot set the sysctl {name}: the container has no /proc")]
    SysctlNeedsProc {
        /// Its name.
        name: String,
    },
    /// The profile of system calls cannot be carried out.
    #[error("linux.seccomp cannot be carried out: {0}")]
    Seccomp(#[source] SeccompError),
    /// The host's own name would be changed.
    #[error("a hostname needs a uts namespace of the container's own, else the host would be renamed")]
    HostnameNeedsUtsNamespace,
    /// The host's own clocks would be moved.
    #[error("linux.timeOffsets need a time namespace of the container's own: add one to linux.namespaces")]
    TimeOffsetNeedsNamespace,
    /// A terminal without a place that terminals of the container's own come from.
    #[error("a terminal needs a devpts of the container's own on /dev/pts, else it would be one of the host's")]
    TerminalNeedsDevpts,
    /// A limit was asked for that cannot be applied.
    #[error("the {limit} limit cannot be applied: {cause}")]
    LimitUnavailable {
        /// "memory", "cpu" or "pids".
        limit: &'static str,
        /// Why not.
        cause: String,
        /// What would fix it.
        fix: String,
    },
}

impl Diagnostic for PlanError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            PlanError::UserNamespacesUnavailable { fix, .. }
            | PlanError::IdNotMapped { fix, .. }
            | PlanError::LimitUnavailable { fix, .. } => fix.as_str(),
            PlanError::CoversProc { .. } => {
                "mount it somewhere else, such as /data; single files such as /proc/meminfo can be covered"
            }
            PlanError::JoinedMountNamespace => "leave its path out, so that the container gets one of its own",
            PlanError::JoinedUserNamespaceWithOverlay => {
                "use a bundle whose rootfs belongs to ids of that namespace, or leave the user namespace out"
            }
            PlanError::JoinNeedsUserNamespace { .. } => {
                "give the user namespace of the same process a path too (for example, /proc/PID/ns/user)"
            }
            PlanError::SysctlNeedsProc { .. } => "add a mount of type proc on /proc to the runtime config",
            _ => return None,
        };
        Some(hint.into())
    }
}

/// Refuses what the document asks for and this engine does not do: to ignore it would be to weaken the container.
pub(super) fn refuse_unsupported(spec: &Spec) -> Result<(), PlanError> {
    let refuse = |field, value: String| Err(PlanError::Unsupported { field, value });
    let process = spec.process().as_ref().ok_or(PlanError::Missing { field: "process" })?;
    if let Some(profile) = process.apparmor_profile().as_ref().filter(|profile| !profile.is_empty()) {
        return refuse("process.apparmorProfile", profile.clone());
    }
    if let Some(label) = process.selinux_label().as_ref().filter(|label| !label.is_empty()) {
        return refuse("process.selinuxLabel", label.clone());
    }
    if process.scheduler().is_some() || process.io_priority().is_some() {
        return refuse("process.scheduler", "given".to_owned());
    }
    if spec.hooks().is_some() {
        return refuse("hooks", "given".to_owned());
    }
    let Some(linux) = spec.linux() else { return Ok(()) };
    if let Some(mode) = linux.rootfs_propagation().as_ref().filter(|mode| !mode.ends_with("private")) {
        return refuse("linux.rootfsPropagation", mode.clone());
    }
    if linux.net_devices().is_some() || linux.intel_rdt().is_some() || linux.personality().is_some() {
        return refuse("linux.netDevices, intelRdt or personality", "given".to_owned());
    }
    Ok(())
}
