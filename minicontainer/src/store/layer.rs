//! Layers: each is unpacked once, and shared by all images and containers that use it.
//!
//! A layer has two digests. Its **digest** identifies the blob, which is usually compressed. Its **diff-id**
//! identifies the uncompressed tar archive, so that compressing the same archive again does not make another layer
//! (OCI image-spec, *config.md*). The diff-id is computed while the layer is unpacked. Only if it matches the image's
//! config is the tree moved to its final path:
//!
//! ```text
//! layers/<hex of the key>/fs/          the tree, a lower directory of overlayfs
//!                         layer.json   diff-id and size, and perhaps the chain-id
//! ```
//!
//! The **key** is the diff-id, so images that have the same layer share its tree, whatever is below it. But some
//! archives can only be unpacked with a view of the layers below: an entry `tmp/x` without an entry `tmp` leaves the
//! mode of `/tmp` to a layer below, and `lib/x` may lead through a symbolic link there. The key of such a layer is
//! the digest of the stack up to it, its **chain-id** (*config.md*, "Layer ChainID"), and only images with the same
//! layers below share its tree.

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
    /// Under which the store has it: the diff-id, or the chain-id if its tree depends on the layers below.
    pub key: Digest,
    /// The unpacked tree, an absolute path: a lower directory for overlayfs.
    pub directory: PathBuf,
    /// Bytes in its files.
    pub size: u64,
}

/// A layer in a stack: the digest of its archive, and the digest of the stack up to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LayerId {
    /// The digest of its uncompressed tar archive.
    pub diff_id: Digest,
    /// The digest of its diff-id and those of all layers below.
    pub chain_id: Digest,
}

impl LayerId {
    /// The layers with these diff-ids, the lowest first.
    ///
    /// ```
    /// use minicontainer::{core::Digest, store::LayerId};
    ///
    /// let diff_ids = [Digest::of(b"base"), Digest::of(b"top")];
    /// let stack = LayerId::stack(&diff_ids);
    /// assert_eq!(stack[0].chain_id, diff_ids[0]);
    /// let both = format!("{} {}", diff_ids[0], diff_ids[1]);
    /// assert_eq!(stack[1].chain_id, Digest::of(both.as_bytes()));
    /// ```
    pub fn stack(diff_ids: &[Digest]) -> Vec<LayerId> {
        let mut stack: Vec<LayerId> = Vec::new();
        for diff_id in diff_ids {
            let chain_id = match stack.last() {
                None => diff_id.clone(),
                Some(below) => Digest::of(format!("{} {diff_id}", below.chain_id).as_bytes()),
            };
            stack.push(LayerId { diff_id: diff_id.clone(), chain_id });
        }
        stack
    }

    /// The keys under which the store may have its tree, see [`Layer::key`].
    pub fn keys(&self) -> [&Digest; 2] {
        [&self.diff_id, &self.chain_id]
    }
}

/// A layer of an image, with all that is needed to unpack it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLayer {
    /// Which layer it is.
    pub id: LayerId,
    /// The digest of its blob.
    pub blob: Digest,
    /// The trees of the layers below it, the lowest first.
    pub below: Vec<PathBuf>,
}

/// The content of `layer.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayerRecord {
    diff_id: Digest,
    /// If the tree depends on the layers below: the stack for which it was unpacked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain_id: Option<Digest>,
    size: u64,
}

/// A layer unpacked in a staging directory, and removed with that directory.
#[derive(Debug)]
pub struct StagedLayer {
    pub(super) path: PathBuf,
    pub(super) key: Digest,
}

impl StagedLayer {
    /// Creates a layer. `fill` unpacks the tree into the given empty directory, and returns how many bytes its files
    /// have. It must fail if the archive does not match `diff_id`.
    pub fn new<E: From<StoreError>>(
        staging: &Staging,
        diff_id: &Digest,
        fill: impl FnOnce(&Path) -> Result<u64, E>,
    ) -> Result<StagedLayer, E> {
        StagedLayer::create(staging, diff_id, None, fill)
    }

    /// As [`new`](StagedLayer::new), for a layer whose tree depends on the layers below.
    pub fn in_stack<E: From<StoreError>>(
        staging: &Staging,
        id: &LayerId,
        fill: impl FnOnce(&Path) -> Result<u64, E>,
    ) -> Result<StagedLayer, E> {
        StagedLayer::create(staging, &id.diff_id, Some(id.chain_id.clone()), fill)
    }

    /// Under which the store will have it, see [`Layer::key`].
    pub fn key(&self) -> &Digest {
        &self.key
    }

    fn create<E: From<StoreError>>(
        staging: &Staging,
        diff_id: &Digest,
        chain_id: Option<Digest>,
        fill: impl FnOnce(&Path) -> Result<u64, E>,
    ) -> Result<StagedLayer, E> {
        let path = staging.unused_path();
        let tree = path.join(LAYER_TREE);
        // Mode 0700, because other users of the machine must not be able to run a set-user-ID program of an image.
        for directory in [&path, &tree] {
            private::make_new_directory(directory).map_err(StoreError::io("create the directory", directory))?;
        }
        let key = chain_id.as_ref().unwrap_or(diff_id).clone();
        let record = LayerRecord { diff_id: diff_id.clone(), chain_id, size: fill(&tree)? };
        let file = path.join("layer.json");
        serde_json::to_vec(&record)
            .map_err(io::Error::from)
            .and_then(|json| private::write(&file, json))
            .map_err(StoreError::io("write", &file))?;
        Ok(StagedLayer { path, key })
    }
}

impl Store {
    /// The layer with this [key](Layer::key), if it has been unpacked.
    pub fn layer(&self, key: &Digest) -> Result<Option<Layer>, StoreError> {
        Ok(self.layer_record(key)?.map(|(layer, _)| layer))
    }

    /// The layer of a stack, if it has been unpacked: for this stack, or independently of the layers below.
    pub fn layer_of(&self, id: &LayerId) -> Result<Option<Layer>, StoreError> {
        match self.layer_record(&id.chain_id)? {
            Some((layer, _)) => Ok(Some(layer)),
            None => {
                let alone = self.layer_record(&id.diff_id)?.filter(|(_, chain_id)| chain_id.is_none());
                Ok(alone.map(|(layer, _)| layer))
            }
        }
    }

    fn layer_record(&self, key: &Digest) -> Result<Option<(Layer, Option<Digest>)>, StoreError> {
        let place = self.layer_directory(key);
        let record = place.join("layer.json");
        let file = match File::open(&record) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(StoreError::io("open", &record))?,
        };
        let what = record.display().to_string();
        let LayerRecord { diff_id, chain_id, size } = parse(&read_document(file, &what)?, &what, "layer record")?;
        let key = chain_id.as_ref().unwrap_or(&diff_id).clone();
        Ok(Some((Layer { diff_id, key, directory: place.join(LAYER_TREE), size }, chain_id)))
    }
}

/// The diff-ids in the config of an image. It is an error if their number is not `layers`, the number of layers in
/// the manifest. `id` is the digest of the config.
pub fn diff_ids(id: &Digest, layers: usize, config: &ImageConfig) -> Result<Vec<Digest>, StoreError> {
    let listed = &config.rootfs.diff_ids;
    match listed.len() == layers {
        true => Ok(listed.clone()),
        false => Err(StoreError::LayerCount { id: id.clone(), layers, diff_ids: listed.len() }),
    }
}
