//! The resource usage of a group.

use std::time::Duration;

use super::Cgroup;

/// The resource usage of all members of a group together. Numbers that the kernel does not provide are `None`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Usage {
    /// User and system time.
    pub cpu_time: Option<Duration>,
    /// The peak memory usage in bytes. Version 2 has it since Linux 5.19.
    pub peak_memory: Option<u64>,
    /// How many processes the OOM killer has killed.
    pub oom_kills: u64,
    /// The most processes and threads at the same time. Since Linux 6.1.
    pub peak_pids: Option<u64>,
    /// How often a process or thread could not be created because of the pids limit.
    pub pids_limit_hits: u64,
}

impl Cgroup {
    /// The usage so far.
    pub fn usage(&self) -> Usage {
        let number = |file: &str| self.read(file).and_then(|text| text.trim().parse::<u64>().ok());
        let field = |file: &str, key: &str| {
            let text = self.read(file)?;
            let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
            value.trim().parse::<u64>().ok()
        };
        // The pids controller has the same files in both versions.
        let (peak_pids, pids_limit_hits) = (number("pids.peak"), field("pids.events", "max").unwrap_or_default());
        if self.backend.v2() {
            return Usage {
                cpu_time: field("cpu.stat", "usage_usec").map(Duration::from_micros),
                peak_memory: number("memory.peak"),
                oom_kills: field("memory.events", "oom_kill").unwrap_or_default(),
                peak_pids,
                pids_limit_hits,
            };
        }
        Usage {
            cpu_time: number("cpuacct.usage").map(Duration::from_nanos),
            peak_memory: number("memory.max_usage_in_bytes"),
            oom_kills: field("memory.oom_control", "oom_kill").unwrap_or_default(),
            peak_pids,
            pids_limit_hits,
        }
    }
}
