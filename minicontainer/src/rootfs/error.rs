//! What can go wrong with a root file system, with a hint for each.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer_core::diagnostic::{Diagnostic, ErrorKind, fixed_hint};

/// Something about a root file system that could not be done. The message says what was tried on what,
/// [`source`](std::error::Error) why it failed, [`hint`](Diagnostic::hint) what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum RootFsError {
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A file of the image that must be an ordinary one is a directory, a device or a pipe.
    #[error("cannot read {path} of the image: it is not a regular file")]
    NotRegular { path: String },
    /// A file of the image is larger than is believable.
    #[error("cannot read {path} of the image: it is larger than {limit} bytes")]
    TooLarge { path: String, limit: u64 },
    /// Directories are nested deeper than any path that is walked.
    #[error("cannot walk through {}: a path in it is longer than {limit} bytes", place.display())]
    TooDeep { place: PathBuf, limit: usize },
    /// A tree has more entries than any that is walked, or more changes than can be listed.
    #[error("cannot walk through the container's files: there are more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
}

impl Diagnostic for RootFsError {
    fn kind(&self) -> ErrorKind {
        match self {
            RootFsError::Io { source, .. } => ErrorKind::of_io(source),
            _ => ErrorKind::Failed,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        fixed_hint(self.fixed_hint())
    }
}

impl RootFsError {
    fn fixed_hint(&self) -> &'static str {
        match self {
            RootFsError::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space: `minicontainer rm CONTAINER` and `minicontainer rmi IMAGE` do"
                }
                io::ErrorKind::PermissionDenied => {
                    "its mode may forbid this even to its owner, or an id that was allocated to you owns it: root may, and so may \
                     the container's own root"
                }
                _ => "",
            },
            RootFsError::NotRegular { .. } | RootFsError::TooLarge { .. } => {
                "the image is damaged or was made to do harm: fetch it again from where it came from"
            }
            RootFsError::TooDeep { .. } | RootFsError::TooMany { .. } => {
                "stop the container, and remove what it made without end or the container itself: \
                 `minicontainer rm -f CONTAINER`"
            }
        }
    }

    /// Whether the caller may not do what was tried.
    pub fn is_permission_denied(&self) -> bool {
        matches!(self, RootFsError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// For `map_err`: remembers what was tried on which path.
    pub fn io<E: Into<io::Error>>(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| RootFsError::Io { action, path, source: source.into() }
    }
}
