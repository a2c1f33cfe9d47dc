//! Names come and go; an image goes with its last name, and a layer with its last image.

use std::{collections::BTreeSet, fs, io};

use minicontainer_core::{Digest, Reference};
use oci_spec::image::{Descriptor, ImageIndex};

use super::{
    Store, StoreError, layer,
    layout::{Listed, digest_of, reference_of, set_reference},
    load::{diff_ids, layer_digests},
    removal::remove_tree,
};

/// What a removal did, in the words of `docker rmi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// An image lost a name.
    Untagged(Reference),
    /// An image (by its id) or a layer (by its diff-id) is gone.
    Deleted(Digest),
}

impl Store {
    /// Gives an image one more name; an image that had it loses it.
    pub fn tag(&self, name: &str, reference: &Reference) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let staging = self.stage()?;
        let manifest = self.find(name)?.manifest_digest;
        let mut index = self.layout.index()?;
        let named = index.iter().find(|descriptor| descriptor.digest().as_ref() == manifest.as_str()).cloned();
        let descriptor = named.ok_or_else(|| self.unknown(name))?;
        set_reference(&mut index, descriptor, Some(reference));
        self.layout.write_index(&staging, index)
    }

    /// Removes a name of an image, and with its last name the image itself and the layers that no other image uses.
    /// An image given by its id must not have several names. `in_use` tells which container, if any, uses an image.
    pub fn remove_image(
        &self,
        name: &str,
        in_use: &dyn Fn(&Digest) -> Option<String>,
    ) -> Result<Vec<Removed>, StoreError> {
        let _lock = self.lock()?;
        let target = self.find(name)?;
        let mut same = self.layout.list()?;
        same.retain(|listed| listed.id == target.id);
        let references: BTreeSet<Reference> = same.iter().filter_map(|listed| listed.reference.clone()).collect();
        let by_name = name.parse().ok().filter(|reference| references.contains(reference));
        match by_name {
            Some(reference) if references.len() > 1 => {
                self.forget(&|descriptor| reference_of(descriptor).as_ref() == Some(&reference))?;
                return Ok(vec![Removed::Untagged(reference)]);
            }
            None if references.len() > 1 => {
                return Err(StoreError::SeveralNames { id: target.id, references: references.into_iter().collect() });
            }
            _ => {}
        }
        if let Some(container) = in_use(&target.id) {
            return Err(StoreError::InUse { id: target.id, container });
        }
        let manifests: BTreeSet<_> = same.iter().map(|listed| listed.manifest_digest.as_str()).collect();
        let layers = self.forget(&|descriptor| manifests.contains(descriptor.digest().as_ref()))?;
        let untagged = references.into_iter().map(Removed::Untagged);
        let deleted = [target.id].into_iter().chain(layers).map(Removed::Deleted);
        Ok(untagged.chain(deleted).collect())
    }

    /// Takes descriptors out of the index, and from the disk what only they needed; gives the layers that are gone.
    /// First the index forgets, then the content goes: a crash between the two leaves rubbish, never an image with a
    /// hole.
    fn forget(&self, is_gone: &dyn Fn(&Descriptor) -> bool) -> Result<Vec<Digest>, StoreError> {
        let (gone, kept): (Vec<_>, Vec<_>) = self.layout.index()?.into_iter().partition(is_gone);
        let (unneeded, needed) = (self.content(&gone)?, self.content(&kept)?);
        self.layout.write_index(&self.stage()?, kept)?;
        let layers: Vec<_> = unneeded.layers.difference(&needed.layers).cloned().collect();
        for diff_id in &layers {
            let place = layer::place(&self.layers, diff_id);
            remove_tree(&place).map_err(StoreError::io("remove the layer", &place))?;
        }
        for digest in unneeded.blobs.difference(&needed.blobs) {
            let path = self.layout.blob_path(digest);
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(StoreError::io("remove the blob", &path))?,
            }
        }
        Ok(layers)
    }

    /// All that these descriptors stand for.
    fn content(&self, descriptors: &[Descriptor]) -> Result<Content, StoreError> {
        let mut content = Content::default();
        let mut pending = descriptors.to_vec();
        while let Some(descriptor) = pending.pop() {
            let digest = digest_of(&descriptor)?;
            if !content.blobs.insert(digest.clone()) {
                continue;
            }
            match self.layout.read(&descriptor)? {
                Some(Listed { manifest, id, .. }) => {
                    let layers = layer_digests(&manifest)?;
                    content.layers.extend(diff_ids(&id, layers.len(), &self.layout.config(&id)?)?);
                    content.blobs.extend(layers);
                    content.blobs.insert(id);
                }
                // An index that another tool put there. It may lack the variants for other machines.
                None => {
                    let index: ImageIndex = self.layout.document(&digest, "image index")?;
                    let there = |entry: &&Descriptor| {
                        digest_of(entry).is_ok_and(|digest| self.layout.blob_path(&digest).exists())
                    };
                    pending.extend(index.manifests().iter().filter(there).cloned());
                }
            }
        }
        Ok(content)
    }
}

/// What images are made of.
#[derive(Default)]
struct Content {
    /// Manifests, configs and compressed layers, by digest.
    blobs: BTreeSet<Digest>,
    /// Unpacked layers, by diff-id.
    layers: BTreeSet<Digest>,
}
