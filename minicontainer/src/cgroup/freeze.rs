//! Freezing a group: none of its processes runs until it is thawed.
//!
//! Version 2 freezes a group through its file `cgroup.freeze`. Version 1 has a hierarchy for this, *freezer*. A
//! container gets a group there only when it is frozen for the first time, because few containers ever are. Its
//! processes are moved there until none is left outside, even if they fork quickly, and then frozen. See cgroups(7).

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::{Cgroup, CgroupError, remove, version1};

/// The time limit for freezing. A process that waits for a disk is frozen when the disk has answered.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cgroup {
    /// Stops every process in it until [`thaw`](Cgroup::thaw). Returns when all are stopped.
    ///
    /// # Errors
    /// When the kernel cannot freeze groups, or has not done so in ten seconds; then the group is thawed again.
    pub fn freeze(&self) -> Result<(), CgroupError> {
        let (file, word) = match self.freezer() {
            Some(directory) => {
                self.enter_freezer(&directory)?;
                (directory.join("freezer.state"), "FROZEN")
            }
            None => (self.directories[0].join("cgroup.freeze"), "1"),
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            write(&file, word)?;
            if self.is_frozen() {
                return Ok(());
            }
            if Instant::now() > deadline {
                self.thaw()?;
                return Err(CgroupError::NotFrozen { name: self.name.clone() });
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets its processes run again. Does nothing if it is not frozen.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn thaw(&self) -> Result<(), CgroupError> {
        match self.freezer() {
            Some(directory) if directory.is_dir() => write(&directory.join("freezer.state"), "THAWED"),
            Some(_) => Ok(()),
            None => write(&self.directories[0].join("cgroup.freeze"), "0"),
        }
    }

    /// Whether it is frozen, so that none of its processes runs.
    pub fn is_frozen(&self) -> bool {
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        match self.freezer() {
            Some(directory) => read(directory.join("freezer.state")).trim() == "FROZEN",
            None => read(self.directories[0].join("cgroup.events")).lines().any(|line| line == "frozen 1"),
        }
    }

    /// Version 1: its directory in the freezer hierarchy.
    pub(super) fn freezer(&self) -> Option<PathBuf> {
        let place = version1::place("freezer").filter(|_| !self.backend.v2())?;
        Some(place.join(&self.name))
    }

    /// Moves all processes there. Some may fork meanwhile, but the children of a moved process are there from the
    /// start.
    fn enter_freezer(&self, directory: &Path) -> Result<(), CgroupError> {
        let failed = |source| CgroupError::MakeDirectory { path: directory.to_owned(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        loop {
            let inside = remove::members(directory);
            let outside: Vec<i32> = self.members().into_iter().filter(|pid| !inside.contains(pid)).collect();
            if outside.is_empty() {
                return Ok(());
            }
            for pid in outside {
                // The process may have exited meanwhile.
                let _gone = fs::write(directory.join("cgroup.procs"), pid.to_string());
            }
        }
    }
}

fn write(file: &Path, word: &str) -> Result<(), CgroupError> {
    fs::write(file, word).map_err(|source| CgroupError::Write { path: file.to_owned(), source })
}
