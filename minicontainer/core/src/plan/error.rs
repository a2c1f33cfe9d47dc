//! Errors of planning.

use std::borrow::Cow;

use oci_spec::runtime::Spec;

use super::Namespace;
use crate::diagnostic::{Diagnostic, ErrorKind};
use crate::seccomp::SeccompError;

/// Why a container cannot be planned. No process exists yet when this is returned.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The runtime config lacks a field that every container needs.
    #[error("the runtime config has no {field}")]
    Missing {
        /// The field's name in `config.json`.
        field: &'static str,
    },
    /// A field has a value that this engine does not support.
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
    /// The path of a namespace is relative, but the working directory is not known.
    #[error("invalid path \"{path}\" in linux.namespaces: must be absolute (for example, /proc/PID/ns/net)")]
    NamespacePath {
        /// What was given.
        path: String,
    },
    /// The container's root would be mounted in another container's mount namespace.
    #[error(
        "cannot join a mount namespace: the container's root file system would be mounted in it, for all its processes"
    )]
    JoinedMountNamespace,
    /// The layers belong to root of the host, which has no id in the joined namespace.
    #[error("cannot join a user namespace with overlay layers that belong to root: root has no id in it")]
    JoinedUserNamespaceWithOverlay,
    /// Only root of the user namespace that owns a namespace can join it.
    #[error(
        "cannot join a {namespace} namespace as an ordinary user without joining the user namespace that owns it"
    )]
    JoinNeedsUserNamespace {
        /// The namespace to join.
        namespace: Namespace,
    },
    /// An ordinary user's container without a user namespace.
    #[error("an ordinary user needs a user namespace to isolate anything; add it to the namespaces or run as root")]
    UserNamespaceNeeded,
    /// This host does not let the engine create user namespaces.
    #[error("cannot create a user namespace: {cause}")]
    UserNamespacesUnavailable {
        /// What went wrong.
        cause: String,
        /// What would fix it.
        fix: String,
    },
    /// An id that is not mapped to an id of the host.
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
    /// An id beyond the mapped ranges.
    #[error(
        "{kind} {id} is not mapped: the container's id maps end before it; choose a lower id, or allocate longer \
         ranges in /etc/subuid and /etc/subgid"
    )]
    IdBeyondMap {
        /// "user" or "group".
        kind: &'static str,
        /// The id.
        id: u32,
    },
    /// The host's overlayfs cannot be used.
    #[error(
        "overlayfs cannot be used here (it needs root, or Linux 5.11 or newer and a file system with user.* \
         attributes); use the copy driver: `Sandbox::driver(Driver::Copy)`"
    )]
    OverlayUnavailable,
    /// The overlay would be mounted in the host's mount namespace.
    #[error(
        "cannot mount an overlay without a mount namespace: the host would get the mount; use the copy driver: \
         `Sandbox::driver(Driver::Copy)`"
    )]
    OverlayNeedsMountNamespace,
    /// A limited layer is kept in memory, so it cannot outlive the container.
    #[error(
        "cannot limit the writable layer without `Sandbox::volatile`: a limited layer is kept in memory and is \
         lost when the container exits"
    )]
    LayerLimitNeedsThrowAway,
    /// A limited layer is kept in memory (tmpfs), where this kernel's files lack a feature that it needs.
    #[error(
        "cannot limit the writable layer on this kernel: a limited layer is kept in memory (tmpfs), which can {lack} \
         only since Linux {version}; omit the limit{instead}"
    )]
    LayerLimitNeedsNewerKernel {
        /// The missing feature.
        lack: &'static str,
        /// The first kernel that has it.
        version: &'static str,
        /// An alternative.
        instead: &'static str,
    },
    /// The copy driver copies the whole image to disk, without a separate writable layer.
    #[error(
        "cannot limit the writable layer with the copy driver: it has no writable layer; use \
         `Sandbox::driver(Driver::Overlay)`"
    )]
    LayerLimitNeedsOverlay,
    /// A copied tree belongs to root of the host, which is shown as `nobody` in the container's own user namespace.
    #[error(
        "`Users::Own` and `Sandbox::profile(Profile::Untrusted)` require the overlay driver, which shows root's layers \
         with the container's ids; omit `Sandbox::driver(Driver::Copy)`"
    )]
    OwnIdsNeedOverlay,
    /// A mount would change the host's own tree.
    #[error("cannot mount on {destination} without a mount namespace: the host would get the mount")]
    MountNeedsMountNamespace {
        /// The mount point.
        destination: String,
    },
    /// A path of the runtime config is not a path below the root.
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
    #[error("cannot mount on {destination}: /proc must be the container's own procfs")]
    CoversProc {
        /// The mount point.
        destination: String,
    },
    /// Sysctls are set through procfs.
    #[error("cannot set the sysctl {name}: the container has no /proc")]
    SysctlNeedsProc {
        /// Its name.
        name: String,
    },
    /// The seccomp profile cannot be applied.
    #[error("cannot apply linux.seccomp: {0}")]
    Seccomp(#[source] SeccompError),
    /// The host's own hostname would be changed.
    #[error("cannot set a hostname without a uts namespace: the host itself would be renamed")]
    HostnameNeedsUtsNamespace,
    /// The host's own clocks would be moved.
    #[error("linux.timeOffsets requires a time namespace: add one to linux.namespaces")]
    TimeOffsetNeedsNamespace,
    /// The terminal has to come from the container's own devpts, but there is none.
    #[error("cannot open a terminal without a devpts mount on /dev/pts: the terminal would be one of the host's")]
    TerminalNeedsDevpts,
    /// A requested limit cannot be applied.
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

crate::readable_debug!(PlanError);

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
            PlanError::JoinedMountNamespace => "omit its path, so that the container gets a new mount namespace",
            PlanError::JoinedUserNamespaceWithOverlay => {
                "use a bundle whose rootfs belongs to ids of that namespace, or omit the user namespace"
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

/// Rejects fields that this engine does not support. Ignoring one would weaken the container.
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
