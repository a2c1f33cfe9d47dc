//! The features of this machine, probed before a container is planned, and shown by `minicontainer doctor`.
//!
//! The planner is pure, so it gets these features as a value from [`probe`]. That function runs before every
//! container, so it only reads what is cheap to read. [`try_user_namespace`] really creates a user namespace, which
//! is the only reliable test, because a security module may allow the call and then deny its use. It is for `doctor`.

mod accounts;
mod owners;
mod removal;

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::LazyLock;
use std::{fs, io};

use minicontainer_core::explain::Message;
use minicontainer_core::options::{CpuSet, DeviceNumber};
use minicontainer_core::plan::delegation::{CgroupProbe, assess, delegated_group};
use minicontainer_core::plan::{Availability, CgroupLayout, Cgroups, Host, Identity, Overlay};
use minicontainer_core::seccomp::Architecture;
use nix::errno::Errno;
use nix::sched::sched_getaffinity;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{major, minor};
use nix::sys::utsname::uname;
use nix::unistd::{AccessFlags, Pid, access, getegid, geteuid};
use xattr::FileExt;

use crate::sys::{calls, user_namespace};

pub(crate) use accounts::read as read_etc;
pub use accounts::taken_ids;
pub use owners::{CAPABILITY, Owner, Owners, capability_in};
pub use removal::remove_tree;

/// The hint if user namespaces are forbidden.
pub(crate) static USER_NAMESPACES_HINT: LazyLock<String> =
    LazyLock::new(|| Message::new("fix-user-namespaces", []).to_string());

/// The architecture of this machine's system calls.
pub(crate) const ARCHITECTURE: Architecture =
    if cfg!(target_arch = "aarch64") { Architecture::Aarch64 } else { Architecture::X86_64 };

/// The device of this machine at a path; `None` if there is none.
pub fn device_number(path: &str) -> Option<DeviceNumber> {
    let metadata = fs::metadata(path).ok()?;
    let kind = match metadata.file_type() {
        kind if kind.is_char_device() => 'c',
        kind if kind.is_block_device() => 'b',
        _ => return None,
    };
    let number = |number: u64| u32::try_from(number).ok();
    Some(DeviceNumber { kind, major: number(major(metadata.rdev()))?, minor: number(minor(metadata.rdev()))? })
}

/// The bit of CAP_SYS_ADMIN in a capability set.
const SYS_ADMIN: u64 = 1 << 21;

/// Probes the features that the planner needs. It leaves out which ids are taken, because few containers need that;
/// use [`taken_ids`].
pub fn probe() -> Host {
    let identity = identity();
    Host {
        architecture: ARCHITECTURE,
        capabilities: calls::permitted_capabilities().unwrap_or_default(),
        identity,
        subordinate: accounts::subordinate_ids(identity),
        taken: accounts::not_read(),
        user_namespaces: user_namespaces(),
        overlay: overlay(identity),
        cgroups: cgroups(identity),
        processors: processors(),
        thermal_throttle: thermal_throttle(),
    }
}

/// The number of processors that this process may run on. If the kernel returns an error, any number is accepted.
fn processors() -> u32 {
    let Ok(allowed) = sched_getaffinity(Pid::this()) else { return u32::MAX };
    let count = (0..nix::sched::CpuSet::count()).filter(|number| allowed.is_set(*number).unwrap_or(false)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The CPUs that may have a directory `thermal_throttle` in sysfs, if the first one has. CPUs that are offline now
/// are included, because they may be switched on later.
fn thermal_throttle() -> Vec<u32> {
    let processors = Path::new("/sys/devices/system/cpu");
    if !processors.join("cpu0/thermal_throttle").exists() {
        return Vec::new();
    }
    let possible = fs::read_to_string(processors.join("possible")).unwrap_or_default();
    possible.trim().parse().map_or_else(|_| vec![0], |set: CpuSet| set.numbers().collect())
}

/// Root counts as root only if it can mount, and only in the initial user namespace. In an ordinary container, or in
/// a user namespace (whose map never covers all ids), it is treated as an ordinary user.
pub fn identity() -> Identity {
    let can_mount = || calls::permitted_capabilities().is_ok_and(|set| set & SYS_ADMIN != 0);
    let map = || fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    match geteuid().is_root() && can_mount() && map().split_whitespace().eq(["0", "0", "4294967295"]) {
        true => Identity::Root,
        false => Identity::User { uid: geteuid().as_raw(), gid: getegid().as_raw() },
    }
}

/// Reads the switches that distributions use to forbid user namespaces.
fn user_namespaces() -> Availability {
    let switches = ["/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/unprivileged_userns_clone"];
    let off = switches.into_iter().find(|path| fs::read_to_string(path).is_ok_and(|text| text.trim() == "0"));
    match off {
        Some(path) if !geteuid().is_root() || path.ends_with("max_user_namespaces") => {
            let cause = Message::new("cause-switch-off", [("path", path.into())]);
            Availability::Unavailable { cause, fix: Message::new("fix-user-namespaces", []) }
        }
        _ => Availability::Available,
    }
}

/// Creates a process in a user namespace and mounts something there, to see whether that is really allowed.
pub fn try_user_namespace() -> Availability {
    let cause = match user_namespace::can_mount() {
        Ok(true) => return Availability::Available,
        Ok(false) => Message::new("cause-mount-denied", []),
        Err(errno) => Message::new("cause-user-namespace", [("errno", Message::errno(&format!("{errno:?}")).into())]),
    };
    Availability::Unavailable { cause, fix: Message::new("fix-user-namespaces", []) }
}

/// Whether the running kernel is of this version or newer.
pub(crate) fn kernel_at_least(major: u32, minor: u32) -> bool {
    let Ok(name) = uname() else { return false };
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release.split(|sign: char| !sign.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}

/// Whether a file system supports `user.*` attributes. Without them, an ordinary user's overlay cannot record that a
/// directory of a layer was removed. NFS often does not support them.
pub(crate) fn keeps_user_attributes(directory: &Path) -> bool {
    attributes_are_known(xattr::get(directory, "user.overlay.opaque"))
}

/// Whether the size of a container's writable layer can be limited here. A limited layer is in a tmpfs, which must be
/// usable as the upper directory of an overlay.
pub fn can_limit_layers(host: &Host) -> bool {
    match host.overlay {
        Overlay::None => false,
        Overlay::UserXattr => memory_keeps_user_attributes(),
        Overlay::Trusted => true,
    }
}

/// Whether tmpfs supports `user.*` attributes, which it does since Linux 6.6. A file of memfd_create(2) is in a
/// tmpfs.
fn memory_keeps_user_attributes() -> bool {
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

/// Finds out whether and where the engine may create cgroups.
pub fn cgroups(identity: Identity) -> Cgroups {
    let (mut layout, mut parent, mut place) = (layout(), String::new(), Path::new("/sys/fs/cgroup").to_owned());
    let mut files: &[&str] = &["."];
    match (&mut layout, identity) {
        (CgroupLayout::V1 { .. }, _) => place.push("memory"),
        (CgroupLayout::V2 { controllers }, Identity::User { .. }) => {
            parent = delegated_group(&fs::read_to_string("/proc/self/cgroup").unwrap_or_default()).to_owned();
            place.push(&parent);
            *controllers = words(&place.join("cgroup.controllers"));
            files = &["cgroup.procs", "cgroup.subtree_control", "."];
        }
        _ => {}
    }
    let denied = files.iter().find_map(|file| access(&place.join(file), AccessFlags::W_OK).err());
    let probe = CgroupProbe {
        denied: denied.map(|errno| format!("{errno:?}")),
        read_only: denied == Some(Errno::EROFS),
        has_processes: has_processes(&place),
        numbers: ["pid_max", "threads-max"].iter().filter_map(|name| number(name)).min(),
        systemd: Path::new("/run/systemd/system").exists(),
        place: place.display().to_string(),
    };
    assess(layout, parent, identity, &probe)
}

/// A number from `/proc/sys/kernel`.
fn number(name: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().parse().ok()
}

fn words(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Whether a cgroup of version 2 has processes of its own. Then the groups below it cannot have limits: the "no
/// internal processes" rule of cgroups(7). The root cgroup of the machine, the only one without `cgroup.type`, is
/// exempt; the root of a cgroup namespace is not.
fn has_processes(group: &Path) -> bool {
    let processes = || fs::read(group.join("cgroup.procs")).is_ok_and(|text| !text.is_empty());
    group.join("cgroup.type").exists() && processes()
}

/// Reads the layout. Version 2 lists its controllers at its root; version 1 lists its hierarchies in
/// `/proc/self/cgroup`, see cgroups(7). Hierarchies that are not mounted in the usual place are ignored.
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
