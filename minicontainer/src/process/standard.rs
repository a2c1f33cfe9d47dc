//! The standard streams of a process that is about to start.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, fcntl};

use super::StartError;

/// What becomes a process's stdin, stdout and stderr.
#[derive(Debug)]
pub(crate) struct Standard {
    /// Its descriptors, from the start on. None where the process itself opens a null device or a terminal; until
    /// then it has another pipe of the start in that place.
    pub descriptors: [Option<OwnedFd>; 3],
    /// What they are.
    pub streams: [Stream; 3],
}

/// What a standard stream is, from the start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// A pipe of the engine's, which is given to the program's user.
    Pipe,
    /// To be replaced by the container's own null device, as soon as there is one.
    Null,
    /// A file of the caller's, which stays as it is; or replaced by a terminal.
    Other,
}

/// A descriptor above 2, so that putting stdin, stdout and stderr in their places overwrites nothing, and nothing
/// that the engine opens is taken for one of the caller's three, if the caller has closed those.
pub(crate) fn above_standard(descriptor: OwnedFd) -> Result<OwnedFd, StartError> {
    if descriptor.as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    let number = fcntl(&descriptor, FcntlArg::F_DUPFD_CLOEXEC(3)).map_err(|source| StartError::Pipe { source })?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
