//! Removing images that are not in use.
//!
//! The store decides which layers are removed with an image. The caller passes in which container uses an image, as
//! [`UserOf`]. A build that uses an image has a [lease](minicontainer::store::LayerLease) on its layers. Both are
//! checked under the store's lock, so that no new use can begin in between.

use std::{collections::BTreeMap, time::SystemTime};

use minicontainer::{
    core::{Digest, Reference},
    store::{Image, Removed, Store, StoreError, digest_of},
};
use oci_spec::image::ImageManifest;

use super::list;

/// Which container uses the image of this ID, in words that follow "the container". If this cannot be determined, the
/// image counts as in use.
pub type UserOf<'a> = dyn Fn(&Digest) -> Option<String> + 'a;

/// Whether an image given by its ID is removed with all its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Remove one name; remove the image if it has at most one name.
    One,
    /// Remove the image with all names.
    All,
}

/// Which unused images are removed.
#[derive(Clone, Debug, Default)]
pub struct PruneOptions {
    /// All of them, not only those without a name.
    pub all: bool,
    /// Further conditions.
    pub conditions: Vec<Condition>,
}

/// A condition for removal, from `--filter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It was created before this time.
    Until(SystemTime),
    /// It has a label, with this value if one is given; or it does not have it.
    Label {
        /// The label.
        name: String,
        /// Its value.
        value: Option<String>,
        /// Whether it must have it.
        wanted: bool,
    },
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Names, images and layers.
    pub removed: Vec<Removed>,
    /// How many bytes were freed.
    pub reclaimed: u64,
}

/// Removes a name of an image, or the image: see [`Store::remove_image`].
///
/// # Errors
/// When there is no such image, or a container or a build uses it.
pub fn remove(store: &Store, name: &str, names: Names, user_of: &UserOf<'_>) -> Result<Vec<Removed>, StoreError> {
    let in_use = |id: &Digest| user_of(id).or_else(|| build_on(store, id));
    match store.remove_image(name, &in_use) {
        Err(StoreError::SeveralNames { references, .. }) if names == Names::All => {
            let of_name = |name: &Reference| store.remove_image(&name.familiar(), &in_use);
            Ok(references.iter().map(of_name).collect::<Result<Vec<_>, _>>()?.concat())
        }
        removed => removed,
    }
}

/// Whether a build uses a layer of an image.
fn build_on(store: &Store, id: &Digest) -> Option<String> {
    let leased = match store.leased_layers() {
        Ok(leased) => leased,
        Err(error) => return Some(format!("perhaps of a build (the layers cannot be listed: {error})")),
    };
    let stands_on = |image: Image| image.layers.iter().any(|layer| leased.contains(&layer.key));
    let is_built_upon = !leased.is_empty() && store.image(id.as_str()).map_or(true, stands_on);
    is_built_upon.then(|| "of a build that is under way".to_owned())
}

/// Removes unused images.
///
/// # Errors
/// When the store cannot be read or written. An image that is in use, or was removed meanwhile, is not an error.
pub fn prune(store: &Store, options: &PruneOptions, user_of: &UserOf<'_>) -> Result<Pruned, StoreError> {
    let mut pruned = Pruned::default();
    for image in list(store)?.into_iter().flatten() {
        if !options.conditions.iter().all(|condition| condition.admits(&image)) || user_of(&image.id).is_some() {
            continue;
        }
        let name = match &image.reference {
            Some(name) if options.all => name.familiar(),
            Some(_) => continue,
            None => image.id.to_string(),
        };
        let blobs = blobs(store, &image)?;
        match remove(store, &name, Names::One, user_of) {
            Ok(removed) => {
                let layers =
                    image.layers.iter().filter(|layer| removed.contains(&Removed::Deleted(layer.diff_id.clone())));
                pruned.reclaimed += layers.map(|layer| layer.size).sum::<u64>();
                let is_gone = |digest: &Digest| matches!(store.open_blob(digest), Err(StoreError::Missing { .. }));
                pruned.reclaimed +=
                    blobs.iter().filter(|(digest, _)| is_gone(digest)).map(|(_, size)| size).sum::<u64>();
                pruned.removed.extend(removed);
            }
            // A new container uses it, or another process has just removed it.
            Err(StoreError::InUse { .. } | StoreError::UnknownImage { .. } | StoreError::SeveralNames { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(pruned)
}

/// The blobs of an image with their sizes: manifest, config and compressed layers.
///
/// # Errors
/// If its manifest cannot be read.
pub fn blobs(store: &Store, image: &Image) -> Result<BTreeMap<Digest, u64>, StoreError> {
    let what = format!("the blob {}", image.manifest_digest);
    let read = serde_json::from_reader(store.open_blob(&image.manifest_digest)?);
    let manifest: ImageManifest =
        read.map_err(|source| StoreError::Document { what, kind: "image manifest", source })?;
    let mut blobs = BTreeMap::new();
    let mut add = |digest: Digest| {
        // A blob that another command has just removed uses no space.
        let size = store.open_blob(&digest).ok().and_then(|file| file.metadata().ok()).map_or(0, |file| file.len());
        blobs.insert(digest, size);
    };
    add(image.manifest_digest.clone());
    add(image.id.clone());
    for layer in manifest.layers() {
        add(digest_of(layer)?);
    }
    Ok(blobs)
}

impl Condition {
    /// Whether an image meets the condition.
    pub fn admits(&self, image: &Image) -> bool {
        match self {
            // An image without a creation time counts as the oldest.
            Condition::Until(moment) => {
                let created = image.config.created.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
                let created = created.and_then(|created| SystemTime::try_from(created).ok());
                created.is_none_or(|created| created < *moment)
            }
            Condition::Label { name, value, wanted } => {
                let found = image.config.config.labels.get(name);
                found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found)) == *wanted
            }
        }
    }
}
