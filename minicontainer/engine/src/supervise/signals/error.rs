//! Errors of reading and forwarding signals.

use std::io;

use minicontainer::{Diagnostic, Error};
use nix::errno::Errno;

/// Signals cannot be read or forwarded.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// They cannot be blocked.
    #[error("cannot block signals")]
    Block {
        /// The cause.
        source: Errno,
    },
    /// They cannot be waited for.
    #[error("cannot wait for signals")]
    Wait {
        /// The cause.
        source: Errno,
    },
    /// One cannot be read.
    #[error("cannot read a signal")]
    Read {
        /// The cause.
        source: Errno,
    },
    /// One cannot be sent to the container.
    #[error("cannot forward a signal to the container")]
    Forward {
        /// The cause.
        source: Box<Error>,
    },
    /// The size of the user's terminal cannot be set in the container's.
    #[error("cannot resize the container's terminal")]
    Resize {
        /// The cause.
        source: Box<Error>,
    },
    /// The user's terminal cannot be made raw again after a stop.
    #[error("cannot make the terminal raw again")]
    Terminal {
        /// The cause.
        source: io::Error,
    },
}

minicontainer::core::readable_debug!(SignalError);

impl Diagnostic for SignalError {}
