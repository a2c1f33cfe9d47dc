//! A user namespace without a container.
//!
//! A user namespace exists as long as a process is in it or somebody holds a descriptor of it. So a process is born in a
//! new one, its maps are written, and it may go. Four ask for that:
//!
//! - root's containers with ids of their own: root must keep root's powers until everything is mounted, so the namespace
//!   is made before and opened, and what is left is the descriptor, which idmaps mounts (mount_setattr(2),
//!   `MOUNT_ATTR_IDMAP`) and is entered in the end (setns(2)).
//! - a bind mount whose owners are shown as others: the kernel takes that map, too, from a user namespace.
//! - the removal of files that belong to subordinate ids, see subuid(5): what a container wrote as another user than its
//!   root lies perhaps in a directory of that id's, into which the id's borrower may not even look. Root of a user
//!   namespace with the same map may.
//! - `doctor`, who tries whether one can be made at all.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use minicontainer_core::plan::{IdMapping, Namespace, Plan, Step};
use nix::errno::Errno;
use nix::unistd::write;

use super::ids::{ask_helpers, write_maps};
use super::start_error::StartError;
use super::wait::{self, How};
use crate::host::subordinate_maps;
use crate::sys;
use crate::sys::calls::{self, Fd, MountAttr};
use crate::sys::clone::{self, CloneArgs};
use crate::sys::descriptors::ranges_between;
use crate::sys::removal::{empty_directory, remove_tree};

/// Makes a process in a new user namespace, and others by `flags`, that belongs to `owner`, else to the caller. Once
/// `prepare`d it does its `work`, whose answer is its exit code, and ends. Of the caller's descriptors it keeps those in
/// `kept` only: two such processes that had each other's sockets would wait for each other when their caller is killed.
///
/// # Safety
/// `work` may do nothing but call functions of `sys`: the process is a copy of one thread of a caller that may have many.
unsafe fn with_process<T>(
    owner: Option<u32>,
    flags: i32,
    kept: &[Fd],
    prepare: impl FnOnce(u32) -> Result<T, StartError>,
    work: impl FnOnce() -> i32,
) -> Result<(T, How), StartError> {
    let pipe_failed = |source| StartError::Pipe { source };
    let pair = UnixStream::pair();
    let (ours, its) = pair.map_err(|error| pipe_failed(Errno::from_raw(error.raw_os_error().unwrap_or_default())))?;
    let closed = ranges_between(&[kept, &[its.as_raw_fd()]].concat());
    let args = CloneArgs { flags: clone::CLONE_CLEAR_SIGHAND, ..CloneArgs::default() };
    // SAFETY: the child makes calls of `sys`, as the caller has promised of `work`, and exits.
    let born = unsafe { clone::clone3(args) };
    let failed = |errno: i32| StartError::Clone { namespaces: vec![Namespace::User], source: Errno::from_raw(errno) };
    let Some((pid, pidfd)) = born.map_err(|errno| failed(errno.0))? else {
        let closed = closed.iter().try_for_each(|(first, last)| calls::close_range(*first, *last).map(drop));
        let entered = closed.and_then(|()| own(owner, libc::CLONE_NEWUSER | flags));
        let told = entered.and_then(|_| calls::write(its.as_raw_fd(), b"n"));
        let went = told.and_then(|_| calls::read(its.as_raw_fd(), &mut [0]));
        calls::exit(went.map_or_else(|errno| errno.0, |count| if count == 1 { work() } else { libc::ECANCELED }))
    };
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    drop(its);
    let entered = (&ours).read_exact(&mut [0]).is_ok();
    let go = |prepared| write(&ours, b"g").map(|_| prepared).map_err(pipe_failed);
    let prepared = entered.then(|| prepare(pid.unsigned_abs()).and_then(go));
    drop(ours);
    let ended = wait::reap(&pidfd).map_err(|source| StartError::Wait { source })?;
    let errno = if let How::Exited(errno) = ended.how { errno } else { libc::ECANCELED };
    Ok((prepared.unwrap_or_else(|| Err(failed(errno)))?, ended.how))
}

/// Makes the calling process's own namespaces. What a user may have of some things, such as inotify(7) instances, the
/// kernel counts at the namespace's owner too, see namespaces(7) `/proc/sys/user`: so a container whose root is another
/// user outside has that one for the owner, or it could use up what the caller, and every other container, may have.
fn own(owner: Option<u32>, namespaces: i32) -> sys::Result<usize> {
    if let Some(owner) = owner {
        // Some systems let only root make user namespaces, that is whoever has its capabilities.
        let powers = calls::permitted_capabilities()?;
        calls::prctl(libc::PR_SET_KEEPCAPS, 1, 0)?;
        calls::setresuid(owner)?;
        calls::capset(powers, powers, 0)?;
    }
    calls::unshare(namespaces)
}

/// The maps of the user namespace that the plan asks for, if it asks for one.
fn asked(plan: &Plan) -> Option<[&[IdMapping]; 2]> {
    plan.steps.iter().find_map(|step| match step {
        Step::MakeUserNamespace { uids, gids } => Some([uids.as_slice(), gids.as_slice()]),
        _ => None,
    })
}

/// The user and group on the host that are root's in that user namespace.
pub(super) fn root_outside(plan: &Plan) -> Option<[u32; 2]> {
    let root = |map: &[IdMapping]| map.iter().find(|line| line.inside == 0).map(|line| line.outside);
    let [uids, gids] = asked(plan)?;
    Some([root(uids)?, root(gids)?])
}

/// Makes the user namespace that the plan asks for, if it asks for one.
pub(crate) fn make(plan: &Plan) -> Result<Option<OwnedFd>, StartError> {
    asked(plan).map(|[uids, gids]| with_maps(uids.first().map(|map| map.outside), uids, gids)).transpose()
}

/// Makes a user namespace with these maps that belongs to `owner`, else to the caller.
pub(super) fn with_maps(owner: Option<u32>, uids: &[IdMapping], gids: &[IdMapping]) -> Result<OwnedFd, StartError> {
    let open = |pid| {
        write_maps(pid, uids, gids)?;
        let path = format!("/proc/{pid}/ns/user");
        File::open(&path).map_err(|source| StartError::MapIds { path, source })
    };
    // SAFETY: the process has nothing to do.
    let (namespace, _) = unsafe { with_process(owner, 0, &[], open, || 0) }?;
    Ok(namespace.into())
}

/// Removes a directory with everything in it, also what belongs to the subordinate ids of the caller. It may be gone already.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    match remove_tree(directory) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match subordinate_maps() {
            Some(maps) => empty(directory, &maps).and_then(|()| remove_tree(directory)),
            None => Err(error),
        },
        removed => removed,
    }
}

/// Removes all that is in a directory, as root of a user namespace with these maps.
fn empty(directory: &Path, [uids, gids]: &[Vec<IdMapping>; 2]) -> io::Result<()> {
    let directory = File::open(directory)?;
    let work = || empty_directory(directory.as_raw_fd()).map_or_else(|errno| errno.0, |()| 0);
    // SAFETY: `empty_directory` makes calls of `sys` and allocates nothing.
    match unsafe { with_process(None, 0, &[directory.as_raw_fd()], |pid| ask_helpers(pid, uids, gids), work) } {
        Ok(((), How::Exited(0))) => Ok(()),
        Ok(((), How::Exited(errno))) => Err(io::Error::from_raw_os_error(errno)),
        Ok(((), killed)) => Err(io::Error::other(format!("the process that does it was ended by {killed}"))),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Lets a process in user and mount namespaces of its own change a mount, as every container's does; tells whether it
/// could.
pub(crate) fn can_mount() -> Result<bool, StartError> {
    let private = MountAttr { propagation: libc::MS_PRIVATE, ..MountAttr::default() };
    let work = || i32::from(calls::mount_setattr(calls::CURRENT_DIRECTORY, c"/", true, &private).is_err());
    // SAFETY: `work` makes one call of `sys`.
    let ((), how) = unsafe { with_process(None, libc::CLONE_NEWNS, &[], |_| Ok(()), work) }?;
    Ok(how == How::Exited(0))
}
