//! Looking up images for use. Layers that another tool wrote directly into the store's `images/` are unpacked at the
//! first look-up.
//!
//! The store's images are an OCI image layout, so that tools such as `skopeo copy … oci:DIRECTORY:NAME` can write to
//! it. The images of such a tool have blobs but no unpacked layers, and [`Store::image`] returns
//! [`StoreError::NotUnpacked`]. Here the layers are unpacked.

use std::collections::BTreeMap;

use minicontainer::{
    core::{Digest, Reference},
    store::{Image, ImageLayer, Store, StoreError, Transaction},
};

use super::{ImageError, layer::stage, layer_replacement::move_damaged_layer_away};

/// An image of the index that cannot be used, because a part of it is missing or damaged. It can be removed by its
/// name or by the digest of its manifest.
#[derive(Debug)]
pub struct Damaged {
    /// Its name, if it has one.
    pub reference: Option<Reference>,
    /// The digest of its manifest, as text from the index.
    pub manifest_digest: String,
    /// What is wrong with it.
    pub error: ImageError,
}

/// The image with this name, ID or prefix of an ID. Layers that are not unpacked yet are unpacked.
pub fn find(store: &Store, name: &str) -> Result<Image, ImageError> {
    loop {
        match store.image(name) {
            Err(StoreError::NotUnpacked { layer, .. }) => unpack_layer(store, &layer)?,
            image => return Ok(image?),
        }
    }
}

/// All images, as from [`Store::images`]. Layers that are not unpacked yet are unpacked.
pub fn list(store: &Store) -> Result<Vec<Result<Image, Box<Damaged>>>, StoreError> {
    let mut images = store.images()?;
    let mut failures = BTreeMap::new();
    for id in images.iter().filter_map(not_unpacked) {
        failures.extend(find(store, id.as_str()).err().map(|error| (id.clone(), error)));
    }
    if images.iter().any(|image| not_unpacked(image).is_some()) {
        images = store.images()?;
    }
    let listed = images.into_iter().map(|image| {
        let failure = not_unpacked(&image).and_then(|id| failures.remove(id));
        image.map_err(|damaged| {
            let error = failure.unwrap_or(ImageError::Store(damaged.error));
            Box::new(Damaged { reference: damaged.reference, manifest_digest: damaged.manifest_digest, error })
        })
    });
    Ok(listed.collect())
}

/// The ID of an image that is complete except for an unpacked layer.
fn not_unpacked(image: &Result<Image, Box<minicontainer::store::Damaged>>) -> Option<&Digest> {
    match &image.as_ref().err()?.error {
        StoreError::NotUnpacked { image, .. } => Some(image),
        _ => None,
    }
}

/// Unpacks a layer that the store has only as a blob.
fn unpack_layer(store: &Store, layer: &ImageLayer) -> Result<(), ImageError> {
    let staging = store.sweep_and_stage()?;
    let unpacked = stage(|| store.open_blob(&layer.blob), &staging, layer)?;
    let flushed = staging.flush()?;
    let lock = store.lock()?;
    // The image may have been removed meanwhile. Then the layer is not needed, and the caller gets the error that the
    // image does not exist.
    if !store.has_blob(&layer.blob) {
        return Ok(());
    }
    move_damaged_layer_away(store, &lock, &staging, unpacked.layer.key())?;
    store.add(&lock, &flushed, Transaction { layers: vec![unpacked.layer], ..Transaction::default() })?;
    Ok(())
}
