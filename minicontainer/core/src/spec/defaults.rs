//! Docker's defaults, as data.

use crate::plan::Host;

/// The capabilities that root has inside a container, of the 41 that Linux knows, see capabilities(7): Docker's set
/// without `CAP_MKNOD` (who may make device nodes may make one of the host's disk), `CAP_NET_RAW` (whoever may forge
/// packets may pass for a neighbour; ping(8) works without it) and `CAP_AUDIT_WRITE` (the audit log is the
/// machine's).
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

/// What Docker gives beside those (`--compat=docker`).
pub const DOCKERS_CAPABILITIES: [&str; 3] = ["CAP_MKNOD", "CAP_NET_RAW", "CAP_AUDIT_WRITE"];

/// What is left of them for programs that nobody has read: enough to install files and to become another user.
pub const UNTRUSTED_CAPABILITIES: [&str; 7] =
    ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"];

/// Files and directories of the kernel that tell of the whole machine: hidden. Docker's list, Podman's
/// `/sys/dev/block`, and `kallsyms`, `kpage*`, `config.gz` and `dynamic_debug`, which both leave as they are.
/// Docker's list has further paths on some machines, see [`masked_on`].
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

/// What is hidden beside [`MASKED_PATHS`] on this machine: how often each processor was too hot.
pub fn masked_on(host: &Host) -> impl Iterator<Item = String> + '_ {
    host.thermal_throttle.iter().map(|number| format!("/sys/devices/system/cpu/cpu{number}/thermal_throttle"))
}

/// Paths through which root could steer the whole machine: visible, but read-only.
pub const READONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Those of the masked paths that Docker leaves readable.
pub const OPEN_IN_DOCKER: [&str; 7] = [
    "/proc/config.gz",
    "/proc/dynamic_debug",
    "/proc/kallsyms",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/sys/dev/block",
];

/// What a program that nobody has read may use when nothing else was asked for: 512 MiB of memory, one processor, 128
/// processes, 1,024 open files.
pub const UNTRUSTED_MEMORY: u64 = 512 * 1024 * 1024;
/// See [`UNTRUSTED_MEMORY`]; in billionths of a processor.
pub const UNTRUSTED_NANO_CPUS: u64 = 1_000_000_000;
/// See [`UNTRUSTED_MEMORY`].
pub const UNTRUSTED_PIDS: u64 = 128;
/// See [`UNTRUSTED_MEMORY`].
pub const UNTRUSTED_FILES: u64 = 1024;

/// How many processes a container may have when nothing else was asked for: enough for a build, too few for a fork
/// bomb to hurt.
pub const DEFAULT_PIDS: i64 = 512;
