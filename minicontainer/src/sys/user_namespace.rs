//! A user namespace without a container.
//!
//! A user namespace exists as long as a process is in it or a descriptor of it is open. So a new process enters a new
//! namespace, the parent writes its maps, the process does its work there, if any, and exits. There are five uses:
//!
//! - Containers of root with their own user ids. The engine needs root's capabilities until everything is mounted. So
//!   the namespace is created beforehand; its descriptor idmaps mounts (mount_setattr(2), `MOUNT_ATTR_IDMAP`), and
//!   the container enters it last (setns(2)).
//! - A bind mount with mapped owners: the kernel takes that map from a user namespace, too.
//! - Removing files that belong to subordinate ids, see subuid(5). A container may have written them into a directory
//!   of such an ID, which the user of the container cannot open. Root of a user namespace with the same map can.
//! - Giving files to subordinate ids and opening them, see [`owner_process`](super::owner_process).
//! - `doctor`, which tests whether a user namespace can be created.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use minicontainer_core::plan::IdMapping;
use nix::unistd::write;

use super::calls::{self, Fd, MountAttr};
use super::clone::{self, CloneArgs};
use super::descriptors::ranges_between;
use super::id_maps::{IdMapError, ask_helpers, write_maps};
use super::removal::empty_directory;
use super::wait::{self, How};
use super::{Errno, of_nix};

/// Why a user namespace could not be created.
#[derive(Debug)]
pub(crate) enum UserNamespaceError {
    /// A pipe or descriptor could not be created or used.
    Pipe(Errno),
    /// The process or its namespaces could not be created.
    Clone(Errno),
    /// The ids could not be mapped.
    Maps(IdMapError),
    /// Waiting for the process failed.
    Wait(Errno),
}

impl From<IdMapError> for UserNamespaceError {
    fn from(error: IdMapError) -> UserNamespaceError {
        UserNamespaceError::Maps(error)
    }
}

impl fmt::Display for UserNamespaceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserNamespaceError::Pipe(source) => {
                write!(formatter, "cannot create a pipe to the new process: {source}")
            }
            UserNamespaceError::Clone(source) => write!(formatter, "cannot create a user namespace: {source}"),
            UserNamespaceError::Maps(error) => error.fmt(formatter),
            UserNamespaceError::Wait(source) => write!(formatter, "cannot wait for the new process: {source}"),
        }
    }
}

impl std::error::Error for UserNamespaceError {}

type Result<T> = std::result::Result<T, UserNamespaceError>;

/// The settings of the process in the new namespaces.
struct Helper<'a> {
    /// The owner of the user namespace. None: the caller.
    owner: Option<u32>,
    /// The flags of additional namespaces.
    flags: i32,
    /// The caller's descriptors that it keeps. All others are closed: two such processes with each other's sockets
    /// would wait for each other forever if their caller is killed.
    kept: &'a [Fd],
}

impl Helper<'_> {
    /// Creates the process and its namespaces. The parent runs `prepare`; then the process runs `work`, whose result
    /// is its exit code, and exits. Returns both results.
    ///
    /// # Safety
    /// `work` may do nothing but call functions of `sys`, because the process is a copy of one thread of a caller
    /// that may have many.
    unsafe fn run<T>(&self, prepare: impl FnOnce(u32) -> Result<T>, work: impl FnOnce() -> i32) -> Result<(T, How)> {
        // SAFETY: the caller guarantees this for `work`.
        let (prepared, pidfd) = unsafe { self.start(prepare, work) }?;
        let ended = wait::reap(&pidfd).map_err(UserNamespaceError::Wait)?;
        Ok((prepared.unwrap_or_else(|| Err(not_entered(ended.how)))?, ended.how))
    }

    /// As [`run`](Helper::run), but does not wait for the process to exit. If `prepare` has no result, the process
    /// could not enter its namespaces.
    ///
    /// # Safety
    /// As for [`run`](Helper::run).
    unsafe fn start<T>(
        &self,
        prepare: impl FnOnce(u32) -> Result<T>,
        work: impl FnOnce() -> i32,
    ) -> Result<(Option<Result<T>>, OwnedFd)> {
        let pair = UnixStream::pair();
        let failed = |error: io::Error| UserNamespaceError::Pipe(Errno(error.raw_os_error().unwrap_or_default()));
        let (ours, its) = pair.map_err(failed)?;
        let closed = ranges_between(&[self.kept, &[its.as_raw_fd()]].concat());
        let args = CloneArgs { flags: clone::CLONE_CLEAR_SIGHAND, ..CloneArgs::default() };
        // SAFETY: the child only makes calls of `sys`, which the caller guarantees for `work`, and exits.
        let cloned = unsafe { clone::clone3(args) };
        let Some((pid, pidfd)) = cloned.map_err(UserNamespaceError::Clone)? else {
            self.live(its.as_raw_fd(), &closed, work)
        };
        // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        drop(its);
        let has_entered = (&ours).read_exact(&mut [0]).is_ok();
        let go =
            |prepared| write(&ours, b"g").map(|_| prepared).map_err(|errno| UserNamespaceError::Pipe(of_nix(errno)));
        Ok((has_entered.then(|| prepare(pid.unsigned_abs()).and_then(go)), pidfd))
    }

    /// The code of the process.
    fn live(&self, parent: Fd, closed: &[(u32, u32)], work: impl FnOnce() -> i32) -> ! {
        let closed = closed.iter().try_for_each(|(first, last)| calls::close_range(*first, *last).map(drop));
        let entered = closed.and_then(|()| own(self.owner, libc::CLONE_NEWUSER | self.flags));
        let notified = entered.and_then(|_| calls::write(parent, b"n"));
        let went = notified.and_then(|_| calls::read(parent, &mut [0]));
        calls::exit(match went {
            Ok(1) => work(),
            Ok(_) => libc::ECANCELED,
            Err(errno) => errno.0,
        })
    }
}

/// If the process could not enter its namespaces, its exit code is the errno.
fn not_entered(how: How) -> UserNamespaceError {
    let errno = if let How::Exited(errno) = how { errno } else { libc::ECANCELED };
    UserNamespaceError::Clone(Errno(errno))
}

/// Creates the namespaces of the calling process. The kernel also counts some resources of a user, such as inotify(7)
/// instances, per owner of a namespace, see namespaces(7) `/proc/sys/user`. So if root of the container is another
/// user on the host, that user is the owner. Otherwise the container could use up the limits of the caller, which all
/// containers share.
fn own(owner: Option<u32>, namespaces: i32) -> super::Result<usize> {
    if let Some(owner) = owner {
        // Some systems allow only processes with root's capabilities to create user namespaces.
        let powers = calls::permitted_capabilities()?;
        calls::prctl(libc::PR_SET_KEEPCAPS, 1, 0)?;
        calls::setresuid(owner)?;
        calls::capset(powers, powers, 0)?;
    }
    calls::unshare(namespaces)
}

/// Creates a user namespace with these maps, owned by `owner` or by the caller.
pub(crate) fn with_maps(owner: Option<u32>, uids: &[IdMapping], gids: &[IdMapping]) -> Result<OwnedFd> {
    let open = |pid| {
        write_maps(pid, uids, gids)?;
        let path = format!("/proc/{pid}/ns/user");
        File::open(&path).map_err(|source| UserNamespaceError::Maps(IdMapError::Write { path, source }))
    };
    // SAFETY: the process has nothing to do.
    let (namespace, _) = unsafe { Helper { owner, flags: 0, kept: &[] }.run(open, || 0) }?;
    Ok(namespace.into())
}

/// Removes everything in a directory, as root of a user namespace with these maps.
pub(crate) fn empty(directory: &Path, [uids, gids]: &[Vec<IdMapping>; 2]) -> io::Result<()> {
    let directory = File::open(directory)?;
    let work = || empty_directory(directory.as_raw_fd()).map_or_else(|errno| errno.0, |()| 0);
    let maps = |pid| Ok(ask_helpers(pid, uids, gids)?);
    // SAFETY: `empty_directory` makes calls of `sys` and allocates nothing.
    match unsafe { Helper { owner: None, flags: 0, kept: &[directory.as_raw_fd()] }.run(maps, work) } {
        Ok(((), How::Exited(0))) => Ok(()),
        Ok(((), How::Exited(errno))) => Err(io::Error::from_raw_os_error(errno)),
        Ok(((), killed)) => Err(io::Error::other(format!("the helper process was ended by {killed}"))),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Starts a process as root of a user namespace with these maps. It runs `work` and then exits. All descriptors but
/// this one are closed in it.
///
/// # Safety
/// `work` may do nothing but call functions of `sys`, and must not allocate.
pub(crate) unsafe fn start(
    [uids, gids]: &[Vec<IdMapping>; 2],
    kept: Fd,
    work: impl FnOnce() -> i32,
) -> Result<OwnedFd> {
    let maps = |pid| Ok(ask_helpers(pid, uids, gids)?);
    // SAFETY: the caller guarantees it.
    let (prepared, pidfd) = unsafe { Helper { owner: None, flags: 0, kept: &[kept] }.start(maps, work) }?;
    let failed = match prepared {
        Some(Ok(())) => return Ok(pidfd),
        Some(Err(error)) => Some(error),
        None => None,
    };
    let ended = wait::reap(&pidfd).map_err(UserNamespaceError::Wait)?;
    Err(failed.unwrap_or_else(|| not_entered(ended.how)))
}

/// Creates a process in new user and mount namespaces, which changes a mount, as every container does. Returns
/// whether that succeeded.
pub(crate) fn can_mount() -> Result<bool> {
    let private = MountAttr { propagation: libc::MS_PRIVATE, ..MountAttr::default() };
    let work = || i32::from(calls::mount_setattr(calls::CURRENT_DIRECTORY, c"/", true, &private).is_err());
    // SAFETY: `work` makes one call of `sys`.
    let ((), how) = unsafe { Helper { owner: None, flags: libc::CLONE_NEWNS, kept: &[] }.run(|_| Ok(()), work) }?;
    Ok(how == How::Exited(0))
}
