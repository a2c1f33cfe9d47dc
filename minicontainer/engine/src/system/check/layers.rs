//! Compares unpacked layers with their blobs.

use minicontainer::{
    core::Digest,
    store::{ImageLayer, StoreError},
};

use super::{Depth, Fix, Pass, SystemError, content::Layer};
use minicontainer_images::{ImageError, UnpackError, unpack_beside, verify_diff_id};

impl Pass<'_> {
    /// Checks the layer with this key; `from` has an intact blob from which it can be unpacked.
    pub(super) fn layer(&mut self, key: &Digest, from: Option<ImageLayer>) -> Result<Layer, SystemError> {
        let directory = self.layer_path(key);
        if !directory.exists() {
            return self.packed(key, from);
        }
        let why = match self.record(key) {
            Err(why) => Some(why),
            Ok(()) => match &from {
                Some(from) if self.depth_of_layer(key) == Depth::Whole => match self.compare(key, from)? {
                    Ok(why) => why,
                    // The blob has another content than this layer, so the unpacked files cannot be checked.
                    Err(why) => {
                        self.suspects.layers.insert(key.clone());
                        return Ok(Layer::Lost(why));
                    }
                },
                _ => None,
            },
        };
        let Some(why) = why else { return Ok(Layer::Whole) };
        self.suspects.layers.insert(key.clone());
        let (state, fix) = match from {
            Some(from) => (Layer::Packed, Fix::UnpackAgain { key: key.clone(), from: Box::new(from) }),
            None => (Layer::Lost("it is damaged, and so is its blob".to_owned()), Fix::RemoveLayer(key.clone())),
        };
        self.find("damaged layer", key.to_string(), directory, why, fix);
        Ok(state)
    }

    /// A layer that is not unpacked.
    fn packed(&mut self, key: &Digest, from: Option<ImageLayer>) -> Result<Layer, SystemError> {
        let state = match from {
            None => Layer::Lost("neither its files nor its blob exist".to_owned()),
            Some(_) if self.depth_of_layer(key) == Depth::Quick => Layer::Packed,
            Some(from) => match verify_diff_id(self.store, &from.blob, &from.id.diff_id) {
                Ok(()) => Layer::Packed,
                Err(error) => Layer::Lost(reason(error)?),
            },
        };
        if state != Layer::Packed {
            self.suspects.layers.insert(key.clone());
        }
        Ok(state)
    }

    /// Why the files beside a layer's directory are invalid.
    fn record(&self, key: &Digest) -> Result<(), String> {
        let layer = self.store.layer(key).map_err(|error| with_causes(&error))?;
        let layer = layer.ok_or_else(|| "it has no layer.json".to_owned())?;
        match () {
            () if layer.key != *key => Err(format!("its layer.json is that of {}", layer.key)),
            () if !layer.directory.is_dir() => Err("its files are missing".to_owned()),
            () => Ok(()),
        }
    }

    /// How a layer's files differ from its blob, in words. An error if the blob is not the layer's.
    fn compare(&self, key: &Digest, from: &ImageLayer) -> Result<Result<Option<String>, String>, SystemError> {
        let fresh = match unpack_beside(self.store, self.staging, from) {
            Ok(fresh) => fresh,
            Err(error) => return reason(error).map(Err),
        };
        let compared = fresh.differences(&self.store.layer_tree(key));
        // Before the next layer is unpacked.
        fresh.remove().map_err(SystemError::io("empty", self.staging_path()))?;
        Ok(Ok(match compared {
            Ok(differences) if differences.is_empty() => None,
            Ok(differences) => Some(differences.join("; ")),
            Err(error) => Some(format!("its files cannot be read: {}", with_causes(&error))),
        }))
    }

    fn staging_path(&self) -> std::path::PathBuf {
        self.store.staging_directory()
    }
}

/// Why a layer cannot be unpacked from its blob. A lack of space, of descriptors or of a writable disk is an error of
/// the check instead.
fn reason(error: ImageError) -> Result<String, SystemError> {
    match error {
        ImageError::Unpack { source: UnpackError::Entry { .. }, .. } | ImageError::Store(StoreError::Io { .. }) => {
            Err(error.into())
        }
        _ => Ok(with_causes(&error)),
    }
}

/// An error with its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
