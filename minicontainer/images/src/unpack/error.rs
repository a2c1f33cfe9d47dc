//! Errors of unpacking a layer, with hints.

use std::io;

use super::archive::{EXTENSION_LIMIT, HEADER_LIMIT, SIZE_LIMIT};
use minicontainer::{
    core::Digest,
    rootfs::RootFsError,
    store::{DAMAGE_HINT, SPACE_HINT},
};

/// Why a layer cannot be unpacked.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
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

minicontainer::core::plain_diagnostic!(UnpackError: Failed);

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

/// What is wrong with an archive itself.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TarError {
    #[error("it is truncated")]
    Truncated,
    #[error("it may be truncated: the two blocks of zeros at its end are missing")]
    NoEnd,
    #[error("data follows the block of zeros that ends the archive")]
    MoreBehindEnd,
    #[error("the checksum of a header is wrong")]
    Checksum,
    #[error("a number in a header is malformed")]
    Number,
    #[error("it has more than {HEADER_LIMIT} headers")]
    TooMany,
    #[error("a member has {size} bytes; at most {SIZE_LIMIT} are allowed")]
    TooLarge { size: u64 },
    #[error(
        "a long name, or the extended header, of one member has {size} bytes; at most {EXTENSION_LIMIT} are allowed"
    )]
    LongExtension { size: u64 },
    #[error("no member follows a long name or an extended header")]
    NoMember,
    #[error("an extended header is malformed: {what}")]
    Malformed { what: &'static str },
    #[error(
        "it contains a sparse file, which is supported only in layers: create the archive without `tar --sparse`"
    )]
    Sparse,
    #[error("a member of type {kind:?} has no content, but a size of {size}")]
    Content { kind: char, size: u64 },
}

impl From<TarError> for io::Error {
    fn from(error: TarError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}
