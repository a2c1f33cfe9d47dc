//! The documents of images: the index, manifests and configs.

use std::fs;

use minicontainer::{
    core::{Digest, Reference, image::ImageConfig},
    store::{LayerId, diff_ids, digest_of, is_index, reference_of},
};
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, OciLayout};
use serde::de::DeserializeOwned;

use super::{
    Fix, Pass, SystemError,
    content::{Blob, Layer},
};

/// The maximum number of entries. Real documents have far fewer.
const DOCUMENT_LIMIT: u64 = 4 << 20;
/// The maximum depth of nested indexes. Real ones are not deeper.
const NESTING_LIMIT: usize = 4;

/// An entry of the index.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) descriptor: Descriptor,
    pub(super) reference: Option<Reference>,
    pub(super) digest_text: String,
}

/// The parts of an image.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) id: Digest,
    /// Blob and key of each layer, the lowest first.
    pub(super) layers: Vec<(Digest, Digest)>,
}

impl Entry {
    pub(super) fn name(&self) -> String {
        self.reference.as_ref().map_or_else(|| self.digest_text.clone(), Reference::familiar)
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        digest_of(&self.descriptor).ok()
    }
}

impl Pass<'_> {
    /// Reads the index.
    pub(super) fn index(&mut self) -> Result<(), SystemError> {
        let layout = self.store.layout_file();
        let version = read_document::<OciLayout>(&layout).map(|layout| layout.image_layout_version().to_string());
        match version {
            Ok(version) if version.starts_with("1.") => {}
            Ok(version) => {
                let why = format!("version \"{}\" is not supported (only 1.0.0)", version.escape_debug());
                self.find("damaged layout file", "oci-layout", layout, why, Fix::RewriteLayout);
            }
            Err(why) => self.find("damaged layout file", "oci-layout", layout, why, Fix::RewriteLayout),
        }
        let path = self.store.index_file();
        let index = match read_document::<ImageIndex>(&path) {
            Ok(index) if index.schema_version() == 2 => index,
            Ok(index) => {
                let why = format!("schema version {} is not supported (only 2)", index.schema_version());
                self.find("damaged index", "index.json", path, why, Fix::RebuildIndex);
                return Ok(());
            }
            Err(why) => {
                self.find("damaged index", "index.json", path, why, Fix::RebuildIndex);
                return Ok(());
            }
        };
        for descriptor in index.manifests() {
            let reference = reference_of(descriptor);
            if let Some(name) = &reference
                && self.entries.iter().any(|entry| entry.reference.as_ref() == Some(name))
            {
                let why = "the index has it twice, so it is not clear which image it means";
                let name = name.familiar();
                let fix = format!("`minicontainer tag IMAGE {name}` with the id of the right image");
                self.find("ambiguous name", name, path.clone(), why, Fix::ByHand(fix));
            }
            let digest_text = descriptor.digest().to_string();
            self.entries.push(Entry { descriptor: descriptor.clone(), reference, digest_text });
        }
        Ok(())
    }

    /// Reads the documents of all images, and collects the blobs and layers that they use.
    pub(super) fn documents(&mut self) {
        for entry in self.entries.clone() {
            let read = match is_index(entry.descriptor.media_type()) {
                true => self.foreign(&entry.descriptor, NESTING_LIMIT),
                false => self.image(&entry.descriptor),
            };
            if let Err(why) = read {
                self.unusable.entry(entry.digest_text).or_insert(why);
            }
        }
    }

    fn image(&mut self, descriptor: &Descriptor) -> Result<(), String> {
        let manifest_digest = digest_of(descriptor).map_err(|error| error.to_string())?;
        if self.parts.contains_key(&manifest_digest) {
            return Ok(());
        }
        let manifest: ImageManifest = self.document(&manifest_digest, descriptor.size(), "manifest")?;
        if manifest.schema_version() != 2 {
            return Err(format!(
                "schema version {} of its manifest is not supported (only 2)",
                manifest.schema_version()
            ));
        }
        let id = digest_of(manifest.config()).map_err(|error| error.to_string())?;
        let config: ImageConfig = self.document(&id, manifest.config().size(), "config")?;
        let diff_ids = diff_ids(&id, manifest.layers().len(), &config).map_err(|error| error.to_string())?;
        let (mut layers, mut keys) = (Vec::new(), Vec::new());
        for (descriptor, layer) in manifest.layers().iter().zip(LayerId::stack(&diff_ids)) {
            let blob = digest_of(descriptor).map_err(|error| error.to_string())?;
            self.described(&blob, descriptor.size());
            self.content.blobs.insert(blob.clone());
            let is_in_stack = self.layer_path(&layer.chain_id).exists();
            let key = if is_in_stack { layer.chain_id.clone() } else { layer.diff_id.clone() };
            self.content.use_layer(&key, layer, &keys, blob.clone());
            keys.push(key.clone());
            layers.push((blob, key));
        }
        self.parts.insert(manifest_digest, Parts { id, layers });
        Ok(())
    }

    /// An index within the index, from another tool. It may lack the variants for other platforms. Its parts are
    /// kept, but not checked.
    fn foreign(&mut self, descriptor: &Descriptor, depth: usize) -> Result<(), String> {
        let digest = digest_of(descriptor).map_err(|error| error.to_string())?;
        let index: ImageIndex = self.document(&digest, descriptor.size(), "index")?;
        for entry in index.manifests() {
            let there = digest_of(entry).is_ok_and(|digest| self.blob_path(&digest).exists());
            if there && depth > 0 {
                match is_index(entry.media_type()) {
                    true => self.foreign(entry, depth - 1)?,
                    false => self.image(entry)?,
                }
            }
        }
        Ok(())
    }

    /// Reads a document that is a blob. Its content is verified at every depth, because it is small.
    fn document<T: DeserializeOwned>(&mut self, digest: &Digest, size: u64, kind: &str) -> Result<T, String> {
        self.content.blobs.insert(digest.clone());
        match self.described(digest, size) {
            Blob::Missing => return Err(format!("its {kind} {digest} is missing")),
            Blob::Damaged => return Err(format!("its {kind} {digest} is damaged")),
            Blob::Whole(_) => {}
        }
        let path = self.blob_path(digest);
        let bytes = read_small(&path)?;
        if Digest::of(&bytes) != *digest {
            let why = format!("its content has the digest {}", Digest::of(&bytes));
            self.find("damaged blob", digest.to_string(), path, why, Fix::RemoveBlob(digest.clone()));
            self.note_blob(digest, Blob::Damaged);
            return Err(format!("its {kind} {digest} is damaged"));
        }
        serde_json::from_slice(&bytes).map_err(|error| format!("its {kind} {digest} cannot be parsed: {error}"))
    }

    /// Reports the problems of each image, after all its parts have been checked.
    pub(super) fn report_images(&mut self) {
        let mut reported = Vec::new();
        for entry in self.entries.clone() {
            let path = self.store.index_file();
            let parts = entry.digest().and_then(|digest| self.parts.get(&digest).cloned());
            let lost = parts.iter().flat_map(|parts| &parts.layers).find_map(|(_, key)| {
                match self.content.layer_states.get(key) {
                    Some(Layer::Lost(why)) => Some(format!("its layer {key} is lost: {why}")),
                    _ => None,
                }
            });
            if let Some(why) = self.unusable.get(&entry.digest_text).cloned().or(lost) {
                let name = entry.reference.as_ref().map(Reference::familiar);
                let fix = Fix::ForgetImage { manifest: entry.digest_text.clone(), name };
                self.find("unusable image", entry.name(), path, why, fix);
                continue;
            }
            for (blob, _) in parts.into_iter().flat_map(|parts| parts.layers) {
                if self.content.blob_states.get(&blob) == Some(&Blob::Missing) && !reported.contains(&blob) {
                    reported.push(blob.clone());
                    let why = format!(
                        "the image {} runs because the layer is unpacked, but it cannot be saved or pushed",
                        entry.name()
                    );
                    let fix = format!("`minicontainer pull {}` or a load restores it", entry.name());
                    let place = self.blob_path(&blob);
                    self.find("missing blob", blob.to_string(), place, why, Fix::ByHand(fix));
                }
            }
        }
    }
}

/// A small document, or why it cannot be read.
fn read_document<T: DeserializeOwned>(path: &std::path::Path) -> Result<T, String> {
    serde_json::from_slice(&read_small(path)?).map_err(|error| format!("it cannot be parsed: {error}"))
}

fn read_small(path: &std::path::Path) -> Result<Vec<u8>, String> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > DOCUMENT_LIMIT => Err(format!("it is larger than {DOCUMENT_LIMIT} bytes")),
        Ok(_) => fs::read(path).map_err(|error| format!("it cannot be read: {error}")),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}
