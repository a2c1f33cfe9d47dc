//! What can go wrong with the store, with a hint for each.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer_core::{
    Digest, Reference,
    diagnostic::{Diagnostic, ErrorKind, fixed_hint},
    reference::ReferenceError,
};

/// What to do about a full disk.
pub const SPACE_HINT: &str = "free some space: `minicontainer rmi IMAGE` removes an image";
/// What to do about an image whose parts do not fit together.
pub const DAMAGE_HINT: &str = "the image is damaged or was tampered with: fetch or save it again from where it came from, or see `minicontainer system check`";

/// Something that the store could not do. The message says what was tried on what; [`source`](std::error::Error)
/// says why it failed; [`hint`](Diagnostic::hint) says what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum StoreError {
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// Nothing can be written where the store is to be.
    #[error("the store {} is not writable", path.display())]
    NotWritable { path: PathBuf, source: io::Error },
    /// The store, or a directory of it, belongs to another user.
    #[error("cannot use the store {}: it belongs to user {owner}, and this is user {user}", path.display())]
    NotOwned { path: PathBuf, owner: u32, user: u32 },
    /// Other users can write in the store, or in a directory of it.
    #[error("cannot use the store {}: other users can write in it (mode {mode:04o})", path.display())]
    Writable { path: PathBuf, mode: u32 },
    /// Other users can put another directory in the place of the store.
    #[error("cannot use the store {}: other users can replace it, because {} belongs to user {owner} and has mode {mode:04o}", store.display(), path.display())]
    Replaceable { store: PathBuf, path: PathBuf, owner: u32, mode: u32 },
    /// An ordinary user without a home has no default store.
    #[error(
        "no place for the store: neither MINICONTAINER_ROOT nor XDG_DATA_HOME nor HOME is set to an absolute path"
    )]
    NoHome,
    /// No image has this name or id.
    #[error("no image \"{name}\" in the store {}", store.display())]
    UnknownImage { name: String, store: PathBuf },
    /// The beginning of an id fits several images.
    #[error("\"{name}\" is the beginning of several images' ids: {}", ids.iter().map(Digest::short).collect::<Vec<_>>().join(", "))]
    AmbiguousImage { name: String, ids: Vec<Digest> },
    /// The name breaks the grammar of references.
    #[error("cannot look up the image \"{name}\"")]
    BadReference { name: String, source: ReferenceError },
    /// A container uses the image.
    #[error("cannot remove the image {id}: the container {container} uses it", id = id.short())]
    InUse { id: Digest, container: String },
    /// An image that is to be removed by its id has several names.
    #[error("cannot remove the image {id} by its id: it has several names: {}", references.iter().map(Reference::familiar).collect::<Vec<_>>().join(", "), id = id.short())]
    SeveralNames { id: Digest, references: Vec<Reference> },
    /// What should become a blob, or a blob itself, cannot be read.
    #[error("cannot read the content of the image")]
    Content { source: io::Error },
    /// A JSON document is not what it must be.
    #[error("{what} is no valid {kind}")]
    Document { what: String, kind: &'static str, source: serde_json::Error },
    /// A JSON document is larger than any honest one.
    #[error("{what} is larger than {limit} bytes, the most that is read of an image's documents")]
    DocumentSize { what: String, limit: u64 },
    /// A document refers to a blob that is not there.
    #[error("{what} is missing")]
    Missing { what: String },
    /// A digest of a kind that cannot be used.
    #[error("the digest {digest} cannot be used")]
    BadDigest { digest: String, source: minicontainer_core::digest::DigestError },
    /// The content is not the one that its digest names.
    #[error("{what} is not the content it should be: expected {expected}, found {actual}")]
    Digest { what: String, expected: Digest, actual: Digest },
    /// The content has not the size that its descriptor says.
    #[error("{what} has {actual} bytes where its descriptor says {expected}")]
    Size { what: String, expected: u64, actual: u64 },
    /// Manifest and config disagree about how many layers there are.
    #[error("the image {id} contradicts itself: {layers} layers in its manifest, {diff_ids} in its config", id = id.short())]
    LayerCount { id: Digest, layers: usize, diff_ids: usize },
    /// Another tool put the image there, and nobody has unpacked this layer yet. `blob` is the layer as it travels.
    #[error("the layer {diff_id} of the image {} is not unpacked yet", image.short())]
    NotUnpacked { image: Digest, diff_id: Digest, blob: Digest },
}

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
                "run the command as that user, or set MINICONTAINER_ROOT to a directory of your own; what `sudo` left in \
                 your own store becomes yours again by `sudo chown -R USER DIRECTORY`"
            }
            StoreError::Writable { .. } => {
                "set MINICONTAINER_ROOT to a new directory; or, if you are sure that no other user has changed anything in \
                 it, close it by `chmod go= DIRECTORY`"
            }
            StoreError::Replaceable { .. } => {
                "set MINICONTAINER_ROOT to a place below your home directory; or, if that directory is yours, let only \
                 yourself write in it: `chmod go-w DIRECTORY`"
            }
            StoreError::NoHome => "set MINICONTAINER_ROOT to a directory of your own",
            StoreError::UnknownImage { .. } => {
                "`minicontainer pull IMAGE` fetches it; `minicontainer image seed` makes busybox from this machine's \
                 programs with no network; `minicontainer load -i FILE` reads what `docker save` wrote; \
                 `minicontainer images` lists what is there"
            }
            StoreError::AmbiguousImage { .. } => "write more digits of the id",
            StoreError::InUse { .. } => "remove the container first: `minicontainer rm CONTAINER`",
            StoreError::SeveralNames { .. } => "remove each by its name, or all of them with `rmi -f`",
            StoreError::Content { .. } => "the file may be cut short: make or fetch it anew",
            StoreError::NotUnpacked { .. } => {
                "let the engine unpack it: any `minicontainer run IMAGE` does, and in a program \
                 minicontainer_images::find"
            }
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => SPACE_HINT,
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "the store belongs to who made it: run as that user, or set MINICONTAINER_ROOT"
            }
            StoreError::Io { .. } | StoreError::BadReference { .. } => "",
            _ => DAMAGE_HINT,
        }
    }

    /// For `map_err`: remembers what was tried on which path.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io { action, path, source }
    }
}
