//! Control groups: how the kernel holds a whole container, not just one process, to its limits.
//!
//! A *control group* (cgroup) is a directory in a special file system; processes are put into it, and *controllers*
//! (memory, cpu, pids …) limit and count what its members use together, see cgroups(7). There are two versions.
//! Version 1 has a *hierarchy* of directories for each set of controllers, so that a container has several
//! directories; version 2 has one hierarchy for all. Many machines mount both ("hybrid").
//!
//! [`Cgroup`] is the one handle for all of that: `run` makes and limits groups with it, and what looks at a container
//! or pauses it opens the same group by its name.
//!
//! ```no_run
//! use minicontainer::cgroup::{Cgroup, Counted};
//! use minicontainer::core::plan::Step;
//!
//! let group = Cgroup::create("experiment", &["pids".to_owned()], Counted::Alone)?;
//! group.limit(&Step::LimitPids { max: 20 })?;
//! group.add(std::process::id())?;
//! println!("{:?} {:?}", group.members(), group.usage());
//! # Ok::<(), minicontainer::CgroupError>(())
//! ```
//!
//! The crate `cgroups-rs` makes, limits and deletes groups of both versions; this module is the only one that knows
//! it. Two things are done otherwise. The container's process *joins by itself*: on version 1 it writes `0` ("me")
//! into the `tasks` files, on version 2 it is created inside (`CLONE_INTO_CGROUP`), which is a hundred times
//! faster than moving a process from outside. And what was used is read from the few files that tell it.

mod backend;
mod devices;
mod end;
mod error;
mod freeze;
mod limit;
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

/// A control group, of both versions. One that was [created](Cgroup::create) is deleted when this is dropped, with
/// all processes in it; one that was [opened](Cgroup::open) stays.
#[derive(Debug)]
pub struct Cgroup {
    backend: Backend,
    name: String,
    /// Version 2: the directory, in which the container's process is created.
    files: Vec<File>,
    /// The directory of each controller; on version 2 all are the same.
    directories: Vec<PathBuf>,
    /// The groups above that had to be made for it, deepest first.
    above: Vec<PathBuf>,
    /// Whether it is deleted when this is dropped.
    owned: bool,
}

/// How often a group is made: the last container that ends takes the common group away, perhaps from under another.
const ATTEMPTS: usize = 8;

/// Where the hierarchies are mounted, see cgroups(7).
const ROOT: &str = "/sys/fs/cgroup";

/// The controllers that a group may have.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuacct", "cpuset", "devices", "memory", "pids"];

/// With which other groups the processes of a group are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// With none.
    Alone,
    /// With all groups that the engine makes as root.
    Together,
}

impl Cgroup {
    /// Makes and limits the group that the plan's steps ask for; `None` if they ask for none.
    ///
    /// # Errors
    /// When a group cannot be made, or a limit not be set. Then nothing of it is left.
    pub fn from_plan(plan: &Plan) -> Result<Option<Cgroup>, CgroupError> {
        let mut group = None;
        for step in &plan.steps {
            match (step, &group) {
                (Step::CreateCgroup { name, controllers }, None) => {
                    let together = plan.steps.iter().any(|step| matches!(step, Step::LimitTogether { .. }));
                    let counted = if together { Counted::Together } else { Counted::Alone };
                    group = Some(Cgroup::create(name, controllers, counted)?);
                }
                (step, Some(group)) => group.limit(step)?,
                _ => {}
            }
        }
        Ok(group)
    }

    /// Makes a group of this name, below the root of each hierarchy that has one of the controllers. Where processes
    /// are
    /// `Counted::Together`, the number of processes is also bounded for all of the engine's groups together.
    ///
    /// # Errors
    /// When a group of that name is in use, or none can be made.
    pub fn create(name: &str, controllers: &[String], counted: Counted) -> Result<Cgroup, CgroupError> {
        let (backend, directories) = backend(name, controllers, counted);
        directories.iter().try_for_each(|directory| end::vacate(directory))?;
        let together = counted == Counted::Together;
        let missing = |path: &PathBuf| -> Vec<PathBuf> {
            let own = |above: &&Path| !above.exists() || together && above.ends_with(COMMON_GROUP);
            path.ancestors().skip(1).take_while(own).map(Path::to_owned).collect()
        };
        let above = directories.iter().flat_map(missing).collect();
        // From here on, whatever fails, what was made is removed.
        let mut group = Cgroup { backend, name: name.to_owned(), files: Vec::new(), directories, above, owned: true };
        let mut made = group.make(controllers);
        for _ in 1..ATTEMPTS {
            if made.is_err() {
                made = group.make(controllers);
            }
        }
        made.map(|()| group)
    }

    /// Opens the group of this name that another process of the engine's has made; none if there is no such group.
    ///
    /// # Errors
    /// When its directory cannot be opened.
    pub fn open(name: &str) -> Result<Option<Cgroup>, CgroupError> {
        let together = version1::place("pids").is_some_and(|pids| pids.join(COMMON_GROUP).join(name).is_dir());
        let counted = if together { Counted::Together } else { Counted::Alone };
        let all = CONTROLLERS.map(str::to_owned);
        let exists = |controller: &&String| {
            backend(name, &[(*controller).clone()], counted).1.iter().all(|path| path.is_dir())
        };
        let controllers: Vec<String> = all.iter().filter(exists).cloned().collect();
        let (backend, directories) = backend(name, &controllers, counted);
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

    /// Makes the directories, and opens that in which a process can be created.
    fn make(&mut self, controllers: &[String]) -> Result<(), CgroupError> {
        if self.backend.v2() {
            self.make_unified(controllers)?;
        } else {
            // `cgroups-rs` only logs why a directory of version 1 could not be made, so it is made here. A cpuset
            // starts with no processors, which the crate then copies from its parent.
            self.directories.iter().try_for_each(|path| {
                fs::create_dir_all(path).map_err(|source| CgroupError::MakeDirectory { path: path.clone(), source })
            })?;
            if controllers.iter().any(|controller| controller == "cpuset") {
                self.backend.create().map_err(|source| CgroupError::Create { name: self.name.clone(), source })?;
            }
        }
        self.open_files()
    }

    /// Makes the group's directory in version 2, and enables the controllers on the way to it. `cgroups-rs` 0.3 would
    /// take the last controller of the root for unsupported, because it does not cut the line's end off.
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

    /// On version 2, the group that hands controllers on to this one.
    fn above(&self) -> Option<PathBuf> {
        self.directories.first().filter(|_| self.backend.v2()).and_then(|path| Some(path.parent()?.to_owned()))
    }

    /// Moves a process of the host into the group.
    ///
    /// # Errors
    /// When it may not be moved, or has ended.
    pub fn add(&self, pid: u32) -> Result<(), CgroupError> {
        self.entrance().members.into_iter().try_for_each(|path| {
            fs::write(&path, pid.to_string()).map_err(|source| CgroupError::Write { path, source })
        })
    }

    /// The processes in it, by their ids on the host, also those in groups that a container has made inside.
    pub fn members(&self) -> Vec<i32> {
        let mut members: Vec<i32> = self.directories.iter().flat_map(|directory| end::members(directory)).collect();
        members.sort_unstable();
        members.dedup();
        members
    }

    /// Where a process enters the group.
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

    /// The content of the group's file of this name, which lies in the directory of its controller.
    fn read(&self, file: &str) -> Option<String> {
        let controller = file.split('.').next().unwrap_or_default();
        let hierarchy = |directory: &&PathBuf| {
            let name = directory.strip_prefix(ROOT).ok().and_then(|path| path.iter().next()?.to_str());
            self.backend.v2() || name.is_some_and(|name| name.split(',').any(|part| part == controller))
        };
        self.directories.iter().filter(hierarchy).find_map(|directory| fs::read_to_string(directory.join(file)).ok())
    }
}
