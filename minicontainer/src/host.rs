//! What this machine can do, found out once before a container is planned, and told by `minicontainer doctor`.
//!
//! The planner is pure: it asks nobody, it is told. [`probe`] is who tells. It reads what is cheap to read, since it
//! runs before every container; [`try_user_namespace`] really makes a user namespace, which is the only way to be sure
//! (a security module may allow the call and then deny its use), and belongs to `doctor`.

use std::path::Path;
use std::{fs, io};

use minicontainer_core::plan::subordinate::{Lenders, id_maps, lent};
use minicontainer_core::plan::{
    Availability, CgroupLayout, Cgroups, Host, IdMapping, Identity, Overlay, SubordinateIds,
};
use minicontainer_core::seccomp::Architecture;
use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl::get_no_new_privs;
use nix::sys::utsname::uname;
use nix::unistd::{AccessFlags, access, getegid, geteuid};
use xattr::FileExt;

use crate::process::ids::helper;
use crate::process::user_namespace;
use crate::sys::calls;

/// What to do where user namespaces are forbidden.
pub const MEND_USER_NAMESPACES: &str = "run as root, or let users make user namespaces: on Ubuntu \
     `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on older Debian \
     `sudo sysctl kernel.unprivileged_userns_clone=1`, elsewhere `sudo sysctl user.max_user_namespaces=15000`; \
     inside another container, that container must allow it";

/// What to do where systemd runs and an ordinary user has no control group.
pub const MEND_DELEGATION: &str = "have systemd delegate one: `systemd-run --user --scope -p Delegate=yes minicontainer \
     run ...`; --timeout works for everybody";

/// What to do where the hierarchy cannot be written by anybody.
const MEND_READ_ONLY: &str = "inside another container, that container must have a writable cgroup hierarchy";

/// The group below a delegated one in which the engine lives, beside those of its containers.
pub const ENGINE_GROUP: &str = "minicontainer-engine";

/// The bit of CAP_SYS_ADMIN in a capability set.
const SYS_ADMIN: u64 = 1 << 21;

/// Finds out what the planner must know.
pub fn probe() -> Host {
    let identity = identity();
    let architecture = if cfg!(target_arch = "aarch64") { Architecture::Aarch64 } else { Architecture::X86_64 };
    Host {
        architecture,
        capabilities: calls::permitted_capabilities().unwrap_or_default(),
        identity,
        subordinate: subordinate_ids(identity),
        user_namespaces: user_namespaces(),
        overlay: overlay(identity),
        cgroups: cgroups(identity),
    }
}

/// Root counts as root only with the power to mount, and over the machine: inside an ordinary container, or in a user
/// namespace (whose map is never the whole one), it is a user like any other.
pub fn identity() -> Identity {
    let powerful = || calls::permitted_capabilities().is_ok_and(|set| set & SYS_ADMIN != 0);
    let map = || fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    match geteuid().is_root() && powerful() && map().split_whitespace().eq(["0", "0", "4294967295"]) {
        true => Identity::Root,
        false => Identity::User { uid: geteuid().as_raw(), gid: getegid().as_raw() },
    }
}

/// The maps with which the caller's containers are made, of user ids and of group ids; `None` if there is only the
/// caller's own id in them.
pub(crate) fn subordinate_maps() -> Option<[Vec<IdMapping>; 2]> {
    let (identity, subordinate) = (identity(), subordinate_ids(identity()));
    matches!(subordinate, SubordinateIds::Lent { .. }).then(|| id_maps(identity, &subordinate)).flatten()
}

/// Reads who lends the user ids, and looks for the programs that can map them.
fn subordinate_ids(identity: Identity) -> SubordinateIds {
    let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    lent(identity, || Lenders {
        helpers: ["newuidmap", "newgidmap"].iter().all(|name| helper(name).is_some()),
        no_new_privileges: get_no_new_privs().unwrap_or(false),
        passwd: read("/etc/passwd"),
        subuid: read("/etc/subuid"),
        subgid: read("/etc/subgid"),
        existing: ["/proc/self/uid_map", "/proc/self/gid_map"].map(read),
    })
}

/// Reads the switches that distributions use to forbid user namespaces.
fn user_namespaces() -> Availability {
    let switches = [("/proc/sys/user/max_user_namespaces", "0"), ("/proc/sys/kernel/unprivileged_userns_clone", "0")];
    let off = switches.into_iter().find(|(path, off)| fs::read_to_string(path).is_ok_and(|text| text.trim() == *off));
    match off {
        Some((path, value)) if !geteuid().is_root() || path.ends_with("max_user_namespaces") => {
            Availability::Unavailable { cause: format!("{path} is {value}"), mend: MEND_USER_NAMESPACES.to_owned() }
        }
        _ => Availability::Available,
    }
}

/// Makes a process in a user namespace and lets it mount there, to see whether that is really allowed.
pub fn try_user_namespace() -> Availability {
    let cause = match user_namespace::can_mount() {
        Ok(true) => return Availability::Available,
        Ok(false) => "a user namespace can be made, but mounting in it is denied".to_owned(),
        Err(error) => error.to_string(),
    };
    Availability::Unavailable { cause, mend: MEND_USER_NAMESPACES.to_owned() }
}

/// Whether the running kernel is of this version or newer.
pub(crate) fn kernel_at_least(major: u32, minor: u32) -> bool {
    let Ok(name) = uname() else { return false };
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release.split(|sign: char| !sign.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}

/// Whether a file system keeps `user.*` attributes, without which an ordinary user's overlay cannot remember that a
/// directory of a layer was removed: NFS often does not.
pub(crate) fn keeps_user_attributes(directory: &Path) -> bool {
    attributes_are_known(xattr::get(directory, "user.overlay.opaque"))
}

/// The same of tmpfs, which does so from Linux 6.6 on: a file of memfd_create(2) lies in one.
pub(crate) fn memory_keeps_user_attributes() -> bool {
    let file = memfd_create(c"attributes", MFdFlags::MFD_CLOEXEC).map(fs::File::from);
    file.is_ok_and(|file| attributes_are_known(file.get_xattr("user.overlay.opaque")))
}

fn attributes_are_known(read: io::Result<Option<Vec<u8>>>) -> bool {
    !read.is_err_and(|error| error.raw_os_error() == Some(libc::EOPNOTSUPP))
}

fn overlay(identity: Identity) -> Overlay {
    match identity {
        Identity::Root => Overlay::Trusted,
        Identity::User { .. } if kernel_at_least(5, 11) => Overlay::UserXattr,
        Identity::User { .. } => Overlay::None,
    }
}

/// Finds out whether and where the engine may make control groups.
pub fn cgroups(identity: Identity) -> Cgroups {
    let layout = layout();
    if let (CgroupLayout::V2 { .. }, Identity::User { uid, .. }) = (&layout, identity) {
        return delegated(uid);
    }
    let root = match &layout {
        CgroupLayout::V1 { .. } => "/sys/fs/cgroup/memory",
        _ => "/sys/fs/cgroup",
    };
    let access = match (&layout, identity) {
        (CgroupLayout::None, _) => Availability::Unavailable {
            cause: "no cgroup hierarchy is mounted on /sys/fs/cgroup".to_owned(),
            mend: "mount one: `sudo mount -t cgroup2 none /sys/fs/cgroup`".to_owned(),
        },
        (_, Identity::User { .. }) => Availability::Unavailable {
            cause: "the cgroup hierarchy belongs to root".to_owned(),
            mend: "run as root, or without limits; --timeout works for everybody".to_owned(),
        },
        (CgroupLayout::V2 { .. }, Identity::Root) if inhabited(Path::new(root)) => Availability::Unavailable {
            cause: format!("processes are in {root} itself, so that no group below it can have limits"),
            mend: "inside another container, move them first: `cd /sys/fs/cgroup && mkdir init && \
                   xargs -rn1 < cgroup.procs > init/cgroup.procs`"
                .to_owned(),
        },
        (_, Identity::Root) => match access(Path::new(root), AccessFlags::W_OK) {
            Ok(()) => Availability::Available,
            Err(errno) => Availability::Unavailable {
                cause: format!("{root} cannot be written: {errno}"),
                mend: MEND_READ_ONLY.to_owned(),
            },
        },
    };
    Cgroups { layout, access, parent: String::new() }
}

/// Version 2 for an ordinary user, to whom a group can have been *delegated*, see cgroups(7): who may write its files may
/// make groups below it, but only groups with processes or groups with limits, so it must have none of the former.
fn delegated(uid: u32) -> Cgroups {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let parent = delegated_group(&own).to_owned();
    let group = Path::new("/sys/fs/cgroup").join(&parent);
    let files = ["cgroup.procs", "cgroup.subtree_control", "."];
    let denied = files.iter().find_map(|file| access(&group.join(file), AccessFlags::W_OK).err());
    let place = group.display();
    let cause = denied.map(|errno| format!("no cgroup is delegated to you: {place} cannot be written: {errno}"));
    let crowded = || format!("processes are in {place} itself: no group below it can have limits");
    let cause = cause.or_else(|| inhabited(&group).then(crowded));
    let mend = match denied {
        Some(Errno::EROFS) => MEND_READ_ONLY.to_owned(),
        _ if Path::new("/run/systemd/system").exists() => MEND_DELEGATION.to_owned(),
        _ => format!(
            "`sudo sh -c 'cd /sys/fs/cgroup && echo +cpu +cpuset +memory +pids >cgroup.subtree_control; mkdir -p {uid} && \
             cd {uid} && chown {uid} . cgroup.procs cgroup.subtree_control cgroup.threads && echo '$$' >cgroup.procs'`"
        ),
    };
    let access = cause.map_or(Availability::Available, |cause| Availability::Unavailable { cause, mend });
    Cgroups { layout: CgroupLayout::V2 { controllers: words(&group.join("cgroup.controllers")) }, access, parent }
}

/// The group of version 2 that a `/proc/PID/cgroup` names; that above it if it is the engine's own.
fn delegated_group(text: &str) -> &str {
    let own = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    match own.rsplit_once('/').unwrap_or(("", own)) {
        (above, ENGINE_GROUP) => above,
        _ => own,
    }
}

fn words(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Whether a cgroup of version 2 has processes of its own, which bars the groups below it from limits: the "no internal
/// processes" rule of cgroups(7). The machine's root, which alone has no `cgroup.type`, is exempt; what a container
/// takes for the root is not.
fn inhabited(group: &Path) -> bool {
    let processes = || fs::read(group.join("cgroup.procs")).is_ok_and(|text| !text.is_empty());
    group.join("cgroup.type").exists() && processes()
}

/// Reads the layout: version 2 shows its controllers at its root, version 1 names its hierarchies in
/// `/proc/self/cgroup`, see cgroups(7). Those that are not mounted in the usual place do not count.
fn layout() -> CgroupLayout {
    let controllers = Path::new("/sys/fs/cgroup/cgroup.controllers");
    if controllers.exists() {
        return CgroupLayout::V2 { controllers: words(controllers) };
    }
    let mut hierarchies: Vec<String> = fs::read_to_string("/proc/self/cgroup")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split(':').nth(1))
        .filter(|names| !names.is_empty() && Path::new("/sys/fs/cgroup").join(names).is_dir())
        .map(str::to_owned)
        .collect();
    hierarchies.sort_unstable();
    if hierarchies.is_empty() { CgroupLayout::None } else { CgroupLayout::V1 { hierarchies } }
}

#[cfg(test)]
mod tests {
    use super::delegated_group;

    #[track_caller]
    fn check(own: &str, group: &str) {
        assert_eq!(delegated_group(own), group);
    }

    #[test]
    fn the_group_below_which_containers_are_made() {
        check("0::/\n", "");
        check("0::/user.slice/a.scope\n", "user.slice/a.scope");
        check("0::/user.slice/a.scope/minicontainer-engine\n", "user.slice/a.scope");
        check("0::/minicontainer-engine\n", "");
        check("0::/a/xminicontainer-engine\n", "a/xminicontainer-engine");
        check("12:pids:/b\n1:name=systemd:/c\n0::/a\n", "a");
        check("1:name=systemd:/c\n", "");
        check("", "");
    }
}
