//! Loading images from archives and directories.
//!
//! Two formats are supported as tar archives: an **OCI image layout** (`index.json`; also as a directory) and the
//! format of **`docker save`** (`manifest.json`; newer versions write both). In either format, each image becomes a
//! [`StagedImage`]: manifest, config and layers as staged, verified blobs, ready to be installed.

use std::{fmt, io::Read, path::Path};

use minicontainer::{
    core::{Platform, Reference, image::ImageConfig, reference::ReferenceError},
    store::{Staging, Store, is_index, name_of},
};
use oci_spec::image::{
    Arch, Descriptor, ImageIndex, ImageManifest, MediaType, OciLayout, Os, Platform as OciPlatform,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};

use super::{
    ImageError, Loaded, StagedImage, install_watched,
    source::{Source, digest_in_name},
    unpack_progress::Watch,
};

/// The maximum depth of nested indexes.
const NESTING_LIMIT: usize = 4;
/// The maximum number of images in an archive.
const IMAGE_LIMIT: usize = 1000;
/// The maximum number of layers, or names, of an image.
const NAME_COUNT_LIMIT: usize = 1000;

/// Adds the images of a tar archive, which may be compressed with gzip, zstd, bzip2 or xz: an OCI image layout, or an
/// archive of `docker save`.
pub fn load(store: &Store, archive: impl Read) -> Result<Vec<Loaded>, ImageError> {
    load_watched(store, archive, &|_, _, _| {})
}

/// As [`load`], with a callback for the progress of unpacking.
pub fn load_watched(store: &Store, archive: impl Read, watch: Watch<'_>) -> Result<Vec<Loaded>, ImageError> {
    let staging = store.sweep_and_stage()?;
    let source = Source::archive(archive, &staging)?;
    install_watched(store, &staging, &images(&source, &staging)?, watch)
}

/// Adds the images of an OCI image layout in a directory.
pub fn load_layout(store: &Store, directory: &Path) -> Result<Vec<Loaded>, ImageError> {
    load_layout_watched(store, directory, &|_, _, _| {})
}

/// The same, watched.
pub fn load_layout_watched(store: &Store, directory: &Path, watch: Watch<'_>) -> Result<Vec<Loaded>, ImageError> {
    let staging = store.sweep_and_stage()?;
    let source = Source::directory(directory, &staging)?;
    install_watched(store, &staging, &images(&source, &staging)?, watch)
}

/// The images of a source, in either format.
fn images(source: &Source<'_>, staging: &Staging) -> Result<Vec<StagedImage>, ImageError> {
    if let Some(layout) = source.fetch("oci-layout")? {
        let layout: OciLayout = layout.document("oci-layout", "image layout file")?;
        let version = layout.image_layout_version();
        if !version.starts_with("1.") {
            return Err(ImageError::LayoutVersion { version: version.escape_debug().to_string() });
        }
    }
    if let Some(index) = source.fetch("index.json")? {
        // `docker save ID` of Docker 25 writes "manifests": null, and lists the image in manifest.json only.
        let listing: Listing = index.document("index.json", "image index")?;
        let saved = if listing.manifests.is_none() { source.fetch("manifest.json")? } else { None };
        if saved.is_none() {
            return layout_images(source, &index.document("index.json", "image index")?);
        }
    }
    if let Some(manifest) = source.fetch("manifest.json")? {
        return saved_images(source, staging, manifest.document("manifest.json", "manifest of docker save")?);
    }
    Err(ImageError::NotAnArchive)
}

/// Whether an index has a list of manifests.
#[derive(Deserialize)]
struct Listing {
    manifests: Option<IgnoredAny>,
}

fn layout_images(source: &Source<'_>, index: &ImageIndex) -> Result<Vec<StagedImage>, ImageError> {
    check_count(index.manifests().len())?;
    let mut images: Vec<StagedImage> = Vec::new();
    for descriptor in candidates(index, "index.json")? {
        let found = resolve(source, descriptor.clone())?;
        let references = reference(descriptor)?.into_iter().collect();
        let blob = source.blob(&found)?;
        let manifest: ImageManifest = blob.document(&format!("the manifest {}", blob.digest()), "image manifest")?;
        let config_type = manifest.config().media_type();
        if *config_type != MediaType::ImageConfig
            && config_type.as_ref() != "application/vnd.docker.container.image.v1+json"
        {
            return Err(ImageError::NotAnImage {
                digest: blob.digest().clone(),
                media_type: config_type.to_string(),
            });
        }
        let config = source.blob(manifest.config())?;
        let layers = manifest.layers().iter().map(|layer| source.blob(layer)).collect::<Result<_, _>>()?;
        images.push(StagedImage { references, registry_digest: None, manifest: blob, config, layers });
    }
    Ok(images)
}

/// The name of an image in a layout. A name that is not a reference is ignored, because other tools write tags and
/// versions there. A name that could be confused with an image id is an error.
fn reference(descriptor: &Descriptor) -> Result<Option<Reference>, ImageError> {
    let Some(name) = name_of(descriptor) else { return Ok(None) };
    match name.parse() {
        Err(source @ (ReferenceError::Identifier { .. } | ReferenceError::Algorithm { .. })) => {
            Err(ImageError::BadReference { name: name.to_owned(), source })
        }
        reference => Ok(reference.ok()),
    }
}

fn check_count(images: usize) -> Result<(), ImageError> {
    if images > IMAGE_LIMIT { Err(ImageError::TooMany { limit: IMAGE_LIMIT }) } else { Ok(()) }
}

/// The entries of an index that can run on this machine. An entry without a platform can run on any.
fn candidates<'i>(index: &'i ImageIndex, what: &str) -> Result<Vec<&'i Descriptor>, ImageError> {
    let fits = |platform: &OciPlatform| platform.os() == &Os::Linux && platform.architecture() == &Arch::default();
    let found: Vec<_> = index.manifests().iter().filter(|entry| entry.platform().as_ref().is_none_or(fits)).collect();
    if found.is_empty() && !index.manifests().is_empty() {
        let platform = format!("linux/{}", Arch::default());
        return Err(ImageError::Platform { what: what.to_owned(), platform });
    }
    Ok(found)
}

/// Follows indexes down to a manifest.
fn resolve(source: &Source<'_>, mut descriptor: Descriptor) -> Result<Descriptor, ImageError> {
    for _ in 0..NESTING_LIMIT {
        if !is_index(descriptor.media_type()) {
            return Ok(descriptor);
        }
        let what = format!("the index {}", descriptor.digest());
        let index: ImageIndex = source.blob(&descriptor)?.document(&what, "image index")?;
        // An entry for this platform is preferred to an entry without a platform. For the latter, the config has the
        // platform.
        let best = Platform::own().choose(&index);
        let candidates = candidates(&index, &what)?;
        let fits = |entry: &&Descriptor| {
            platform_of(source, entry).is_some_and(|found| Platform::own().rank(&found).is_some())
        };
        let by_config = || candidates.iter().copied().find(fits).or(candidates.first().copied());
        let Some(best) = best.or_else(by_config) else {
            return Err(ImageError::Missing { what: format!("every image of {what}") });
        };
        descriptor = best.clone();
    }
    Err(ImageError::Nesting { what: descriptor.digest().to_string(), limit: NESTING_LIMIT })
}

/// The platform in the config of a manifest; `None` if it cannot be read. That is an error later, if this image is
/// chosen.
fn platform_of(source: &Source<'_>, entry: &Descriptor) -> Option<Platform> {
    let manifest: ImageManifest = source.blob(entry).ok()?.document("the manifest", "image manifest").ok()?;
    let config: ImageConfig = source.blob(manifest.config()).ok()?.document("the config", "image config").ok()?;
    Some(Platform::of_config(&config))
}

/// One image in the `manifest.json` of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    repo_tags: Option<Names>,
    layers: Option<Names>,
}

/// A list with a maximum length: four megabytes of tiny strings would take sixty megabytes of memory.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(document: D) -> Result<Names, D::Error> {
        struct Listed;
        impl<'de> Visitor<'de> for Listed {
            type Value = Names;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a list of at most {NAME_COUNT_LIMIT} names")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    if names.len() == NAME_COUNT_LIMIT {
                        return Err(A::Error::invalid_length(names.len() + 1, &self));
                    }
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        document.deserialize_seq(Listed)
    }
}

fn saved_images(
    source: &Source<'_>,
    staging: &Staging,
    saved: Vec<SavedImage>,
) -> Result<Vec<StagedImage>, ImageError> {
    check_count(saved.len())?;
    let fetch = |name: &str| {
        source
            .fetch(name)?
            .ok_or_else(|| ImageError::Missing { what: format!("\"{}\" of the archive", name.escape_debug()) })
    };
    let mut images = Vec::new();
    for image in saved {
        let mut config = fetch(&image.config)?;
        if let Some(digest) = digest_in_name(&image.config) {
            let size = config.size();
            config = config.verified("the image's config", &digest, size)?;
        }
        let mut references = Vec::new();
        for tag in image.repo_tags.into_iter().flat_map(|tags| tags.0) {
            references.push(tag.parse().map_err(|source| ImageError::BadReference { name: tag.clone(), source })?);
        }
        let layers = image.layers.into_iter().flat_map(|layers| layers.0);
        let layers = layers.map(|name| fetch(&name)).collect::<Result<_, _>>()?;
        images.push(StagedImage::assemble(staging, references, config, layers)?);
    }
    Ok(images)
}
