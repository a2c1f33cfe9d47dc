//! Replacing damaged layers of the store, unless they are in use.

use std::{
    fs,
    io::{self, Read},
};

use minicontainer::{
    core::Digest,
    store::{Lock, Staging, Store, StoreError},
};

use super::{ImageError, hashing::Hashing};

/// Whether the store has this layer. A layer whose record is missing or invalid does not count.
///
/// # Errors
/// If its record cannot be read.
pub fn has_layer(store: &Store, diff_id: &Digest) -> Result<bool, StoreError> {
    match store.layer(diff_id) {
        Err(StoreError::Document { .. } | StoreError::DocumentSize { .. }) => Ok(false),
        layer => Ok(layer?.is_some_and(|layer| layer.diff_id == *diff_id)),
    }
}

/// The digest of some content.
///
/// # Errors
/// If it cannot be read.
pub fn hash(content: impl Read) -> io::Result<Digest> {
    let mut content = Hashing::new(content);
    io::copy(&mut content, &mut io::sink())?;
    Ok(content.finish())
}

/// Moves away a damaged layer so that a new one can take its path; it is removed with the staging directory. An
/// intact layer stays: another operation was faster.
///
/// # Errors
/// When a process uses it.
pub fn make_way(store: &Store, lock: &Lock, staging: &Staging, diff_id: &Digest) -> Result<(), ImageError> {
    let place = store.layer_directory(diff_id);
    if !place.exists() || has_layer(store, diff_id)? {
        return Ok(());
    }
    set_aside_layer(store, lock, staging, diff_id)
}

/// Moves a layer away, damaged or not; it is removed with the staging directory.
///
/// # Errors
/// When a process uses it.
pub fn set_aside_layer(store: &Store, _lock: &Lock, staging: &Staging, diff_id: &Digest) -> Result<(), ImageError> {
    let place = store.layer_directory(diff_id);
    if !place.exists() {
        return Ok(());
    }
    if let Some(user) = user_of_layer(store, diff_id) {
        return Err(ImageError::LayerInUse { diff_id: diff_id.clone(), user });
    }
    let moved = fs::rename(&place, staging.vacant());
    moved.map_err(|source| StoreError::Io { action: "move away", path: place, source }.into())
}

/// Who uses a layer, in words. The files of a layer in use must not change. A build has a lease; the processes of a
/// container have the layer in their mount table. The records of containers must be checked by the caller.
fn user_of_layer(store: &Store, diff_id: &Digest) -> Option<String> {
    if store.is_leased(diff_id) {
        return Some("a build uses it: try again when the build has ended".to_owned());
    }
    is_mounted(diff_id).then(|| "a process uses it: try again when the process has exited".to_owned())
}

/// Whether the mount table of a process, as far as the caller may read it, contains this layer.
fn is_mounted(diff_id: &Digest) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut mounts = processes.filter_map(|process| fs::read_to_string(process.path().join("mountinfo")).ok());
    mounts.any(|mounts| mounts.contains(diff_id.hex()))
}
