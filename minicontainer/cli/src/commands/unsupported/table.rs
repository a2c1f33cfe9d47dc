//! The unsupported flags in the alphabetical order of Docker's reference, each with the reason and what to use
//! instead.

use super::{
    Flag,
    FlagValue::{self, AnyBoolean, Boolean, Value},
};

const DISK: &str = "limits on disk access are not supported";
const DISK_HINT: &str = "leave it out; --storage-opt size=64m limits the container's own files";
const HEALTH: &str = "health checks are not run yet";
const HEALTH_HINT: &str = "leave it out";
const NETWORK: &str = "containers have no addresses of their own yet";
const NETWORK_HINT: &str = "--network host gives the container the host's own network";
const PROCESSOR_HINT: &str = "use --cpus (for example, --cpus 0.5 for half a processor)";
const QUOTA_HINT: &str = "use --cpus, which is the quota divided by the period (for example, --cpus 0.5)";
const VOLUME: &str = "volumes are not supported yet";
const VOLUME_HINT: &str = "mount a directory of the host (for example, -v \"$(pwd)/data:/data\")";
const WINDOWS: &str = "only containers of Windows have this option";

/// All flags that are not supported.
pub(super) const FLAGS: &[Flag] = &[
    flag("annotation", Value(&[]), "annotations are not supported", "use a label: --label NAME=VALUE"),
    flag(
        "attach",
        Value(&[]),
        "stdout and stderr are always attached",
        "leave it out; -i connects stdin, and the shell can drop a stream (for example, 2>/dev/null)",
    )
    .short('a'),
    flag("blkio-weight", Value(&["0"]), DISK, DISK_HINT),
    flag("blkio-weight-device", Value(&[]), DISK, DISK_HINT),
    flag(
        "cgroup-parent",
        Value(&[""]),
        "the engine chooses the container's cgroup",
        "leave it out; --memory, --cpus and --pids-limit limit the container",
    ),
    flag("cpu-count", Value(&["0"]), WINDOWS, PROCESSOR_HINT),
    flag("cpu-percent", Value(&["0"]), WINDOWS, PROCESSOR_HINT),
    flag("cpu-period", Value(&["0"]), "the limit on processor time is a single number", QUOTA_HINT),
    flag("cpu-quota", Value(&["0"]), "the limit on processor time is a single number", QUOTA_HINT),
    flag("cpu-rt-period", Value(&["0"]), "real-time scheduling is not supported", PROCESSOR_HINT),
    flag("cpu-rt-runtime", Value(&["0"]), "real-time scheduling is not supported", PROCESSOR_HINT),
    flag("cpu-shares", Value(&["0"]), "relative weights are not supported", PROCESSOR_HINT).short('c'),
    flag(
        "cpuset-mems",
        Value(&[""]),
        "memory nodes cannot be chosen",
        "leave it out; --cpuset-cpus chooses the processors",
    ),
    flag(
        "detach",
        Boolean,
        "containers in the background are not supported yet",
        "leave -d out; a shell's `&` puts the whole command in the background",
    )
    .short('d'),
    flag("detach-keys", Value(&[""]), "a terminal cannot be detached yet", "leave it out"),
    flag(
        "device-cgroup-rule",
        Value(&[]),
        "rules for devices are not supported",
        "name each device: --device PATH (for example, --device /dev/fuse)",
    ),
    flag("device-read-bps", Value(&[]), DISK, DISK_HINT),
    flag("device-read-iops", Value(&[]), DISK, DISK_HINT),
    flag("device-write-bps", Value(&[]), DISK, DISK_HINT),
    flag("device-write-iops", Value(&[]), DISK, DISK_HINT),
    flag(
        "domainname",
        Value(&[""]),
        "the NIS domain name cannot be set",
        "use a host name with a domain (for example, --hostname web.example.com)",
    ),
    flag(
        "expose",
        Value(&[]),
        "published ports are not supported yet",
        "leave it out; a program can listen on any port of its own network",
    ),
    flag(
        "gpus",
        Value(&[""]),
        "requests for GPUs are not supported",
        "name the device: --device PATH (for example, --device /dev/dri/renderD128)",
    ),
    flag("health-cmd", Value(&[""]), HEALTH, HEALTH_HINT),
    flag("health-interval", Value(&["0", "0s"]), HEALTH, HEALTH_HINT),
    flag("health-retries", Value(&["0"]), HEALTH, HEALTH_HINT),
    flag("health-start-interval", Value(&["0", "0s"]), HEALTH, HEALTH_HINT),
    flag("health-start-period", Value(&["0", "0s"]), HEALTH, HEALTH_HINT),
    flag("health-timeout", Value(&["0", "0s"]), HEALTH, HEALTH_HINT),
    flag("io-maxbandwidth", Value(&["0"]), WINDOWS, DISK_HINT),
    flag("io-maxiops", Value(&["0"]), WINDOWS, DISK_HINT),
    flag("ip", Value(&[]), NETWORK, NETWORK_HINT),
    flag("ip6", Value(&[]), NETWORK, NETWORK_HINT),
    flag("isolation", Value(&["", "default"]), WINDOWS, "leave it out; --profile and --userns choose the isolation"),
    flag("kernel-memory", Value(&["0"]), "the kernel has no such limit any more", "use --memory, which includes it"),
    flag("link", Value(&[]), NETWORK, "--add-host NAME:ADDRESS adds a name to /etc/hosts"),
    flag("link-local-ip", Value(&[]), NETWORK, NETWORK_HINT),
    flag(
        "log-driver",
        Value(&["", "none"]),
        "the output is not kept in a log yet",
        "leave it out, and redirect the output to a file (for example, > output.txt)",
    ),
    flag(
        "log-opt",
        Value(&[]),
        "the output is not kept in a log yet",
        "leave it out; --output-limit SIZE limits the output",
    ),
    flag("mac-address", Value(&[""]), NETWORK, NETWORK_HINT),
    flag("memory-reservation", Value(&["0"]), "soft limits on memory are not supported", "use --memory"),
    flag(
        "memory-swappiness",
        Value(&["-1"]),
        "the preference for swap space cannot be changed",
        "use --memory-swap, which limits swap space",
    ),
    flag("network-alias", Value(&[]), NETWORK, "--add-host NAME:ADDRESS adds a name to /etc/hosts"),
    flag("net-alias", Value(&[]), NETWORK, "--add-host NAME:ADDRESS adds a name to /etc/hosts"),
    flag("no-healthcheck", AnyBoolean, HEALTH, HEALTH_HINT),
    flag(
        "oom-kill-disable",
        Boolean,
        "processes above the memory limit are always killed",
        "leave it out, or raise --memory",
    ),
    flag(
        "oom-score-adj",
        Value(&["0"]),
        "the kernel's choice of processes to kill cannot be changed",
        "use --memory, so that only the container's own processes are killed",
    ),
    flag("publish", Value(&[]), "published ports are not supported yet", NETWORK_HINT).short('p'),
    flag("publish-all", Boolean, "published ports are not supported yet", NETWORK_HINT).short('P'),
    flag(
        "restart",
        Value(&["", "no"]),
        "containers are not restarted yet",
        "use a loop of the shell (for example, until minicontainer run --rm IMAGE; do sleep 1; done)",
    ),
    flag(
        "runtime",
        Value(&[""]),
        "the engine runs containers itself",
        "`minicontainer spec` writes a bundle for runc, crun and other runtimes",
    ),
    flag(
        "stop-signal",
        Value(&[""]),
        "there is no command `stop` yet",
        "leave it out; a signal sent to this command is forwarded to the program",
    ),
    flag(
        "stop-timeout",
        Value(&["0"]),
        "there is no command `stop` yet",
        "--timeout TIME kills the container after that time",
    ),
    flag("use-api-socket", Boolean, "there is no API socket yet", "leave it out"),
    flag("volume-driver", Value(&[""]), VOLUME, VOLUME_HINT),
    flag("volumes-from", Value(&[]), VOLUME, VOLUME_HINT),
];

const fn flag(name: &'static str, takes: FlagValue, reason: &'static str, hint: &'static str) -> Flag {
    Flag { name, short: None, takes, reason, hint }
}

impl Flag {
    const fn short(mut self, short: char) -> Flag {
        self.short = Some(short);
        self
    }
}
