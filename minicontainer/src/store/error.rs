//! What can go wrong with the store, and for each how to mend it.

use std::{io, path::PathBuf};

use minicontainer_core::{Digest, Reference, reference::ReferenceError};

use super::{seed::SeedError, unpack::UnpackError};

/// Something that the store could not do. The message says what was tried on what; [`source`](std::error::Error)
/// says why it failed; [`hint`](StoreError::hint) says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: "read", "make the directory".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Nothing can be written where the store is to be.
    #[error("the store {} is not writable", path.display())]
    NotWritable {
        /// The store's directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An ordinary user without a home has no default store.
    #[error("no place for the store: neither MINICONTAINER_ROOT nor XDG_DATA_HOME nor HOME is set to an absolute path")]
    NoHome,
    /// No image has this name or id.
    #[error("no image \"{name}\" in the store {}", store.display())]
    UnknownImage {
        /// The name or id that was looked up.
        name: String,
        /// The store's directory.
        store: PathBuf,
    },
    /// The beginning of an id fits several images.
    #[error("\"{name}\" is the beginning of several images' ids: {}", ids.iter().map(Digest::short).collect::<Vec<_>>().join(", "))]
    AmbiguousImage {
        /// What was looked up.
        name: String,
        /// The images that fit.
        ids: Vec<Digest>,
    },
    /// The name breaks the grammar of references.
    #[error("cannot look up the image \"{name}\"")]
    BadReference {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// A container uses the image.
    #[error("cannot remove the image {id}: the container {container} uses it", id = id.short())]
    InUse {
        /// The image.
        id: Digest,
        /// A container that uses it.
        container: String,
    },
    /// An image that is to be removed by its id has several names.
    #[error("cannot remove the image {id} by its id: it has several names: {}", references.iter().map(Reference::familiar).collect::<Vec<_>>().join(", "), id = id.short())]
    SeveralNames {
        /// The image.
        id: Digest,
        /// Its names.
        references: Vec<Reference>,
    },
    /// An archive is neither kind of image archive.
    #[error(
        "this is no image archive: it has neither an index.json (OCI image layout) nor a manifest.json (docker save)"
    )]
    NotAnArchive,
    /// A tar archive that cannot be read.
    #[error("cannot read the image archive")]
    Archive {
        /// What is wrong with it.
        source: io::Error,
    },
    /// A compression that is not supported.
    #[error("cannot read {what}: it is compressed with {compression}, which is not supported yet")]
    Compression {
        /// The archive or layer.
        what: String,
        /// The compression's name.
        compression: &'static str,
    },
    /// A JSON document is not what it must be.
    #[error("{what} is no valid {kind}")]
    Document {
        /// Which document, by name or digest.
        what: String,
        /// What it should have been.
        kind: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A JSON document is larger than any honest one.
    #[error("{what} is larger than {limit} bytes, the most that is read of an image's documents")]
    DocumentSize {
        /// Which document.
        what: String,
        /// The bound.
        limit: u64,
    },
    /// An artifact that is no image.
    #[error("the manifest {digest} is not an image's: its config is of type {media_type}")]
    NotAnImage {
        /// The manifest.
        digest: Digest,
        /// The type of its config.
        media_type: String,
    },
    /// An image for other machines only.
    #[error("the image {what} has no variant for {platform}")]
    Platform {
        /// The index.
        what: String,
        /// This machine, as `os/architecture`.
        platform: String,
    },
    /// Indexes within indexes within indexes.
    #[error("the image {what} is an index nested more than {limit} deep")]
    Nesting {
        /// The index at which the search ended.
        what: String,
        /// The bound.
        limit: usize,
    },
    /// A document refers to a blob that is not there.
    #[error("{what} is missing")]
    Missing {
        /// The blob, by its name in the archive or layout.
        what: String,
    },
    /// A digest of a kind that cannot be used.
    #[error("the digest {digest} cannot be used")]
    BadDigest {
        /// The text.
        digest: String,
        /// What is wrong with it.
        source: minicontainer_core::digest::DigestError,
    },
    /// The content is not the one that its digest names.
    #[error("{what} is not the content it should be: expected {expected}, found {actual}")]
    Digest {
        /// Which blob.
        what: String,
        /// The digest it goes by.
        expected: Digest,
        /// The digest of what was read.
        actual: Digest,
    },
    /// The content has not the size that its descriptor says.
    #[error("{what} has {actual} bytes where its descriptor says {expected}")]
    Size {
        /// Which blob.
        what: String,
        /// The size it should have.
        expected: u64,
        /// The size it has.
        actual: u64,
    },
    /// Manifest and config disagree about how many layers there are.
    #[error("the image {id} contradicts itself: {layers} layers in its manifest, {diff_ids} in its config", id = id.short())]
    LayerCount {
        /// The image.
        id: Digest,
        /// Layers of the manifest.
        layers: usize,
        /// diff-ids of the config.
        diff_ids: usize,
    },
    /// A layer could not be unpacked.
    #[error("cannot unpack layer {diff_id}")]
    Unpack {
        /// The layer.
        diff_id: Digest,
        /// Why.
        source: UnpackError,
    },
    /// No image could be made of the host's own programs.
    #[error("cannot make the image busybox from this machine's programs")]
    Seed {
        /// Why.
        source: SeedError,
    },
}

impl StoreError {
    /// One sentence that says how to mend it; empty where the message says all there is.
    pub fn hint(&self) -> &'static str {
        match self {
            StoreError::NotWritable { .. } => {
                "give yourself write access there, or set MINICONTAINER_ROOT to a directory of your own"
            }
            StoreError::NoHome => "set MINICONTAINER_ROOT to a directory of your own",
            StoreError::UnknownImage { .. } => {
                "`minicontainer image seed` makes busybox from this machine's programs with no network; `minicontainer \
                 load -i FILE` reads what `docker save` wrote; `minicontainer images` lists what is there"
            }
            StoreError::AmbiguousImage { .. } => "write more digits of the id",
            StoreError::InUse { .. } => "remove the container first: `minicontainer rm CONTAINER`",
            StoreError::SeveralNames { .. } => "remove each by its name",
            StoreError::NotAnArchive => "make one with `docker save -o FILE IMAGE` or `skopeo copy … oci-archive:FILE`",
            StoreError::Archive { .. } => "the file may be cut short or no tar at all: make it anew",
            StoreError::Compression { .. } => "write it anew uncompressed or with gzip",
            StoreError::Document { .. }
            | StoreError::DocumentSize { .. }
            | StoreError::Missing { .. }
            | StoreError::Digest { .. }
            | StoreError::Size { .. }
            | StoreError::LayerCount { .. }
            | StoreError::BadDigest { .. } => {
                "the image is damaged or was tampered with: fetch or save it again from where it came from"
            }
            StoreError::Platform { .. } => "fetch or save a variant for this machine",
            StoreError::Seed { source } => source.hint(),
            StoreError::Unpack { source, .. } => source.hint(),
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space: `minicontainer rmi IMAGE` removes an image"
            }
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "the store belongs to who made it: run as that user, or set MINICONTAINER_ROOT"
            }
            StoreError::Io { .. }
            | StoreError::BadReference { .. }
            | StoreError::NotAnImage { .. }
            | StoreError::Nesting { .. } => "",
        }
    }

    /// For `map_err`: remembers what was tried on which path.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io { action, path, source }
    }
}
