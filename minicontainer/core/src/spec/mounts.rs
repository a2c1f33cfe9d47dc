//! The mounts of a container: those that every Linux program expects, then those that were asked for.

use oci_spec::runtime::Mount;

use crate::options::{Access, Isolation, MountSpec, Network, RunOptions};
use crate::plan::{CgroupLayout, Host, Identity, is_at_or_below, subordinate};

/// The group `tty`, whatever an image calls it.
const TERMINALS: u32 = 5;

/// The mounts in the order in which they are made; a later one may lie inside an earlier one.
pub(super) fn mounts(options: &RunOptions, host: &Host) -> Vec<Mount> {
    let own = |isolation| !options.without.contains(&isolation);
    let rootless = matches!(host.identity, Identity::User { .. });
    // Inside a user namespace the kernel lets nobody mount proc or sysfs afresh unless the namespace they show is
    // the container's own, mount_namespaces(7). Then the host's is shown instead.
    let fresh_proc = own(Isolation::Pid) || !rootless;
    let fresh_sys = (own(Isolation::Net) && options.network != Network::Host) || !rootless;

    let mut mounts = Vec::new();
    mounts.push(match fresh_proc {
        true => mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        false => mount("/proc", "bind", "/proc", &["rbind", "nosuid", "noexec", "nodev"]),
    });
    mounts.push(mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]));
    let mut devpts = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    // The group that owns terminals; a user namespace of a single id has no such group.
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
    // The plan shows the container's own groups there, and hides the place if it has none.
    if host.cgroups.layout != CgroupLayout::None && (own(Isolation::Cgroup) || !rootless) {
        mounts.push(mount("/sys/fs/cgroup", "cgroup", "cgroup", &[access, "nosuid", "noexec", "nodev"]));
    }
    if own(Isolation::Ipc) || !rootless {
        mounts.push(mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]));
    }
    let size = options.shm_size.map_or("size=65536k".to_owned(), |size| format!("size={}", size.bytes()));
    mounts.push(mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", &size]));
    with_requested(mounts, options)
}

/// The usual mounts and those that were asked for. One at a place of the usual ones takes its turn, and usual ones that would
/// lie below it are left out, as in Docker: with `-v /dev:/dev` the container has the host's. Only terminals are always its
/// own.
fn with_requested(usual: Vec<Mount>, options: &RunOptions) -> Vec<Mount> {
    let place = |mount: &Mount| mount.destination().display().to_string();
    let is_usual = |target: &str| usual.iter().any(|mount| place(mount) == target);
    let others: Vec<Mount> =
        options.mounts.iter().filter(|request| !is_usual(request.target())).map(requested).collect();
    let is_terminals = |mount: &Mount| options.terminal.is_some() && mount.typ().as_deref() == Some("devpts");
    let taken = usual.into_iter().filter_map(|mount| {
        let place = place(&mount);
        if let Some(request) = options.mounts.iter().rfind(|request| request.target() == place) {
            return Some(requested(request));
        }
        let covered = options.mounts.iter().any(|request| is_at_or_below(&place, request.target()));
        (!covered || is_terminals(&mount)).then_some(mount)
    });
    taken.chain(others).collect()
}

/// A mount that was asked for.
fn requested(spec: &MountSpec) -> Mount {
    match spec {
        MountSpec::Bind { source, target, access } => {
            let access = if *access == Access::ReadOnly { "ro" } else { "rw" };
            mount(target, "bind", source, &["rbind", "rprivate", "nodev", access])
        }
        MountSpec::Tmpfs { target, size, mode, attributes } => {
            let mut options: Vec<String> = attributes.iter().map(|attribute| attribute.name().to_owned()).collect();
            options.extend(size.map(|size| format!("size={}", size.bytes())));
            options.push(format!("mode={:o}", mode.unwrap_or(0o1777)));
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            mount(target, "tmpfs", "tmpfs", &options)
        }
    }
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
