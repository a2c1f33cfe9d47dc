//! A control group of one's own: how an ordinary user's containers get their limits.
//!
//! Limits are set in control groups, and those belong to root. Root, or systemd, can *delegate* one: give a user its
//! directory and the files `cgroup.procs`, `cgroup.threads` and `cgroup.subtree_control` in it. The user may then
//! make groups below it and share out among them whatever the group itself may use, see "Delegation" in cgroups(7).
//!
//! There is a rule to be kept, *no internal processes*: a group that hands controllers on to groups below it must
//! have no processes of its own. But whoever was given a group is in it: this engine, and the shell that it was
//! started from. So they have to move down first, into a *leaf*:
//!
//! ```text
//!   run-r42.scope/               delegated: by `systemd-run --user --scope -p Delegate=yes sh`, or by root
//!   ├── minicontainer-engine/    who was in it: the shell, this engine, and whatever either starts
//!   ├── minicontainer-5f0c…/     a container, with its limits
//!   └── minicontainer-b911…/     another
//! ```
//!
//! They stay there. To move them back when the last container has ended would need somebody who knows which is the
//! last, a lock that a stranger could hold, and a moment in which a shell that starts the next engine is in neither
//! place. As it is, every step may be done twice, or by eight engines at once, and once controllers are handed on,
//! the kernel itself lets nobody into the group any more. systemd has the same arrangement, as `DelegateSubgroup=`.
//! The leaf goes when the group goes.
//!
//! The library `minicontainer` finds a group that has been made ready ([`host::cgroups`]), and moves nobody: a
//! process that calls a library does not expect to be moved.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use minicontainer::{
    core::plan::{Availability, CgroupLayout, delegation::ENGINE_GROUP},
    host,
};
use nix::unistd::geteuid;

/// Where the hierarchy of version 2 is mounted, where it is the only one.
const ROOT: &str = "/sys/fs/cgroup";

/// How long processes may go on appearing in a group that is being emptied: each was started by one that was still
/// there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the control group in which this process lives cannot be used for containers.
#[derive(Debug, thiserror::Error)]
pub enum DelegationError {
    /// It is managed by the user's own systemd, for something else.
    #[error("{} is the user's, but systemd has not delegated it", .group.display())]
    NotDelegated {
        /// The group.
        group: PathBuf,
    },
    /// There is a process in it that is not for this user to move.
    #[error("process {pid} in {} is another user's", .group.display())]
    Stranger {
        /// The process; 0 is one of another pid namespace.
        pid: u32,
        /// The group.
        group: PathBuf,
    },
    /// Processes appear in it faster than they can be moved.
    #[error("processes keep appearing in {}", .group.display())]
    Restless {
        /// The group.
        group: PathBuf,
    },
    /// It cannot be looked into or written.
    #[error("cannot {attempt} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// Makes the control group in which this process lives ready for containers, if that has not been done: moves what is
/// in it into a leaf. Where there is nothing to be done it does nothing. Limits that were not asked for can be done
/// without, so nobody needs to heed a failure: [`host::probe`] then finds no group, and says why.
///
/// # Errors
/// When the group was not delegated to this user, or has processes of others.
pub fn enter_leaf() -> Result<(), DelegationError> {
    if !Path::new(ROOT).join("cgroup.controllers").exists() {
        return Ok(());
    }
    let cgroups = host::cgroups(host::identity());
    let (CgroupLayout::V2 { .. }, Availability::Unavailable { .. }) = (&cgroups.layout, &cgroups.access) else {
        return Ok(());
    };
    let group = Path::new(ROOT).join(&cgroups.parent);
    let marked = xattr::get(&group, "user.delegate").is_ok_and(|mark| mark.as_deref() == Some(b"1"));
    if !is_delegated(&cgroups.parent, marked) {
        return Err(DelegationError::NotDelegated { group });
    }
    move_down(&group)
}

/// Whether a group that can be written was meant to be. All that a user's own systemd manages belongs to the user,
/// also the scope of a terminal; but only what was delegated may be written, else systemd will one day take back what
/// we hand on. It marks such groups (`user.delegate`), though in many of its versions only those of the system; what
/// `systemd-run` has made is known by its name. Elsewhere it was root who gave the group away.
fn is_delegated(group: &str, marked: bool) -> bool {
    let mut units = group.split('/');
    let users_own = units.any(|unit| unit.starts_with("user@") && unit.ends_with(".service"));
    !users_own || marked || units.any(|unit| unit.starts_with("run-"))
}

/// Moves all processes of a group into the leaf.
fn move_down(group: &Path) -> Result<(), DelegationError> {
    refuse_strangers(group, &members(group)?)?;
    let leaf = group.join(ENGINE_GROUP);
    match fs::create_dir(&leaf) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            return Err(DelegationError::Io { attempt: "make the cgroup", path: leaf, source });
        }
        _ => {}
    }
    let door = leaf.join("cgroup.procs");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let members = members(group)?;
        if members.is_empty() {
            return Ok(());
        }
        refuse_strangers(group, &members)?;
        for pid in members {
            match fs::write(&door, pid.to_string()) {
                // One that has ended meanwhile need not be moved.
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                    return Err(DelegationError::Io { attempt: "move a process into", path: leaf, source: error });
                }
                _ => {}
            }
        }
    }
    Err(DelegationError::Restless { group: group.to_owned() })
}

/// The processes in a group; 0 stands for one that cannot be seen from here.
fn members(group: &Path) -> Result<Vec<u32>, DelegationError> {
    let path = group.join("cgroup.procs");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().filter_map(|line| line.parse().ok()).collect()),
        Err(source) => Err(DelegationError::Io { attempt: "read", path, source }),
    }
}

/// The kernel would let the owner of the group move anybody in it.
fn refuse_strangers(group: &Path, members: &[u32]) -> Result<(), DelegationError> {
    let own = geteuid().as_raw();
    let stranger = members.iter().find(|pid| match fs::read_to_string(format!("/proc/{pid}/status")) {
        Ok(status) => real_user(&status) != Some(own),
        Err(error) => **pid == 0 || error.kind() != io::ErrorKind::NotFound,
    });
    stranger.map_or(Ok(()), |pid| Err(DelegationError::Stranger { pid: *pid, group: group.to_owned() }))
}

/// Whose a process is, by its `/proc/PID/status`; the owner of that file would be root wherever a process cannot be
/// traced.
fn real_user(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
