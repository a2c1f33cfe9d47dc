//! Leases: layers in use by an operation that has no record, such as a build.
//!
//! A container's record names its image, so the code that removes images can find it. A build uses layers, some from
//! the cache, without any record. So it takes a *lease* on each layer: a shared flock(2) on the layer's directory,
//! which the kernel releases when the build exits or is killed. Code that removes or replaces a layer tries an
//! exclusive lock first, and leaves the layer alone if that fails.
//!
//! Both happen under the store's lock, so a layer that was found and leased stays until the lease is dropped.

use std::{fs::File, path::Path};

use minicontainer_core::Digest;
use nix::fcntl::{Flock, FlockArg};

use super::{
    Lock, Store, StoreError,
    paths::{listed, named},
};

/// Keeps a layer in the store until it is dropped.
#[derive(Debug)]
pub struct LayerLease {
    _lock: Flock<File>,
}

impl Store {
    /// Leases the layer with this [key](super::Layer::key). `None` if it does not exist, or is about to be replaced.
    pub fn lease_layer(&self, _lock: &Lock, key: &Digest) -> Option<LayerLease> {
        try_lock(&self.layer_directory(key), FlockArg::LockSharedNonblock)
    }

    /// Whether a process has a lease on this layer. The caller has the store's lock, or the answer may be outdated.
    pub fn is_leased(&self, key: &Digest) -> bool {
        is_leased(&self.layer_directory(key))
    }

    /// The keys of all layers with a lease.
    ///
    /// # Errors
    /// If the directory of layers cannot be read.
    pub fn leased_layers(&self) -> Result<Vec<Digest>, StoreError> {
        let leased = listed(&self.layers_directory())?.into_iter().filter(|directory| is_leased(directory));
        Ok(leased.filter_map(|directory| named(&directory)).collect())
    }
}

fn is_leased(directory: &Path) -> bool {
    directory.exists() && try_lock(directory, FlockArg::LockExclusiveNonblock).is_none()
}

fn try_lock(directory: &Path, how: FlockArg) -> Option<LayerLease> {
    let directory = File::open(directory).ok()?;
    Flock::lock(directory, how).ok().map(|_lock| LayerLease { _lock })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{StagedLayer, Transaction};

    #[test]
    fn lease_keeps_layer_until_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let diff_id = Digest::of(b"a layer");
        let lock = store.lock().unwrap();
        assert!(store.lease_layer(&lock, &diff_id).is_none(), "the layer does not exist");
        let staging = store.stage().unwrap();
        let layers = vec![StagedLayer::new(&staging, &diff_id, |_| Ok::<u64, StoreError>(0)).unwrap()];
        store.add(&lock, &staging.flush().unwrap(), Transaction { layers, ..Transaction::default() }).unwrap();
        assert!(!store.is_leased(&diff_id));
        let first = store.lease_layer(&lock, &diff_id).unwrap();
        let second = store.lease_layer(&lock, &diff_id).unwrap();
        assert_eq!(store.leased_layers().unwrap(), std::slice::from_ref(&diff_id));
        drop(first);
        assert!(store.is_leased(&diff_id));
        drop(second);
        assert_eq!(store.leased_layers().unwrap(), []);
    }
}
