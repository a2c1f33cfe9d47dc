//! The interface to the containers of `RUN`.
//!
//! A `RUN` needs a directory for its writable layer. If the build is killed, that directory and its cgroups must be
//! removed later, and only the engine can find them. This crate cannot depend on the engine, so the engine implements
//! these traits.

use std::{borrow::Cow, error::Error, fmt, path::Path};

use minicontainer::{Diagnostic, ErrorKind, Launch, Report, Running};

/// Creates the containers of `RUN`. The implementation also removes the containers of killed builds.
pub trait RunContainers: Sync {
    /// Creates a container with its own directory.
    ///
    /// # Errors
    /// If the store cannot be written.
    fn create(&self) -> Result<Box<dyn RunContainer>, RunContainerError>;
}

/// The container of one `RUN`. It is removed when this value is dropped, or later if the build was killed.
pub trait RunContainer {
    /// The container's id, which is part of the names of its cgroups.
    fn id(&self) -> &str;

    /// The container's directory, which only the store's owner can enter.
    fn directory(&self) -> &Path;

    /// Runs the program until it exits. `started` is called once the program runs, so that a cancelled build can kill
    /// it. `output` receives the program's output in pieces.
    ///
    /// # Errors
    /// If the program cannot be started or waited for, or if `started` fails. The container then has no running
    /// process.
    fn run(
        &self,
        launch: Launch,
        started: &mut dyn FnMut(&Running) -> Result<(), minicontainer::Error>,
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<Report, RunContainerError>;
}

/// An error of the implementation: the container of a `RUN` could not be created or run.
#[derive(Debug)]
pub struct RunContainerError(Box<dyn Diagnostic + Send + Sync>);

impl RunContainerError {
    /// Wraps an error of the implementation.
    pub fn new(error: impl Diagnostic + Send + Sync + 'static) -> RunContainerError {
        RunContainerError(Box::new(error))
    }
}

impl fmt::Display for RunContainerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for RunContainerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for RunContainerError {
    fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        self.0.hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_keeps_message_and_hint_of_its_source() {
        let source = minicontainer::store::StoreError::NoHome;
        let (message, hint) = (source.to_string(), source.hint().map(Cow::into_owned));
        let error = RunContainerError::new(source);
        assert_eq!((error.to_string(), error.hint().map(Cow::into_owned)), (message, hint));
        assert!(error.hint().is_some());
    }
}
