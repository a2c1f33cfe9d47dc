//! Removing a group: kills everything in it, and deletes its directories.
//!
//! Only an empty group can be removed, and its members may fork faster than they can be killed one by one (a *fork
//! bomb*). Version 2 can kill a whole group at once since Linux 5.14 (`cgroup.kill`). Otherwise the pids limit is
//! first set to 0, so that no member can fork, and then the members are killed one by one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Cgroup, CgroupError};

/// The time limit for killing. A process that waits for a disk exits only when the disk has answered.
const PATIENCE: Duration = Duration::from_secs(2);

impl Cgroup {
    /// Kills every member, including members of groups that the container has created inside. A frozen group is
    /// thawed first, because a frozen process of version 1 does not exit.
    pub fn kill(&self) {
        if self.freezer().is_some() {
            // Best effort: if this fails, the group does not become empty, which is noticed below.
            let _thawed = self.thaw();
        }
        if self.backend.kill().is_err() {
            // Without a pids limit, members are killed repeatedly until none is left.
            let _bounded = self.directories.iter().any(|path| fs::write(path.join("pids.max"), "0").is_ok());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let members = self.members();
            if members.is_empty() || Instant::now() > deadline {
                return;
            }
            for pid in members {
                // The member may have exited meanwhile.
                let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Cgroup {
    /// Kills everything in it and deletes it.
    ///
    /// # Errors
    /// When it still exists after two seconds: a process that waits for a disk exits only when the disk has answered.
    pub fn delete(mut self) -> Result<(), CgroupError> {
        self.owned = false;
        self.remove();
        match self.directories.iter().find(|directory| directory.is_dir()) {
            None => Ok(()),
            Some(left) => {
                let source = io::Error::from_raw_os_error(libc::EBUSY);
                Err(CgroupError::Remove { path: left.clone(), source })
            }
        }
    }

    fn remove(&self) {
        let deadline = Instant::now() + PATIENCE;
        let freezer = self.freezer().filter(|path| path.is_dir());
        let directories = || self.directories.iter().chain(&freezer);
        // A killed process leaves its group a short time after it has been reaped.
        while !directories().all(|directory| removed(directory)) && Instant::now() < deadline {
            self.kill();
            std::thread::sleep(Duration::from_millis(2));
        }
        for directory in &self.above {
            // If another container uses the group above, it stays.
            let _stays = fs::remove_dir(directory);
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if self.owned {
            self.remove();
        }
    }
}

/// Removes an existing group of this name if it is empty, for example left behind by a killed engine.
pub(super) fn remove_if_empty(directory: &Path) -> Result<(), CgroupError> {
    match fs::remove_dir(directory) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(CgroupError::InUse { path: directory.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn below(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let inner = fs::read_dir(directory).into_iter().flatten().flatten();
    inner.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

pub(super) fn members(directory: &Path) -> Vec<i32> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let own = text.lines().filter_map(|line| line.parse().ok());
    own.chain(below(directory).flat_map(|group| members(&group))).collect()
}

/// Removes a group, after the groups inside that a privileged container has created.
fn removed(directory: &Path) -> bool {
    match fs::remove_dir(directory) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(_) => below(directory).all(|group| removed(&group)) && fs::remove_dir(directory).is_ok(),
    }
}
