//! The end of a build: adds its layers and the image to the store.
//!
//! Until then they are in a staging directory, so a failed build does not change any image. Its finished layers are
//! still added to the cache, so that the next build continues from there.

use std::collections::{BTreeMap, BTreeSet};

use minicontainer::{
    core::{Digest, Reference, image::ImageConfig},
    store::{Blob, Staging, Store, Transaction},
};
use oci_spec::image::{ImageManifestBuilder, MediaType, SCHEMA_VERSION};

use super::{
    BuildError,
    cache::{Cache, Record},
    stack::Stack,
};
use minicontainer_images::{Built, has_layer, move_damaged_layer_away};

/// A layer that this build has created.
pub(super) struct NewLayer {
    pub(super) key: Digest,
    pub(super) record: Record,
    pub(super) built: Built,
    pub(super) blob: Blob,
}

/// The staged config and manifest of the image.
pub(super) struct Documents {
    pub(super) config: Blob,
    pub(super) manifest: Blob,
}

/// Writes the config and the manifest of an image with these layers.
pub(super) fn documents(staging: &Staging, image: &ImageConfig, stack: &Stack) -> Result<Documents, BuildError> {
    let mut document = image.clone();
    document.rootfs.diff_ids = stack.layers.iter().map(|layer| layer.diff_id.clone()).collect();
    date(&mut document, stack);
    let text = serde_json::to_vec(&document).expect("plain values of that crate, which JSON can hold");
    let config = staging.blob(text.as_slice())?;
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor(MediaType::ImageConfig))
        .layers(stack.layers.iter().map(|layer| layer.descriptor.clone()).collect::<Vec<_>>())
        .build()
        .and_then(|manifest| manifest.to_string())
        .expect("no part that a manifest must have is left out");
    Ok(Documents { config, manifest: staging.blob(manifest.as_bytes())? })
}

/// Sets the creation times. A step without a layer gets the time of the layer below, so a fully cached build makes
/// the same image.
fn date(document: &mut ImageConfig, stack: &Stack) {
    let mut times = stack.layers.iter().filter_map(|layer| layer.created.as_ref());
    let mut last = stack.base_created.clone();
    for entry in document.history.iter_mut().skip(stack.base_history) {
        if !entry.empty_layer {
            last = times.next().cloned().or(last);
        }
        entry.created.clone_from(&last);
    }
    document.created = last;
}

/// Adds everything to the store in one transaction. Without `image`, only the cache changes.
pub(super) fn publish(
    store: &Store,
    staging: &Staging,
    made: Vec<NewLayer>,
    image: Option<(&Stack, &Documents, &[Reference])>,
) -> Result<(), BuildError> {
    let flushed = staging.flush()?;
    let lock = store.lock()?;
    let mut transaction = Transaction::default();
    let (mut new, mut blobs, mut records) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
    for NewLayer { key, record, built, blob } in made {
        // Two steps may create the same layer, and another build may have added it already.
        if !has_layer(store, &record.diff_id)? && new.insert(record.diff_id.clone()) {
            move_damaged_layer_away(store, &lock, staging, &record.diff_id)?;
            transaction.layers.push(built.layer);
        }
        blobs.insert(blob.digest().clone(), blob);
        records.push((key, record));
    }
    transaction.blobs.extend(blobs.values());
    if let Some((stack, documents, names)) = image {
        for layer in &stack.layers {
            if !new.contains(&layer.key) && store.layer(&layer.key)?.is_none() {
                return Err(BuildError::Vanished { diff_id: layer.diff_id.clone() });
            }
        }
        transaction.blobs.extend([&documents.config, &documents.manifest]);
        let descriptor = documents.manifest.descriptor(MediaType::ImageManifest);
        let nameless = names.is_empty().then_some(None);
        let all = names.iter().cloned().map(Some).chain(nameless);
        transaction.images.extend(all.map(|name| (descriptor.clone(), name)));
    }
    store.add(&lock, &flushed, transaction)?;
    let cache = Cache::of(store);
    records.iter().try_for_each(|(key, record)| cache.put(staging, key, record))
}
