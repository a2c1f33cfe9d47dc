//! Replacing damaged layers of the store, unless they are in use.

use std::fs;

use minicontainer::{
    core::Digest,
    store::{Layer, LayerId, Lock, Staging, Store, StoreError},
};

use super::ImageError;

/// Whether the store has the layer with this [key](minicontainer::store::Layer::key). A layer whose record is missing
/// or invalid does not count.
///
/// # Errors
/// If its record cannot be read.
pub fn has_layer(store: &Store, key: &Digest) -> Result<bool, StoreError> {
    match store.layer(key) {
        Err(StoreError::Document { .. } | StoreError::DocumentSize { .. }) => Ok(false),
        layer => Ok(layer?.is_some_and(|layer| layer.key == *key)),
    }
}

/// The layer of a stack, if the store has it. A layer whose record is missing or invalid does not count.
pub(super) fn usable_layer(store: &Store, id: &LayerId) -> Result<Option<Layer>, StoreError> {
    match store.layer_of(id) {
        Err(StoreError::Document { .. } | StoreError::DocumentSize { .. }) => Ok(None),
        layer => Ok(layer?.filter(|layer| layer.diff_id == id.diff_id && id.keys().contains(&&layer.key))),
    }
}

/// Moves away a damaged layer so that a new one can take its path; it is removed with the staging directory. An
/// intact layer stays: another operation was faster.
///
/// # Errors
/// When a process uses it.
pub fn move_damaged_layer_away(
    store: &Store,
    lock: &Lock,
    staging: &Staging,
    key: &Digest,
) -> Result<(), ImageError> {
    let place = store.layer_directory(key);
    if !place.exists() || has_layer(store, key)? {
        return Ok(());
    }
    move_layer_away(store, lock, staging, key)
}

/// Moves a layer away, damaged or not; it is removed with the staging directory.
///
/// # Errors
/// When a process uses it.
pub fn move_layer_away(store: &Store, _lock: &Lock, staging: &Staging, key: &Digest) -> Result<(), ImageError> {
    let place = store.layer_directory(key);
    if !place.exists() {
        return Ok(());
    }
    if let Some(user) = user_of_layer(store, key) {
        return Err(ImageError::LayerInUse { diff_id: key.clone(), user });
    }
    let moved = fs::rename(&place, staging.unused_path());
    moved.map_err(|source| StoreError::Io { action: "move away", path: place, source }.into())
}

/// Describes the user of a layer, if there is one. The files of a layer in use must not change. A build has a lease;
/// the processes of a container have the layer in their mount table. The records of containers must be checked by the
/// caller.
fn user_of_layer(store: &Store, key: &Digest) -> Option<String> {
    if store.is_leased(key) {
        return Some("a build uses it: try again when the build has ended".to_owned());
    }
    is_mounted(key).then(|| "a process uses it: try again when the process has exited".to_owned())
}

/// Whether the mount table of a process, as far as the caller may read it, contains this layer.
fn is_mounted(key: &Digest) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut mounts = processes.filter_map(|process| fs::read_to_string(process.path().join("mountinfo")).ok());
    mounts.any(|mounts| mounts.contains(key.hex()))
}
