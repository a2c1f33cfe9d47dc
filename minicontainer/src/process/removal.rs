//! Removing files that belong to subordinate ids.
//!
//! What a container wrote as another user than its root belongs to an id that was lent (subuid(5)), and lies perhaps in
//! a directory of that id's, into which the id's borrower may not even look. Root of a user namespace with the same map
//! may. So a process is made in such a namespace, it empties the directory, and ends.
//!
//! That process is a copy of a thread of a caller that may have many, so the rules of [`super::child`] hold here too.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use minicontainer_core::plan::IdMapping;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::ids::ask_helpers;
use super::wait::{How, reap};
use crate::sys::birth::{self, CloneArgs};
use crate::sys::calls::{self, Fd};
use crate::sys::removal::empty_directory;

/// Removes all that is in a directory, as root of a user namespace with these maps.
pub(crate) fn empty(directory: &Path, [uids, gids]: &[Vec<IdMapping>; 2]) -> io::Result<()> {
    let directory = File::open(directory)?;
    let (go, say_go) = pipe2(OFlag::O_CLOEXEC)?;
    let args = CloneArgs { flags: libc::CLONE_NEWUSER as u64 | birth::CLONE_CLEAR_SIGHAND, ..CloneArgs::default() };
    // SAFETY: the child makes calls of `sys` and exits.
    let Some((pid, pidfd)) = unsafe { birth::clone3(args) }? else {
        calls::exit(once_told(go.as_raw_fd(), say_go.as_raw_fd(), directory.as_raw_fd()))
    };
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let told = ask_helpers(pid, uids, gids).map_err(io::Error::other).and_then(|()| File::from(say_go).write(b"g"));
    let ended = reap(&pidfd)?;
    match (told, ended.how) {
        (Err(error), _) => Err(error),
        (Ok(_), How::Exited(0)) => Ok(()),
        (Ok(_), How::Exited(errno)) => Err(io::Error::from_raw_os_error(errno)),
        (Ok(_), killed) => Err(io::Error::other(format!("the process that does it was ended by {killed}"))),
    }
}

/// The process's life: it waits until its ids are mapped, and its exit code is the reason why it failed.
fn once_told(go: Fd, say_go: Fd, directory: Fd) -> i32 {
    match calls::close(say_go).and_then(|_| calls::read(go, &mut [0])) {
        Ok(1) => empty_directory(directory).map_or_else(|errno| errno.0, |()| 0),
        _ => libc::ECANCELED,
    }
}
