//! What can go wrong with signals.

use std::io;

use minicontainer::{Diagnostic, Error};
use nix::errno::Errno;

/// Signals cannot be read or forwarded.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// They cannot be blocked.
    #[error("cannot block signals")]
    Block {
        /// Why not.
        source: Errno,
    },
    /// They cannot be waited for.
    #[error("cannot wait for signals")]
    Wait {
        /// Why not.
        source: Errno,
    },
    /// One cannot be read.
    #[error("cannot read a signal")]
    Read {
        /// Why not.
        source: Errno,
    },
    /// One cannot be sent to the container.
    #[error("cannot forward a signal to the container")]
    Forward {
        /// Why not.
        source: Box<Error>,
    },
    /// The size of the user's terminal cannot be set in the container's.
    #[error("cannot resize the container's terminal")]
    Resize {
        /// Why not.
        source: Box<Error>,
    },
    /// The user's terminal cannot be used again after a stop.
    #[error("cannot make the terminal raw again")]
    Terminal {
        /// Why not.
        source: io::Error,
    },
}

impl Diagnostic for SignalError {}
