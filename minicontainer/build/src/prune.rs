//! Lists and prunes the build cache: `builder du`, `builder prune`.
//!
//! A layer in the cache may also belong to an image. Then it is *shared*: it is removed with the image, and removing
//! its record here frees no space.
//!
//! The other layers belong only to the cache. The store must remove them, because only the store determines which
//! layers the images need, including damaged images. So pruning adds these layers to the store as an unnamed image,
//! and then removes that image. Layers that another image needs stay. After a crash, the unnamed image may remain;
//! `image prune` removes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use minicontainer::{
    core::Digest,
    rootfs,
    store::{Removed, Store, Transaction},
};
use oci_spec::image::MediaType;

use super::{
    BuildError,
    cache::{Cache, MountRecord, Record},
    finish::documents,
    stack::{Stack, StageLayer},
};

/// An item in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The content of the item.
    pub content: Content,
    /// The size of its files in bytes.
    pub size: u64,
    /// Whether an image also uses the item.
    pub is_shared: bool,
    /// The time of the last use, or of the creation if the item was never used again.
    pub last_used: SystemTime,
    /// The paths to remove with the item: its records, and the directory of a cache mount.
    records: Vec<PathBuf>,
}

/// The content of an item in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A layer, by its diff-id.
    Layer(Digest),
    /// The directory of a `RUN --mount=type=cache`.
    Mount {
        /// The name of the directory in the store.
        name: String,
        /// The `id=` of the Dockerfile.
        id: String,
    },
}

impl Cached {
    /// The id in listings: the digits of a diff-id, or the name of a cache mount.
    pub fn id(&self) -> &str {
        match &self.content {
            Content::Layer(diff_id) => diff_id.hex(),
            Content::Mount { name, .. } => name,
        }
    }
}

/// The items to remove.
#[derive(Clone, Copy, Debug, Default)]
pub struct PruneOptions {
    /// Also layers that images use. Only their records are removed.
    pub all: bool,
    /// Only items that were last used before this time.
    pub unused_since: Option<SystemTime>,
}

/// The items in the cache, the least recently used first.
///
/// # Errors
/// If the store or the cache cannot be read.
pub fn cached(store: &Store) -> Result<Vec<Cached>, BuildError> {
    let cache = Cache::of(store);
    let images = store.images()?;
    let shared: BTreeSet<&Digest> =
        images.iter().flatten().flat_map(|image| &image.layers).map(|layer| &layer.key).collect();
    let mut layers: BTreeMap<Digest, Cached> = BTreeMap::new();
    for (path, record) in cache.records()? {
        let Some(record) = record else { continue };
        let Some(layer) = store.layer(&record.diff_id)? else { continue };
        let last_used = modified(&path);
        let is_shared = shared.contains(&record.diff_id);
        let content = Content::Layer(record.diff_id.clone());
        let new = Cached { content, size: layer.size, is_shared, last_used, records: Vec::new() };
        let entry = layers.entry(record.diff_id).or_insert(new);
        entry.last_used = entry.last_used.max(last_used);
        entry.records.push(path);
    }
    let mut cached: Vec<Cached> = layers.into_values().collect();
    for directory in cache.mounts()? {
        let record = directory.with_extension("json");
        let known = fs::read(&record).ok().and_then(|text| serde_json::from_slice::<MountRecord>(&text).ok());
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let last_used = if known.is_some() { modified(&record) } else { modified(&directory) };
        let content = Content::Mount { name, id: known.map(|known| known.id).unwrap_or_default() };
        let (size, records) = (rootfs::size(&directory)?, vec![record, directory]);
        cached.push(Cached { content, size, is_shared: false, last_used, records });
    }
    cached.sort_by(|one, other| (one.last_used, one.id()).cmp(&(other.last_used, other.id())));
    Ok(cached)
}

/// A record in the cache.
#[derive(Clone, Debug)]
pub struct CacheRecord {
    /// The path of the record.
    pub place: PathBuf,
    /// The diff-id and the blob of the layer; `None` if the record cannot be read.
    pub layer: Option<(Digest, Digest)>,
}

/// All records in the cache.
///
/// # Errors
/// If the cache cannot be read.
pub fn cache_records(store: &Store) -> Result<Vec<CacheRecord>, BuildError> {
    let of_record = |record: Record| (record.diff_id, record.blob);
    let records = Cache::of(store).records()?.into_iter();
    Ok(records.map(|(place, record)| CacheRecord { place, layer: record.map(of_record) }).collect())
}

/// Removes items from the cache and returns them. Removing the record of a shared layer frees no space.
///
/// # Errors
/// If a build is running, or an item cannot be removed.
pub fn prune(store: &Store, options: &PruneOptions) -> Result<Vec<Cached>, BuildError> {
    let cache = Cache::of(store);
    let Some(_alone) = cache.remover()? else { return Err(BuildError::Busy) };
    let mut gone = cached(store)?;
    gone.retain(|cached| {
        (options.all || !cached.is_shared) && options.unused_since.is_none_or(|since| cached.last_used < since)
    });
    let records = cache.records()?;
    let paths: BTreeSet<&PathBuf> = gone.iter().flat_map(|cached| &cached.records).collect();
    let forgotten = records.iter().filter(|(path, _)| paths.contains(path)).filter_map(|(_, record)| record.as_ref());
    let removed = remove_layers(store, forgotten)?;
    // The store kept layers that a damaged image may need, so they remain in the cache.
    gone.retain(|cached| match &cached.content {
        Content::Layer(diff_id) => cached.is_shared || removed.contains(diff_id),
        Content::Mount { .. } => true,
    });
    for (path, record) in &records {
        let is_there = match record {
            Some(record) => store.layer(&record.diff_id)?.is_some(),
            None => false,
        };
        if !is_there {
            remove_file(path)?;
        }
    }
    for cached in &gone {
        for path in &cached.records {
            if path.is_dir() { rootfs::remove(path)? } else { remove_file(path)? }
        }
    }
    Ok(gone)
}

/// Removes the layers that no image needs, with their blobs, through an unnamed image. Returns the removed digests.
fn remove_layers<'a>(
    store: &Store,
    records: impl Iterator<Item = &'a Record>,
) -> Result<BTreeSet<Digest>, BuildError> {
    let mut stack = Stack::scratch(Digest::of(b"prune"));
    stack.layers = records.map(|record| StageLayer::of_record(record.clone(), PathBuf::new())).collect();
    if stack.layers.is_empty() {
        return Ok(BTreeSet::new());
    }
    let staging = store.stage()?;
    let documents = documents(&staging, &Default::default(), &stack)?;
    let flushed = staging.flush()?;
    let lock = store.lock()?;
    let image = (documents.manifest.descriptor(MediaType::ImageManifest), None);
    let blobs = vec![&documents.config, &documents.manifest];
    store.add(&lock, &flushed, Transaction { layers: Vec::new(), blobs, images: vec![image] })?;
    drop(lock);
    let removed = store.remove_image(documents.config.digest().as_str(), &|_| None)?;
    let gone = removed.into_iter().filter_map(|removed| match removed {
        Removed::Deleted(digest) => Some(digest),
        Removed::Untagged(_) => None,
    });
    Ok(gone.collect())
}

fn remove_file(path: &Path) -> Result<(), BuildError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|source| BuildError::Remove { path: path.to_owned(), source }),
    }
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}
