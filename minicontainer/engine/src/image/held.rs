//! Layers in use by somebody who has no container's record to show for it: a build.
//!
//! A container's record names its image, so whoever removes images sees it there. A build stands on layers of its own
//! choice, some out of the cache, and has nothing but staged files. So it *holds* each layer: flock(2), shared, on the
//! layer's directory, which the kernel gives back when the build ends or dies. Whoever would remove or exchange a layer
//! asks for the same lock alone, and lets the layer be when it is refused.
//!
//! Both do so under the store's lock: who has found a layer and holds it finds it there until the end.

use std::{
    fs::{self, File},
    path::Path,
};

use minicontainer::{
    core::Digest,
    store::{Lock, Store},
};
use nix::fcntl::{Flock, FlockArg};

/// A layer that stays until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: Flock<File>,
}

/// Holds the layer of this diff-id. None if it is not there, or just about to be exchanged.
pub(crate) fn hold(store: &Store, _lock: &Lock, diff_id: &Digest) -> Option<Held> {
    lock(&store.root().join("layers").join(diff_id.hex()), FlockArg::LockSharedNonblock)
}

/// Whether somebody holds the layer in this directory. The caller has the store's lock.
pub(crate) fn is_held(directory: &Path) -> bool {
    directory.exists() && lock(directory, FlockArg::LockExclusiveNonblock).is_none()
}

fn lock(directory: &Path, how: FlockArg) -> Option<Held> {
    let directory = File::open(directory).ok()?;
    Flock::lock(directory, how).ok().map(|_lock| Held { _lock })
}

/// The diff-ids of all layers that somebody holds.
pub(crate) fn all_held(store: &Store) -> Vec<Digest> {
    let entries = fs::read_dir(store.root().join("layers")).into_iter().flatten().flatten();
    let held = entries.map(|entry| entry.path()).filter(|path| is_held(path));
    held.filter_map(|path| format!("sha256:{}", path.file_name()?.to_str()?).parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use minicontainer::store::{Addition, StagedLayer, StoreError};

    use super::*;

    #[test]
    fn a_layer_is_held_until_nobody_needs_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let diff_id = Digest::of(b"a layer");
        let lock = store.lock().unwrap();
        assert!(hold(&store, &lock, &diff_id).is_none(), "it is not there");
        let staging = store.stage().unwrap();
        let layers = vec![StagedLayer::new(&staging, &diff_id, |_| Ok::<u64, StoreError>(0)).unwrap()];
        store.add(&lock, &staging, Addition { layers, ..Addition::default() }).unwrap();
        let one = hold(&store, &lock, &diff_id).unwrap();
        let other = hold(&store, &lock, &diff_id).unwrap();
        assert_eq!(all_held(&store), std::slice::from_ref(&diff_id));
        drop(one);
        assert_eq!(all_held(&store), [diff_id]);
        drop(other);
        assert_eq!(all_held(&store), []);
    }
}
