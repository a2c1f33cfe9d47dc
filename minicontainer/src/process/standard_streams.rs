//! The standard streams of a process before it starts.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, fcntl};

use super::StartError;
use crate::sys::of_nix;

/// What becomes a process's stdin, stdout and stderr.
#[derive(Debug)]
pub(crate) struct Standard {
    /// The descriptors that it gets. None if the process itself will open a null device or a terminal; until then the
    /// go pipe takes that place.
    pub descriptors: [Option<OwnedFd>; 3],
    /// The kind of each stream.
    pub streams: [Stream; 3],
}

/// The kind of a standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// A pipe created by the engine. Its owner is changed to the program's user.
    Pipe,
    /// Will be replaced by the container's own null device, once that exists.
    Null,
    /// A file of the caller, which is not changed; or will be replaced by a terminal.
    Other,
}

/// Moves a descriptor above 2. So dup3(2) to stdin, stdout and stderr overwrites no other descriptor. And if the
/// caller has closed one of the three, no file of the engine is mistaken for it.
pub(crate) fn above_standard(descriptor: OwnedFd) -> Result<OwnedFd, StartError> {
    if descriptor.as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    let number = fcntl(&descriptor, FcntlArg::F_DUPFD_CLOEXEC(3))
        .map_err(|errno| StartError::Pipe { source: of_nix(errno) })?;
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
