//! Errors of unpacking a layer, with hints.

use std::io;

use minicontainer::{
    core::Digest,
    rootfs::RootFsError,
    store::{DAMAGE_HINT, SPACE_HINT},
};

/// Why a layer cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum UnpackError {
    /// The archive is not a tar archive, or truncated.
    #[error("its tar archive is damaged")]
    Archive { source: io::Error },
    /// The archive is not the one that the image's config names.
    #[error("its content has the diff-id {actual}")]
    DiffId { actual: Digest },
    /// A forbidden entry.
    #[error("refused the entry \"{entry}\": {reason}")]
    Refused { entry: String, reason: &'static str },
    /// The layer was unpacked by itself, but a path of its archive leads through the layers below.
    #[error("it depends on the layers below it")]
    DependsOnBelow,
    /// The layers below cannot be read.
    #[error("cannot read the layers below it")]
    Below { source: Box<RootFsError> },
    /// A system call for an entry failed.
    #[error("cannot {action} for the entry \"{entry}\"")]
    Entry { entry: String, action: &'static str, source: io::Error },
    /// The archive exceeds a limit.
    #[error("it has more than {limit} {unit}")]
    TooLarge { limit: u64, unit: &'static str },
}

impl UnpackError {
    /// How to fix it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            UnpackError::Entry { source, .. } if source.kind() == io::ErrorKind::StorageFull => SPACE_HINT,
            UnpackError::Entry { source, .. } if source.raw_os_error() == Some(libc::ENOSYS) => {
                "Linux 5.6 or newer is needed (openat2)"
            }
            UnpackError::Entry { .. } => "the layer may be damaged, or the store's file system may lack a feature",
            _ => DAMAGE_HINT,
        }
    }
}
