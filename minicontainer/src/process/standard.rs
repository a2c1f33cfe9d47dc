//! The standard streams of a process that is about to start.

use std::os::fd::OwnedFd;

/// What becomes a process's stdin, stdout and stderr.
#[derive(Debug)]
pub(crate) struct Standard {
    /// Its descriptors, from the start on.
    pub descriptors: [OwnedFd; 3],
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
