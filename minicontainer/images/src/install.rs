//! Adding an image to the store: complete and verified, or not at all.

use std::io;

use minicontainer::{
    core::{
        Digest, Platform, Reference,
        explain::Message,
        image::{Config, ImageConfig},
    },
    store::{Blob, LayerId, Staging, Store, StoreError, Transaction, diff_ids, set_registry_digest},
};
use oci_spec::image::{ImageManifest, ImageManifestBuilder, MediaType, SCHEMA_VERSION};

use super::{
    ImageError,
    compression::{decompress, layer_type},
    hashing::packed,
    layer_replacement::move_damaged_layer_away,
    new_layers::{NewLayers, Stack},
    unpack_progress::Watch,
    warning::warning,
};

/// The maximum number of arguments, or variables, of an image. The kernel hardly accepts more (execve(2), "Limits on
/// size of arguments and environment").
const ENTRY_LIMIT: usize = 32_768;

/// An image whose blobs are staged and verified, but not yet in the store.
///
/// Loading an archive, pulling and building all produce such a value, and images are added only from such values:
///
/// 1. **stage**: every blob is written to a directory of this operation, and hashed at the same time;
/// 2. **verify**: a blob must be the one that its descriptor names ([`Blob::verified`]);
/// 3. **unpack**: the layers that the store does not have are unpacked and compared with the diff-ids of the config,
///    and all of it is flushed to the disk;
/// 4. **install**: under the store's lock everything is moved into place, the index last. A failure before that
///    leaves the store as it was.
///
/// ```
/// use minicontainer::Store;
/// use minicontainer_images::{StagedImage, install};
///
/// let directory = tempfile::tempdir()?;
/// let store = Store::open(directory.path())?;
/// let staging = store.stage()?;
/// let layer = staging.blob([0; 1024].as_slice())?; // a tar archive without entries; not compressed, so the
/// let diff_id = layer.digest(); //                    digest of the blob is the diff-id
/// let rootfs = format!(r#"{{"type": "layers", "diff_ids": ["{diff_id}"]}}"#);
/// let config = format!(r#"{{"architecture": "amd64", "os": "linux", "rootfs": {rootfs}}}"#);
/// let image = StagedImage::assemble(&staging, vec!["empty:1".parse()?], staging.blob(config.as_bytes())?, vec![layer])?;
/// install(&store, &staging, &[image])?;
/// assert_eq!(store.image("empty:1")?.size(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StagedImage {
    /// Its names, if any.
    pub references: Vec<Reference>,
    /// The digest that a registry has for these names, if it is not the manifest's: that of an index.
    pub registry_digest: Option<Digest>,
    /// Its manifest.
    pub manifest: Blob,
    /// Its config.
    pub config: Blob,
    /// Its layers, the lowest first, compressed or not.
    pub layers: Vec<Blob>,
}

/// An image that has been added to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its name, if any.
    pub reference: Option<Reference>,
    /// Its id: the digest of its config.
    pub id: Digest,
    /// Warnings about what could not be kept: for example, an ordinary user cannot create devices.
    pub warnings: Vec<Message>,
}

impl StagedImage {
    /// Makes an image without a manifest, such as one of `docker save`, by generating the manifest.
    pub fn assemble(
        staging: &Staging,
        references: Vec<Reference>,
        config: Blob,
        layers: Vec<Blob>,
    ) -> Result<StagedImage, ImageError> {
        let (mut descriptors, mut storable) = (Vec::new(), Vec::new());
        for blob in layers {
            let (blob, media_type) = match layer_type(blob.open()?)? {
                Some(media_type) => (blob, media_type),
                None => (with_gzip(staging, &blob)?, MediaType::ImageLayerGzip),
            };
            descriptors.push(blob.descriptor(media_type));
            storable.push(blob);
        }
        let manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(config.descriptor(MediaType::ImageConfig))
            .layers(descriptors)
            .build()
            .and_then(|manifest| manifest.to_string())
            .expect("no part that a manifest must have is left out");
        let manifest = staging.blob(manifest.as_bytes())?;
        Ok(StagedImage { references, registry_digest: None, manifest, config, layers: storable })
    }
}

/// A layer in another format, compressed again.
fn with_gzip(staging: &Staging, layer: &Blob) -> Result<Blob, ImageError> {
    let broken = |source| ImageError::from(StoreError::Content { source });
    let (packed, ()) = packed(staging, broken, |mut tar| {
        io::copy(&mut decompress(layer.open()?)?, &mut tar).map_err(broken)?;
        Ok((tar, ()))
    })?;
    Ok(packed.blob)
}

/// Adds images whose blobs are staged in `staging`. If another image has one of the names, it loses that name.
pub fn install(store: &Store, staging: &Staging, images: &[StagedImage]) -> Result<Vec<Loaded>, ImageError> {
    install_watched(store, staging, images, &|_, _, _| {})
}

/// As [`install`], with a callback for the progress of unpacking.
pub fn install_watched(
    store: &Store,
    staging: &Staging,
    images: &[StagedImage],
    watch: Watch<'_>,
) -> Result<Vec<Loaded>, ImageError> {
    let (mut stacks, mut foreign) = (Vec::new(), Vec::new());
    for image in images {
        let id = image.config.digest();
        let config: ImageConfig = image.config.document(&format!("the config {id}"), "image config")?;
        let (platform, own) = (Platform::of_config(&config), Platform::own());
        if platform.os() != own.os() {
            let platform = format!("{}, it is for {}", own.os(), platform.os());
            return Err(ImageError::Platform { what: id.to_string(), platform });
        }
        check_entries(id, &config.config)?;
        let (own, other) = (own.architecture(), platform.architecture());
        foreign.push(
            (other != own).then(|| warning("other-processor", [("theirs", other.into()), ("ours", own.into())])),
        );
        stacks.push(LayerId::stack(&diff_ids(id, image.layers.len(), &config)?));
    }
    let all: Vec<Stack<'_>> =
        images.iter().zip(&stacks).map(|(image, ids)| (image.layers.as_slice(), ids.as_slice())).collect();
    let mut layers = NewLayers::default();
    let (lock, flushed) = loop {
        layers.unpack(store, staging, &all, watch)?;
        let flushed = staging.flush()?;
        let lock = store.lock()?;
        // A layer found in the store may have been removed together with its image meanwhile.
        if layers.are_complete(store, &all)? {
            break (lock, flushed);
        }
    };
    let mut loaded = Vec::new();
    let mut transaction = Transaction::default();
    for ((image, ids), foreign) in images.iter().zip(&stacks).zip(foreign) {
        let warnings: Vec<Message> = layers.warnings(ids).chain(foreign).collect();
        transaction.blobs.extend(image.layers.iter().chain([&image.config, &image.manifest]));
        // The entry has the media type of the manifest, also if that is Docker's: other tools refuse an entry whose
        // type differs from that of its document.
        let manifest: ImageManifest = image.manifest.document("the manifest", "image manifest")?;
        let media_type = manifest.media_type().clone().unwrap_or(MediaType::ImageManifest);
        let mut descriptor = image.manifest.descriptor(media_type);
        set_registry_digest(&mut descriptor, image.registry_digest.as_ref());
        for reference in names(image) {
            transaction.images.push((descriptor.clone(), reference.clone()));
            loaded.push(Loaded { reference, id: image.config.digest().clone(), warnings: warnings.clone() });
        }
    }
    for unpacked in layers.into_unpacked() {
        move_damaged_layer_away(store, &lock, staging, unpacked.layer.key())?;
        transaction.layers.push(unpacked.layer);
    }
    store.add(&lock, &flushed, transaction)?;
    Ok(loaded)
}

/// Refuses lists with which the kernel cannot start a program, and which would be copied in memory several times.
fn check_entries(id: &Digest, config: &Config) -> Result<(), ImageError> {
    for (list, entries) in [("Env", &config.env), ("Cmd", &config.cmd), ("Entrypoint", &config.entrypoint)] {
        let count = entries.len();
        if count > ENTRY_LIMIT {
            return Err(ImageError::Entries { id: id.clone(), list, count, limit: ENTRY_LIMIT });
        }
    }
    Ok(())
}

/// The names of an image for the index. An image without a name has one entry too.
fn names(image: &StagedImage) -> impl Iterator<Item = Option<Reference>> {
    let named = image.references.iter().cloned().map(Some);
    named.chain(image.references.is_empty().then_some(None))
}
