//! Why a sandbox could not be run. How the *program* ended is never here: that is a [`Verdict`](crate::Verdict).

use std::io;
use std::path::PathBuf;

use minicontainer_core::image::ImageError;
use minicontainer_core::options::UserError;
use minicontainer_core::plan::{PlanError, Step};
use minicontainer_core::spec::SpecError;
use nix::errno::Errno;

use super::StandardStream;
use crate::rootfs::RootFsError;
use crate::{CgroupError, StartError};

/// A fault of the sandbox, or of what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value given to the builder is none; the message says which and why.
    #[error("{reason}")]
    Invalid {
        /// The parser's own words.
        reason: String,
    },
    /// The image's config and the options do not make a process.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The user is not in the image's accounts.
    #[error(transparent)]
    User(#[from] UserError),
    /// The options contradict each other.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// What was asked for cannot be done on this host.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The control group could not be made or limited.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The root file system could not be prepared.
    #[error(transparent)]
    RootFs(#[from] RootFsError),
    /// The process could not be started: which step, which system call, why.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A bundle's `config.json` is not understood.
    #[error("cannot read {} as an OCI runtime config: {source}", .path.display())]
    Bundle {
        /// The file.
        path: PathBuf,
        /// The reason, with line and column.
        source: serde_json::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A container's directory could not be made.
    #[error("cannot make the directory {}: {source}", .path.display())]
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A stream could not be opened, read or written.
    #[error("cannot connect the container's stdin, stdout or stderr: {source}")]
    Stream {
        /// The reason.
        source: io::Error,
    },
    /// The container's init exited and did not write how the program ended.
    #[error("cannot tell how the program ended: the container's init wrote no wait status: {source}")]
    NoStatus {
        /// The reason.
        source: Errno,
    },
    /// A stream of the caller's cannot be copied.
    #[error("cannot copy the caller's {stream}: {reason}")]
    UnusableStream {
        /// Which one.
        stream: StandardStream,
        /// What is wrong with it.
        reason: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Something that the container was to read, or has written, got lost on the way.
    #[error("cannot copy the container's {stream}: {source}")]
    Copy {
        /// Which one.
        stream: StandardStream,
        /// The reason.
        source: io::Error,
    },
    /// The end of the process could not be waited for.
    #[error("cannot wait for the container: {source}")]
    Wait {
        /// The reason.
        source: Errno,
    },
}

/// What kind of fault it is, as far as exit codes tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The program is not in the container: Docker's exit code 127.
    CommandNotFound,
    /// The program is there but cannot be executed: Docker's exit code 126.
    CommandNotExecutable,
    /// Anything else: Docker's exit code 125.
    Other,
}

impl Error {
    /// What kind of fault it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Start(StartError::Step { step, call: "execve", errno, .. }) => match (step.as_ref(), *errno) {
                (Step::Execute { .. }, Errno::ENOENT | Errno::ENOTDIR) => ErrorKind::CommandNotFound,
                (Step::Execute { .. }, _) => ErrorKind::CommandNotExecutable,
                _ => ErrorKind::Other,
            },
            _ => ErrorKind::Other,
        }
    }

    /// What would mend it, where the message alone does not say.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Error::Spec(error) => error.hint(),
            Error::Plan(error) => error.hint(),
            Error::Start(error) => error.hint(),
            Error::NoStatus { .. } => {
                Some("a program with CAP_SYS_PTRACE can stop its init from doing so; run it without that capability")
            }
            Error::UnusableStream { hint, .. } => Some(hint),
            Error::Copy { stream: StandardStream::Stdin, .. } => Some("the program has read only a part of its input"),
            Error::Copy { .. } => Some("a part of what the program wrote is lost: redirect it to where there is room"),
            _ => None,
        }
    }
}
