//! Why a sandbox could not be run. How the *program* ended is never here: that is a [`Verdict`](crate::Verdict).

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use minicontainer_core::diagnostic::{Diagnostic, ErrorKind};
use minicontainer_core::image::ImageError;
use minicontainer_core::options::UserError;
use minicontainer_core::plan::PlanError;
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

impl Diagnostic for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Start(error) => error.kind(),
            Error::Spec(error) => error.kind(),
            Error::Plan(error) => error.kind(),
            Error::RootFs(error) => error.kind(),
            Error::Invalid { .. } | Error::Image(_) | Error::User(_) | Error::Bundle { .. } => {
                ErrorKind::InvalidInput
            }
            Error::Read { source, .. } => ErrorKind::of_io(source),
            Error::Cgroup(_)
            | Error::MakeDirectory { .. }
            | Error::Stream { .. }
            | Error::NoStatus { .. }
            | Error::UnusableStream { .. }
            | Error::Copy { .. }
            | Error::Wait { .. } => ErrorKind::Failed,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Error::Spec(error) => return error.hint(),
            Error::Plan(error) => return error.hint(),
            Error::Start(error) => return error.hint(),
            Error::RootFs(error) => return error.hint(),
            Error::NoStatus { .. } => {
                "a program with CAP_SYS_PTRACE can stop its init from doing so; run it without that capability"
            }
            Error::UnusableStream { hint, .. } => hint,
            Error::Copy { stream: StandardStream::Stdin, .. } => "the program has read only a part of its input",
            Error::Copy { .. } => "a part of what the program wrote is lost: redirect it to where there is room",
            _ => return None,
        };
        Some(hint.into())
    }
}
