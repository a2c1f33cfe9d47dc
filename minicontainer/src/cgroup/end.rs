//! The end of a group: everything in it is killed, and it is removed.
//!
//! A group can only be removed when it is empty, and its members may make new ones faster than anybody can kill them
//! (a
//! *fork bomb*). Version 2 kills a whole group at once since Linux 5.14 (`cgroup.kill`). Elsewhere its members are
//! first forbidden to make any more, by a limit of none, and then killed one by one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Cgroup, CgroupError};

/// How long the end may take. A process that waits for a disk dies only when the disk has answered.
const PATIENCE: Duration = Duration::from_secs(2);

impl Cgroup {
    /// Kills every member, also of groups that the container has made inside. A frozen group is thawed, because a
    /// frozen process of version 1 does not die.
    pub fn kill(&self) {
        if self.freezer().is_some() {
            // That it cannot be thawed shows in that it is not empty in the end.
            let _thawed = self.thaw();
        }
        if self.backend.kill().is_err() {
            // Where processes cannot be bounded, killing goes on until it has been faster than they.
            let _bounded = self.directories.iter().any(|path| fs::write(path.join("pids.max"), "0").is_ok());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let members = self.members();
            if members.is_empty() || Instant::now() > deadline {
                return;
            }
            for pid in members {
                // A member that has ended meanwhile is what we want.
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
    /// When it is still there after two seconds: a process that waits for a disk ends only when the disk has
    /// answered.
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
        // A process that was killed leaves its group a moment after it has been waited for.
        while !directories().all(|directory| removed(directory)) && Instant::now() < deadline {
            self.kill();
            std::thread::sleep(Duration::from_millis(2));
        }
        for directory in &self.above {
            // Another container may have come to live beside this one; then its group stays.
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

/// Makes room for a group of this name: an empty one that somebody left behind, maybe frozen, goes; another stays.
pub(super) fn vacate(directory: &Path) -> Result<(), CgroupError> {
    match fs::remove_dir(directory) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(CgroupError::Occupied { path: directory.to_owned(), source })
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

/// Removes a group, and before it those that a container with all powers made inside. Their files go with them.
fn removed(directory: &Path) -> bool {
    match fs::remove_dir(directory) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(_) => below(directory).all(|group| removed(&group)) && fs::remove_dir(directory).is_ok(),
    }
}
