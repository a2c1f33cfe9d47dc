//! Adding and removing names. An image is removed with its last name, and a layer with its last image.

use std::{collections::BTreeSet, fs, io, path::Path};

use minicontainer_core::{Digest, Reference};
use oci_spec::image::{Descriptor, ImageIndex};

#[cfg(doc)]
use super::Damaged;
use super::{
    Staging, Store, StoreError,
    image::{digits, is_selected},
    image_layout::{add_images, digest_of, reference_of, registry_digest_of, set_registry_digest},
    layer::{LayerId, diff_ids},
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
    /// Adds a name to an image. If another image has that name, it loses it.
    pub fn tag(&self, name: &str, reference: &Reference) -> Result<(), StoreError> {
        let staging = self.stage()?;
        let _lock = self.lock()?;
        let manifest = self.find(name)?.manifest_digest;
        let mut index = self.layout.index()?;
        let is_same = |descriptor: &&Descriptor| descriptor.digest().as_ref() == manifest.as_str();
        let mut descriptor = index.iter().find(is_same).cloned().ok_or_else(|| self.unknown_image(name))?;
        // The digest of the index is valid only in the repository from which the image was pulled.
        let repository = |descriptor: &&Descriptor| {
            reference_of(descriptor).is_some_and(|other| other.repository() == reference.repository())
        };
        let digest = index.iter().filter(is_same).filter(repository).find_map(registry_digest_of);
        set_registry_digest(&mut descriptor, digest.as_ref());
        add_images(&mut index, vec![(descriptor, Some(reference.clone()))]);
        self.layout.write_index(&staging, index)
    }

    /// Removes a name of an image, and with its last name the image itself and the layers that no other image uses.
    /// An image given by its ID must not have several names. `in_use` returns the container, if any, that uses an
    /// image. An image so [`Damaged`] that its id cannot be read is found by its name or its manifest's digest.
    pub fn remove_image(
        &self,
        name: &str,
        in_use: &dyn Fn(&Digest) -> Option<String>,
    ) -> Result<Vec<Removed>, StoreError> {
        let staging = self.stage()?;
        let lock = self.lock()?;
        let removed = self.remove_locked(&staging, name, in_use)?;
        // Removing large layers takes long. They are no longer visible, so the lock is not needed any more.
        drop(lock);
        staging.remove()?;
        Ok(removed)
    }

    fn remove_locked(
        &self,
        staging: &Staging,
        name: &str,
        in_use: &dyn Fn(&Digest) -> Option<String>,
    ) -> Result<Vec<Removed>, StoreError> {
        let target = match self.find(name) {
            Ok(target) => target,
            Err(error) => return self.remove_damaged(staging, name, error),
        };
        let mut same: Vec<_> = self.layout.list()?.into_iter().flatten().collect();
        same.retain(|listed| listed.id == target.id);
        let references: BTreeSet<Reference> = same.iter().filter_map(|listed| listed.reference.clone()).collect();
        let by_name = name.parse().ok().filter(|reference| references.contains(reference));
        match by_name {
            Some(reference) if references.len() > 1 => {
                self.forget(staging, &|descriptor| reference_of(descriptor).as_ref() == Some(&reference))?;
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
        let layers = self.forget(staging, &|descriptor| manifests.contains(descriptor.digest().as_ref()))?;
        let untagged = references.into_iter().map(Removed::Untagged);
        let deleted = [target.id].into_iter().chain(layers).map(Removed::Deleted);
        Ok(untagged.chain(deleted).collect())
    }

    /// Removes the entry of an image whose manifest cannot be read. If the name does not match such an entry, returns
    /// `error`, the reason why the image was not found. The layers of the image are unknown, so they stay, and
    /// containers that use them are not affected.
    fn remove_damaged(&self, staging: &Staging, name: &str, error: StoreError) -> Result<Vec<Removed>, StoreError> {
        let reference = name.parse().ok();
        let is_named = |descriptor: &Descriptor| {
            reference.as_ref().is_some_and(|reference| is_selected(descriptor, reference))
                || digits(name).is_some_and(|digits| descriptor.digest().digest().starts_with(digits))
        };
        let is_gone = |descriptor: &Descriptor| is_named(descriptor) && self.layout.read(descriptor).is_err();
        let gone: Vec<_> = self.layout.index()?.into_iter().filter(is_gone).collect();
        let manifests: BTreeSet<_> = gone.iter().map(|descriptor| descriptor.digest().as_ref()).collect();
        if manifests.len() != 1 {
            return Err(error);
        }
        self.forget(staging, &is_gone)?;
        let untagged = gone.iter().filter_map(reference_of).map(Removed::Untagged);
        Ok(untagged.chain(digest_of(&gone[0]).ok().map(Removed::Deleted)).collect())
    }

    /// Removes descriptors from the index, and moves the content that only they needed into the staging directory.
    /// Returns the removed layers. The index is written first, so a crash in between leaves unused content, never an
    /// image with a missing layer. While there is a damaged image, no content is removed, because it is not known
    /// what that image needs.
    fn forget(&self, staging: &Staging, is_gone: &dyn Fn(&Descriptor) -> bool) -> Result<Vec<Digest>, StoreError> {
        let (gone, kept): (Vec<_>, Vec<_>) = self.layout.index()?.into_iter().partition(is_gone);
        let (mut unneeded, mut needed) = (Content::default(), Content::default());
        for descriptor in &gone {
            // If the image is damaged, only the known part of its content is removed.
            let _damage = self.add_content(&mut unneeded, descriptor);
        }
        let whole = kept.iter().all(|descriptor| self.add_content(&mut needed, descriptor).is_ok());
        self.layout.write_index(staging, kept)?;
        if !whole {
            return Ok(Vec::new());
        }
        let needed_keys: BTreeSet<&Digest> = needed.layers.iter().flat_map(LayerId::keys).collect();
        let mut layers = BTreeSet::new();
        for id in &unneeded.layers {
            for key in id.keys().into_iter().filter(|key| !needed_keys.contains(key)) {
                let is_gone = move_to_staging(staging, &self.layer_directory(key))?;
                layers.extend((is_gone || *key == id.diff_id).then(|| id.diff_id.clone()));
            }
        }
        for digest in unneeded.blobs.difference(&needed.blobs) {
            move_to_staging(staging, &self.blob_file(digest))?;
        }
        Ok(layers.into_iter().collect())
    }

    /// Adds the content of a descriptor. For a damaged image, adds the known part before it returns the error.
    fn add_content(&self, content: &mut Content, descriptor: &Descriptor) -> Result<(), StoreError> {
        let digest = digest_of(descriptor)?;
        if !content.blobs.insert(digest.clone()) {
            return Ok(());
        }
        if let Some(listed) = self.layout.read(descriptor)? {
            let layers = listed.layer_digests()?;
            content.blobs.insert(listed.id.clone());
            content.blobs.extend(layers.iter().cloned());
            let diff_ids = diff_ids(&listed.id, layers.len(), &self.layout.config(&listed.id)?)?;
            content.layers.extend(LayerId::stack(&diff_ids));
            return Ok(());
        }
        // An index that another tool has added. It may lack the variants for other platforms.
        let index: ImageIndex = self.layout.document(&digest, "image index")?;
        let there =
            |entry: &&Descriptor| digest_of(entry).is_ok_and(|digest| self.layout.blob_path(&digest).exists());
        index.manifests().iter().filter(there).try_for_each(|entry| self.add_content(content, entry))
    }
}

/// Moves content into a staging directory, with which it is removed. Returns false if the content is missing.
fn move_to_staging(staging: &Staging, place: &Path) -> Result<bool, StoreError> {
    match fs::rename(place, staging.unused_path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        renamed => renamed.map(|()| true).map_err(StoreError::io("move away", place)),
    }
}

/// The content of images.
#[derive(Default)]
struct Content {
    /// Manifests, configs and compressed layers, by digest.
    blobs: BTreeSet<Digest>,
    /// Unpacked layers.
    layers: BTreeSet<LayerId>,
}
