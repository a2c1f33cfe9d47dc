//! What can go wrong with a root file system, and for each how to mend it.

use std::{io, path::PathBuf};

/// Something about a root file system that could not be done. The message says what was tried on what,
/// [`source`](std::error::Error) why it failed, [`hint`](RootFsError::hint) how to mend it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum RootFsError {
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A file of the image that must be an ordinary one is a directory, a device or a pipe.
    #[error("cannot read {path} of the image: it is no regular file")]
    NotRegular { path: String },
    /// A file of the image is larger than is believable.
    #[error("cannot read {path} of the image: it is larger than {limit} bytes")]
    TooLarge { path: String, limit: u64 },
}

impl RootFsError {
    /// One sentence that says how to mend it; empty where the message says all there is.
    pub fn hint(&self) -> &'static str {
        match self {
            RootFsError::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space: `minicontainer rm CONTAINER` and `minicontainer rmi IMAGE` do"
                }
                io::ErrorKind::PermissionDenied => {
                    "its mode may forbid this even to its owner, or an id that was lent to you owns it: root may, and so may \
                     the container's own root"
                }
                _ => "",
            },
            RootFsError::NotRegular { .. } | RootFsError::TooLarge { .. } => {
                "the image is damaged or was made to do harm: fetch it again from where it came from"
            }
        }
    }

    /// For `map_err`: remembers what was tried on which path.
    pub(super) fn io<E: Into<io::Error>>(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| RootFsError::Io { action, path, source: source.into() }
    }
}
