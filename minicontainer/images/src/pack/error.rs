//! Errors of packing files as a layer.

use std::io;

use minicontainer::{rootfs::RootFsError, store::StoreError};

/// A directory could not be packed.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum PackError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] RootFsError),
    /// An entry cannot be written.
    #[error("cannot pack \"{entry}\" into a layer")]
    Entry { entry: String, source: io::Error },
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Write { source: io::Error },
    /// Overlayfs uses a feature that cannot be expressed in a layer.
    #[error("cannot pack \"{entry}\" into a layer: overlayfs keeps a part of it elsewhere ({attribute})")]
    Overlay { entry: String, attribute: String },
    /// The store could not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

minicontainer::core::plain_diagnostic!(PackError: Failed);
