//! Control groups: how the kernel holds a whole container, not just one process, to its limits.
//!
//! A *control group* (cgroup) is a directory in a special file system; processes are put into it, and *controllers*
//! (memory, cpu, pids …) limit and count what its members use together, see cgroups(7). There are two versions.
//! Version 1 has a *hierarchy* of directories for each set of controllers, so that a container has several directories;
//! version 2 has one hierarchy for all. Many machines mount both ("hybrid").
//!
//! The crate `cgroups-rs` makes, limits and deletes groups of both versions; this module is the only one that knows it.
//! Two things are done otherwise. The container's process *joins by itself*: on version 1 it writes `0` ("me") into
//! the `tasks` files, on version 2 it is created inside (`CLONE_INTO_CGROUP`), which is a hundred times
//! faster than moving a process from outside. And what was used is read from the few files that tell it.

mod devices;
mod end;
mod error;
mod usage;
mod version1;

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use cgroups_rs::cpu::CpuController;
use cgroups_rs::cpuset::CpuSetController;
use cgroups_rs::memory::MemController;
use cgroups_rs::pid::PidController;
use cgroups_rs::{Cgroup, Hierarchy, MaxValue, hierarchies};
use minicontainer_core::plan::delegation::COMMON_GROUP;
use minicontainer_core::plan::{Plan, Step, SwapLimit};

use crate::sys::clone::CgroupEntrance;
use version1::Version1;

pub use error::CgroupError;

/// The control group of one container. Dropping it deletes it.
#[derive(Debug)]
pub(crate) struct Group {
    cgroup: Cgroup,
    name: String,
    /// Version 2: the directory, in which the container's process is created.
    files: Vec<File>,
    /// The directory of each controller; on version 2 all are the same.
    directories: Vec<PathBuf>,
    /// The groups above that had to be made for it, deepest first.
    above: Vec<PathBuf>,
}

/// How `cgroups-rs` tells of what it did.
type Outcome = Result<(), cgroups_rs::error::Error>;

/// How often a group is made: the last container that ends takes the common group away, perhaps from under another.
const ATTEMPTS: usize = 8;

/// Where the hierarchies are mounted, see cgroups(7).
const ROOT: &str = "/sys/fs/cgroup";

impl Group {
    /// Makes and limits the group that the plan's steps ask for; `None` if they ask for none.
    pub(crate) fn from_plan(plan: &Plan) -> Result<Option<Group>, CgroupError> {
        let mut group = None;
        for step in &plan.steps {
            match (step, &group) {
                (Step::CreateCgroup { name, controllers }, None) => {
                    let together = plan.steps.iter().any(|step| matches!(step, Step::LimitTogether { .. }));
                    group = Some(Group::create(name, controllers, together)?);
                }
                (step, Some(group)) => group.limit(step)?,
                _ => {}
            }
        }
        Ok(group)
    }

    fn create(name: &str, controllers: &[String], together: bool) -> Result<Group, CgroupError> {
        let unified = Path::new(ROOT).join("cgroup.controllers").exists();
        let hierarchy: Box<dyn Hierarchy> = match unified {
            true => Box::new(hierarchies::V2::new()),
            false => Box::new(Version1 { controllers: controllers.to_vec(), together }),
        };
        // `cpuacct` is a part of `cpu` in version 2.
        let wanted = controllers.iter().filter(|name| !unified || *name != "cpuacct").cloned().collect();
        let cgroup = Cgroup::load_with_specified_controllers(hierarchy, name, wanted);
        let directories: Vec<PathBuf> = match unified {
            true => vec![Path::new(ROOT).join(name)],
            false => cgroup.subsystems().iter().map(|part| part.to_controller().path().to_owned()).collect(),
        };
        directories.iter().try_for_each(|directory| end::vacate(directory))?;
        let missing = |path: &PathBuf| -> Vec<PathBuf> {
            let own = |above: &&Path| !above.exists() || together && above.ends_with(COMMON_GROUP);
            path.ancestors().skip(1).take_while(own).map(Path::to_owned).collect()
        };
        let above = directories.iter().flat_map(missing).collect();
        // From here on, whatever fails, what was made is removed.
        let mut group = Group { cgroup, name: name.to_owned(), files: Vec::new(), directories, above };
        let mut made = group.make();
        for _ in 1..ATTEMPTS {
            if made.is_err() {
                made = group.make();
            }
        }
        made.map(|()| group)
    }

    /// Makes the directories, and opens that in which a process can be created.
    fn make(&mut self) -> Result<(), CgroupError> {
        if !self.cgroup.v2() {
            // `cgroups-rs` only logs why a directory of version 1 could not be made, so it is made here. The crate then
            // initialises it (a cpuset starts with the processors of its parent).
            self.directories.iter().try_for_each(|path| {
                fs::create_dir_all(path).map_err(|source| CgroupError::MakeDirectory { path: path.clone(), source })
            })?;
        }
        self.cgroup.create().map_err(|source| CgroupError::Create { name: self.name.clone(), source })?;
        let open = |path: &PathBuf| File::open(path).map_err(|source| CgroupError::Open { path: path.clone(), source });
        let is_v2 = |_: &&PathBuf| self.cgroup.v2();
        self.files = self.directories.iter().filter(is_v2).map(open).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Sets the limit that the step asks for; any other step is none of the group's.
    fn limit(&self, step: &Step) -> Result<(), CgroupError> {
        let missing = |limit| CgroupError::NoController { name: self.name.clone(), limit, above: self.above() };
        let (limit, value, result) = match step {
            Step::LimitMemory { bytes, swap } => {
                let memory: &MemController = self.cgroup.controller_of().ok_or_else(|| missing("memory"))?;
                ("memory", bytes.to_string(), self.limit_memory(memory, *bytes, *swap)?)
            }
            Step::LimitCpu { quota, period } => {
                let cpu: &CpuController = self.cgroup.controller_of().ok_or_else(|| missing("cpu"))?;
                let result = cpu.set_cfs_quota_and_period(Some(signed(*quota)), Some(*period));
                ("cpu", format!("{quota} of {period} microseconds"), result)
            }
            Step::LimitPids { max } => {
                let pids: &PidController = self.cgroup.controller_of().ok_or_else(|| missing("pids"))?;
                ("pids", max.to_string(), pids.set_pid_max(MaxValue::Value(signed(*max))))
            }
            Step::LimitCpuset { cpus } => {
                let cpuset: &CpuSetController = self.cgroup.controller_of().ok_or_else(|| missing("cpuset"))?;
                ("cpuset", cpus.clone(), cpuset.set_cpus(cpus))
            }
            Step::LimitDevices { rules } => return devices::limit(self, rules),
            Step::LimitTogether { pids } => return self.limit_together(*pids),
            _ => return Ok(()),
        };
        if let Err(source) = result {
            let handed_on = |text: String| text.split_whitespace().any(|name| name == limit);
            if self.cgroup.v2() && !self.read("cgroup.controllers").is_some_and(handed_on) {
                return Err(missing(limit));
            }
            return Err(CgroupError::Limit { name: self.name.clone(), limit, value, source: Box::new(source) });
        }
        // Version 2 takes any processors, and where it cannot give them it gives all that the group above has.
        match (limit, self.read("cpuset.cpus.effective")) {
            ("cpuset", Some(given)) if given.trim() != value => {
                Err(CgroupError::Processors { name: self.name.clone(), wanted: value, given: given.trim().to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Without a limit on swap space, what exceeds the memory would go there instead of being refused. Version 1 limits
    /// the sum of both. A kernel that does not count swap has neither file, and no such limit.
    fn limit_memory(&self, memory: &MemController, bytes: u64, swap: SwapLimit) -> Result<Outcome, CgroupError> {
        let v2 = self.cgroup.v2();
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

    /// Bounds the processes of the groups beside this one and of this together, unless somebody has set a lower bound.
    fn limit_together(&self, pids: u64) -> Result<(), CgroupError> {
        let above = self.directories.iter().filter_map(|path| path.parent()).find(|path| path.ends_with(COMMON_GROUP));
        let Some(path) = above.map(|group| group.join("pids.max")) else { return Ok(()) };
        let bound = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<u64>().ok());
        match bound.is_some_and(|bound| bound <= pids) {
            true => Ok(()),
            false => fs::write(&path, pids.to_string()).map_err(|source| CgroupError::Open { path, source }),
        }
    }

    /// On version 2, the group that hands controllers on to this one.
    fn above(&self) -> Option<PathBuf> {
        self.directories.first().filter(|_| self.cgroup.v2()).and_then(|path| Some(path.parent()?.to_owned()))
    }

    /// Where a process enters the group.
    pub(crate) fn entrance(&self) -> CgroupEntrance {
        let v2 = self.cgroup.v2();
        let file = if v2 { "cgroup.procs" } else { "tasks" };
        let members: Vec<PathBuf> = self.directories.iter().map(|directory| directory.join(file)).collect();
        CgroupEntrance {
            tasks: if v2 { Vec::new() } else { members.clone() },
            directory: self.files.first().filter(|_| v2).map(AsRawFd::as_raw_fd),
            members,
        }
    }

    /// The content of the group's file of this name, in whichever of its directories it lies.
    fn read(&self, file: &str) -> Option<String> {
        self.directories.iter().find_map(|directory| fs::read_to_string(directory.join(file)).ok())
    }
}

/// The files take no more, and no machine has it.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
