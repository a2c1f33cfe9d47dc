//! What can go wrong with the store as a whole: whatever can go wrong with its parts.

use std::{io, path::PathBuf};

use minicontainer::store::{SPACE_HINT, StoreError};

use minicontainer_build::BuildError;
use minicontainer_images::ImageError;

use crate::container::ContainerError;

/// Why the store cannot be looked at, pruned or repaired.
#[derive(Debug, thiserror::Error)]
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
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl SystemError {
    /// How to mend it; empty where the message says all there is.
    pub fn hint(&self) -> String {
        match self {
            SystemError::Container(error) => error.hint().unwrap_or_default(),
            SystemError::Build(error) => error.hint().to_owned(),
            SystemError::Image(error) => error.hint().to_owned(),
            SystemError::Store(error) => error.hint().to_owned(),
            SystemError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => SPACE_HINT.to_owned(),
            SystemError::Io { .. } => String::new(),
        }
    }

    /// For `map_err`: remembers what was tried on which path.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> SystemError {
        let path = path.into();
        move |source| SystemError::Io { action, path, source }
    }
}
