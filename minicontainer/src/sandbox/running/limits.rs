//! The limits of a container that runs: which are in force, and those of time, which nobody but the engine watches.
//!
//! The kernel holds the bounds on memory, processes and files by itself. It has none on wall-clock time, and its
//! bound on processor time, RLIMIT_CPU, is for each process alone, see getrlimit(2). So whoever waits for a container
//! asks at each turn whether a limit is over, and sleeps no longer than until the earliest moment at which one can
//! be.

use std::time::{Duration, Instant};

use minicontainer_core::Verdict;
use minicontainer_core::plan::{Plan, Step};
use minicontainer_core::report::EnforcedLimits;

use super::Running;
use crate::sys::wait;

/// The limits of time, at one moment.
#[derive(Clone, Copy)]
pub(super) enum Watch {
    /// This one is exceeded.
    Over(Verdict),
    /// None can be before then.
    Until(Option<Instant>),
}

impl Running {
    /// Which limit of time is over by now; else the earliest moment at which one can be.
    pub(super) fn watch(&self) -> Watch {
        let now = Instant::now();
        let end = self.limits.wall_time.map(|limit| self.started.at + limit);
        if end.is_some_and(|end| end <= now) {
            return Watch::Over(Verdict::TimeLimit);
        }
        let Some(limit) = self.limits.cpu_time else { return Watch::Until(end) };
        let Some(left) = limit.checked_sub(self.cpu_time()) else { return Watch::Over(Verdict::CpuTimeLimit) };
        // Time on all processors at once passes so many times as fast. A last bit is not chased after.
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
        let next = now + (left / processors).max(Duration::from_millis(5));
        Watch::Until(Some(end.map_or(next, |end| end.min(next))))
    }

    /// The processor time used so far, as the report will count it.
    pub(super) fn cpu_time(&self) -> Duration {
        let counted = self.holdings.group.as_ref().and_then(|group| group.usage().cpu_time);
        counted.unwrap_or_else(|| wait::cpu_time_of(self.started.program))
    }
}

/// The limits that the plan set, beside those that the engine watches over.
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
