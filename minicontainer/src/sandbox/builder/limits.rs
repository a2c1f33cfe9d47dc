//! How much the container may use. Every limit here is enforced, or the start fails.

use std::time::Duration;

use minicontainer_core::options::{ByteSize, CpuSet, Cpus, MemorySwap, PidsLimit, StorageLimit, Ulimit};

use crate::sandbox::Sandbox;

impl Sandbox {
    /// Leaves out those limits of the profile that this machine cannot enforce, such as memory if an ordinary user
    /// has no cgroup. The [`Report`](crate::Report) shows the limits in force. Without this call, a limit that
    /// cannot be enforced is an error. A limit requested explicitly is an error in any case.
    pub fn best_effort(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.best_effort = true)
    }

    /// The memory limit of all processes together, in bytes.
    pub fn memory(self, bytes: u64) -> Sandbox {
        self.parsed(bytes.to_string().parse::<ByteSize>(), |options, size| options.limits.memory = Some(size))
    }

    /// The limit on memory and swap space together, in bytes. It requires a limit on [`memory`](Sandbox::memory),
    /// which is a part of it. Default: no swap space.
    pub fn memory_swap(self, bytes: u64) -> Sandbox {
        let total = bytes.to_string().parse::<ByteSize>().map(MemorySwap::Total);
        self.parsed(total, |options, total| options.limits.memory_swap = Some(total))
    }

    /// The CPU limit: 0.5 is half of one CPU.
    pub fn cpus(self, cpus: f64) -> Sandbox {
        self.parsed(cpus.to_string().parse::<Cpus>(), |options, cpus| options.limits.cpus = Some(cpus))
    }

    /// The CPUs that it may run on, as a list of ranges such as `0-1,3`, see cpuset(7).
    pub fn cpuset(self, cpus: &str) -> Sandbox {
        self.parsed(cpus.parse::<CpuSet>(), |options, cpus| options.limits.cpuset = Some(cpus))
    }

    /// The maximum number of processes and threads at the same time. The [`init`](Sandbox::init) counts as one.
    pub fn pids(self, count: u64) -> Sandbox {
        self.with(|sandbox| sandbox.options.limits.pids = Some(PidsLimit::AtMost(count)))
    }

    /// The time limit of the program. When it is exceeded, everything in the container is killed.
    pub fn wall_time(self, limit: Duration) -> Sandbox {
        self.with(|sandbox| sandbox.settings.wall_time = Some(limit))
    }

    /// The limit on the CPU time of the whole container. When it is exceeded, everything in the container is killed.
    /// Without a cgroup (as for some ordinary users), only the first process and the children that it has
    /// waited for are counted.
    pub fn cpu_time(self, limit: Duration) -> Sandbox {
        self.with(|sandbox| sandbox.options.limits.cpu_time = Some(limit))
    }

    /// The limit in bytes on what it writes to stdout and stderr together, if these are copied or collected (see
    /// [`Stdio`](crate::Stdio)). When it is exceeded, everything in the container is killed.
    pub fn output_limit(self, bytes: u64) -> Sandbox {
        self.with(|sandbox| sandbox.settings.output_limit = Some(bytes))
    }

    /// The size limit of the writable layer, which is then kept in memory. Only for overlayfs, and for a container
    /// that is removed after the run.
    pub fn disk_limit(self, limit: StorageLimit) -> Sandbox {
        self.with(|sandbox| sandbox.options.storage = Some(limit))
    }

    /// A limit of each single process, see getrlimit(2). `resource` is its name in lower case without `RLIMIT_`, such
    /// as `nofile`. The program may raise `soft`, which is enforced, up to `hard`; `u64::MAX` is unlimited.
    pub fn ulimit(self, resource: &str, soft: u64, hard: u64) -> Sandbox {
        let number = |limit: u64| if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() };
        let text = format!("{resource}={}:{}", number(soft), number(hard));
        self.parsed(text.parse::<Ulimit>(), |options, limit| options.ulimits.push(limit))
    }

    /// The size of `/dev/shm` in bytes. Default: 64 MiB.
    pub fn shm_size(self, bytes: u64) -> Sandbox {
        self.parsed(bytes.to_string().parse::<ByteSize>(), |options, size| options.shm_size = Some(size))
    }
}
