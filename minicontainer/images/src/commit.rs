//! `commit` and `export`: the changes of a container as a new layer of its image, or all its files as an archive.

use std::{
    io::{self, Write},
    path::Path,
};

use minicontainer::{
    core::{
        Digest, Reference, RunOptions,
        explain::Message,
        image::{History, config_of_container},
    },
    rootfs::{Driver, changes, merged::Merged},
    store::{Image, Staging, Store, StoreError, digest_of, private},
};
use minicontainer_dockerfile::plan::changed;
use oci_spec::image::ImageManifest;

use super::{
    ImageError, Loaded, PackedLayer, StagedImage,
    changed_entries::Selection,
    find,
    import::staged,
    install,
    pack::{Whiteouts, layer_from_changed, layer_from_upper, pack},
};

/// An archive without entries: the two blocks that end every archive. As in Docker, an image gets no layer for it.
const EMPTY_ARCHIVE: [u8; 1024] = [0; 1024];

/// The settings of the image that is made from a container.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// Its name, if any.
    pub reference: Option<Reference>,
    /// Its author.
    pub author: String,
    /// The comment in its history.
    pub comment: String,
    /// Instructions of a Dockerfile that change its config.
    pub changes: Vec<String>,
    /// Its creation time (RFC 3339).
    pub created: String,
    /// The upper limit for times in the new layer, in seconds since 1970.
    pub latest: Option<u64>,
}

/// The properties of a container that are needed to make an image or an archive of its files.
#[derive(Clone, Copy, Debug)]
pub struct ContainerFiles<'a> {
    /// The id of its image.
    pub image_id: &'a str,
    /// Its directory in the store, which holds its writable layer.
    pub directory: &'a Path,
    /// The driver of its root file system.
    pub driver: Driver,
    /// The options of `run`. Merged with the image's config, they are the container's own config, which the new image
    /// inherits.
    pub options: &'a RunOptions,
}

/// Makes an image from a container's image and a new layer with the container's changes.
///
/// The config of the new image is the container's own config, merged as in moby's `daemon/commit.go`. The new entry
/// of its history has the container's command. Author and platform are those of the container's image, as in
/// `generateCommitImageConfig` in moby's `daemon/containerd/image_commit.go`.
pub fn commit(store: &Store, container: &ContainerFiles<'_>, wanted: &CommitOptions) -> Result<Loaded, ImageError> {
    let image = find(store, container.image_id)?;
    let staging = store.sweep_and_stage()?;
    let (packed, mut warnings) = top_layer(container, &image, &staging, wanted.latest)?;

    let own = config_of_container(container.options, &image.config.config);
    let mut config = image.config.clone();
    config.config = changed(&own, &wanted.changes)?;
    config.created = Some(wanted.created.clone());
    if !wanted.author.is_empty() {
        config.author = Some(wanted.author.clone());
    }
    let empty_layer = packed.diff_id == Digest::of(&EMPTY_ARCHIVE);
    config.history.push(History {
        created: Some(wanted.created.clone()),
        author: wanted.author.clone(),
        created_by: own.cmd.join(" "),
        comment: wanted.comment.clone(),
        empty_layer,
    });

    let manifest: ImageManifest = document(store, &image.manifest_digest, "image manifest")?;
    let mut layers = Vec::new();
    for descriptor in manifest.layers() {
        layers.push(staging.blob(store.open_blob(&digest_of(descriptor)?)?)?);
    }
    if !empty_layer {
        config.rootfs.diff_ids.push(packed.diff_id);
        layers.push(packed.blob);
    }
    let config = staged(&staging, &config)?;
    let id = config.digest().clone();
    let names = wanted.reference.clone().into_iter().collect();
    let loaded = install(store, &staging, &[StagedImage::assemble(&staging, names, config, layers)?])?;
    warnings.extend(loaded.into_iter().flat_map(|image| image.warnings));
    Ok(Loaded { reference: wanted.reference.clone(), id, warnings })
}

/// Packs the container's changes.
fn top_layer(
    container: &ContainerFiles<'_>,
    image: &Image,
    staging: &Staging,
    latest: Option<u64>,
) -> Result<(PackedLayer, Vec<Message>), ImageError> {
    let place = container.directory;
    let (upper, copy) = (place.join("upper"), place.join("rootfs"));
    if container.driver == Driver::Copy && copy.exists() {
        let layers: Vec<_> = image.layers.iter().map(|layer| layer.directory.clone()).collect();
        let changes = changes(&layers, place, Driver::Copy);
        let changes = changes.map_err(|source| ImageError::Compare { source: Box::new(source) })?;
        return Ok(layer_from_changed(&copy, &Selection::of(&changes), staging, latest)?);
    }
    let empty = staging.unused_path();
    // A container that was never started has no changes.
    let upper = if upper.exists() { upper } else { make_private(&empty).map(|()| empty)? };
    Ok(layer_from_upper(&upper, staging, latest)?)
}

/// Writes all files of a container as one tar archive, and returns warnings. Nothing is mounted or copied for this.
pub fn export(
    store: &Store,
    container: &ContainerFiles<'_>,
    archive: impl Write,
) -> Result<Vec<Message>, ImageError> {
    let (own, upper) = (container.directory.join("rootfs"), container.directory.join("upper"));
    let files = if own.exists() {
        Merged::plain(&own)
    } else {
        let layers = find(store, container.image_id)?.layers.into_iter().map(|layer| layer.directory);
        Merged::new(&layers.chain(Some(upper).filter(|upper| upper.exists())).collect::<Vec<_>>())
    };
    let files = files.map_err(|source| ImageError::Merge { source: Box::new(source) })?;
    let mut destination = Destination { archive, failure: None };
    let warnings = pack(&files, &mut destination, Whiteouts::Whole, None).map(|(_, warnings)| warnings);
    match destination.failure {
        Some(source) => Err(ImageError::Save { source }),
        None => Ok(warnings?),
    }
}

/// A writer that records its error, so that a failed write is reported as such and not as an error of the entry.
struct Destination<W> {
    archive: W,
    failure: Option<io::Error>,
}

impl<W: Write> Write for Destination<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.archive.write(bytes);
        written.map_err(|error| self.keep(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.archive.flush();
        flushed.map_err(|error| self.keep(error))
    }
}

impl<W> Destination<W> {
    fn keep(&mut self, error: io::Error) -> io::Error {
        let kind = error.kind();
        if kind != io::ErrorKind::Interrupted {
            self.failure.get_or_insert(error);
        }
        kind.into()
    }
}

fn make_private(path: &std::path::Path) -> Result<(), ImageError> {
    private::make_new_directory(path)
        .map_err(|source| ImageError::Layout { name: path.display().to_string(), source })
}

fn document<T: serde::de::DeserializeOwned>(
    store: &Store,
    digest: &minicontainer::core::Digest,
    kind: &'static str,
) -> Result<T, ImageError> {
    let what = format!("the blob {digest}");
    let file = store.open_blob(digest)?;
    serde_json::from_reader(file).map_err(|source| StoreError::Document { what, kind, source }.into())
}
