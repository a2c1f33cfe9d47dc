//! `import`: makes an image with one layer from a tar archive of a whole file system.

use std::io::{self, Read};

use minicontainer::{
    core::{
        Digest, Reference,
        image::{Config, History, ImageConfig},
    },
    store::{Blob, Staging, Store, StoreError},
};
use minicontainer_dockerfile::plan::changed;
use oci_spec::image::Arch;

use super::{
    ImageError, Loaded, StagedImage, UnpackError,
    compression::decompress,
    hashing::Hashing,
    install,
    unpack::{Archive, End},
};

/// The settings of the image that is made from an archive.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Its name, if it gets one.
    pub reference: Option<Reference>,
    /// The comment in its history.
    pub comment: String,
    /// Instructions of a Dockerfile that change its config.
    pub changes: Vec<String>,
    /// Its creation time (RFC 3339).
    pub created: String,
}

/// Makes an image from a tar archive, which may be compressed with gzip, zstd, bzip2 or xz.
///
/// ```
/// use minicontainer::Store;
/// use minicontainer_images::{ImportOptions, import};
///
/// let directory = tempfile::tempdir()?;
/// let store = Store::open(directory.path())?;
/// let wanted = ImportOptions { reference: Some("mine:1".parse()?), changes: vec!["CMD sh".into()], ..ImportOptions::default() };
/// let empty_archive = [0; 1024];
/// let imported = import(&store, empty_archive.as_slice(), &wanted)?;
/// assert_eq!(store.image("mine:1")?.id, imported.id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn import(store: &Store, archive: impl Read, wanted: &ImportOptions) -> Result<Loaded, ImageError> {
    let mut config = ImageConfig {
        architecture: Arch::default().to_string(),
        os: "linux".to_owned(),
        created: Some(wanted.created.clone()).filter(|created| !created.is_empty()),
        ..ImageConfig::default()
    };
    config.config = changed(&Config::default(), &wanted.changes)?;
    let staging = store.sweep_and_stage()?;
    let layer = staging.blob(archive)?;
    let diff_id = diff_id_of(&layer)?;
    config.rootfs.diff_ids.push(diff_id);
    let (created, comment) = (config.created.clone(), wanted.comment.clone());
    config.history.push(History { created, comment, ..History::default() });
    add(store, &staging, wanted.reference.clone(), &config, vec![layer])
}

/// Adds one image with staged layers and a config generated here.
pub(super) fn add(
    store: &Store,
    staging: &Staging,
    reference: Option<Reference>,
    config: &ImageConfig,
    layers: Vec<Blob>,
) -> Result<Loaded, ImageError> {
    let config = staged(staging, config)?;
    let id = config.digest().clone();
    let image = StagedImage::assemble(staging, reference.clone().into_iter().collect(), config, layers)?;
    let loaded = install(store, staging, &[image])?;
    let warnings = loaded.into_iter().next().map(|image| image.warnings).unwrap_or_default();
    Ok(Loaded { reference, id, warnings })
}

/// A config, as a blob in a staging directory.
pub(crate) fn staged(staging: &Staging, config: &ImageConfig) -> Result<Blob, StoreError> {
    let text = serde_json::to_vec(config).expect("plain values, which JSON can hold");
    staging.blob(text.as_slice())
}

/// The digest of the uncompressed archive. There is no expected digest, so the archive is read up to its end marker,
/// to check that it is complete.
fn diff_id_of(layer: &Blob) -> Result<Digest, ImageError> {
    let failed = |source| ImageError::Import { source: UnpackError::Archive { source } };
    let tar = decompress(layer.open()?)?;
    let mut archive = Archive::new(Hashing::new(tar), End::Required);
    while archive.next().map_err(failed)?.is_some() {}
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(failed)?;
    Ok(rest.finish())
}
