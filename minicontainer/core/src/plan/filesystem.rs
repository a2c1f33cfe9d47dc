//! The part of a plan that builds the root file system and moves into it.

use oci_spec::runtime::{Mount, Spec};

use super::cgroup::Group;
use super::device_nodes::{self, Nodes};
use super::mounts::{self, MountContext};
use super::{Host, IdMapping, Identity, MountAttribute, Namespace, Overlay, PlanError, RootFs, Step, process};
use crate::options::{Sysctl, SysctlOwner};

/// The steps from the host's tree to the container's own.
pub(super) fn steps(
    spec: &Spec,
    root: &RootFs,
    host: &Host,
    namespaces: &[Namespace],
    group: &Group,
) -> Result<Vec<Step>, PlanError> {
    let mounts = mounts::listed(spec);
    if !namespaces.contains(&Namespace::Mount) {
        terminal(spec, mounts, None)?;
        return jail(root, mounts);
    }
    let owner = owner_of_mounts(spec, root, host, namespaces)?;
    let mut steps = vec![Step::MakeMountsPrivate];
    steps.extend(layer_limit(root)?);
    steps.push(root_mount(root, host, owner.is_some())?);
    // An image may contain device nodes. If the container has its own `/dev`, only the nodes there can be opened.
    if mounts::has(mounts, "/dev", |_| true) {
        steps.push(Step::Remount { destination: "/".to_owned(), attributes: vec![MountAttribute::NoDev] });
    }
    let around = MountContext { host, namespaces, group, owner };
    for mount in mounts {
        steps.extend(mounts::steps(mount, &around)?);
    }
    let may_make_nodes = !namespaces.contains(&Namespace::User) || owner.is_some();
    let nodes = if may_make_nodes { Nodes::Made } else { Nodes::Bound };
    steps.extend(device_nodes::steps(spec, nodes, mounts::has(mounts, "/dev", |kind| kind == "bind"))?);
    steps.extend(terminal(spec, mounts, owner)?);
    steps.extend(sysctls(spec, namespaces)?);
    let (masked, readonly) =
        spec.linux().as_ref().map(|linux| (linux.masked_paths(), linux.readonly_paths())).unzip();
    let paths = |list: Option<&Option<Vec<String>>>| list.cloned().flatten().unwrap_or_default();
    let masked = [paths(masked), mounts::hidden_cgroups(mounts, group)].concat();
    steps.extend(mounts::covers(masked, paths(readonly))?);
    if spec.root().as_ref().and_then(|root| root.readonly()) == Some(true) {
        steps.push(Step::Remount { destination: "/".to_owned(), attributes: vec![MountAttribute::ReadOnly] });
    }
    steps.push(Step::PivotRoot);
    Ok(steps)
}

/// The container's terminal, which belongs to the program's user. `root` is the host's ids of the container's root,
/// because this step runs while the ids are still those of the host.
///
/// The terminal comes from the container's own devpts. It is opened before pivot_root(2), after which nothing is
/// mounted any more, because it is also bind mounted on `/dev/console` ("Default Devices" in the runtime
/// specification's config-linux.md).
fn terminal(spec: &Spec, mounts: &[Mount], root: Option<[u32; 2]>) -> Result<Option<Step>, PlanError> {
    let Some(process) = spec.process().as_ref().filter(|process| process.terminal() == Some(true)) else {
        return Ok(None);
    };
    if !mounts::has(mounts, "/dev/pts", |kind| kind == "devpts") {
        return Err(PlanError::TerminalNeedsDevpts);
    }
    let size = process.console_size().unwrap_or_default();
    let bounded = |size: u64| u16::try_from(size).unwrap_or(u16::MAX);
    Ok(Some(Step::OpenTerminal {
        owner: root.map_or(0, |[uid, _]| uid).saturating_add(process.user().uid()),
        rows: bounded(size.height()),
        columns: bounded(size.width()),
    }))
}

/// The steps without a mount namespace: only chroot(2) into a plain directory. Nothing may be mounted, because the
/// host would get the mount.
fn jail(root: &RootFs, mounts: &[Mount]) -> Result<Vec<Step>, PlanError> {
    if let Some(mount) = mounts.first() {
        let destination = mount.destination().display().to_string();
        return Err(PlanError::MountNeedsMountNamespace { destination });
    }
    match root {
        RootFs::Directory { path } => Ok(vec![Step::Chroot { path: path.clone() }]),
        RootFs::Overlay { .. } => Err(PlanError::OverlayNeedsMountNamespace),
    }
}

/// The step that limits the writable layer, by placing it in a file system of that size. That file system is in
/// memory and is lost when the container exits, so a layer that is kept cannot be limited.
fn layer_limit(root: &RootFs) -> Result<Option<Step>, PlanError> {
    let RootFs::Overlay { lowers, upper, work, target, volatile, limit: Some(limit) } = root else { return Ok(None) };
    if !volatile {
        return Err(PlanError::LayerLimitNeedsThrowAway);
    }
    // The file system hides what is in this directory, so these must be created again: upper and work directories,
    // and maybe the mount point.
    let directory = upper.rsplit_once('/').map_or("", |(above, _)| above);
    let covered = |path: &&String| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    let directories = [upper, work, target].into_iter().chain(lowers).filter(covered).cloned().collect();
    let (bytes, inodes) = (limit.bytes, limit.inodes);
    Ok(Some(Step::LimitWritableLayer { directory: directory.to_owned(), bytes, inodes, directories }))
}

/// The owner of newly mounted file systems, if it is not root: the host's ids of the container's root.
fn owner_of_mounts(
    spec: &Spec,
    root: &RootFs,
    host: &Host,
    namespaces: &[Namespace],
) -> Result<Option<[u32; 2]>, PlanError> {
    let shifted = host.identity == Identity::Root && namespaces.contains(&Namespace::User);
    if !shifted || matches!(root, RootFs::Directory { .. }) {
        return Ok(None);
    }
    let [uids, gids] = process::mappings(spec)?;
    let root = |lines: &[IdMapping]| lines.iter().find(|line| line.inside == 0).map(|line| line.outside);
    match (root(&uids), root(&gids)) {
        (Some(uid), Some(gid)) => Ok(Some([uid, gid])),
        _ => Err(PlanError::IdBeyondMap { kind: "user", id: 0 }),
    }
}

/// The steps that set the runtime config's sysctls. Only sysctls of the container's own namespaces are allowed.
fn sysctls(spec: &Spec, namespaces: &[Namespace]) -> Result<Vec<Step>, PlanError> {
    let listed = spec.linux().as_ref().and_then(|linux| linux.sysctl().as_ref());
    let mut named: Vec<(&String, &String)> = listed.into_iter().flatten().collect();
    named.sort_unstable();
    if let (Some((name, _)), false) = (named.first(), mounts::has(mounts::listed(spec), "/proc", |_| true)) {
        return Err(PlanError::SysctlNeedsProc { name: (*name).clone() });
    }
    named
        .into_iter()
        .map(|(name, value)| {
            let refused = || PlanError::Unsupported { field: "linux.sysctl", value: name.clone() };
            let sysctl = Sysctl::new(name, value).map_err(|_| refused())?;
            let namespace = match sysctl.owner() {
                SysctlOwner::Network => Namespace::Net,
                SysctlOwner::Ipc => Namespace::Ipc,
            };
            match namespaces.contains(&namespace) {
                true => Ok(Step::SetSysctl { name: name.clone(), value: value.clone() }),
                false => Err(refused()),
            }
        })
        .collect()
}

fn root_mount(root: &RootFs, host: &Host, idmapped: bool) -> Result<Step, PlanError> {
    match root {
        RootFs::Directory { path } => Ok(Step::BindRoot { source: path.clone() }),
        RootFs::Overlay { lowers, upper, work, target, volatile, limit: _ } => Ok(Step::MountOverlay {
            lowers: lowers.clone(),
            upper: upper.clone(),
            work: work.clone(),
            target: target.clone(),
            volatile: *volatile,
            idmapped,
            userxattr: match host.overlay {
                Overlay::Trusted => false,
                Overlay::UserXattr => true,
                Overlay::None => return Err(PlanError::OverlayUnavailable),
            },
        }),
    }
}
