//! Names come and go; an image goes with its last name, and a layer with its last image.

use std::{collections::BTreeSet, fs, io};

use minicontainer_core::{Digest, Reference};

use super::{
    Store, StoreError, layer,
    layout::{Listed, reference_of, set_reference},
    load::{diff_ids, layer_digests},
    staging::remove_tree,
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
            Some(reference) if references.len() > 1 => return self.untag(reference),
            None if references.len() > 1 => {
                return Err(StoreError::SeveralNames { id: target.id, references: references.into_iter().collect() });
            }
            _ => {}
        }
        if let Some(container) = in_use(&target.id) {
            return Err(StoreError::InUse { id: target.id, container });
        }
        let mut removed: Vec<_> = references.into_iter().map(Removed::Untagged).collect();
        removed.extend(self.delete(&target.id, &same)?.into_iter().map(Removed::Deleted));
        Ok(removed)
    }

    fn untag(&self, reference: Reference) -> Result<Vec<Removed>, StoreError> {
        let mut index = self.layout.index()?;
        index.retain(|descriptor| reference_of(descriptor).as_ref() != Some(&reference));
        self.layout.write_index(&self.stage()?, index)?;
        Ok(vec![Removed::Untagged(reference)])
    }

    /// First the index forgets the image, then its content goes: a crash between the two leaves rubbish, never an
    /// image with a hole.
    fn delete(&self, id: &Digest, images: &[Listed]) -> Result<Vec<Digest>, StoreError> {
        let manifests: BTreeSet<_> = images.iter().map(|listed| listed.manifest_digest.clone()).collect();
        let (mut blobs, mut layers) = (BTreeSet::new(), BTreeSet::new());
        for listed in images {
            self.collect(listed, &mut blobs, &mut layers)?;
        }
        let mut index = self.layout.index()?;
        index.retain(|descriptor| manifests.iter().all(|digest| digest.as_str() != descriptor.digest().as_ref()));
        self.layout.write_index(&self.stage()?, index)?;
        let (mut blobs_kept, mut layers_kept) = (BTreeSet::new(), BTreeSet::new());
        for listed in self.layout.list()? {
            self.collect(&listed, &mut blobs_kept, &mut layers_kept)?;
        }
        let mut deleted = vec![id.clone()];
        for diff_id in layers.difference(&layers_kept) {
            let place = layer::place(&self.layers, diff_id);
            remove_tree(&place).map_err(StoreError::io("remove the layer", &place))?;
            deleted.push(diff_id.clone());
        }
        for digest in blobs.difference(&blobs_kept) {
            let path = self.layout.blob_path(digest);
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(StoreError::io("remove the blob", &path))?,
            }
        }
        Ok(deleted)
    }

    /// Adds what an image is made of to two sets: of blobs, and of layers.
    fn collect(
        &self,
        listed: &Listed,
        blobs: &mut BTreeSet<Digest>,
        layers: &mut BTreeSet<Digest>,
    ) -> Result<(), StoreError> {
        let layer_blobs = layer_digests(&listed.manifest)?;
        layers.extend(diff_ids(&listed.id, layer_blobs.len(), &self.layout.config(&listed.id)?)?);
        blobs.extend(layer_blobs);
        blobs.extend([listed.id.clone(), listed.manifest_digest.clone()]);
        Ok(())
    }
}
