//! What every error of this project says beside its message: of what kind it is, and what to change.
//!
//! Each module has an error enum of its own, with the paths and names that its message needs. Programs that show
//! these errors need to know only this trait: the command maps [`ErrorKind`] to an exit code, a server to an HTTP
//! status.

use std::{borrow::Cow, error::Error};

/// An error with a kind and, where the message does not say it, a hint.
pub trait Diagnostic: Error {
    /// Of what kind it is. An error that passes on another one is of that one's kind.
    fn kind(&self) -> ErrorKind {
        ErrorKind::Failed
    }

    /// One sentence that says how to fix it; none where the message says all there is.
    fn hint(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// What an error means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was asked for is wrong by itself, whatever the state of the store or the machine.
    InvalidInput,
    /// The image, container or file that was named does not exist.
    NotFound,
    /// It cannot be done in the present state: a name is taken, an image is in use, a container runs.
    Conflict,
    /// The caller may not do it.
    Denied,
    /// A server or the machine cannot do it now, and may do it later.
    Unavailable,
    /// The container's program does not exist in it.
    CommandNotFound,
    /// The container's program exists but cannot be executed.
    CommandNotExecutable,
    /// Anything else.
    Failed,
}

impl ErrorKind {
    /// The kind of an error of the file system.
    pub fn of_io(error: &std::io::Error) -> ErrorKind {
        match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Failed,
        }
    }
}

/// A hint that is a fixed text; none if it is empty.
pub fn fixed_hint(text: &'static str) -> Option<Cow<'static, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}
