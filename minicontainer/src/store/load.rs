//! Images from outside become images of the store.
//!
//! Two forms are understood, both as a tar archive: an **OCI image layout** (`index.json`; also as a directory) and
//! what **`docker save`** has always written (`manifest.json`; newer versions write both). Whatever the form, each
//! image becomes an [`Incoming`]: manifest, config and layers as staged, verified blobs. Then, alone under the store's
//! lock, the layers are unpacked, and only when all of it is right and on the disk is it moved into place, the index
//! last. A failure before that leaves the store as it was.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use minicontainer_core::{Digest, Reference};
use oci_spec::image::{
    Arch, Descriptor, ImageConfiguration, ImageIndex, ImageManifest, ImageManifestBuilder, MediaType, Os, Platform,
};
use serde::Deserialize;

use super::{
    Store, StoreError,
    blob::Blob,
    layer::{self, StagedLayer},
    layout::{describe, digest_of, is_index, reference_of, set_reference},
    source::{Source, digest_in_name},
    staging::{Staging, publish},
};

/// Indexes may point to indexes; more deeply than this no honest one does.
const NESTING_LIMIT: usize = 4;

/// An image that has been added to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its name, if it came with one.
    pub reference: Option<Reference>,
    /// Its id: the digest of its config.
    pub id: Digest,
    /// What of it could not be kept, in words: an ordinary user cannot make devices.
    pub warnings: Vec<String>,
}

/// An image whose blobs are staged and verified, but not yet in the store.
pub(super) struct Incoming {
    pub(super) references: Vec<Reference>,
    pub(super) manifest: Blob,
    pub(super) config: Blob,
    pub(super) layers: Vec<Blob>,
}

impl Incoming {
    /// An image that came without a manifest gets one.
    pub(super) fn assemble(
        staging: &Staging,
        references: Vec<Reference>,
        config: Blob,
        layers: Vec<Blob>,
    ) -> Result<Incoming, StoreError> {
        let mut descriptors = Vec::new();
        for blob in &layers {
            let mut magic = Vec::new();
            blob.open()?.take(2).read_to_end(&mut magic).map_err(StoreError::io("read", &blob.path))?;
            let gzip = layer::is_gzip(&magic);
            descriptors.push(describe(if gzip { MediaType::ImageLayerGzip } else { MediaType::ImageLayer }, blob));
        }
        let manifest = ImageManifestBuilder::default()
            .schema_version(oci_spec::image::SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(describe(MediaType::ImageConfig, &config))
            .layers(descriptors)
            .build()
            .and_then(|manifest| manifest.to_string())
            .map_err(|error| StoreError::Archive { source: io::Error::other(error) })?;
        Ok(Incoming { references, manifest: Blob::stage(staging, manifest.as_bytes())?, config, layers })
    }
}

/// The images of a source, in either form.
pub(super) fn images(source: &Source<'_>, staging: &Staging) -> Result<Vec<Incoming>, StoreError> {
    if let Some(index) = source.fetch("index.json")? {
        let index: ImageIndex = index.document("index.json", "image index")?;
        return layout_images(source, &index);
    }
    if let Some(manifest) = source.fetch("manifest.json")? {
        return saved_images(source, staging, manifest.document("manifest.json", "manifest of docker save")?);
    }
    Err(StoreError::NotAnArchive)
}

fn layout_images(source: &Source<'_>, index: &ImageIndex) -> Result<Vec<Incoming>, StoreError> {
    let mut images: Vec<Incoming> = Vec::new();
    for descriptor in candidates(index, "index.json")? {
        let found = resolve(source, descriptor.clone())?;
        let references = reference_of(descriptor).into_iter().collect();
        let blob = source.blob(&found)?;
        let manifest: ImageManifest = blob.document(&format!("the manifest {}", blob.digest), "image manifest")?;
        let config_type = manifest.config().media_type();
        if *config_type != MediaType::ImageConfig
            && config_type.as_ref() != "application/vnd.docker.container.image.v1+json"
        {
            return Err(StoreError::NotAnImage { digest: blob.digest, media_type: config_type.to_string() });
        }
        let config = source.blob(manifest.config())?;
        let layers = manifest.layers().iter().map(|layer| source.blob(layer)).collect::<Result<_, _>>()?;
        images.push(Incoming { references, manifest: blob, config, layers });
    }
    Ok(images)
}

/// The entries of an index that can run on this machine. Those that do not say for which machine they are, are for any.
fn candidates<'i>(index: &'i ImageIndex, what: &str) -> Result<Vec<&'i Descriptor>, StoreError> {
    let fits = |platform: &Platform| platform.os() == &Os::Linux && platform.architecture() == &Arch::default();
    let found: Vec<_> = index.manifests().iter().filter(|entry| entry.platform().as_ref().is_none_or(fits)).collect();
    if found.is_empty() && !index.manifests().is_empty() {
        let platform = format!("linux/{}", Arch::default());
        return Err(StoreError::Platform { what: what.to_owned(), platform });
    }
    Ok(found)
}

/// Follows indexes down to a manifest.
fn resolve(source: &Source<'_>, mut descriptor: Descriptor) -> Result<Descriptor, StoreError> {
    for _ in 0..NESTING_LIMIT {
        if !is_index(descriptor.media_type()) {
            return Ok(descriptor);
        }
        let what = format!("the index {}", descriptor.digest());
        let index: ImageIndex = source.blob(&descriptor)?.document(&what, "image index")?;
        let Some(first) = candidates(&index, &what)?.first().copied().cloned() else {
            return Err(StoreError::Missing { what: format!("every image of {what}") });
        };
        descriptor = first;
    }
    Err(StoreError::Nesting { what: descriptor.digest().to_string(), limit: NESTING_LIMIT })
}

/// One image in the `manifest.json` of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

fn saved_images(source: &Source<'_>, staging: &Staging, saved: Vec<SavedImage>) -> Result<Vec<Incoming>, StoreError> {
    let fetch = |name: &str| {
        source
            .fetch(name)?
            .ok_or_else(|| StoreError::Missing { what: format!("\"{}\" of the archive", name.escape_debug()) })
    };
    let mut images = Vec::new();
    for image in saved {
        let mut config = fetch(&image.config)?;
        if let Some(digest) = digest_in_name(&image.config) {
            let size = config.size;
            config = config.verified("the image's config", &digest, size)?;
        }
        let mut references = Vec::new();
        for tag in image.repo_tags.into_iter().flatten() {
            references.push(tag.parse().map_err(|source| StoreError::BadReference { name: tag.clone(), source })?);
        }
        let layers = image.layers.iter().map(|name| fetch(name)).collect::<Result<_, _>>()?;
        images.push(Incoming::assemble(staging, references, config, layers)?);
    }
    Ok(images)
}

impl Store {
    /// Unpacks the layers of staged images and moves everything to its place.
    pub(super) fn admit(&self, staging: &Staging, images: &[Incoming]) -> Result<Vec<Loaded>, StoreError> {
        let _lock = self.lock()?;
        let mut staged = BTreeMap::new();
        let mut loaded = Vec::new();
        for image in images {
            let what = format!("the config {}", image.config.digest);
            let config: ImageConfiguration = image.config.document(&what, "image config")?;
            let warnings = self.stage_layers(staging, &mut staged, image, &config)?;
            let names = image.references.iter().cloned().map(Some);
            let names = names.chain(image.references.is_empty().then_some(None));
            let id = &image.config.digest;
            loaded.extend(names.map(|reference| Loaded { reference, id: id.clone(), warnings: warnings.clone() }));
        }
        staging.flush()?;
        for (diff_id, layer) in &staged {
            publish(&layer.path, &layer::place(&self.layers, diff_id))?;
        }
        let mut index = self.layout.index()?;
        for image in images {
            for blob in image.layers.iter().chain([&image.config, &image.manifest]) {
                self.layout.add(blob)?;
            }
            let descriptor = describe(MediaType::ImageManifest, &image.manifest);
            for reference in &image.references {
                set_reference(&mut index, descriptor.clone(), Some(reference));
            }
            if image.references.is_empty() {
                set_reference(&mut index, descriptor, None);
            }
        }
        self.layout.write_index(staging, index)?;
        Ok(loaded)
    }

    fn stage_layers(
        &self,
        staging: &Staging,
        staged: &mut BTreeMap<Digest, StagedLayer>,
        image: &Incoming,
        config: &ImageConfiguration,
    ) -> Result<Vec<String>, StoreError> {
        let mut warnings = Vec::new();
        for (blob, diff_id) in image.layers.iter().zip(diff_ids(&image.config.digest, image.layers.len(), config)?) {
            if staged.contains_key(&diff_id) || layer::find(&self.layers, &diff_id)?.is_some() {
                layer::verify(blob.open()?, &diff_id)?;
            } else {
                staged.insert(diff_id.clone(), layer::stage(staging, blob.open()?, &diff_id)?);
            }
            warnings.extend(staged.get(&diff_id).into_iter().flat_map(|layer| layer.warnings.iter().cloned()));
        }
        Ok(warnings)
    }
}

/// The diff-ids that a config lists, one for each layer of the manifest.
pub(super) fn diff_ids(id: &Digest, layers: usize, config: &ImageConfiguration) -> Result<Vec<Digest>, StoreError> {
    let listed = config.rootfs().diff_ids();
    if listed.len() != layers {
        return Err(StoreError::LayerCount { id: id.clone(), layers, diff_ids: listed.len() });
    }
    let parse = |text: &String| text.parse().map_err(|source| StoreError::BadDigest { digest: text.clone(), source });
    listed.iter().map(parse).collect()
}

/// The diff-ids of a manifest whose config is in the store.
pub(super) fn layer_digests(manifest: &ImageManifest) -> Result<Vec<Digest>, StoreError> {
    manifest.layers().iter().map(digest_of).collect()
}
