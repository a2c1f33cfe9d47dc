//! `images/`: an OCI image layout, the standard format for images in a directory.
//!
//! ```text
//! oci-layout              {"imageLayoutVersion":"1.0.0"}
//! index.json              a descriptor of each image's manifest, with the image's name in its annotations
//! blobs/sha256/<hex>      manifests, configs and layers, each under its own digest
//! ```
//!
//! See OCI image-spec, *image-layout.md*. A name is kept in two annotations: `io.containerd.image.name` holds the
//! whole reference, as containerd and Docker write it, and `org.opencontainers.image.ref.name` the familiar one, by
//! which `skopeo inspect oci:DIRECTORY:busybox:latest` and other tools find it. An image without a name stays listed
//! without annotations until it is removed.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use minicontainer_core::{Digest, Reference, image::ImageConfig};
use oci_spec::image::{ANNOTATION_REF_NAME, Descriptor, ImageIndex, ImageIndexBuilder, ImageManifest, MediaType};
use serde::de::DeserializeOwned;

use super::{
    Damaged, StoreError,
    blob::{DOCUMENT_LIMIT, parse, read_document},
    private,
    staging::{Staging, publish},
};

/// Containerd's annotation for a whole reference.
const ANNOTATION_IMAGE_NAME: &str = "io.containerd.image.name";
/// The annotation for the digest that the registry has for the name, if it is not the manifest's.
const ANNOTATION_REGISTRY_DIGEST: &str = "minicontainer.registry-digest";

/// The layout's directory, which may not exist yet.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
}

/// An image as the index lists it, with its documents read and verified.
pub(super) struct Listed {
    pub(super) reference: Option<Reference>,
    pub(super) registry_digest: Option<Digest>,
    pub(super) manifest_digest: Digest,
    pub(super) manifest: ImageManifest,
    /// The digest of the config: the image's id.
    pub(super) id: Digest,
}

impl Listed {
    /// The digests of its layers' blobs.
    pub(super) fn layer_digests(&self) -> Result<Vec<Digest>, StoreError> {
        self.manifest.layers().iter().map(digest_of).collect()
    }
}

impl Layout {
    pub(super) fn exists(&self) -> bool {
        self.index_path().exists()
    }

    /// Creates the missing parts of an empty layout. The caller holds the store's lock.
    pub(super) fn create(&self, staging: &Staging) -> Result<(), StoreError> {
        let blobs = self.blobs_directory();
        private::make_directory(&blobs).map_err(StoreError::io("create the directory", &blobs))?;
        replace(staging, &self.root.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        if self.exists() { Ok(()) } else { self.write_index(staging, Vec::new()) }
    }

    pub(super) fn index_path(&self) -> PathBuf {
        self.root.join("index.json")
    }

    pub(super) fn blobs_directory(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs_directory().join(digest.hex())
    }

    /// The descriptors of all images.
    pub(super) fn index(&self) -> Result<Vec<Descriptor>, StoreError> {
        let path = self.index_path();
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let what = path.display().to_string();
        let index: ImageIndex = parse(&read_document(file, &what)?, &what, "image index")?;
        Ok(index.manifests().clone())
    }

    /// Replaces the index. The caller holds the store's lock.
    pub(super) fn write_index(&self, staging: &Staging, manifests: Vec<Descriptor>) -> Result<(), StoreError> {
        let path = self.index_path();
        let index = ImageIndexBuilder::default()
            .schema_version(oci_spec::image::SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests(manifests)
            .build()
            .and_then(|index| index.to_string_pretty())
            .map_err(|error| StoreError::io("write", &path)(io::Error::other(error)))?;
        // A larger index could not be read again.
        if index.len() as u64 > DOCUMENT_LIMIT {
            return Err(StoreError::IndexSize { path, limit: DOCUMENT_LIMIT });
        }
        replace(staging, &path, index.as_bytes())
    }

    /// Opens a blob of this layout.
    pub(super) fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        let path = self.blob_path(digest);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Missing { what: format!("the blob {digest}") })
            }
            file => file.map_err(StoreError::io("open", &path)),
        }
    }

    /// Reads and verifies a small blob.
    pub(super) fn document<T: DeserializeOwned>(&self, digest: &Digest, kind: &'static str) -> Result<T, StoreError> {
        let what = format!("the blob {digest}");
        let bytes = read_document(self.open_blob(digest)?, &what)?;
        let actual = Digest::of(&bytes);
        if actual != *digest {
            return Err(StoreError::Digest { what, expected: digest.clone(), actual });
        }
        parse(&bytes, &what, kind)
    }

    pub(super) fn config(&self, id: &Digest) -> Result<ImageConfig, StoreError> {
        self.document(id, "image config")
    }

    /// Reads the image of a descriptor. `None` for a nested index, which other tools may have added.
    pub(super) fn read(&self, descriptor: &Descriptor) -> Result<Option<Listed>, StoreError> {
        if is_index(descriptor.media_type()) {
            return Ok(None);
        }
        let manifest_digest = digest_of(descriptor)?;
        let manifest: ImageManifest = self.document(&manifest_digest, "image manifest")?;
        let id = digest_of(manifest.config())?;
        let (reference, registry_digest) = (reference_of(descriptor), registry_digest_of(descriptor));
        Ok(Some(Listed { reference, registry_digest, manifest_digest, manifest, id }))
    }

    /// All images, with and without names.
    pub(super) fn list(&self) -> Result<Vec<Result<Listed, Box<Damaged>>>, StoreError> {
        let read = |descriptor: &Descriptor| {
            let (reference, manifest_digest) = (reference_of(descriptor), descriptor.digest().to_string());
            let damaged = |error| Box::new(Damaged { reference, manifest_digest, error });
            self.read(descriptor).map_err(damaged).transpose()
        };
        Ok(self.index()?.iter().filter_map(read).collect())
    }
}

/// Replaces a file atomically: readers see either the old or the new content.
fn replace(staging: &Staging, path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let staged = staging.unused_path();
    let mut file = private::create(&staged).map_err(StoreError::io("create the file", &staged))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(StoreError::io("write", &staged))?;
    publish(&staged, path)
}

/// The digest of a descriptor, which must be a SHA-256 digest.
pub fn digest_of(descriptor: &Descriptor) -> Result<Digest, StoreError> {
    let text = descriptor.digest().to_string();
    text.parse().map_err(|source| StoreError::BadDigest { digest: text, source })
}

/// Whether this is the media type of an index, of OCI or of Docker.
pub fn is_index(media_type: &MediaType) -> bool {
    *media_type == MediaType::ImageIndex
        || media_type.as_ref() == "application/vnd.docker.distribution.manifest.list.v2+json"
}

/// The name of a descriptor in an index, if it is valid.
pub fn reference_of(descriptor: &Descriptor) -> Option<Reference> {
    name_of(descriptor)?.parse().ok()
}

/// The name of a descriptor in an index. A bare word in `ref.name` is a tag without a repository ("latest"), as umoci
/// and buildah write it, so it is not the name of an image.
pub fn name_of(descriptor: &Descriptor) -> Option<&str> {
    let annotations = descriptor.annotations().as_ref()?;
    let whole = annotations.get(ANNOTATION_IMAGE_NAME);
    let name = whole.or_else(|| annotations.get(ANNOTATION_REF_NAME).filter(|name| name.contains([':', '/'])));
    name.map(String::as_str)
}

/// The digest that the registry has for the descriptor's name, if the index says so.
pub(super) fn registry_digest_of(descriptor: &Descriptor) -> Option<Digest> {
    descriptor.annotations().as_ref()?.get(ANNOTATION_REGISTRY_DIGEST)?.parse().ok()
}

/// Records the digest that the registry has for a descriptor's name, which is that of the index from which the
/// manifest was chosen.
pub fn set_registry_digest(descriptor: &mut Descriptor, digest: Option<&Digest>) {
    let annotation = |digest: &Digest| HashMap::from([(ANNOTATION_REGISTRY_DIGEST.to_owned(), digest.to_string())]);
    descriptor.set_annotations(digest.map(annotation));
}

/// Adds images, each with a name or without one. A name is removed from the image that had it, which stays without a
/// name if it has no other. Of two images with one name, the last gets it.
///
/// An archive can give thousands of names, so each name in the index is read only once.
pub(super) fn add_images(index: &mut Vec<Descriptor>, images: Vec<(Descriptor, Option<Reference>)>) {
    let new: HashSet<String> =
        images.iter().filter_map(|(_, name)| name.as_ref()).map(Reference::to_string).collect();
    let is_replaced = |other: &Descriptor| reference_of(other).is_some_and(|name| new.contains(&name.to_string()));
    for other in index.iter_mut().filter(|other| is_replaced(other)) {
        other.set_annotations(None);
    }
    let mut given = HashSet::new();
    let last_first = images.into_iter().rev();
    let named: Vec<Descriptor> = last_first
        .map(|(descriptor, name)| with_name(descriptor, name.filter(|name| given.insert(name.to_string()))))
        .collect();
    index.extend(named.into_iter().rev());
    drop_superfluous(index);
}

fn with_name(mut descriptor: Descriptor, name: Option<Reference>) -> Descriptor {
    let digest = registry_digest_of(&descriptor);
    let digest = digest.map(|digest| (ANNOTATION_REGISTRY_DIGEST.to_owned(), digest.to_string()));
    descriptor.set_annotations(name.map(|name| {
        let names = [(ANNOTATION_IMAGE_NAME, name.to_string()), (ANNOTATION_REF_NAME, name.familiar())];
        names.map(|(key, name)| (key.to_owned(), name)).into_iter().chain(digest).collect()
    }));
    descriptor
}

/// Removes descriptors without a name whose manifest has another descriptor.
fn drop_superfluous(index: &mut Vec<Descriptor>) {
    let is_named = |descriptor: &Descriptor| {
        descriptor.annotations().as_ref().is_some_and(|annotations| annotations.contains_key(ANNOTATION_REF_NAME))
    };
    let (mut kept, nameless): (Vec<_>, Vec<_>) = index.drain(..).partition(is_named);
    let mut seen: HashSet<String> = kept.iter().map(|descriptor| descriptor.digest().to_string()).collect();
    kept.extend(nameless.into_iter().filter(|descriptor| seen.insert(descriptor.digest().to_string())));
    *index = kept;
}
