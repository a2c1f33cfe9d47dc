//! Errors of loading images, with hints.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer::{
    core::{
        Digest,
        diagnostic::{Diagnostic, ErrorKind, fixed_hint},
        reference::ReferenceError,
    },
    rootfs::RootFsError,
    store::{DAMAGE_HINT, SPACE_HINT, StoreError},
};

use minicontainer_dockerfile::plan::ChangeError;

use super::{PackError, UnpackError};

/// Why an image could not be loaded or made.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum ImageError {
    /// An archive is neither kind of image archive.
    #[error(
        "this is not an image archive: it has neither an index.json (OCI image layout) nor a manifest.json (docker save)"
    )]
    NotAnArchive,
    /// A tar archive that cannot be read.
    #[error("cannot read the image archive")]
    Archive { source: io::Error },
    /// A directory that cannot be read.
    #[error("cannot open {name} of the image layout")]
    Layout { name: String, source: io::Error },
    /// The archive gives its image a name that is not a valid reference.
    #[error("cannot use the image's name \"{name}\"", name = name.escape_debug())]
    BadReference { name: String, source: ReferenceError },
    /// An artifact that is not an image.
    #[error("the manifest {digest} is not an image's: its config is of type {media_type}")]
    NotAnImage { digest: Digest, media_type: String },
    /// An image only for other platforms.
    #[error("the image {what} has no variant for {platform}")]
    Platform { what: String, platform: String },
    /// More arguments or variables than execve(2) accepts.
    #[error("the config {id} has {count} entries in {list}; at most {limit} are allowed")]
    Entries { id: Digest, list: &'static str, count: usize, limit: usize },
    /// An image layout that is newer than this engine.
    #[error("cannot read an image layout of version \"{version}\": known is 1.0.0")]
    LayoutVersion { version: String },
    /// An archive with too many images.
    #[error("the archive lists more than {limit} images")]
    TooMany { limit: usize },
    /// Indexes that are nested too deeply.
    #[error("the image {what} is an index nested more than {limit} deep")]
    Nesting { what: String, limit: usize },
    /// The archive refers to something that it does not contain.
    #[error("{what} is missing")]
    Missing { what: String },
    /// A layer could not be unpacked.
    #[error("cannot unpack layer {diff_id}")]
    Unpack { diff_id: Digest, source: UnpackError },
    /// A layer could not be applied to a directory.
    #[error("cannot apply the layer to {}", directory.display())]
    Apply { directory: PathBuf, source: UnpackError },
    /// An archive that is not a layer could not be extracted.
    #[error(transparent)]
    Extract { source: UnpackError },
    /// An archive cannot become an image.
    #[error("cannot import the archive")]
    Import { source: UnpackError },
    /// The archive of an image cannot be written.
    #[error("cannot write the archive")]
    Save { source: io::Error },
    /// The files of a container cannot be merged.
    #[error("cannot put the container's layers together")]
    Merge { source: Box<RootFsError> },
    /// A container of the copy driver cannot be compared with its image.
    #[error("cannot compare the container's files with its image's")]
    Compare { source: Box<RootFsError> },
    /// An instruction of `--change` that cannot be carried out.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A damaged layer that is in use and so cannot be replaced.
    #[error("the unpacked files of the layer {diff_id} are damaged, and {user}")]
    LayerInUse { diff_id: Digest, user: String },
    /// The changes of a container cannot be packed as a layer.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A part of the image could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

minicontainer::core::readable_debug!(ImageError);

impl Diagnostic for ImageError {
    fn kind(&self) -> ErrorKind {
        match self {
            ImageError::Store(error) | ImageError::Pack(PackError::Store(error)) => error.kind(),
            ImageError::Merge { source } | ImageError::Compare { source } => source.kind(),
            ImageError::Pack(PackError::Read(error)) => error.kind(),
            ImageError::LayerInUse { .. } => ErrorKind::Conflict,
            ImageError::Platform { .. } | ImageError::Missing { .. } => ErrorKind::NotFound,
            ImageError::Layout { source, .. } => ErrorKind::of_io(source),
            ImageError::Save { .. } | ImageError::Pack(_) => ErrorKind::Failed,
            _ => ErrorKind::InvalidInput,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            ImageError::Merge { source } | ImageError::Compare { source } => return source.hint(),
            ImageError::Pack(PackError::Store(error)) | ImageError::Store(error) => return error.hint(),
            ImageError::Pack(PackError::Read(error)) => return error.hint(),
            ImageError::NotAnArchive => {
                "create one with `docker save -o FILE IMAGE` or `skopeo copy … oci-archive:FILE`"
            }
            ImageError::Archive { .. } => "the file may be truncated, or not a tar archive: create it again",
            ImageError::BadReference { .. } => "save the image again under a name that Docker accepts",
            ImageError::Platform { .. } => "fetch or save a variant for this machine",
            ImageError::Entries { .. } => {
                "the kernel cannot start a program with so many: build the image with fewer"
            }
            ImageError::Nesting { .. } | ImageError::Missing { .. } | ImageError::TooMany { .. } => DAMAGE_HINT,
            ImageError::LayoutVersion { .. } => "save it again as version 1.0.0, or as `docker save` does",
            ImageError::Import { source: UnpackError::Archive { .. } } => {
                "import takes a tar archive of a root file system, such as `tar -C DIRECTORY -cf FILE.tar .` makes; \
                 `minicontainer load` takes an archive of `docker save`"
            }
            ImageError::Unpack { source, .. } | ImageError::Apply { source, .. } | ImageError::Import { source } => {
                source.hint()
            }
            ImageError::Extract { source: source @ UnpackError::Entry { .. } } => source.hint(),
            ImageError::Extract { .. } => "the archive may be truncated or damaged: create it again",
            ImageError::LayerInUse { .. } => "then `minicontainer system check --repair` unpacks it again",
            ImageError::Save { source } if source.kind() == io::ErrorKind::StorageFull => SPACE_HINT,
            ImageError::Save { .. } | ImageError::Change(_) | ImageError::Pack(_) => "",
            ImageError::Layout { .. } | ImageError::NotAnImage { .. } => "",
        };
        fixed_hint(hint)
    }
}
