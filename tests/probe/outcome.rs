//! The outcome of an attack.

use std::fmt;
use std::process::ExitCode;

use nix::errno::Errno;

/// The outcome of an attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Done,
    /// The kernel or the container refused it.
    Refused(Errno),
    /// A signal ended the attacking process.
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
    /// The exit status of the program.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Outcome::Done => 0,
            Outcome::Refused(_) | Outcome::Killed(_) => 1,
            Outcome::NotLive(_) => 2,
        })
    }
}

/// An attack is a sequence of calls; the first that fails determines the outcome.
impl<T> From<Result<T, Errno>> for Outcome {
    fn from(result: Result<T, Errno>) -> Outcome {
        match result {
            Ok(_) => Outcome::Done,
            Err(errno) => Outcome::Refused(errno),
        }
    }
}

/// The attack could not be tried, with the reason.
pub fn not_live(reason: &str) -> Outcome {
    Outcome::NotLive(reason.to_owned())
}

/// Done if the condition holds.
pub fn done_if(reached: bool, otherwise: Errno) -> Outcome {
    if reached { Outcome::Done } else { Outcome::Refused(otherwise) }
}

/// The errno of an error of the standard library.
pub fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
