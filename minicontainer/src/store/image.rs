//! Images: looking them up by name or ID, with their layers.

use std::path::PathBuf;

use minicontainer_core::{Digest, Reference, image::ImageConfig};
use oci_spec::image::Descriptor;

use super::{
    Store, StoreError,
    image_layout::{self, Listed, registry_digest_of},
    layer::{ImageLayer, Layer, LayerId, diff_ids},
};

/// An image of the store, with its layers unpacked.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its name. None if a newer image has taken it.
    pub reference: Option<Reference>,
    /// The digest that the registry has for this name, if it is not the manifest's: that of the index from which the
    /// manifest was chosen.
    pub registry_digest: Option<Digest>,
    /// Its id: the digest of its config.
    pub id: Digest,
    /// The digest of its manifest, by which a registry identifies it.
    pub manifest_digest: Digest,
    /// Its config: how to run it, and its history.
    pub config: ImageConfig,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// The directory of the store for the writable layers of its containers. The store's `init` is beside it.
    pub containers: PathBuf,
}

/// An image of the index that cannot be used, because a part of it is missing or damaged. It can be removed by its
/// name or by the digest of its manifest.
#[derive(Debug)]
pub struct Damaged {
    /// Its name, if it has one.
    pub reference: Option<Reference>,
    /// The digest of its manifest, as text from the index.
    pub manifest_digest: String,
    /// What is wrong with it.
    pub error: StoreError,
}

impl Image {
    /// Bytes in the files of all layers.
    pub fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }
}

impl Store {
    /// The image with this name, ID or prefix of an ID. If another tool wrote it into `images/`, its layers may not
    /// be unpacked yet; then the error is [`StoreError::NotUnpacked`].
    pub fn image(&self, name: &str) -> Result<Image, StoreError> {
        self.complete(self.find(name)?)
    }

    /// All images. A damaged one is an entry of its own and does not hide others. An image with several names is
    /// listed several times.
    pub fn images(&self) -> Result<Vec<Result<Image, Box<Damaged>>>, StoreError> {
        let complete = |listed: Listed| {
            let (reference, manifest_digest) = (listed.reference.clone(), listed.manifest_digest.to_string());
            let damaged = |error| Box::new(Damaged { reference, manifest_digest, error });
            self.complete(listed).map_err(damaged)
        };
        Ok(self.layout.list()?.into_iter().map(|listed| listed.and_then(complete)).collect())
    }

    /// The error for a name or id that no image has.
    pub fn unknown_image(&self, name: &str) -> StoreError {
        StoreError::UnknownImage { name: name.to_owned(), store: self.root.clone() }
    }

    pub(super) fn find(&self, name: &str) -> Result<Listed, StoreError> {
        let reference = name.parse::<Reference>();
        if let Ok(reference) = &reference {
            for descriptor in self.layout.index()?.iter().filter(|descriptor| is_selected(descriptor, reference)) {
                if let Some(listed) = self.layout.read(descriptor)? {
                    return Ok(listed);
                }
            }
        }
        let Some(digits) = digits(name) else {
            return Err(match reference {
                Ok(_) => self.unknown_image(name),
                Err(source) => StoreError::BadReference { name: name.to_owned(), source },
            });
        };
        let mut images: Vec<_> = self.layout.list()?.into_iter().flatten().collect();
        images.retain(|image| image.id.hex().starts_with(digits));
        images.sort_by(|one, other| one.id.cmp(&other.id));
        images.dedup_by(|one, other| one.id == other.id);
        match images.len() {
            0 => Err(self.unknown_image(name)),
            1 => Ok(images.remove(0)),
            _ => {
                let ids = images.into_iter().map(|image| image.id).collect();
                Err(StoreError::AmbiguousImage { name: name.to_owned(), ids })
            }
        }
    }

    fn complete(&self, listed: Listed) -> Result<Image, StoreError> {
        let config = self.layout.config(&listed.id)?;
        let blobs = listed.layer_digests()?;
        let mut layers: Vec<Layer> = Vec::new();
        for (blob, id) in blobs.iter().zip(LayerId::stack(&diff_ids(&listed.id, blobs.len(), &config)?)) {
            let Some(layer) = self.layer_of(&id)? else {
                let below = layers.into_iter().map(|layer| layer.directory).collect();
                let layer = Box::new(ImageLayer { id, blob: blob.clone(), below });
                return Err(StoreError::NotUnpacked { image: listed.id, layer });
            };
            layers.push(layer);
        }
        let Listed { reference, registry_digest, manifest_digest, id, .. } = listed;
        let containers = self.containers_directory();
        Ok(Image { reference, registry_digest, id, manifest_digest, config, layers, containers })
    }
}

/// Whether a reference matches an image of the index, by its name, by the digest of its manifest, or by that of the
/// index from which the manifest was chosen.
pub(super) fn is_selected(descriptor: &Descriptor, reference: &Reference) -> bool {
    let is_digest = |digest: &Digest| {
        descriptor.digest().as_ref() == digest.as_str() || registry_digest_of(descriptor).as_ref() == Some(digest)
    };
    image_layout::reference_of(descriptor).as_ref() == Some(reference) || reference.digest().is_some_and(is_digest)
}

/// The hexadecimal digits of a name that may be the beginning of a digest.
pub(super) fn digits(name: &str) -> Option<&str> {
    let digits = name.strip_prefix("sha256:").unwrap_or(name);
    (!digits.is_empty() && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))).then_some(digits)
}
