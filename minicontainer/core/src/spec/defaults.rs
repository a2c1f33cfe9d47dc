//! Docker's defaults, as data.

/// The capabilities that root has inside a container, of the 41 that Linux knows, see capabilities(7): Docker's set
/// without `CAP_MKNOD`. Who may make device nodes may make one of the host's disk; Docker keeps such a node from being
/// opened by rules for devices, which this engine does not have yet.
pub const DEFAULT_CAPABILITIES: [&str; 13] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SYS_CHROOT",
    "CAP_AUDIT_WRITE",
    "CAP_SETFCAP",
];

/// Files and directories of the kernel's that tell of the whole machine: hidden. Docker's list, and `kallsyms`,
/// `kpage*` and `config.gz`, which Docker leaves readable.
pub const MASKED_PATHS: [&str; 17] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/config.gz",
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
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// Paths through which root could steer the whole machine: visible, but read-only.
pub const READONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// How many processes a container may have when nothing else was asked for: enough for a build, too few for a fork
/// bomb to hurt.
pub const DEFAULT_PIDS: i64 = 512;
