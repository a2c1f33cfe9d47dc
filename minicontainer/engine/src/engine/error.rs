//! Errors of creating, starting or supervising a container.

use std::{borrow::Cow, error::Error as _};

use minicontainer::{Diagnostic, Error, ErrorKind, store::StoreError};

use crate::container::ContainerError;

/// A container could not be created, started or supervised to its end.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Its record or its directory failed.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The library could not start it or wait for it.
    #[error(transparent)]
    Sandbox(Box<Error>),
    /// An operation of the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its runtime config cannot be written as JSON.
    #[error("cannot write the container's config.json")]
    RuntimeConfig {
        /// The cause.
        source: serde_json::Error,
    },
    /// An operation failed, and that could not be recorded.
    #[error("{error}; the container's record cannot be updated either: {record}")]
    Unrecorded {
        /// What failed first.
        error: Box<EngineError>,
        /// Why the record could not be updated.
        record: Box<ContainerError>,
    },
}

minicontainer::core::readable_debug!(EngineError);

impl From<Error> for EngineError {
    fn from(error: Error) -> EngineError {
        EngineError::Sandbox(Box::new(error))
    }
}

impl Diagnostic for EngineError {
    fn kind(&self) -> ErrorKind {
        match self {
            EngineError::Container(error) => error.kind(),
            EngineError::Sandbox(error) => error.kind(),
            EngineError::Store(error) => error.kind(),
            EngineError::RuntimeConfig { .. } => ErrorKind::Failed,
            EngineError::Unrecorded { error, .. } => error.kind(),
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            EngineError::Container(error) => error.hint(),
            EngineError::Sandbox(error) => error.hint(),
            EngineError::Store(error) => error.hint(),
            EngineError::RuntimeConfig { .. } => None,
            EngineError::Unrecorded { error, .. } => error.hint(),
        }
    }
}

impl EngineError {
    /// This error, combined with the one that prevented its recording, if there is one.
    pub(super) fn recorded(self, recorded: Result<(), ContainerError>) -> EngineError {
        match recorded {
            Ok(()) => self,
            Err(record) => EngineError::Unrecorded { error: Box::new(self), record: Box::new(record) },
        }
    }

    /// The exit code and the reason with which a failed start is recorded.
    pub(super) fn of_start(&self) -> (u8, String) {
        let (code, mut message) = match self.kind() {
            ErrorKind::CommandNotFound => (127, "command not found in the container: ".to_owned()),
            ErrorKind::CommandNotExecutable => (126, "command cannot be executed: ".to_owned()),
            _ => (125, String::new()),
        };
        message += &self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Some errors already include the message of their source.
            if !message.contains(&text) {
                message += &format!(": {text}");
            }
            source = error.source();
        }
        (code, message)
    }
}
