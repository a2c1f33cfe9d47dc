//! The ioctls of a seccomp supervisor, see seccomp_unotify(2).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// `SECCOMP_IOCTL_NOTIF_RECV`: takes the next call, `struct seccomp_notif` of 80 bytes.
const RECEIVE: usize = 0xc050_2100;
/// `SECCOMP_IOCTL_NOTIF_SEND`: answers it, `struct seccomp_notif_resp` of 24 bytes.
const SEND: usize = 0xc018_2101;

/// Waits for the next notification; `None` when no process uses the filter any more.
///
/// # Errors
/// When the descriptor is not a listener.
pub(crate) fn next(listener: BorrowedFd<'_>) -> Result<Option<libc::seccomp_notif>, Errno> {
    loop {
        let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            polled => polled?,
        };
        let events = ready[0].revents().unwrap_or(PollFlags::POLLERR);
        if !events.contains(PollFlags::POLLIN) {
            return Ok(None);
        }
        // SAFETY: the structure consists of integers. The kernel requires that it is zeroed.
        let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        match call!(SYS_ioctl, listener.as_raw_fd(), RECEIVE, &raw mut call) {
            Ok(_) => return Ok(Some(call)),
            // The process was killed meanwhile, or a signal has interrupted this call.
            Err(super::Errno(libc::ENOENT | libc::EINTR)) => {}
            Err(super::Errno(errno)) => return Err(Errno::from_raw(errno)),
        }
    }
}

/// Makes the call return an error. It is not an error if its process has been killed meanwhile.
///
/// # Errors
/// When the descriptor is not a listener.
pub(crate) fn refuse(listener: BorrowedFd<'_>, id: u64, errno: i32) -> Result<(), Errno> {
    let mut answer = libc::seccomp_notif_resp { id, val: 0, error: -errno, flags: 0 };
    match call!(SYS_ioctl, listener.as_raw_fd(), SEND, &raw mut answer) {
        Ok(_) | Err(super::Errno(libc::ENOENT)) => Ok(()),
        Err(super::Errno(errno)) => Err(Errno::from_raw(errno)),
    }
}
