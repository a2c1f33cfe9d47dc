//! Control groups: how the kernel holds a whole container, not just one process, to its limits.
//!
//! A *control group* (cgroup) is a directory in a special file system; processes are put into it, and *controllers*
//! (memory, cpu, pids …) limit and count what its members use together, see cgroups(7). There are two versions.
//! Version 1 has a *hierarchy* of directories for each set of controllers, so that a container has several directories;
//! version 2 has one hierarchy for all. Many machines mount both ("hybrid").
//!
//! The crate `cgroups-rs` makes, limits and deletes groups of both versions; this module is the only one that knows it.
//! Two things are done otherwise. The container's process *joins by itself*: on version 1 it writes `0` ("me") into
//! `tasks` files that the parent opened, on version 2 it is born inside (`CLONE_INTO_CGROUP`), which is a hundred times
//! faster than moving a process from outside. And what was used is read from the few files that tell it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cgroups_rs::fs::cpu::CpuController;
use cgroups_rs::fs::cpuacct::CpuAcctController;
use cgroups_rs::fs::memory::MemController;
use cgroups_rs::fs::pid::PidController;
use cgroups_rs::fs::{Cgroup, Hierarchy, MaxValue, Subsystem, hierarchies};
use minicontainer_core::plan::{Plan, Step};

/// A control group could not be made or limited.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// No group could be made.
    #[error("cannot make the cgroup {name}: {source}")]
    Create {
        /// Its name.
        name: String,
        /// The reason.
        source: cgroups_rs::fs::error::Error,
    },
    /// A limit could not be set.
    #[error("cannot set the {limit} limit of the cgroup {name} to {value}: {source}")]
    Limit {
        /// The group's name.
        name: String,
        /// "memory", "cpu" or "pids".
        limit: &'static str,
        /// What it should have been.
        value: String,
        /// The reason.
        source: Box<cgroups_rs::fs::error::Error>,
    },
    /// The group lacks a controller that was asked for.
    #[error("the cgroup {name} has no {limit} controller")]
    NoController {
        /// The group's name.
        name: String,
        /// The controller.
        limit: &'static str,
    },
    /// A file of the group could not be opened.
    #[error("cannot open {}: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// The control group of one container. Dropping it deletes it.
#[derive(Debug)]
pub(crate) struct Group {
    cgroup: Cgroup,
    name: String,
    /// Version 1: the `tasks` file of each hierarchy. Version 2: the directory.
    files: Vec<File>,
    /// The directory of each controller; on version 2 all are the same.
    directories: Vec<PathBuf>,
}

/// Where the hierarchies are mounted, see cgroups(7).
const ROOT: &str = "/sys/fs/cgroup";

/// The hierarchies of version 1 that a container needs, each in its usual place. That of `cgroups-rs` looks for all
/// there are in the table of mounts, which takes as long as making the groups.
#[derive(Debug)]
struct Version1 {
    controllers: Vec<String>,
}

impl Hierarchy for Version1 {
    fn subsystems(&self) -> Vec<Subsystem> {
        let subsystem = |name: &String| {
            let (point, root) = (place(name)?, PathBuf::from("/"));
            match name.as_str() {
                "cpu" => Some(Subsystem::Cpu(CpuController::new(point, root, false))),
                "cpuacct" => Some(Subsystem::CpuAcct(CpuAcctController::new(point, root))),
                "memory" => Some(Subsystem::Mem(MemController::new(point, root, false))),
                "pids" => Some(Subsystem::Pid(PidController::new(point, root, false))),
                _ => None,
            }
        };
        self.controllers.iter().rev().filter_map(subsystem).collect()
    }

    fn root(&self) -> PathBuf {
        PathBuf::from(ROOT)
    }

    fn root_control_group(&self) -> Cgroup {
        Cgroup::load(Box::new(Version1 { controllers: self.controllers.clone() }), "")
    }

    fn parent_control_group(&self, path: &str) -> Cgroup {
        let parent = Path::new(path).parent().unwrap_or(Path::new(""));
        Cgroup::load(Box::new(Version1 { controllers: self.controllers.clone() }), parent)
    }

    fn v2(&self) -> bool {
        false
    }
}

/// Where the hierarchy of this controller is mounted, alone or with others (`cpu,cpuacct`).
fn place(controller: &str) -> Option<PathBuf> {
    let alone = Path::new(ROOT).join(controller);
    if alone.exists() {
        return Some(alone);
    }
    let mut mounted = fs::read_dir(ROOT).into_iter().flatten().flatten();
    let found = mounted.find(|entry| entry.file_name().to_string_lossy().split(',').any(|name| name == controller));
    found.map(|entry| entry.path())
}

/// What the members of a group have used together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub cpu_time: Option<Duration>,
    pub peak_memory: Option<u64>,
    pub oom_kills: u64,
}

impl Group {
    /// Makes and limits the group that the plan's steps ask for; `None` if they ask for none.
    pub(crate) fn from_plan(plan: &Plan) -> Result<Option<Group>, CgroupError> {
        let mut group = None;
        for step in &plan.steps {
            match (step, &group) {
                (Step::CreateCgroup { name, controllers }, None) => group = Some(Group::create(name, controllers)?),
                (step, Some(group)) => group.limit(step)?,
                _ => {}
            }
        }
        Ok(group)
    }

    fn create(name: &str, controllers: &[String]) -> Result<Group, CgroupError> {
        let failed = |source| CgroupError::Create { name: name.to_owned(), source };
        let unified = Path::new(ROOT).join("cgroup.controllers").exists();
        let hierarchy: Box<dyn Hierarchy> = match unified {
            true => Box::new(hierarchies::V2::new()),
            false => Box::new(Version1 { controllers: controllers.to_vec() }),
        };
        // `cpuacct` is a part of `cpu` in version 2.
        let wanted = controllers.iter().filter(|name| !unified || *name != "cpuacct").cloned().collect();
        let cgroup = Cgroup::new_with_specified_controllers(hierarchy, name, Some(wanted)).map_err(failed)?;
        let directories: Vec<PathBuf> = match unified {
            true => vec![Path::new(ROOT).join(name)],
            false => cgroup.subsystems().iter().map(|part| part.to_controller().path().to_owned()).collect(),
        };
        let mut group = Group { cgroup, name: name.to_owned(), files: Vec::new(), directories };
        for directory in &group.directories {
            let (path, mut options) = match unified {
                true => (directory.clone(), OpenOptions::new().read(true).clone()),
                false => (directory.join("tasks"), OpenOptions::new().write(true).clone()),
            };
            let file = options.custom_flags(libc::O_CLOEXEC).open(&path);
            group.files.push(file.map_err(|source| CgroupError::Open { path, source })?);
        }
        Ok(group)
    }

    /// Sets the limit that the step asks for; any other step is none of the group's.
    fn limit(&self, step: &Step) -> Result<(), CgroupError> {
        let missing = |limit| CgroupError::NoController { name: self.name.clone(), limit };
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let (limit, value, result) = match step {
            Step::LimitMemory { bytes } => {
                let memory: &MemController = self.cgroup.controller_of().ok_or_else(|| missing("memory"))?;
                // Without this, the excess would go to the machine's swap space instead of being refused. Version 1
                // limits the sum of both. A kernel that does not count swap has neither file, and no such limit.
                let (file, swap) = if self.cgroup.v2() { ("swap.max", 0) } else { ("memsw.limit_in_bytes", *bytes) };
                let counted = self.read(&format!("memory.{file}")).is_some();
                let set_swap = |()| if counted { memory.set_memswap_limit(signed(swap)) } else { Ok(()) };
                ("memory", bytes.to_string(), memory.set_limit(signed(*bytes)).and_then(set_swap))
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
            _ => return Ok(()),
        };
        result.map_err(|source| CgroupError::Limit { name: self.name.clone(), limit, value, source: Box::new(source) })
    }

    /// The `tasks` files through which a process joins; none on version 2.
    pub(crate) fn tasks(&self) -> Vec<RawFd> {
        if self.cgroup.v2() { Vec::new() } else { self.files.iter().map(AsRawFd::as_raw_fd).collect() }
    }

    /// The directory in which a process can be born; none on version 1.
    pub(crate) fn directory(&self) -> Option<RawFd> {
        if self.cgroup.v2() { self.files.first().map(AsRawFd::as_raw_fd) } else { None }
    }

    /// What has been used so far. A number that the kernel does not keep is left out.
    pub(crate) fn usage(&self) -> Usage {
        let number = |file: &str| self.read(file).and_then(|text| text.trim().parse::<u64>().ok());
        let field = |file: &str, key: &str| {
            let text = self.read(file)?;
            let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
            value.trim().parse::<u64>().ok()
        };
        if self.cgroup.v2() {
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

    /// The content of the group's file of this name, in whichever of its directories it lies.
    fn read(&self, file: &str) -> Option<String> {
        self.directories.iter().find_map(|directory| fs::read_to_string(directory.join(file)).ok())
    }

    /// Kills every member. New members may be born meanwhile, so it goes on until none is left.
    pub(crate) fn kill(&self) {
        for _ in 0..100 {
            let members: Vec<i32> = self.members();
            if members.is_empty() {
                return;
            }
            for pid in members {
                // A member that has ended meanwhile is what we want.
                let _gone = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn members(&self) -> Vec<i32> {
        let text = self.read("cgroup.procs").unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        // A process that was killed leaves its group a moment after it has been waited for.
        for _ in 0..50 {
            if self.directories.iter().all(|directory| removed(directory)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Removes a group, and before it those that a container with all powers made inside. Their files go with them.
fn removed(directory: &Path) -> bool {
    match fs::remove_dir(directory) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(_) => {
            let inner = fs::read_dir(directory).into_iter().flatten().flatten();
            let mut groups = inner.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            groups.all(|group| removed(&group.path())) && fs::remove_dir(directory).is_ok()
        }
    }
}
