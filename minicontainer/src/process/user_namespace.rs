//! A user namespace before its container: for root, who must keep root's powers until everything is mounted.
//!
//! A user namespace exists as long as a process is in it or somebody holds a descriptor of it. So a process is born in a
//! new one, its maps are written, the namespace is opened, and the process may go: what is left is the descriptor, which
//! idmaps mounts (mount_setattr(2), `MOUNT_ATTR_IDMAP`) and is entered in the end (setns(2)).

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use minicontainer_core::plan::{Plan, Step};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::ids::write_maps;
use super::start_error::StartError;
use super::wait;
use crate::sys::birth::{self, CloneArgs};
use crate::sys::calls;

/// Makes the user namespace that the plan asks for, if it asks for one.
pub(crate) fn make(plan: &Plan) -> Result<Option<OwnedFd>, StartError> {
    let asked = plan.steps.iter().find_map(|step| match step {
        Step::MakeUserNamespace { uids, gids } => Some((uids, gids)),
        _ => None,
    });
    let Some((uids, gids)) = asked else { return Ok(None) };
    let (wait_here, keep_waiting) = pipe2(OFlag::O_CLOEXEC).map_err(|source| StartError::Pipe { source })?;
    let flags = libc::CLONE_NEWUSER as u64;
    // SAFETY: the child makes three calls of `sys` and exits.
    let born = unsafe { birth::clone3(CloneArgs { flags, ..CloneArgs::default() }) };
    let failed = |errno: i32| StartError::Clone {
        namespaces: vec![minicontainer_core::plan::Namespace::User],
        source: Errno::from_raw(errno),
    };
    let Some((pid, pidfd)) = born.map_err(|errno| failed(errno.0))? else {
        // Its own copy of the other end must not keep it waiting.
        let _closed = calls::close(keep_waiting.as_raw_fd());
        let _ended = calls::read(wait_here.as_raw_fd(), &mut [0]);
        calls::exit(0)
    };
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let path = format!("/proc/{pid}/ns/user");
    let opened = write_maps(pid, uids, gids)
        .and_then(|()| File::open(&path).map_err(|source| StartError::MapIds { path, source }));
    drop(keep_waiting);
    wait::reap(&pidfd).map_err(|source| StartError::Wait { source })?;
    opened.map(|namespace| Some(namespace.into()))
}
