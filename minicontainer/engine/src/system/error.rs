//! Errors of operations on the whole store, which are the errors of its parts.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer::{
    core::diagnostic::{Diagnostic, ErrorKind},
    store::{SPACE_HINT, StoreError},
};

use minicontainer_build::BuildError;
use minicontainer_images::ImageError;

use crate::container::ContainerError;

/// Why the store cannot be read, pruned or repaired.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
    /// Containers.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The cache of builds.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Images.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

minicontainer::core::readable_debug!(SystemError);

impl Diagnostic for SystemError {
    fn kind(&self) -> ErrorKind {
        match self {
            SystemError::Container(error) => error.kind(),
            SystemError::Build(error) => error.kind(),
            SystemError::Image(error) => error.kind(),
            SystemError::Store(error) => error.kind(),
            SystemError::Io { source, .. } => ErrorKind::of_io(source),
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            SystemError::Container(error) => error.hint(),
            SystemError::Build(error) => error.hint(),
            SystemError::Image(error) => error.hint(),
            SystemError::Store(error) => error.hint(),
            SystemError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => Some(SPACE_HINT.into()),
            SystemError::Io { .. } => None,
        }
    }
}

impl SystemError {
    /// For `map_err`: adds what was tried and the path.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> SystemError {
        let path = path.into();
        move |source| SystemError::Io { action, path, source }
    }
}
