//! Errors of the store, with hints.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer_core::{
    Digest, Reference,
    diagnostic::{Diagnostic, ErrorKind, fixed_hint},
    reference::ReferenceError,
};

/// The hint for a full disk.
pub const SPACE_HINT: &str = "free some space: `minicontainer rmi IMAGE` removes an image";
/// The hint for an inconsistent image.
pub const DAMAGE_HINT: &str = "the image is damaged or was tampered with: fetch or save it again from where it came from, or see `minicontainer system check`";

/// A failed operation of the store. The message contains the action and its object, [`source`](std::error::Error) the
/// cause, and [`hint`](Diagnostic::hint) what to do.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum StoreError {
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The directory of the store is not writable.
    #[error("the store {} is not writable", path.display())]
    NotWritable { path: PathBuf, source: io::Error },
    /// The store, or a directory of it, belongs to another user.
    #[error("cannot use the store {}: it belongs to user {owner}, and this is user {user}", path.display())]
    NotOwned { path: PathBuf, owner: u32, user: u32 },
    /// Other users can write in the store, or in a directory of it.
    #[error("cannot use the store {}: other users can write in it (mode {mode:04o})", path.display())]
    Writable { path: PathBuf, mode: u32 },
    /// Other users can replace the store by another directory.
    #[error("cannot use the store {}: other users can replace it, because {} belongs to user {owner} and has mode {mode:04o}", store.display(), path.display())]
    Replaceable { store: PathBuf, path: PathBuf, owner: u32, mode: u32 },
    /// An ordinary user without a home has no default store.
    #[error(
        "cannot choose a directory for the store: none of MINICONTAINER_ROOT, XDG_DATA_HOME and HOME is an absolute path"
    )]
    NoHome,
    /// No image has this name or id.
    #[error("no image \"{name}\" in the store {}", store.display())]
    UnknownImage { name: String, store: PathBuf },
    /// The prefix of an ID matches several images.
    #[error("invalid image id \"{name}\": it is the prefix of several ids: {}", ids.iter().map(Digest::short).collect::<Vec<_>>().join(", "))]
    AmbiguousImage { name: String, ids: Vec<Digest> },
    /// The name is not a valid reference.
    #[error("cannot look up the image \"{name}\"")]
    BadReference { name: String, source: ReferenceError },
    /// A container uses the image.
    #[error("cannot remove the image {id}: the container {container} uses it", id = id.short())]
    InUse { id: Digest, container: String },
    /// An image to remove by its ID has several names.
    #[error("cannot remove the image {id} by its id: it has several names: {}", references.iter().map(Reference::familiar).collect::<Vec<_>>().join(", "), id = id.short())]
    SeveralNames { id: Digest, references: Vec<Reference> },
    /// A blob, or the input for a new blob, cannot be read.
    #[error("cannot read the content of the image")]
    Content { source: io::Error },
    /// A JSON document is invalid.
    #[error("{what} is not a valid {kind}")]
    Document { what: String, kind: &'static str, source: serde_json::Error },
    /// A JSON document exceeds the size limit.
    #[error("{what} is larger than {limit} bytes, the limit for the documents of an image")]
    DocumentSize { what: String, limit: u64 },
    /// The index of the images would be too large to be read again.
    #[error("cannot add more images or names: {path} would be larger than {limit} bytes", path = path.display())]
    IndexSize { path: PathBuf, limit: u64 },
    /// A document refers to a missing blob.
    #[error("{what} is missing")]
    Missing { what: String },
    /// A digest that is invalid or of an unsupported algorithm.
    #[error("cannot use the digest {digest}")]
    BadDigest { digest: String, source: minicontainer_core::digest::DigestError },
    /// The content does not match its digest.
    #[error("{what} does not match its digest: expected {expected}, found {actual}")]
    Digest { what: String, expected: Digest, actual: Digest },
    /// The content does not match the size in its descriptor.
    #[error("{what} has {actual} bytes, but its descriptor says {expected}")]
    Size { what: String, expected: u64, actual: u64 },
    /// Manifest and config have different numbers of layers.
    #[error("the image {id} is inconsistent: {layers} layers in its manifest, {diff_ids} in its config", id = id.short())]
    LayerCount { id: Digest, layers: usize, diff_ids: usize },
    /// Another tool added the image, and this layer has not been unpacked yet.
    #[error("the layer {} of the image {} is not unpacked yet", layer.id.diff_id, image.short())]
    NotUnpacked { image: Digest, layer: Box<super::ImageLayer> },
}

minicontainer_core::readable_debug!(StoreError);

impl Diagnostic for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            StoreError::UnknownImage { .. } => ErrorKind::NotFound,
            StoreError::InUse { .. } | StoreError::SeveralNames { .. } => ErrorKind::Conflict,
            StoreError::AmbiguousImage { .. } | StoreError::BadReference { .. } => ErrorKind::InvalidInput,
            StoreError::NotWritable { .. }
            | StoreError::NotOwned { .. }
            | StoreError::Writable { .. }
            | StoreError::Replaceable { .. } => ErrorKind::Denied,
            StoreError::Io { source, .. } => ErrorKind::of_io(source),
            _ => ErrorKind::Failed,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        fixed_hint(self.fixed_hint())
    }
}

impl StoreError {
    fn fixed_hint(&self) -> &'static str {
        match self {
            StoreError::NotWritable { .. } => {
                "give yourself write access there, or set MINICONTAINER_ROOT to a directory of your own"
            }
            StoreError::NotOwned { .. } => {
                "run the command as that user, or set MINICONTAINER_ROOT to a directory of your own; to own files again \
                 that `sudo` left in your store: `sudo chown -R USER DIRECTORY`"
            }
            StoreError::Writable { .. } => {
                "set MINICONTAINER_ROOT to a new directory; or, if you are sure that no other user has changed anything in \
                 it, remove their access: `chmod go= DIRECTORY`"
            }
            StoreError::Replaceable { .. } => {
                "set MINICONTAINER_ROOT to a directory below your home directory; or, if that directory is yours, remove \
                 the write permission of others: `chmod go-w DIRECTORY`"
            }
            StoreError::IndexSize { .. } => "remove images or names that you do not need: `minicontainer rmi IMAGE`",
            StoreError::NoHome => "set MINICONTAINER_ROOT to a directory of your own",
            StoreError::UnknownImage { .. } => {
                "`minicontainer images` lists the images, `minicontainer pull IMAGE` fetches one, and `minicontainer \
                 image seed` creates busybox without a network"
            }
            StoreError::AmbiguousImage { .. } => "write more digits of the id",
            StoreError::InUse { .. } => "remove the container first: `minicontainer rm CONTAINER`",
            StoreError::SeveralNames { .. } => {
                "remove each by its name, or all of them with `minicontainer rmi -f IMAGE`"
            }
            StoreError::Content { .. } => "the file may be truncated: create or fetch it again",
            StoreError::NotUnpacked { .. } => {
                "let the engine unpack it: any `minicontainer run IMAGE` does, and in a program \
                 minicontainer_images::find"
            }
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => SPACE_HINT,
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "the store belongs to the user who created it: run as that user, or set MINICONTAINER_ROOT"
            }
            StoreError::Io { .. } | StoreError::BadReference { .. } => "",
            _ => DAMAGE_HINT,
        }
    }

    /// For `map_err`: adds the action and the path.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io { action, path, source }
    }
}
