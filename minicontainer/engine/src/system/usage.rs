//! Disk usage.
//!
//! An image is stored twice: each layer as a compressed blob and unpacked, beside the documents. Images share layers,
//! so together they use less than the sum of their sizes:
//!
//! ```text
//! image one   ▆▆▆▆▆▆▆▆ base ▆▆▆▆▆▆▆▆ ▆▆ a ▆▆
//! image two   ▆▆▆▆▆▆▆▆ base ▆▆▆▆▆▆▆▆ ▆▆▆▆ b ▆▆▆▆
//! together    ▆▆▆▆▆▆▆▆ base ▆▆▆▆▆▆▆▆ ▆▆ a ▆▆ ▆▆▆▆ b ▆▆▆▆
//! ```
//!
//! So every part is counted once, and *reclaimable* are the parts of images that no container uses.

use std::collections::{BTreeMap, BTreeSet};

use minicontainer::{
    core::{Digest, Reference},
    store::{Image, Store},
};
use minicontainer_build::{Cached, cached};
use minicontainer_images::{blobs, list as list_images};

use super::SystemError;
use crate::container::{Container, Containers};

/// The disk usage of a store.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Each image once, whatever names it has.
    pub images: Vec<ImageUsage>,
    /// Bytes of all images together.
    pub images_size: u64,
    /// Bytes that would be freed by removing the images that no container uses.
    pub images_reclaimable: u64,
    /// The containers.
    pub containers: Vec<ContainerUsage>,
    /// The entries of the build cache.
    pub cache: Vec<Cached>,
}

/// An image.
#[derive(Clone, Debug)]
pub struct ImageUsage {
    /// The image, by one of its names.
    pub image: Image,
    /// All its names.
    pub names: Vec<Reference>,
    /// Bytes of all its parts.
    pub size: u64,
    /// Bytes of the parts that other images share.
    pub shared: u64,
    /// How many containers use it.
    pub containers: usize,
}

/// A container.
#[derive(Clone, Debug)]
pub struct ContainerUsage {
    /// The container.
    pub container: Container,
    /// Bytes that it has written.
    pub size: u64,
}

/// A blob or an unpacked layer.
type Part = (&'static str, Digest);

/// Adds up the disk usage of a store. A damaged image has no size: `system check` finds it.
///
/// # Errors
/// If the store cannot be read.
pub fn usage(store: &Store) -> Result<Usage, SystemError> {
    let containers = Containers::of(store);
    let list = containers.list()?;
    let images = distinct(list_images(store)?.into_iter().flatten());
    let (mut sizes, mut owners): (BTreeMap<Part, u64>, BTreeMap<Part, usize>) = Default::default();
    let mut parts_of = Vec::new();
    for (image, _) in &images {
        let parts = parts(store, image)?;
        for (part, size) in &parts {
            sizes.insert(part.clone(), *size);
            *owners.entry(part.clone()).or_default() += 1;
        }
        parts_of.push(parts);
    }
    let mut needed = BTreeSet::new();
    let mut usages = Vec::new();
    for ((image, names), parts) in images.into_iter().zip(&parts_of) {
        let users = list.iter().filter(|container| container.config.image_id == image.id.as_str()).count();
        if users > 0 {
            needed.extend(parts.keys());
        }
        let size = parts.values().sum();
        let shared = parts.iter().filter(|(part, _)| owners.get(*part).is_some_and(|owners| *owners > 1));
        usages.push(ImageUsage { size, shared: shared.map(|(_, size)| size).sum(), containers: users, image, names });
    }
    Ok(Usage {
        images_size: sizes.values().sum(),
        images_reclaimable: sizes.iter().filter(|(part, _)| !needed.contains(part)).map(|(_, size)| size).sum(),
        images: usages,
        containers: list
            .into_iter()
            .map(|container| Ok(ContainerUsage { size: containers.size(&container.id)?, container }))
            .collect::<Result<_, SystemError>>()?,
        cache: cached(store)?,
    })
}

/// Each image once, with all its names.
fn distinct(images: impl Iterator<Item = Image>) -> Vec<(Image, Vec<Reference>)> {
    let mut distinct: Vec<(Image, Vec<Reference>)> = Vec::new();
    for image in images {
        let name = image.reference.clone();
        match distinct.iter_mut().find(|(other, _)| other.id == image.id) {
            Some((_, names)) => names.extend(name),
            None => distinct.push((image, name.into_iter().collect())),
        }
    }
    distinct
}

fn parts(store: &Store, image: &Image) -> Result<BTreeMap<Part, u64>, SystemError> {
    let blobs = blobs(store, image)?.into_iter().map(|(digest, size)| (("blob", digest), size));
    let layers = image.layers.iter().map(|layer| (("layer", layer.key.clone()), layer.size));
    Ok(blobs.chain(layers).collect())
}
