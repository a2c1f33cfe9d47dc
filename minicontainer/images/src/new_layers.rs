//! Unpacking the layers that a store does not have.
//!
//! Most layers are unpacked independently, several at the same time. If an entry depends on the layers below,
//! unpacking stops there and is repeated after the layers below have been unpacked.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use minicontainer::{
    core::{Digest, explain::Message},
    store::{Blob, LayerId, Staging, Store, StoreError},
};

use super::{
    ImageError,
    layer::{LayerBlob, Unpacked},
    layer_replacement::usable_layer,
    parallel::in_parallel,
    unpack_progress::{Watch, Watched},
};

/// The blobs and the ids of an image's layers, the lowest first.
pub(super) type Stack<'a> = (&'a [Blob], &'a [LayerId]);

/// Layers that the store does not have, unpacked in the staging directory.
#[derive(Default)]
pub(super) struct NewLayers {
    /// By their keys.
    unpacked: BTreeMap<Digest, Unpacked>,
    /// The diff-ids of archives that depend on the layers below.
    dependent: BTreeSet<Digest>,
    /// Blobs that have been verified against their diff-ids.
    verified: BTreeSet<(Digest, Digest)>,
}

impl NewLayers {
    /// Unpacks the layers that the store does not have, and verifies the others. Work of earlier calls is not
    /// repeated.
    pub(super) fn unpack(
        &mut self,
        store: &Store,
        staging: &Staging,
        stacks: &[Stack<'_>],
        watch: Watch<'_>,
    ) -> Result<(), ImageError> {
        self.unpack_alone(store, staging, stacks, watch)?;
        for (blobs, ids) in stacks {
            for (index, (blob, id)) in blobs.iter().zip(*ids).enumerate() {
                if self.dependent.contains(&id.diff_id) && self.tree(store, id)?.is_none() {
                    let below = ids[..index].iter().map(|id| self.tree(store, id)).collect::<Result<Vec<_>, _>>()?;
                    let below: Vec<PathBuf> = below.into_iter().flatten().collect();
                    let seen = |done| watch(blob.digest(), done, blob.size());
                    let content = Watched::new(blob.open()?, &seen);
                    let layer_blob = LayerBlob { content, digest: Some(blob.digest().clone()) };
                    let unpacked = layer_blob.stage_above(staging, id, &below)?;
                    self.unpacked.insert(id.chain_id.clone(), unpacked);
                }
            }
        }
        Ok(())
    }

    /// The layers that do not depend on those below, several at the same time.
    fn unpack_alone(
        &mut self,
        store: &Store,
        staging: &Staging,
        stacks: &[Stack<'_>],
        watch: Watch<'_>,
    ) -> Result<(), ImageError> {
        let mut work: Vec<(&Blob, &Digest, bool)> = Vec::new();
        for (blob, id) in stacks.iter().flat_map(|(blobs, ids)| blobs.iter().zip(*ids)) {
            let diff_id = &id.diff_id;
            let is_there = work.iter().any(|(_, known, is_new)| *known == diff_id && *is_new)
                || self.dependent.contains(diff_id)
                || self.tree(store, id)?.is_some();
            let is_verified = self.verified.contains(&(blob.digest().clone(), diff_id.clone()))
                || work.iter().any(|(other, known, _)| *known == diff_id && other.digest() == blob.digest());
            if !is_there || !is_verified {
                work.push((blob, diff_id, !is_there));
            }
        }
        // The largest first, so that no worker starts it last while the others are idle.
        work.sort_by_key(|(blob, ..)| std::cmp::Reverse(blob.size()));
        let outcomes = in_parallel(&work, |(blob, diff_id, is_new)| {
            let seen = |done| {
                if *is_new {
                    watch(blob.digest(), done, blob.size());
                }
            };
            let content = Watched::new(blob.open()?, &seen);
            let layer_blob = LayerBlob { content, digest: Some(blob.digest().clone()) };
            match is_new {
                true => layer_blob.stage_alone(staging, diff_id),
                false => layer_blob.verify(diff_id).map(|()| None),
            }
        })?;
        for ((blob, diff_id, is_new), unpacked) in work.into_iter().zip(outcomes) {
            self.verified.insert((blob.digest().clone(), diff_id.clone()));
            match unpacked {
                Some(unpacked) => drop(self.unpacked.insert(diff_id.clone(), unpacked)),
                // It is verified when it is unpacked on the layers below.
                None if is_new => drop(self.dependent.insert(diff_id.clone())),
                None => {}
            }
        }
        Ok(())
    }

    /// Whether each of these layers is unpacked here or in the store. The caller holds the store's lock, so this
    /// cannot change.
    pub(super) fn are_complete(&self, store: &Store, stacks: &[Stack<'_>]) -> Result<bool, StoreError> {
        let mut ids = stacks.iter().flat_map(|(_, ids)| *ids);
        ids.try_fold(true, |all, id| Ok(all && self.tree(store, id)?.is_some()))
    }

    /// The warnings about the layers that were unpacked here for a stack.
    pub(super) fn warnings(&self, ids: &[LayerId]) -> impl Iterator<Item = Message> {
        ids.iter().filter_map(|id| self.of(id)).flat_map(|layer| layer.warnings.iter().cloned())
    }

    /// All layers that were unpacked here.
    pub(super) fn into_unpacked(self) -> impl Iterator<Item = Unpacked> {
        self.unpacked.into_values()
    }

    fn of(&self, id: &LayerId) -> Option<&Unpacked> {
        let alone = || self.unpacked.get(&id.diff_id).filter(|_| !self.dependent.contains(&id.diff_id));
        self.unpacked.get(&id.chain_id).or_else(alone)
    }

    /// The tree of a layer, here or in the store.
    fn tree(&self, store: &Store, id: &LayerId) -> Result<Option<PathBuf>, StoreError> {
        match self.of(id) {
            Some(unpacked) => Ok(Some(unpacked.directory.clone())),
            None => Ok(usable_layer(store, id)?.map(|layer| layer.directory)),
        }
    }
}
