//! The part of a plan that builds the root file system and moves into it.

use oci_spec::runtime::{LinuxDeviceType, Mount, Spec};

use super::cgroup::CONTROLLERS;
use super::mount_options::{MountOptions, shown_owners, sort};
use super::{
    CgroupLayout, Host, IdMapping, Identity, MountAttribute, Namespace, Overlay, PlanError, RootFs, Step, process,
};
use crate::options::{Sysctl, SysctlOwner};

/// The device nodes that every container has, see "Default Devices" in the runtime specification's config-linux.md.
const DEVICES: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// Links that programs expect in `/dev`, see "Dev symbolic links" in the runtime specification's runtime-linux.md.
const LINKS: [(&str, &str); 5] = [
    ("pts/ptmx", "/dev/ptmx"),
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// The steps from the host's tree to the container's own.
pub(super) fn steps(spec: &Spec, root: &RootFs, host: &Host, namespaces: &[Namespace]) -> Result<Vec<Step>, PlanError> {
    let mounts = spec.mounts().as_deref().unwrap_or_default();
    if !namespaces.contains(&Namespace::Mount) {
        terminal(spec, mounts, None)?;
        return jail(root, mounts);
    }
    let owner = owner_of_mounts(spec, root, host, namespaces)?;
    let mut steps = vec![Step::MakeMountsPrivate];
    steps.extend(layer_limit(root)?);
    steps.push(root_mount(root, host, owner.is_some())?);
    // An image may bring device nodes; where the container has a `/dev` of its own, those there are the only ones.
    if mounts.iter().any(|mount| mount.destination().as_os_str() == "/dev") {
        steps.push(Step::Remount { destination: "/".to_owned(), attributes: vec![MountAttribute::NoDev] });
    }
    for mount in mounts {
        steps.extend(mount_steps(mount, host, namespaces)?.into_iter().map(|step| owned(step, owner)));
    }
    let may_make_devices = !namespaces.contains(&Namespace::User) || owner.is_some();
    steps.extend(DEVICES.into_iter().map(|(path, major, minor)| match may_make_devices {
        true => Step::MakeDevice { path: path.to_owned(), major, minor, mode: 0o666, block: false },
        false => Step::BindDevice { path: path.to_owned() },
    }));
    steps.extend(more_devices(spec, may_make_devices)?);
    steps.extend(LINKS.map(|(target, path)| Step::Symlink { target: target.to_owned(), path: path.to_owned() }));
    steps.extend(terminal(spec, mounts, owner)?);

    steps.extend(sysctls(spec, namespaces)?);
    if let Some(linux) = spec.linux() {
        let paths = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        steps.extend(paths(linux.masked_paths()).into_iter().map(|path| Step::MaskPath { path }));
        steps.extend(paths(linux.readonly_paths()).into_iter().map(|path| Step::ReadonlyPath { path }));
    }
    if spec.root().as_ref().and_then(|root| root.readonly()) == Some(true) {
        steps.push(Step::Remount { destination: "/".to_owned(), attributes: vec![MountAttribute::ReadOnly] });
    }
    steps.push(Step::PivotRoot);
    Ok(steps)
}

/// The container's own terminal, which belongs to its user: `root` is who root of the container is outside, where the ids
/// are still those of the host. It comes from a devpts of the container's own, and before the pivot: it is bound to
/// `/dev/console` as well ("Default Devices" in the runtime specification's config-linux.md), and no mount comes later.
fn terminal(spec: &Spec, mounts: &[Mount], root: Option<[u32; 2]>) -> Result<Option<Step>, PlanError> {
    let Some(process) = spec.process().as_ref().filter(|process| process.terminal() == Some(true)) else {
        return Ok(None);
    };
    let devpts = |mount: &Mount| {
        mount.typ().as_deref() == Some("devpts") && mount.destination().as_os_str().as_encoded_bytes() == b"/dev/pts"
    };
    if !mounts.iter().any(devpts) {
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

/// Without a mount namespace nothing may be mounted, since the host would have the mount: what is left is chroot(2)
/// into a plain directory.
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

/// The writable layer is bounded by putting it into a file system of that size. That one is in memory and gone with the
/// container, so a layer that is to be kept cannot be bounded so.
fn layer_limit(root: &RootFs) -> Result<Option<Step>, PlanError> {
    let RootFs::Overlay { lowers, upper, work, target, volatile, limit: Some(limit) } = root else { return Ok(None) };
    if !volatile {
        return Err(PlanError::LayerLimitNeedsThrowAway);
    }
    // What lies in the directory that is covered has to be made anew: upper and work, maybe the place of the mount.
    let directory = upper.rsplit_once('/').map_or("", |(above, _)| above);
    let covered = |path: &&String| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    let directories = [upper, work, target].into_iter().chain(lowers).filter(covered).cloned().collect();
    let (bytes, inodes) = (limit.bytes, limit.inodes);
    Ok(Some(Step::LimitWritableLayer { directory: directory.to_owned(), bytes, inodes, directories }))
}

/// Who owns what is mounted afresh, where that is not simply root: root of the container, as its ids are outside.
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

/// A mount whose root directory belongs to root of the container.
fn owned(step: Step, owner: Option<[u32; 2]>) -> Step {
    let (Step::Mount { fstype, source, destination, attributes, mut options }, Some([uid, gid])) =
        (step.clone(), owner)
    else {
        return step;
    };
    match fstype.as_str() {
        "tmpfs" => options.extend([("uid".to_owned(), uid.to_string()), ("gid".to_owned(), gid.to_string())]),
        "devpts" => {
            for (_, group) in options.iter_mut().filter(|(name, _)| name == "gid") {
                *group = group.parse().map_or(gid, |number: u32| gid.saturating_add(number)).to_string();
            }
        }
        _ => {}
    }
    Step::Mount { fstype, source, destination, attributes, options }
}

/// The devices that the document asks for beside the usual ones.
fn more_devices(spec: &Spec, may_make: bool) -> Result<Vec<Step>, PlanError> {
    let listed = spec.linux().as_ref().and_then(|linux| linux.devices().as_ref());
    let usual = |path: &str| DEVICES.iter().any(|(one, ..)| *one == path);
    let mut steps = Vec::new();
    for device in listed.into_iter().flatten() {
        let path = device.path().display().to_string();
        if usual(&path) {
            continue;
        }
        if !matches!(device.typ(), LinuxDeviceType::C | LinuxDeviceType::U | LinuxDeviceType::B) {
            return Err(PlanError::Unsupported { field: "linux.devices.type", value: path });
        }
        let number = |number: i64| {
            let value = number.to_string();
            u32::try_from(number).map_err(|_| PlanError::Unsupported { field: "linux.devices", value })
        };
        let (major, minor) = (number(device.major())?, number(device.minor())?);
        let block = device.typ() == LinuxDeviceType::B;
        steps.push(match may_make {
            true => Step::MakeDevice { path, major, minor, mode: device.file_mode().unwrap_or(0o666), block },
            false => Step::BindDevice { path },
        });
    }
    Ok(steps)
}

/// The kernel's variables that the document sets; only those that the container has of its own.
fn sysctls(spec: &Spec, namespaces: &[Namespace]) -> Result<Vec<Step>, PlanError> {
    let listed = spec.linux().as_ref().and_then(|linux| linux.sysctl().as_ref());
    let mut named: Vec<(&String, &String)> = listed.into_iter().flatten().collect();
    named.sort_unstable();
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

fn mount_steps(mount: &Mount, host: &Host, namespaces: &[Namespace]) -> Result<Vec<Step>, PlanError> {
    let destination = destination(mount)?;
    let options = sort(mount.options().as_deref().unwrap_or_default())?;
    let source = mount.source().as_ref().map(|path| path.display().to_string());
    let kind = mount.typ().as_deref().unwrap_or("bind");
    if options.bind || kind == "bind" {
        let source = source.ok_or(PlanError::Missing { field: "mounts.source" })?;
        let owners = shown_owners(mount, &options, host)?;
        let MountOptions { attributes, recursive, data, .. } = options;
        if let Some((name, _)) = data.into_iter().next() {
            return Err(PlanError::Unsupported { field: "mounts.options", value: name });
        }
        return Ok(vec![Step::BindMount { source, destination, recursive, attributes, owners }]);
    }
    if options.idmapped.is_some() || mount.uid_mappings().is_some() {
        return Err(PlanError::Unsupported { field: "mounts.uidMappings", value: destination });
    }
    if kind == "cgroup" {
        return Ok(cgroup_mounts(destination, options, &host.cgroups.layout, namespaces.contains(&Namespace::Cgroup)));
    }
    Ok(vec![Step::Mount {
        fstype: kind.to_owned(),
        source: source.unwrap_or_else(|| kind.to_owned()),
        destination,
        attributes: options.attributes,
        options: options.data,
    }])
}

/// A mount's place: absolute, not the root itself, and without `..`, which would only hide where it really goes.
fn destination(mount: &Mount) -> Result<String, PlanError> {
    let text = mount.destination().display().to_string();
    let parts = || text.split('/').filter(|part| !part.is_empty() && *part != ".");
    if !text.starts_with('/') || parts().next().is_none() || parts().any(|part| part == "..") {
        return Err(PlanError::Destination { destination: text });
    }
    Ok(text)
}

/// Version 2 is one file system. Version 1 is one for each hierarchy, side by side on a tmpfs, which is made read-only
/// once its directories exist; only those in which containers have a group of their own, since in the others this one
/// would see the host's.
///
/// Without a cgroup namespace of the container's own, version 2 is bound from the host: to mount it from the host's
/// namespace would set the one hierarchy's options (`nsdelegate`, `memory_recursiveprot`) anew, for all of the machine.
fn cgroup_mounts(destination: String, options: MountOptions, layout: &CgroupLayout, own_namespace: bool) -> Vec<Step> {
    let mount = |fstype: &str, destination: String, attributes: Vec<MountAttribute>, options| Step::Mount {
        fstype: fstype.to_owned(),
        source: "cgroup".to_owned(),
        destination,
        attributes,
        options,
    };
    match layout {
        CgroupLayout::None => Vec::new(),
        CgroupLayout::V2 { .. } if !own_namespace => {
            let source = "/sys/fs/cgroup".to_owned();
            let attributes = options.attributes;
            vec![Step::BindMount { source, destination, recursive: false, attributes, owners: None }]
        }
        CgroupLayout::V2 { .. } => vec![mount("cgroup2", destination, options.attributes, Vec::new())],
        CgroupLayout::V1 { hierarchies } => {
            let writable = options.attributes.iter().copied().filter(|one| *one != MountAttribute::ReadOnly).collect();
            let mode = vec![("mode".to_owned(), "755".to_owned())];
            let mut steps = vec![mount("tmpfs", destination.clone(), writable, mode)];
            let own = |names: &&String| names.split(',').any(|name| CONTROLLERS.contains(&name));
            for names in hierarchies.iter().filter(own) {
                let controllers = names.split(',').map(|name| (name.to_owned(), String::new())).collect();
                steps.push(mount("cgroup", format!("{destination}/{names}"), options.attributes.clone(), controllers));
            }
            if options.attributes.contains(&MountAttribute::ReadOnly) {
                steps.push(Step::Remount { destination, attributes: vec![MountAttribute::ReadOnly] });
            }
            steps
        }
    }
}
