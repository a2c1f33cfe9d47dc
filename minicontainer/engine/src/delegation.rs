//! Delegated cgroups: they let an ordinary user's containers have limits.
//!
//! Limits are set in cgroups, and those belong to root. Root or systemd can *delegate* one: give a user its directory
//! and the files `cgroup.procs`, `cgroup.threads` and `cgroup.subtree_control` in it. The user may then create
//! cgroups below it and distribute its resources among them, see "Delegation" in cgroups(7).
//!
//! The rule *no internal processes* applies: a cgroup that enables controllers for its children must not contain
//! processes itself. But a delegated cgroup contains this engine, and the shell that started it. So they are moved
//! down first, into a *leaf*:
//!
//! ```text
//!   run-r42.scope/               delegated: by `systemd-run --user --scope -p Delegate=yes sh`, or by root
//!   ├── minicontainer-engine/    the former members: the shell, this engine, and their children
//!   ├── minicontainer-5f0c…/     a container, with its limits
//!   └── minicontainer-b911…/     another
//! ```
//!
//! They stay there. Moving them back would require finding out which container is the last, and a lock that other
//! users could hold. Meanwhile a shell that starts the next engine would be in neither cgroup. Because they stay,
//! every step can be repeated, even by several engines at once. Once the controllers are enabled, the kernel itself
//! keeps processes out of the delegated cgroup. systemd has the same arrangement (`DelegateSubgroup=`). The
//! leaf is removed together with its parent.
//!
//! The library `minicontainer` only detects a cgroup that was prepared ([`host::cgroups`]) and moves no process,
//! because a process that calls a library does not expect to be moved.
//!
//! Decisions: `minicontainer/decisions/cgroups.md`.

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

/// The mount point of cgroup v2 on hosts without cgroup v1.
const ROOT: &str = "/sys/fs/cgroup";

/// How long new processes may appear in a cgroup that is being emptied: members that were not moved yet can fork.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the cgroup of this process cannot be used for containers.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// The user's own systemd manages it, for another purpose.
    #[error("{} belongs to the user, but systemd has not delegated it", .group.display())]
    NotDelegated {
        /// The cgroup.
        group: PathBuf,
    },
    /// It contains a process that this user may not move.
    #[error("process {pid} in {} belongs to another user", .group.display())]
    ForeignProcess {
        /// The process; 0 for one in another pid namespace.
        pid: u32,
        /// The cgroup.
        group: PathBuf,
    },
    /// Processes appear faster than they can be moved.
    #[error("processes keep appearing in {}", .group.display())]
    TooManyForks {
        /// The cgroup.
        group: PathBuf,
    },
    /// It cannot be read or written.
    #[error("cannot {attempt} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        attempt: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

minicontainer::core::plain_diagnostic!(DelegationError: Failed);

/// Prepares the cgroup of this process for containers, if that has not been done: moves its members into a leaf. If
/// nothing is to be done, it does nothing. Callers may ignore errors, because a container without limits still works:
/// [`host::probe`] then finds no cgroup, with the cause.
///
/// # Errors
/// If the cgroup was not delegated to this user, or contains processes of other users.
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

/// Whether a writable cgroup was delegated. A user's own systemd gives the user all cgroups that it manages, also the
/// scope of a terminal. But only delegated ones may be changed, otherwise systemd may undo the changes. It marks such
/// cgroups (`user.delegate`), though many of its versions mark only those of the system; the scopes of `systemd-run`
/// are recognized by their names. Outside of systemd, root gave the cgroup to the user.
fn is_delegated(group: &str, marked: bool) -> bool {
    let mut units = group.split('/');
    let users_own = units.any(|unit| unit.starts_with("user@") && unit.ends_with(".service"));
    !users_own || marked || units.any(|unit| unit.starts_with("run-"))
}

/// Moves all processes of a cgroup into the leaf.
fn move_down(group: &Path) -> Result<(), DelegationError> {
    refuse_other_users(group, &members(group)?)?;
    let leaf = group.join(ENGINE_GROUP);
    match fs::create_dir(&leaf) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            return Err(DelegationError::Io { attempt: "create the cgroup", path: leaf, source });
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
        refuse_other_users(group, &members)?;
        for pid in members {
            match fs::write(&door, pid.to_string()) {
                // The process has exited in the meantime.
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                    return Err(DelegationError::Io { attempt: "move a process into", path: leaf, source: error });
                }
                _ => {}
            }
        }
    }
    Err(DelegationError::TooManyForks { group: group.to_owned() })
}

/// The processes in a cgroup; 0 stands for one outside of this pid namespace.
fn members(group: &Path) -> Result<Vec<u32>, DelegationError> {
    let path = group.join("cgroup.procs");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().filter_map(|line| line.parse().ok()).collect()),
        Err(source) => Err(DelegationError::Io { attempt: "read", path, source }),
    }
}

/// Refuses cgroups with processes of other users. The kernel would let the owner of the cgroup move them.
fn refuse_other_users(group: &Path, members: &[u32]) -> Result<(), DelegationError> {
    let own = geteuid().as_raw();
    let foreign = members.iter().find(|pid| match fs::read_to_string(format!("/proc/{pid}/status")) {
        Ok(status) => real_user(&status) != Some(own),
        Err(error) => **pid == 0 || error.kind() != io::ErrorKind::NotFound,
    });
    foreign.map_or(Ok(()), |pid| Err(DelegationError::ForeignProcess { pid: *pid, group: group.to_owned() }))
}

/// A process's real user id from its `/proc/PID/status`. The owner of that file is root if the process cannot be
/// traced, so it does not help.
fn real_user(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
