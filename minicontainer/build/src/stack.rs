//! The state of a stage: its layers so far, and the cache key for the next one.

use std::path::PathBuf;

use minicontainer::{
    core::Digest,
    store::{Image, Store, digest_of},
};
use oci_spec::image::{Descriptor, ImageManifest, MediaType, Sha256Digest};

use super::{BuildError, cache::Record};
use minicontainer_images::ImageError;

/// A layer of a stage.
#[derive(Clone, Debug)]
pub(super) struct StageLayer {
    pub(super) diff_id: Digest,
    /// The layer's key in the store, see [`Layer::key`](minicontainer::store::Layer::key).
    pub(super) key: Digest,
    /// The directory of the unpacked files.
    pub(super) directory: PathBuf,
    /// The descriptor of the compressed blob.
    pub(super) descriptor: Descriptor,
    /// The time when this build or an earlier one created the layer; `None` for a layer of the base image.
    pub(super) created: Option<String>,
}

impl StageLayer {
    pub(super) fn of_record(record: Record, directory: PathBuf) -> StageLayer {
        let descriptor = descriptor(&record.blob, record.size);
        StageLayer {
            key: record.diff_id.clone(),
            diff_id: record.diff_id,
            directory,
            descriptor,
            created: Some(record.created),
        }
    }
}

fn descriptor(blob: &Digest, size: u64) -> Descriptor {
    let digest: Sha256Digest = blob.hex().parse().expect("64 hexadecimal digits are a SHA-256 digest");
    Descriptor::new(MediaType::ImageLayerGzip, size, digest)
}

/// The layers of a stage.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    /// The layers, the lowest first.
    pub(super) layers: Vec<StageLayer>,
    /// The key of the last layer, or of the base.
    pub(super) key: Digest,
    /// The number of history entries that come from the base image.
    pub(super) base_history: usize,
    /// The creation time of the base image.
    pub(super) base_created: Option<String>,
}

impl Stack {
    pub(super) fn scratch(key: Digest) -> Stack {
        Stack { layers: Vec::new(), key, base_history: 0, base_created: None }
    }

    /// The layers of an image.
    pub(super) fn of_image(store: &Store, image: &Image, key: Digest) -> Result<Stack, BuildError> {
        let what = format!("the blob {}", image.manifest_digest);
        let file = store.open_blob(&image.manifest_digest)?;
        let manifest: ImageManifest = serde_json::from_reader(file).map_err(|source| {
            let kind = "image manifest";
            ImageError::Store(minicontainer::store::StoreError::Document { what, kind, source })
        })?;
        let mut layers = Vec::new();
        for (descriptor, layer) in manifest.layers().iter().zip(&image.layers) {
            digest_of(descriptor)?;
            layers.push(StageLayer {
                diff_id: layer.diff_id.clone(),
                key: layer.key.clone(),
                directory: layer.directory.clone(),
                descriptor: descriptor.clone(),
                created: None,
            });
        }
        Ok(Stack {
            layers,
            key,
            base_history: image.config.history.len(),
            base_created: image.config.created.clone(),
        })
    }

    /// The directories of the layers, the lowest first.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        self.layers.iter().map(|layer| layer.directory.clone()).collect()
    }
}
