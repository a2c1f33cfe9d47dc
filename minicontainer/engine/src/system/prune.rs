//! Removes unused data: stopped containers, unused images, the build cache. In this order, because a removed
//! container may have been the last user of an image, and an image that of a layer of the cache.

use jiff::Timestamp;

use minicontainer::store::{Image, Removed, Store};
use minicontainer_build::{self as build, BuildError, Cached};
use minicontainer_images::{self as images, Condition};

use super::SystemError;
use crate::{
    container::{Container, Containers, Id},
    images::prune as prune_images,
};

/// What to remove.
#[derive(Clone, Debug, Default)]
pub struct PruneOptions {
    /// All images that no container uses, not only those without a name; also cache entries whose layers images use.
    pub all: bool,
    /// The conditions that each object must meet.
    pub conditions: Vec<Condition>,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Containers.
    pub containers: Vec<Id>,
    /// Names, images, and layers of images.
    pub images: Vec<Removed>,
    /// Entries of the build cache.
    pub cache: Vec<String>,
    /// How many bytes were freed.
    pub reclaimed: u64,
}

/// Removes unused data.
///
/// # Errors
/// If something cannot be removed. Data in use is not an error, and neither is a running build, whose cache stays.
pub fn prune(store: &Store, options: &PruneOptions) -> Result<Pruned, SystemError> {
    let images = store.images()?;
    let image_of = |container: &Container| {
        images.iter().flatten().find(|image: &&Image| container.config.image_id == image.id.as_str())
    };
    let selected = |container: &Container| {
        options.conditions.iter().all(|condition| match condition {
            Condition::Until(time) => Timestamp::try_from(*time).is_ok_and(|time| container.created < time),
            // A container has the labels of its image.
            Condition::Label { wanted, .. } => image_of(container).map_or(!wanted, |image| condition.admits(image)),
        })
    };
    let (containers, freed) = Containers::of(store).prune(&selected)?;
    let of_images = images::PruneOptions { all: options.all, conditions: options.conditions.clone() };
    let images = prune_images(store, &of_images)?;
    let mut pruned = Pruned {
        containers: containers.into_iter().map(|container| container.id).collect(),
        images: images.removed,
        reclaimed: freed + images.reclaimed,
        cache: Vec::new(),
    };
    for cached in prune_cache(store, options)? {
        // If an image has the layer too, only the cache entry was removed.
        pruned.reclaimed += if cached.is_shared { 0 } else { cached.size };
        pruned.cache.push(cached.id().to_owned());
    }
    Ok(pruned)
}

/// Cache entries have no labels, so a filter by label selects none of them.
fn prune_cache(store: &Store, options: &PruneOptions) -> Result<Vec<Cached>, SystemError> {
    let until = |condition: &Condition| match condition {
        Condition::Until(time) => Some(*time),
        Condition::Label { .. } => None,
    };
    let times: Vec<_> = options.conditions.iter().filter_map(until).collect();
    if times.len() < options.conditions.len() {
        return Ok(Vec::new());
    }
    let wanted = build::PruneOptions { all: options.all, unused_since: times.into_iter().min() };
    match build::prune(store, &wanted) {
        Err(BuildError::Busy) => Ok(Vec::new()),
        gone => Ok(gone?),
    }
}
