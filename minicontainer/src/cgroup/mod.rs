//! Control groups: how the kernel limits a whole container instead of a single process.
//!
//! A *control group* (cgroup) is a directory in a special file system; processes are put into it, and *controllers*
//! (memory, cpu, pids …) limit and count what its members use together, see cgroups(7). There are two versions.
//! Version 1 has a *hierarchy* of directories for each set of controllers, so that a container has several
//! directories; version 2 has one hierarchy for all. Many machines mount both ("hybrid").
//!
//! [`Cgroup`] is the handle for both versions: `run` creates and limits groups with it, and commands that inspect or
//! pause a container open the same group by its name.
//!
//! ```no_run
//! use minicontainer::cgroup::{Cgroup, PidsLimitScope};
//! use minicontainer::core::plan::Step;
//!
//! let group = Cgroup::create("experiment", &["pids".to_owned()], PidsLimitScope::Group)?;
//! group.limit(&Step::LimitPids { max: 20 })?;
//! group.add(std::process::id())?;
//! println!("{:?} {:?}", group.members(), group.usage());
//! # Ok::<(), minicontainer::CgroupError>(())
//! ```
//!
//! The crate `cgroups-rs` creates, limits and deletes groups of both versions; only this module uses it. Two things
//! are done without it. The container's process *enters the group itself*: on version 1 it writes `0` (the writing
//! process) to the `tasks` files, and on version 2 it is created in the group (`CLONE_INTO_CGROUP`). That is a
//! hundred times faster than moving a process from outside. And the usage is read directly from the few files that
//! contain it.
//!
//! Decisions: `minicontainer/decisions/cgroups.md`.

mod backend;
mod devices;
mod error;
mod freeze;
mod limit;
mod remove;
mod usage;
mod version1;

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use cgroups_rs::Cgroup as Backend;
use minicontainer_core::plan::delegation::COMMON_GROUP;
use minicontainer_core::plan::{Plan, Step};

use crate::sys::clone::CgroupEntrance;
use backend::backend;

pub use error::CgroupError;
pub use usage::Usage;

/// A control group of either version. Dropping a group that was [created](Cgroup::create) kills all processes in it
/// and deletes it; a group that was [opened](Cgroup::open) is kept.
#[derive(Debug)]
pub struct Cgroup {
    backend: Backend,
    name: String,
    /// Version 2: the open directory, in which the container's process is created.
    files: Vec<File>,
    /// The directory of each controller; on version 2 all are the same.
    directories: Vec<PathBuf>,
    /// The groups above that were created for it, deepest first.
    above: Vec<PathBuf>,
    /// Whether it is deleted when this is dropped.
    owned: bool,
}

/// How often creating a group is tried. An attempt fails if the last other container removes the common group
/// meanwhile.
const ATTEMPTS: usize = 8;

/// Where the hierarchies are mounted, see cgroups(7).
const ROOT: &str = "/sys/fs/cgroup";

/// The controllers that a group may have.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuacct", "cpuset", "devices", "memory", "pids"];

/// Whether the pids limit applies to one group only, or also to all groups of the engine together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PidsLimitScope {
    /// To this group only.
    Group,
    /// To this group, and to all groups that the engine creates as root, together.
    GroupAndParent,
}

impl Cgroup {
    /// Creates and limits the group of the plan; `None` if the plan has none.
    ///
    /// # Errors
    /// When the group cannot be created, or a limit cannot be set. In that case the group is removed.
    pub fn from_plan(plan: &Plan) -> Result<Option<Cgroup>, CgroupError> {
        let mut group = None;
        for step in &plan.steps {
            match (step, &group) {
                (Step::CreateCgroup { name, controllers }, None) => {
                    let together = plan.steps.iter().any(|step| matches!(step, Step::LimitTogether { .. }));
                    let pids_scope = if together { PidsLimitScope::GroupAndParent } else { PidsLimitScope::Group };
                    group = Some(Cgroup::create(name, controllers, pids_scope)?);
                }
                (step, Some(group)) => group.limit(step)?,
                _ => {}
            }
        }
        Ok(group)
    }

    /// Creates a group of this name, below the root of each hierarchy that has one of the controllers. With
    /// `PidsLimitScope::GroupAndParent`, the number of processes is also limited for all of the engine's groups
    /// together.
    ///
    /// # Errors
    /// When a group of that name is in use, or cannot be created.
    pub fn create(name: &str, controllers: &[String], pids_scope: PidsLimitScope) -> Result<Cgroup, CgroupError> {
        let (backend, directories) = backend(name, controllers, pids_scope);
        directories.iter().try_for_each(|directory| remove::remove_if_empty(directory))?;
        let together = pids_scope == PidsLimitScope::GroupAndParent;
        let missing = |path: &PathBuf| -> Vec<PathBuf> {
            let own = |above: &&Path| !above.exists() || together && above.ends_with(COMMON_GROUP);
            path.ancestors().skip(1).take_while(own).map(Path::to_owned).collect()
        };
        let above = directories.iter().flat_map(missing).collect();
        // From here on, dropping `group` removes what was created if anything fails.
        let mut group = Cgroup { backend, name: name.to_owned(), files: Vec::new(), directories, above, owned: true };
        let mut made = group.make(controllers);
        for _ in 1..ATTEMPTS {
            if made.is_err() {
                made = group.make(controllers);
            }
        }
        made.map(|()| group)
    }

    /// Opens the group of this name that another process of the engine has created; `None` if it does not exist.
    ///
    /// # Errors
    /// When its directory cannot be opened.
    pub fn open(name: &str) -> Result<Option<Cgroup>, CgroupError> {
        let together = version1::place("pids").is_some_and(|pids| pids.join(COMMON_GROUP).join(name).is_dir());
        let pids_scope = if together { PidsLimitScope::GroupAndParent } else { PidsLimitScope::Group };
        let all = CONTROLLERS.map(str::to_owned);
        let exists = |controller: &&String| {
            backend(name, &[(*controller).clone()], pids_scope).1.iter().all(|path| path.is_dir())
        };
        let controllers: Vec<String> = all.iter().filter(exists).cloned().collect();
        let (backend, directories) = backend(name, &controllers, pids_scope);
        if directories.is_empty() || !directories.iter().all(|directory| directory.is_dir()) {
            return Ok(None);
        }
        let mut group = Cgroup {
            backend,
            name: name.to_owned(),
            files: Vec::new(),
            directories,
            above: Vec::new(),
            owned: false,
        };
        group.open_files()?;
        Ok(Some(group))
    }

    /// Creates the directories, and opens the one in which a process can be created.
    fn make(&mut self, controllers: &[String]) -> Result<(), CgroupError> {
        if self.backend.v2() {
            self.make_unified(controllers)?;
        } else {
            // `cgroups-rs` only logs why a directory of version 1 could not be created, so it is created here. A new
            // cpuset has no CPUs; the crate copies them from its parent.
            self.directories.iter().try_for_each(|path| {
                fs::create_dir_all(path).map_err(|source| CgroupError::MakeDirectory { path: path.clone(), source })
            })?;
            if controllers.iter().any(|controller| controller == "cpuset") {
                self.backend
                    .create()
                    .map_err(|error| CgroupError::Create { name: self.name.clone(), source: error.into() })?;
            }
        }
        self.open_files()
    }

    /// Creates the group's directory in version 2, and enables the controllers in the groups above. `cgroups-rs` 0.3
    /// would treat the last controller of the root as unsupported, because it does not trim the newline.
    fn make_unified(&self, controllers: &[String]) -> Result<(), CgroupError> {
        for directory in &self.directories {
            let failed = |source| CgroupError::MakeDirectory { path: directory.clone(), source };
            let mut above: Vec<&Path> =
                directory.ancestors().skip(1).take_while(|path| path.starts_with(ROOT)).collect();
            above.reverse();
            for path in above {
                fs::create_dir_all(path).map_err(failed)?;
                for controller in controllers {
                    // A controller that cannot be enabled is reported by the limit that needs it.
                    let _enabled = fs::write(path.join("cgroup.subtree_control"), format!("+{controller}"));
                }
            }
            fs::create_dir_all(directory).map_err(failed)?;
        }
        Ok(())
    }

    fn open_files(&mut self) -> Result<(), CgroupError> {
        let open =
            |path: &PathBuf| File::open(path).map_err(|source| CgroupError::Open { path: path.clone(), source });
        let is_v2 = |_: &&PathBuf| self.backend.v2();
        self.files = self.directories.iter().filter(is_v2).map(open).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// On version 2, the group above, which enables controllers for this one.
    fn above(&self) -> Option<PathBuf> {
        self.directories.first().filter(|_| self.backend.v2()).and_then(|path| Some(path.parent()?.to_owned()))
    }

    /// Moves a process of the host into the group.
    ///
    /// # Errors
    /// When the caller lacks permission, or the process has exited.
    pub fn add(&self, pid: u32) -> Result<(), CgroupError> {
        self.entrance().members.into_iter().try_for_each(|path| {
            fs::write(&path, pid.to_string()).map_err(|source| CgroupError::Write { path, source })
        })
    }

    /// The process ids on the host of its members, including members of groups that the container has created inside.
    pub fn members(&self) -> Vec<i32> {
        let mut members: Vec<i32> =
            self.directories.iter().flat_map(|directory| remove::members(directory)).collect();
        members.sort_unstable();
        members.dedup();
        members
    }

    /// The ways for a process to enter the group.
    pub(crate) fn entrance(&self) -> CgroupEntrance {
        let v2 = self.backend.v2();
        let file = if v2 { "cgroup.procs" } else { "tasks" };
        let members: Vec<PathBuf> = self.directories.iter().map(|directory| directory.join(file)).collect();
        CgroupEntrance {
            tasks: if v2 { Vec::new() } else { members.clone() },
            directory: self.files.first().filter(|_| v2).map(AsRawFd::as_raw_fd),
            members,
        }
    }

    /// The content of this file of the group, which is in the directory of its controller.
    fn read(&self, file: &str) -> Option<String> {
        let controller = file.split('.').next().unwrap_or_default();
        let hierarchy = |directory: &&PathBuf| {
            let name = directory.strip_prefix(ROOT).ok().and_then(|path| path.iter().next()?.to_str());
            self.backend.v2() || name.is_some_and(|name| name.split(',').any(|part| part == controller))
        };
        self.directories.iter().filter(hierarchy).find_map(|directory| fs::read_to_string(directory.join(file)).ok())
    }
}
