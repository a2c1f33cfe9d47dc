//! What a group has used.

use std::time::Duration;

use super::Cgroup;

/// What the members of a group have used together. A number that the kernel does not keep is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time.
    pub cpu_time: Option<Duration>,
    /// The most memory that was in use at once, in bytes. Version 2 keeps it since Linux 5.19.
    pub peak_memory: Option<u64>,
    /// How many processes the kernel has killed for want of memory.
    pub oom_kills: u64,
}

impl Cgroup {
    /// What has been used so far.
    pub fn usage(&self) -> Usage {
        let number = |file: &str| self.read(file).and_then(|text| text.trim().parse::<u64>().ok());
        let field = |file: &str, key: &str| {
            let text = self.read(file)?;
            let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
            value.trim().parse::<u64>().ok()
        };
        if self.backend.v2() {
            return Usage {
                cpu_time: field("cpu.stat", "usage_usec").map(Duration::from_micros),
                peak_memory: number("memory.peak"),
                oom_kills: field("memory.events", "oom_kill").unwrap_or_default(),
            };
        }
        Usage {
            cpu_time: number("cpuacct.usage").map(Duration::from_nanos),
            peak_memory: number("memory.max_usage_in_bytes"),
            oom_kills: field("memory.oom_control", "oom_kill").unwrap_or_default(),
        }
    }
}
