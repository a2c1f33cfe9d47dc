//! The limits of a running container: which are in force, and the time limits, which the engine itself enforces.
//!
//! The kernel enforces the limits on memory, processes and files. It has no limit on wall-clock time, and its limit
//! on CPU time, RLIMIT_CPU, applies to each process separately, see getrlimit(2). So the loop that waits for a
//! container checks in each iteration whether a limit is exceeded. It sleeps at most until the earliest time at which
//! one can be exceeded.

use std::time::{Duration, Instant};

use minicontainer_core::Verdict;
use minicontainer_core::plan::{Plan, Step};
use minicontainer_core::report::EnforcedLimits;

use super::Running;
use crate::sys::wait;

/// The state of the time limits.
#[derive(Clone, Copy)]
pub(super) enum Watch {
    /// This limit is exceeded.
    Exceeded(Verdict),
    /// No limit can be exceeded before this time.
    Until(Option<Instant>),
}

impl Running {
    /// The time limit that is exceeded now; otherwise the earliest time at which one can be exceeded.
    pub(super) fn watch(&self) -> Watch {
        let now = Instant::now();
        let end = self.limits.wall_time.map(|limit| self.started.at + limit);
        if end.is_some_and(|end| end <= now) {
            return Watch::Exceeded(Verdict::TimeLimit);
        }
        let Some(limit) = self.limits.cpu_time else { return Watch::Until(end) };
        let Some(left) = limit.checked_sub(self.cpu_time()) else { return Watch::Exceeded(Verdict::CpuTimeLimit) };
        // With n CPUs, the container can use CPU time n times as fast as wall time. The minimum of 5 ms avoids a busy
        // loop just before the limit.
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
        let next = now + (left / processors).max(Duration::from_millis(5));
        Watch::Until(Some(end.map_or(next, |end| end.min(next))))
    }

    /// The CPU time used so far, counted as in the report.
    pub(super) fn cpu_time(&self) -> Duration {
        let counted = self.holdings.group.as_ref().and_then(|group| group.usage().cpu_time);
        counted.unwrap_or_else(|| wait::cpu_time_of(self.started.program))
    }
}

/// Adds the limits set by the plan to those that the engine enforces itself.
pub(super) fn enforced(plan: &Plan, mut limits: EnforcedLimits) -> EnforcedLimits {
    for step in &plan.steps {
        match step {
            Step::LimitMemory { bytes, .. } => limits.memory = Some(*bytes),
            Step::LimitCpu { quota, period } => limits.millicpus = Some(quota * 1000 / period),
            Step::LimitPids { max } => limits.pids = Some(*max),
            Step::LimitWritableLayer { bytes, inodes, .. } => {
                (limits.disk, limits.inodes) = (Some(*bytes), Some(*inodes));
            }
            _ => {}
        }
    }
    limits
}
