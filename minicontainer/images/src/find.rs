//! Images for use: what another tool wrote straight into the store's `images/` is unpacked when somebody first asks.
//!
//! The store's images are an OCI image layout, so that `skopeo copy … oci:DIRECTORY:NAME` and its like work on it.
//! What such a tool leaves there has blobs but no unpacked layers, and [`Store::image`] says so with
//! [`StoreError::NotUnpacked`]. Here they are unpacked.

use std::collections::BTreeMap;

use minicontainer::{
    core::{Digest, Reference},
    store::{Image, Store, StoreError, Transaction},
};

use super::{ImageError, layer::LayerBlob, layer_usage::make_way};

/// An image that is in the index and cannot be used: a part of it is missing or is not what it should be. It can be
/// removed, by its name or by the digest of its manifest.
#[derive(Debug)]
pub struct Damaged {
    /// Its name, if it has one.
    pub reference: Option<Reference>,
    /// The digest of its manifest, as the index writes it.
    pub manifest_digest: String,
    /// What is wrong with it.
    pub error: ImageError,
}

/// The image of this name, id, or beginning of an id, with those layers unpacked that are not unpacked yet.
pub fn find(store: &Store, name: &str) -> Result<Image, ImageError> {
    loop {
        match store.image(name) {
            Err(StoreError::NotUnpacked { diff_id, blob, .. }) => unpack_layer(store, &blob, &diff_id)?,
            image => return Ok(image?),
        }
    }
}

/// All images, as [`Store::images`] gives them, with those layers unpacked that are not unpacked yet.
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

/// The id of an image that lacks nothing but an unpacked layer.
fn not_unpacked(image: &Result<Image, Box<minicontainer::store::Damaged>>) -> Option<&Digest> {
    match &image.as_ref().err()?.error {
        StoreError::NotUnpacked { image, .. } => Some(image),
        _ => None,
    }
}

/// Unpacks a layer of which only the blob is in the store.
fn unpack_layer(store: &Store, blob: &Digest, diff_id: &Digest) -> Result<(), ImageError> {
    let staging = store.sweep_and_stage()?;
    let unpacked = LayerBlob { content: store.open_blob(blob)?, digest: None }.stage(&staging, diff_id)?;
    let flushed = staging.flush()?;
    let lock = store.lock()?;
    // Its image may have been removed meanwhile. Then no one needs the layer, and the caller sees that the image is
    // gone.
    if !store.has_blob(blob) {
        return Ok(());
    }
    make_way(store, &lock, &staging, diff_id)?;
    store.add(&lock, &flushed, Transaction { layers: vec![unpacked.layer], ..Transaction::default() })?;
    Ok(())
}
