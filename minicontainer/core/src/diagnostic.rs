//! What every error of this project has in addition to its message: a kind, and a hint how to fix it.
//!
//! Each module has its own error enum, with the paths and names that its message needs. Programs that show these
//! errors need only this trait: the command maps [`ErrorKind`] to an exit code, a server to an HTTP status.

use std::{borrow::Cow, error::Error};

/// An error with a kind and, if the message does not already say how to fix it, a hint.
pub trait Diagnostic: Error {
    /// The error's kind. An error that wraps another one has that error's kind.
    fn kind(&self) -> ErrorKind {
        ErrorKind::Failed
    }

    /// One sentence that says how to fix it; none if the message already does.
    fn hint(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// What an error means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is invalid by itself, whatever the state of the store or the machine.
    InvalidInput,
    /// The named image, container or file does not exist.
    NotFound,
    /// The request conflicts with the current state: a name is taken, an image is in use, a container is running.
    Conflict,
    /// The caller does not have the permission.
    Denied,
    /// A server or the machine cannot do it now, but may be able to later.
    Unavailable,
    /// The program does not exist in the container.
    CommandNotFound,
    /// The program exists in the container but cannot be executed.
    CommandNotExecutable,
    /// Anything else.
    Failed,
}

impl ErrorKind {
    /// The kind of an I/O error.
    pub fn of_io(error: &std::io::Error) -> ErrorKind {
        match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Failed,
        }
    }
}

/// A fixed text as a hint; none if it is empty.
pub fn fixed_hint(text: &'static str) -> Option<Cow<'static, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}
