//! The default capabilities, paths and limits of each profile, as data.

use crate::plan::Host;

/// The capabilities of root inside a container, out of Linux's 41, see capabilities(7). They are Docker's set without
/// `CAP_MKNOD` (it can create a node of the host's disk), `CAP_NET_RAW` (forged packets can impersonate another host
/// on the network, and ping(8) works without it) and `CAP_AUDIT_WRITE` (the audit log is the host's).
pub const DEFAULT_CAPABILITIES: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_SETFCAP",
];

/// The capabilities that Docker grants in addition (`--compat=docker`).
pub const DOCKER_CAPABILITIES: [&str; 3] = ["CAP_MKNOD", "CAP_NET_RAW", "CAP_AUDIT_WRITE"];

/// The capabilities of untrusted programs: enough to install files and to change to another user.
pub const UNTRUSTED_CAPABILITIES: [&str; 7] =
    ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"];

/// Files and directories of the kernel that reveal information about the whole machine. They are masked: Docker's
/// list, Podman's `/sys/dev/block`, and `kallsyms`, `kpage*`, `config.gz` and `dynamic_debug`, which neither masks.
/// Docker's list has more paths on some machines, see [`masked_on`].
pub const MASKED_PATHS: [&str; 19] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/config.gz",
    "/proc/dynamic_debug",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// The paths that are masked in addition to [`MASKED_PATHS`] on this machine: the counters of thermal throttling of
/// each processor.
pub fn masked_on(host: &Host) -> impl Iterator<Item = String> + '_ {
    host.thermal_throttle.iter().map(|number| format!("/sys/devices/system/cpu/cpu{number}/thermal_throttle"))
}

/// Paths through which root could change the whole machine. They are visible, but read-only.
pub const READONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The masked paths that Docker leaves readable.
pub const OPEN_IN_DOCKER: [&str; 7] = [
    "/proc/config.gz",
    "/proc/dynamic_debug",
    "/proc/kallsyms",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/sys/dev/block",
];

/// The default limits of an untrusted program: 512 MiB of memory, one processor, 128 processes, 1,024 open files.
pub const UNTRUSTED_MEMORY: u64 = 512 * 1024 * 1024;
/// See [`UNTRUSTED_MEMORY`]; in billionths of a processor.
pub const UNTRUSTED_NANO_CPUS: u64 = 1_000_000_000;
/// See [`UNTRUSTED_MEMORY`].
pub const UNTRUSTED_PIDS: u64 = 128;
/// See [`UNTRUSTED_MEMORY`].
pub const UNTRUSTED_FILES: u64 = 1024;

/// How many processes a container may have by default: enough for a build, too few for a harmful fork bomb.
pub const DEFAULT_PIDS: i64 = 512;
