//! Trying in a process of its own what cannot be known otherwise.

use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::wait::{How, reap};
use crate::sys::birth::{self, CloneArgs};
use crate::sys::calls::{self, MountAttr};

/// What came of a trial.
pub(crate) enum Trial {
    Works,
    /// The process was made, and then it was not allowed to do what it was made for.
    Denied,
}

/// Makes a process in user and mount namespaces of its own and lets it change a mount, as every container's does.
pub(crate) fn mount_in_user_namespace() -> Result<Trial, Errno> {
    let flags = (libc::CLONE_NEWUSER | libc::CLONE_NEWNS) as u64;
    // SAFETY: the child makes one call of `sys` and exits.
    let born = unsafe { birth::clone3(CloneArgs { flags, ..CloneArgs::default() }) };
    let Some((_, pidfd)) = born.map_err(|errno| Errno::from_raw(errno.0))? else {
        let private = MountAttr { propagation: libc::MS_PRIVATE, ..MountAttr::default() };
        let changed = calls::mount_setattr(calls::CURRENT_DIRECTORY, c"/", true, &private);
        calls::exit(i32::from(changed.is_err()))
    };
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let ended = reap(&pidfd)?;
    Ok(if ended.how == How::Exited(0) { Trial::Works } else { Trial::Denied })
}
