//! Layers: each is unpacked once, under its diff-id, and shared by all images and containers that use it.
//!
//! A layer has two digests. Its **digest** identifies the blob, which is usually compressed. Its **diff-id**
//! identifies the uncompressed tar archive, so that compressing the same archive again does not make another layer
//! (OCI image-spec, *config.md*). The diff-id is computed while the layer is unpacked. Only if it matches the image's
//! config is the tree moved to its final path:
//!
//! ```text
//! layers/<hex of the diff-id>/fs/          the tree, a lower directory of overlayfs
//!                             layer.json   diff-id and size
//! ```

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use minicontainer_core::{Digest, image::ImageConfig};
use serde::{Deserialize, Serialize};

use super::{
    Store, StoreError,
    blob::{parse, read_document},
    paths::LAYER_TREE,
    private,
    staging::Staging,
};

/// A layer, unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The digest of its uncompressed tar archive.
    pub diff_id: Digest,
    /// The unpacked tree, an absolute path: a lower directory for overlayfs.
    pub directory: PathBuf,
    /// Bytes in its files.
    pub size: u64,
}

/// The content of `layer.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayerRecord {
    diff_id: Digest,
    size: u64,
}

/// A layer unpacked in a staging directory, and removed with that directory.
#[derive(Debug)]
pub struct StagedLayer {
    pub(super) path: PathBuf,
    pub(super) diff_id: Digest,
}

impl StagedLayer {
    /// Creates a layer. `fill` unpacks the tree into the given empty directory, and returns how many bytes its files
    /// have. It must fail if the archive does not match `diff_id`.
    pub fn new<E: From<StoreError>>(
        staging: &Staging,
        diff_id: &Digest,
        fill: impl FnOnce(&Path) -> Result<u64, E>,
    ) -> Result<StagedLayer, E> {
        let path = staging.vacant();
        let tree = path.join(LAYER_TREE);
        // Mode 0700, because other users of the machine must not be able to run a set-user-ID program of an image.
        for directory in [&path, &tree] {
            private::make_new_directory(directory).map_err(StoreError::io("create the directory", directory))?;
        }
        let record = LayerRecord { diff_id: diff_id.clone(), size: fill(&tree)? };
        let file = path.join("layer.json");
        serde_json::to_vec(&record)
            .map_err(io::Error::from)
            .and_then(|json| private::write(&file, json))
            .map_err(StoreError::io("write", &file))?;
        Ok(StagedLayer { path, diff_id: record.diff_id })
    }
}

impl Store {
    /// The layer of this diff-id, if it has been unpacked.
    pub fn layer(&self, diff_id: &Digest) -> Result<Option<Layer>, StoreError> {
        let place = self.layer_directory(diff_id);
        let record = place.join("layer.json");
        let file = match File::open(&record) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(StoreError::io("open", &record))?,
        };
        let what = record.display().to_string();
        let LayerRecord { diff_id, size } = parse(&read_document(file, &what)?, &what, "layer record")?;
        Ok(Some(Layer { diff_id, directory: place.join(LAYER_TREE), size }))
    }
}

/// The diff-ids in the config of an image, of which there must be one for each of the `layers` of its manifest. `id`
/// is the digest of the config.
pub fn diff_ids(id: &Digest, layers: usize, config: &ImageConfig) -> Result<Vec<Digest>, StoreError> {
    let listed = &config.rootfs.diff_ids;
    match listed.len() == layers {
        true => Ok(listed.clone()),
        false => Err(StoreError::LayerCount { id: id.clone(), layers, diff_ids: listed.len() }),
    }
}
