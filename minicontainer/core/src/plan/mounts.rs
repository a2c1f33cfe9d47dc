//! The mounts of a plan: the steps for each mount of the runtime config.

use oci_spec::runtime::{Mount, Spec};

use super::cgroup::{CONTROLLERS, Group};
use super::mount_options::{MountOptions, shown_owners, sort};
use super::system_path::{checked, is_at_or_below, may_be_covered, normal};
use super::{CgroupLayout, Host, MountAttribute, Namespace, PlanError, Step};

/// What a plan's mounts depend on, in addition to the runtime config.
pub(super) struct MountContext<'a> {
    pub host: &'a Host,
    pub namespaces: &'a [Namespace],
    /// The container's cgroup.
    pub group: &'a Group,
    /// The owner (user and group on the host) of newly mounted file systems, if it is not root.
    pub owner: Option<[u32; 2]>,
}

/// The runtime config's mounts.
pub(super) fn listed(spec: &Spec) -> &[Mount] {
    spec.mounts().as_deref().unwrap_or_default()
}

/// Whether the runtime config's last mount at `place` is of a wanted type.
pub(super) fn has(mounts: &[Mount], place: &str, wanted: impl Fn(&str) -> bool) -> bool {
    let at_place = |mount: &&Mount| normal(&mount.destination().display().to_string()) == place;
    mounts.iter().rfind(at_place).is_some_and(|mount| wanted(kind(mount)))
}

/// The type of a mount. A mount without one is a bind mount.
fn kind(mount: &Mount) -> &str {
    let is_bind = |option: &String| ["bind", "rbind"].contains(&option.as_str());
    match mount.typ().as_deref() {
        Some(kind) if !mount.options().iter().flatten().any(is_bind) => kind,
        _ => "bind",
    }
}

/// The steps for one mount of the runtime config.
pub(super) fn steps(mount: &Mount, around: &MountContext<'_>) -> Result<Vec<Step>, PlanError> {
    let destination = checked("mounts.destination", &mount.destination().display().to_string())?;
    let options = sort(mount.options().as_deref().unwrap_or_default())?;
    let source = mount.source().as_ref().map(|path| path.display().to_string());
    let kind = kind(mount);
    let shows_proc = normal(&destination) == "/proc"
        && (kind == "proc" || kind == "bind" && source.as_deref().map(normal).as_deref() == Some("/proc"));
    if !may_be_covered(&destination) && !shows_proc {
        return Err(PlanError::CoversProc { destination });
    }
    if kind == "bind" {
        let source = source.ok_or(PlanError::Missing { field: "mounts.source" })?;
        let owners = shown_owners(mount, &options, around.host)?;
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
        return Ok(cgroup_mounts(destination, options, around));
    }
    let step = Step::Mount {
        fstype: kind.to_owned(),
        source: source.unwrap_or_else(|| kind.to_owned()),
        destination,
        attributes: options.attributes,
        options: options.data,
    };
    Ok(vec![owned(step, around.owner)])
}

/// Makes root of the container, or the requested user, the owner of a new mount's root directory.
fn owned(mut step: Step, owner: Option<[u32; 2]>) -> Step {
    let (Step::Mount { fstype, options, .. }, Some([uid, gid])) = (&mut step, owner) else { return step };
    match fstype.as_str() {
        "tmpfs" => {
            for (name, root) in [("uid", uid), ("gid", gid)] {
                let inside = options.iter().position(|(given, _)| given == name).map(|at| options.remove(at).1);
                let inside = inside.and_then(|id| id.parse().ok()).unwrap_or(0_u32);
                options.push((name.to_owned(), root.saturating_add(inside).to_string()));
            }
        }
        "devpts" => {
            for (_, group) in options.iter_mut().filter(|(name, _)| name == "gid") {
                *group = group.parse().map_or(gid, |number: u32| gid.saturating_add(number)).to_string();
            }
        }
        _ => {}
    }
    step
}

/// The steps that mount the cgroup hierarchies.
///
/// Version 2 is one file system. Version 1 is one for each hierarchy, mounted side by side in a tmpfs, which becomes
/// read-only once its directories exist. Only the hierarchies in which the container has its own cgroup are mounted,
/// because in the others it would see the host's. A container without a cgroup sees none, see [`hidden_cgroups`].
///
/// Without a cgroup namespace, version 2 is bind mounted from the host. A new mount from the host's namespace would
/// reset the options of the only hierarchy (`nsdelegate`, `memory_recursiveprot`) for the whole machine.
fn cgroup_mounts(destination: String, options: MountOptions, around: &MountContext<'_>) -> Vec<Step> {
    let mount = |fstype: &str, destination: String, attributes: Vec<MountAttribute>, options| Step::Mount {
        fstype: fstype.to_owned(),
        source: "cgroup".to_owned(),
        destination,
        attributes,
        options,
    };
    let group = around.group;
    match &around.host.cgroups.layout {
        CgroupLayout::None => Vec::new(),
        _ if !group.created => Vec::new(),
        CgroupLayout::V2 { .. } if !around.namespaces.contains(&Namespace::Cgroup) => {
            let source = "/sys/fs/cgroup".to_owned();
            let attributes = options.attributes;
            vec![Step::BindMount { source, destination, recursive: false, attributes, owners: None }]
        }
        CgroupLayout::V2 { .. } => vec![mount("cgroup2", destination, options.attributes, Vec::new())],
        CgroupLayout::V1 { hierarchies } => {
            let writable =
                options.attributes.iter().copied().filter(|one| *one != MountAttribute::ReadOnly).collect();
            let mode = vec![("mode".to_owned(), "755".to_owned())];
            let mut steps = vec![owned(mount("tmpfs", destination.clone(), writable, mode), around.owner)];
            let own = |name: &str| CONTROLLERS.contains(&name) && group.controllers.iter().any(|one| one == name);
            for names in hierarchies.iter().filter(|names| names.split(',').any(own)) {
                let controllers = names.split(',').map(|name| (name.to_owned(), String::new())).collect();
                steps.push(mount(
                    "cgroup",
                    format!("{destination}/{names}"),
                    options.attributes.clone(),
                    controllers,
                ));
            }
            if options.attributes.contains(&MountAttribute::ReadOnly) {
                steps.push(Step::Remount { destination, attributes: vec![MountAttribute::ReadOnly] });
            }
            steps
        }
    }
}

/// The mount points of the runtime config's cgroup mounts, if the container has no cgroup. They are masked, because a
/// `/sys` that is bind mounted from the host shows the host's cgroups there.
pub(super) fn hidden_cgroups(mounts: &[Mount], group: &Group) -> Vec<String> {
    let wanted = mounts.iter().filter(|mount| kind(mount) == "cgroup" && !group.created);
    wanted.map(|mount| mount.destination().display().to_string()).collect()
}

/// The steps for the runtime config's masked and read-only paths, without those that an earlier one already covers.
pub(super) fn covers(masked: Vec<String>, readonly: Vec<String>) -> Result<Vec<Step>, PlanError> {
    let mut steps: Vec<Step> = Vec::new();
    let mut add = |field, path: String, step: fn(String) -> Step| {
        let path = checked(field, &path)?;
        let is_covered = |earlier: &Step| match earlier {
            Step::MaskPath { path: earlier } | Step::ReadonlyPath { path: earlier } => is_at_or_below(&path, earlier),
            _ => false,
        };
        if !steps.iter().any(is_covered) {
            steps.push(step(path));
        }
        Ok(())
    };
    for path in masked {
        add("linux.maskedPaths", path, |path| Step::MaskPath { path })?;
    }
    for path in readonly {
        add("linux.readonlyPaths", path, |path| Step::ReadonlyPath { path })?;
    }
    Ok(steps)
}
