//! Where the containers of `RUN` come from.
//!
//! A `RUN` needs a directory for its writable layer, and that directory and its control groups must not stay if the
//! build is killed. Which directories belong to dead processes is known to the engine, which keeps containers. It is
//! above this crate, so it is asked through a trait.

use std::{error::Error, fmt, path::Path};

use minicontainer::core::plan::Plan;

/// Makes the containers of `RUN`, and removes what killed builds left of theirs.
pub trait RunContainers: Sync {
    /// A container with a directory of its own.
    ///
    /// # Errors
    /// If the store cannot be written.
    fn create(&self) -> Result<Box<dyn RunContainer>, RunContainerError>;
}

/// A container of one `RUN`. It is removed when this value is dropped, and otherwise when its process is dead.
pub trait RunContainer {
    /// Its id, which its control groups bear in their names.
    fn id(&self) -> &str;

    /// Its directory, which only the store's owner can enter.
    fn directory(&self) -> &Path;

    /// Records the control groups of this plan before they are made, so that they can be removed if this process is
    /// killed.
    ///
    /// # Errors
    /// If the record cannot be written.
    fn record_groups(&self, plan: &Plan) -> Result<(), RunContainerError>;
}

/// A container of a `RUN` could not be made.
#[derive(Debug)]
pub struct RunContainerError {
    source: Box<dyn Error + Send + Sync>,
    hint: String,
}

impl RunContainerError {
    /// An error of the implementation, with its hint, which may be empty.
    pub fn new(source: impl Error + Send + Sync + 'static, hint: impl Into<String>) -> RunContainerError {
        RunContainerError { source: Box::new(source), hint: hint.into() }
    }

    /// What to do about it; empty if the message says all there is.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for RunContainerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(formatter)
    }
}

impl Error for RunContainerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_implementations() {
        let source = std::io::Error::other("the disk is gone");
        let error = RunContainerError::new(source, "buy a disk");
        assert_eq!((error.to_string().as_str(), error.hint()), ("the disk is gone", "buy a disk"));
    }
}
