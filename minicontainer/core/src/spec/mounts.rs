//! The mounts of a container: the default ones, which every Linux program expects, then the requested ones.

use std::path::Path;

use oci_spec::runtime::{Linux, LinuxIdMapping, LinuxIdMappingBuilder, Mount};

use super::{SpecError, profile};
use crate::network_files::{self, NetworkFile};
use crate::options::{Access, Isolation, MountSpec, Network, RunOptions};
use crate::plan::{CgroupLayout, Host, Identity, is_at_or_below, subordinate};

/// The id of the group `tty`, whatever its name in the image.
const TERMINALS: u32 = 5;

/// The mounts, in the order in which they are mounted. A later one may be inside an earlier one.
pub(super) fn mounts(
    options: &RunOptions,
    host: &Host,
    linux: &Linux,
    files: Option<&Path>,
) -> Result<Vec<Mount>, SpecError> {
    let own = |isolation| !options.without.contains(&isolation);
    let rootless = matches!(host.identity, Identity::User { .. });
    // Inside a user namespace the kernel allows a new proc or sysfs mount only if the container also has its own pid
    // or network namespace, mount_namespaces(7). Without one, the host's is bind mounted instead.
    let fresh_proc = own(Isolation::Pid) || !rootless;
    let fresh_sys = (own(Isolation::Net) && options.network != Network::Host) || !rootless;

    let mut mounts = Vec::new();
    mounts.push(match fresh_proc {
        true => mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        false => mount("/proc", "bind", "/proc", &["rbind", "nosuid", "noexec", "nodev"]),
    });
    mounts.push(mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]));
    let mut devpts = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    // Terminals belong to the group tty, but a user namespace with a single id has no such group.
    let terminals = subordinate::id_maps(host.identity, &host.subordinate)
        .is_none_or(|[_, gids]| subordinate::is_mapped(&gids, TERMINALS));
    if terminals {
        devpts.push("gid=5");
    }
    mounts.push(mount("/dev/pts", "devpts", "devpts", &devpts));
    let access = if options.privileged { "rw" } else { "ro" };
    mounts.push(match fresh_sys {
        true => mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", access]),
        false => mount("/sys", "bind", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"]),
    });
    // The plan mounts the container's own cgroups there, or masks the path if it has none.
    if host.cgroups.layout != CgroupLayout::None && (own(Isolation::Cgroup) || !rootless) {
        mounts.push(mount("/sys/fs/cgroup", "cgroup", "cgroup", &[access, "nosuid", "noexec", "nodev"]));
    }
    if own(Isolation::Ipc) || !rootless {
        mounts.push(mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]));
    }
    let size = options.shm_size.map_or("size=65536k".to_owned(), |size| format!("size={}", size.bytes()));
    mounts.push(mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", &size]));
    // Writable, as in Docker, unless the root file system is not, or what is written must be limited.
    let access = if network_files::access(options) == Access::ReadOnly { "ro" } else { "rw" };
    let network_file = |(file, directory): (NetworkFile, &Path)| {
        let options = ["bind", "rprivate", "nosuid", "nodev", "noexec", access];
        mount(file.target(), "bind", &file.source(directory), &options)
    };
    mounts.extend(profile::bound_devices(options, host).map(|device| {
        mount(&device.inside, "bind", &device.outside, &["bind", "rprivate", "nosuid", "noexec", "ro"])
    }));
    mounts.extend(NetworkFile::of(options).filter_map(|file| Some((file, files?))).map(network_file));
    let own_ids = matches!(host.identity, Identity::Root).then_some(linux);
    with_requested(mounts, options, own_ids)
}

/// Combines the default mounts and the requested ones. As in Docker, a requested mount replaces the default one with
/// the same target, and default mounts below its target are omitted: with `-v /dev:/dev` the container has the host's
/// devices. Only the terminals are always the container's own.
fn with_requested(
    defaults: Vec<Mount>,
    options: &RunOptions,
    own_ids: Option<&Linux>,
) -> Result<Vec<Mount>, SpecError> {
    let place = |mount: &Mount| mount.destination().display().to_string();
    let is_default = |target: &str| defaults.iter().any(|mount| place(mount) == target);
    let others: Vec<Mount> = options
        .mounts
        .iter()
        .filter(|request| !is_default(request.target()))
        .map(|request| requested(request, own_ids))
        .collect::<Result<_, _>>()?;
    let is_terminals = |mount: &Mount| options.terminal.is_some() && mount.typ().as_deref() == Some("devpts");
    let mut mounts = Vec::new();
    for mount in defaults {
        let place = place(&mount);
        let covered = options.mounts.iter().any(|request| is_at_or_below(&place, request.target()));
        match options.mounts.iter().rfind(|request| request.target() == place) {
            Some(request) => mounts.push(requested(request, own_ids)?),
            None if !covered || is_terminals(&mount) => mounts.push(mount),
            None => {}
        }
    }
    mounts.extend(others);
    Ok(mounts)
}

/// Converts a requested mount. If the container has its own ids (`own_ids`), a bind mount can be *idmapped*: files of
/// one owner on the disk then belong to root of the container, see "idmap" in the runtime specification's config.md.
fn requested(spec: &MountSpec, own_ids: Option<&Linux>) -> Result<Mount, SpecError> {
    Ok(match spec {
        MountSpec::Bind { source, target, access, owner } => {
            let access = if *access == Access::ReadOnly { "ro" } else { "rw" };
            let mut bind = mount(target, "bind", source, &["rbind", "rprivate", "nodev", access]);
            let roots =
                own_ids.and_then(|linux| root_outside(linux.uid_mappings()).zip(root_outside(linux.gid_mappings())));
            if let (Some([uid, gid]), Some((root_uid, root_gid))) = (owner, roots) {
                bind.set_uid_mappings(Some(one_id(*uid, root_uid)?)).set_gid_mappings(Some(one_id(*gid, root_gid)?));
                bind.options_mut().get_or_insert_default().push("ridmap".to_owned());
            }
            bind
        }
        MountSpec::Tmpfs { target, size, mode, data, attributes } => {
            // The engine creates the container's devices in a tmpfs on /dev, where nodev would make them unusable.
            let names = attributes.iter().map(|attribute| attribute.name());
            let mut options: Vec<String> =
                names.filter(|name| target != "/dev" || *name != "nodev").map(str::to_owned).collect();
            options.extend(size.map(|size| format!("size={}", size.bytes())));
            options.push(format!("mode={:o}", mode.unwrap_or(0o1777)));
            options.extend(data.iter().map(|(name, value)| format!("{name}={value}")));
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            mount(target, "tmpfs", "tmpfs", &options)
        }
    })
}

/// The host's id that the container's root maps to.
fn root_outside(map: &Option<Vec<LinuxIdMapping>>) -> Option<u32> {
    map.iter().flatten().find(|line| line.container_id() == 0).map(LinuxIdMapping::host_id)
}

/// The map of an idmapped mount that shows one id on the disk as another.
fn one_id(on_disk: u32, shown: u32) -> Result<Vec<LinuxIdMapping>, SpecError> {
    let line = LinuxIdMappingBuilder::default().container_id(on_disk).host_id(shown).size(1_u32);
    Ok(vec![line.build()?])
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Mount {
    let mut mount = Mount::default();
    mount
        .set_destination(destination.into())
        .set_typ(Some(kind.to_owned()))
        .set_source(Some(source.into()))
        .set_options(Some(options.iter().map(|option| (*option).to_owned()).collect()));
    mount
}
