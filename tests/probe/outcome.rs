//! How an attack went.

use std::fmt;
use std::process::ExitCode;

use nix::errno::Errno;

/// How an attack went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went through.
    Done,
    /// The kernel or the container said no.
    Refused(Errno),
    /// A signal ended the attacker.
    Killed(i32),
    /// It could not be tried.
    NotLive(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Done => formatter.write_str("done"),
            Outcome::Refused(errno) => write!(formatter, "refused {errno:?}"),
            Outcome::Killed(signal) => write!(formatter, "killed {signal}"),
            Outcome::NotLive(reason) => write!(formatter, "not-live {reason}"),
        }
    }
}

impl Outcome {
    /// What the program ends with.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Outcome::Done => 0,
            Outcome::Refused(_) | Outcome::Killed(_) => 1,
            Outcome::NotLive(_) => 2,
        })
    }
}

/// An attack is a few calls in a row, of which the first that fails decides.
impl<T> From<Result<T, Errno>> for Outcome {
    fn from(result: Result<T, Errno>) -> Outcome {
        match result {
            Ok(_) => Outcome::Done,
            Err(errno) => Outcome::Refused(errno),
        }
    }
}

/// It could not be tried, and why.
pub fn not_live(reason: &str) -> Outcome {
    Outcome::NotLive(reason.to_owned())
}

/// Done if it is so.
pub fn done_if(reached: bool, otherwise: Errno) -> Outcome {
    if reached { Outcome::Done } else { Outcome::Refused(otherwise) }
}

/// The errno of an error of the standard library's.
pub fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
