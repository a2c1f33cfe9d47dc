//! What can go wrong with the store as a whole: whatever can go wrong with its parts.

use minicontainer::store::StoreError;

use crate::{build::BuildError, container::ContainerError, image::ImageError};

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
}

impl SystemError {
    /// How to mend it; empty where the message says all there is.
    pub fn hint(&self) -> String {
        match self {
            SystemError::Container(error) => error.hint().unwrap_or_default(),
            SystemError::Build(error) => error.hint().to_owned(),
            SystemError::Image(error) => error.hint().to_owned(),
            SystemError::Store(error) => error.hint().to_owned(),
        }
    }
}
