//! Errors of root file systems, with hints.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer_core::diagnostic::{Diagnostic, ErrorKind, fixed_hint};

/// A failed operation on a root file system. The message contains the action and its object,
/// [`source`](std::error::Error) the cause, and [`hint`](Diagnostic::hint) what to do.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum RootFsError {
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A file of the image is not a regular file, but a directory, a device or a pipe.
    #[error("cannot read {path} of the image: it is not a regular file")]
    NotRegular { path: String },
    /// A file of the image exceeds the size limit.
    #[error("cannot read {path} of the image: it is larger than {limit} bytes")]
    TooLarge { path: String, limit: u64 },
    /// Directories are nested too deeply.
    #[error("cannot walk through {}: a path in it is longer than {limit} bytes", place.display())]
    TooDeep { place: PathBuf, limit: usize },
    /// A tree has too many entries, or too many changes.
    #[error("cannot walk through the container's files: there are more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
}

minicontainer_core::readable_debug!(RootFsError);

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
                    "free some space: `minicontainer rm CONTAINER`, `minicontainer rmi IMAGE`"
                }
                io::ErrorKind::PermissionDenied => {
                    "its mode may deny this even to its owner, or it belongs to one of your subordinate ids: do this as \
                     root, or as root in the container"
                }
                _ => "",
            },
            RootFsError::NotRegular { .. } | RootFsError::TooLarge { .. } => {
                "the image is damaged or malicious: fetch it again from its source"
            }
            RootFsError::TooDeep { .. } | RootFsError::TooMany { .. } => {
                "stop the container, and remove these files or the whole container: \
                 `minicontainer rm -f CONTAINER`"
            }
        }
    }

    /// Whether the caller lacked permission.
    pub fn is_permission_denied(&self) -> bool {
        matches!(self, RootFsError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// For `map_err`: adds the action and the path.
    pub fn io<E: Into<io::Error>>(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| RootFsError::Io { action, path, source: source.into() }
    }
}
