//! The hierarchies of version 1.

use std::fs;
use std::path::{Path, PathBuf};

use cgroups_rs::cpu::CpuController;
use cgroups_rs::cpuacct::CpuAcctController;
use cgroups_rs::cpuset::CpuSetController;
use cgroups_rs::devices::DevicesController;
use cgroups_rs::memory::MemController;
use cgroups_rs::pid::PidController;
use cgroups_rs::{Cgroup as Backend, Hierarchy, Subsystem};
use minicontainer_core::plan::delegation::COMMON_GROUP;

use super::ROOT;

/// The hierarchies that a container needs, each in its usual place. `cgroups-rs` would search the mount table for all
/// hierarchies, which takes as long as creating the groups.
#[derive(Clone, Debug)]
pub(super) struct Version1 {
    pub controllers: Vec<String>,
    /// Whether processes are counted together with those of other containers.
    pub together: bool,
}

impl Hierarchy for Version1 {
    fn subsystems(&self) -> Vec<Subsystem> {
        let subsystem = |name: &String| {
            let mut root = place(name)?;
            if self.together && name == "pids" {
                root.push(COMMON_GROUP);
            }
            match name.as_str() {
                "cpu" => Some(Subsystem::Cpu(CpuController::new(root, false))),
                "cpuacct" => Some(Subsystem::CpuAcct(CpuAcctController::new(root))),
                "cpuset" => Some(Subsystem::CpuSet(CpuSetController::new(root, false))),
                "devices" => Some(Subsystem::Devices(DevicesController::new(root))),
                "memory" => Some(Subsystem::Mem(MemController::new(root, false))),
                "pids" => Some(Subsystem::Pid(PidController::new(root, false))),
                _ => None,
            }
        };
        self.controllers.iter().rev().filter_map(subsystem).collect()
    }

    fn root(&self) -> PathBuf {
        PathBuf::from(ROOT)
    }

    fn root_control_group(&self) -> Backend {
        Backend::load(Box::new(self.clone()), "")
    }

    fn parent_control_group(&self, path: &str) -> Backend {
        let parent = Path::new(path).parent().unwrap_or(Path::new(""));
        Backend::load(Box::new(self.clone()), parent)
    }

    fn v2(&self) -> bool {
        false
    }
}

/// Where the hierarchy of this controller is mounted, alone or with others (`cpu,cpuacct`).
pub(super) fn place(controller: &str) -> Option<PathBuf> {
    let alone = Path::new(ROOT).join(controller);
    if alone.exists() {
        return Some(alone);
    }
    let mut mounted = fs::read_dir(ROOT).into_iter().flatten().flatten();
    let found = mounted.find(|entry| entry.file_name().to_string_lossy().split(',').any(|name| name == controller));
    found.map(|entry| entry.path())
}
