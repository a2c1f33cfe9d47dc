//! Errors of the sandbox itself. How the *program* ended is a [`Verdict`](crate::Verdict), not an error.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use minicontainer_core::diagnostic::{Diagnostic, ErrorKind};
use minicontainer_core::image::ImageError;
use minicontainer_core::options::UserError;
use minicontainer_core::plan::PlanError;
use minicontainer_core::spec::SpecError;

use super::StandardStream;
use crate::rootfs::RootFsError;
use crate::sys::Errno;
use crate::{CgroupError, StartError};

/// A failure of the sandbox, or an invalid request.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value given to the builder is invalid. The message names the value and the reason.
    #[error("{reason}")]
    Invalid {
        /// The parser's message.
        reason: String,
    },
    /// The image's config and the options do not define a process.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The user is not in the image's accounts.
    #[error(transparent)]
    User(#[from] UserError),
    /// The options conflict.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// This host cannot run the container as requested.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The cgroup could not be created or limited.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The root file system could not be prepared.
    #[error(transparent)]
    RootFs(#[from] RootFsError),
    /// The process could not be started: which step, which system call, why.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A bundle's `config.json` could not be parsed.
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
    /// A file of the container could not be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A container's directory could not be created.
    #[error("cannot create the directory {}: {source}", .path.display())]
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
    /// The container's init exited without writing the program's wait status.
    #[error("cannot determine how the program ended: the container's init wrote no wait status: {source}")]
    NoStatus {
        /// The reason.
        source: Errno,
    },
    /// A stream of the caller cannot be copied.
    #[error("cannot copy the caller's {stream}: {reason}")]
    UnusableStream {
        /// The stream.
        stream: StandardStream,
        /// Why it cannot be copied.
        reason: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Some input or output of the container was lost while it was copied.
    #[error("cannot copy the container's {stream}: {source}")]
    Copy {
        /// The stream.
        stream: StandardStream,
        /// The reason.
        source: io::Error,
    },
    /// Waiting for the container failed.
    #[error("cannot wait for the container: {source}")]
    Wait {
        /// The reason.
        source: Errno,
    },
}

minicontainer_core::readable_debug!(Error);

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
            | Error::Write { .. }
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
