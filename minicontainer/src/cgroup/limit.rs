//! The limits of a cgroup, one for each step of a plan that sets one.

use std::fs;

use cgroups_rs::MaxValue;
use cgroups_rs::cpu::CpuController;
use cgroups_rs::cpuset::CpuSetController;
use cgroups_rs::memory::MemController;
use cgroups_rs::pid::PidController;
use minicontainer_core::plan::delegation::COMMON_GROUP;
use minicontainer_core::plan::{Step, SwapLimit};

use super::{Cgroup, CgroupError, devices};

/// The result type of `cgroups-rs`.
type Outcome = Result<(), cgroups_rs::error::Error>;

impl Cgroup {
    /// Sets the limit of the step. Does nothing for other steps.
    ///
    /// # Errors
    /// When the kernel refuses the limit, or the group lacks the controller for it.
    pub fn limit(&self, step: &Step) -> Result<(), CgroupError> {
        let missing = |limit| CgroupError::NoController { name: self.name.clone(), limit, above: self.above() };
        let (limit, value, result) = match step {
            Step::LimitMemory { bytes, swap } => {
                let memory: &MemController = self.backend.controller_of().ok_or_else(|| missing("memory"))?;
                ("memory", bytes.to_string(), self.limit_memory(memory, *bytes, *swap)?)
            }
            Step::LimitCpu { quota, period } => {
                let cpu: &CpuController = self.backend.controller_of().ok_or_else(|| missing("cpu"))?;
                let result = cpu.set_cfs_quota_and_period(Some(signed(*quota)), Some(*period));
                ("cpu", format!("{quota} of {period} microseconds"), result)
            }
            Step::LimitPids { max } => {
                let pids: &PidController = self.backend.controller_of().ok_or_else(|| missing("pids"))?;
                ("pids", max.to_string(), pids.set_pid_max(MaxValue::Value(signed(*max))))
            }
            Step::LimitCpuset { cpus } => {
                let cpuset: &CpuSetController = self.backend.controller_of().ok_or_else(|| missing("cpuset"))?;
                ("cpuset", cpus.clone(), cpuset.set_cpus(cpus))
            }
            Step::LimitDevices { rules } => return devices::limit(self, rules),
            Step::LimitTogether { pids } => return self.limit_together(*pids),
            _ => return Ok(()),
        };
        if let Err(source) = result {
            let handed_on = |text: String| text.split_whitespace().any(|name| name == limit);
            if self.backend.v2() && !self.read("cgroup.controllers").is_some_and(handed_on) {
                return Err(missing(limit));
            }
            return Err(CgroupError::Limit { name: self.name.clone(), limit, value, source: Box::new(source) });
        }
        // Version 2 accepts any CPUs. If the group above does not have them, the group gets all CPUs of the group
        // above.
        match (limit, self.read("cpuset.cpus.effective")) {
            ("cpuset", Some(given)) if given.trim() != value => Err(CgroupError::Processors {
                name: self.name.clone(),
                wanted: value,
                given: given.trim().to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Sets the memory and swap limits. Without a swap limit, memory beyond the memory limit would be swapped out
    /// instead of being refused. Version 1 limits the sum of both. A kernel that does not count swap has neither
    /// file, and no such limit.
    fn limit_memory(&self, memory: &MemController, bytes: u64, swap: SwapLimit) -> Result<Outcome, CgroupError> {
        let v2 = self.backend.v2();
        let file = if v2 { "memory.swap.max" } else { "memory.memsw.limit_in_bytes" };
        let most = match swap {
            SwapLimit::None => 0,
            SwapLimit::AtMost(most) => most,
            SwapLimit::Unlimited => return Ok(memory.set_limit(signed(bytes))),
        };
        match (self.read(file), swap) {
            (Some(_), _) => {
                let most = if v2 { most } else { bytes.saturating_add(most) };
                Ok(memory.set_limit(signed(bytes)).and_then(|()| memory.set_memswap_limit(signed(most))))
            }
            (None, SwapLimit::AtMost(_)) => Err(CgroupError::SwapNotCounted { name: self.name.clone() }),
            (None, _) => Ok(memory.set_limit(signed(bytes))),
        }
    }

    /// Limits the number of processes of this group and its siblings together, unless a lower limit is set already.
    fn limit_together(&self, pids: u64) -> Result<(), CgroupError> {
        let above =
            self.directories.iter().filter_map(|path| path.parent()).find(|path| path.ends_with(COMMON_GROUP));
        let Some(path) = above.map(|group| group.join("pids.max")) else { return Ok(()) };
        let bound = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<u64>().ok());
        match bound.is_some_and(|bound| bound <= pids) {
            true => Ok(()),
            false => fs::write(&path, pids.to_string()).map_err(|source| CgroupError::Open { path, source }),
        }
    }
}

/// Larger values are not accepted by these files, and no machine has so much.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
