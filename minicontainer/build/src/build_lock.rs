//! Locks for layers that are being created, so that concurrent builds of the same Dockerfile share the work.
//!
//! A build locks a layer's key before it creates the layer. It holds the lock until its end, when the layer is in the
//! store. A build that finds the key locked waits, and then finds the layer in the cache. A build that already holds
//! a lock does not wait, and creates the layer itself. So two builds that need each other's layers cannot deadlock.
//!
//! A lock covers one byte of the file `build-cache/locks`, at an offset computed from the key (fcntl_locking(2),
//! *open file description locks*). The kernel releases it when its owner exits, and no file per key is needed. If two
//! keys have the same offset, a build waits unnecessarily, which is harmless.

use std::{
    fs::File,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use minicontainer::{core::Digest, store::private};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
};

use super::BuildError;

/// The interval for retrying a lock.
const AGAIN: Duration = Duration::from_millis(20);

/// The keys that one build has locked.
#[derive(Debug, Default)]
pub(super) struct BuildLocks {
    held: Mutex<Vec<File>>,
    count: AtomicUsize,
}

/// The result of locking a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockedKey {
    /// Without waiting: the key was free, or this build holds other locks and must not wait.
    Free,
    /// After waiting for another build, which may have created the layer.
    AfterOther,
}

impl BuildLocks {
    /// Locks a key. If another build holds it, calls `waits` once, and then waits for the lock or until
    /// `is_cancelled`.
    pub(super) fn lock(
        &self,
        file: &Path,
        key: &Digest,
        waits: impl FnOnce(),
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<LockedKey, BuildError> {
        let failed = |source| BuildError::Make { path: file.to_owned(), source };
        // Each lock has its own open file description. If stages of one build shared one, their locks would not
        // conflict.
        let opened = private::open(file).map_err(failed)?;
        let lock = byte_of(key);
        let mut waits = Some(waits);
        loop {
            match fcntl(&opened, FcntlArg::F_OFD_SETLK(&lock)) {
                Ok(_) => {
                    self.count.fetch_add(1, Ordering::SeqCst);
                    self.held.lock().unwrap_or_else(PoisonError::into_inner).push(opened);
                    return Ok(if waits.is_some() { LockedKey::Free } else { LockedKey::AfterOther });
                }
                Err(Errno::EAGAIN | Errno::EACCES | Errno::EINTR) => {}
                Err(errno) => return Err(failed(errno.into())),
            }
            if self.count.load(Ordering::SeqCst) > 0 {
                return Ok(LockedKey::Free);
            }
            if is_cancelled() {
                return Err(BuildError::Interrupted);
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            thread::sleep(AGAIN);
        }
    }
}

/// The byte that represents a key. Its offset is the first 62 bits of the key, which fit in a signed 64-bit offset.
fn byte_of(key: &Digest) -> libc::flock {
    let place = u64::from_str_radix(&key.hex()[..16], 16).unwrap_or_default() >> 2;
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: place as libc::off_t,
        l_len: 1,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn build_waits_for_lock_only_if_it_holds_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("locks");
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let never = || panic!("it must not wait");
        let goes_on = || false;
        let first = BuildLocks::default();
        assert_eq!(first.lock(&file, &one, never, &goes_on).unwrap(), LockedKey::Free);
        let second = BuildLocks::default();
        // A cancelled build stops waiting.
        let asked = AtomicBool::new(false);
        let cancelled = second.lock(&file, &one, || (), &|| asked.swap(true, Ordering::SeqCst));
        assert!(matches!(cancelled, Err(BuildError::Interrupted)), "{cancelled:?}");
        let waits = AtomicBool::new(false);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| second.lock(&file, &one, || waits.store(true, Ordering::SeqCst), &goes_on));
            while !waits.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            assert!(!waiter.is_finished());
            drop(first);
            assert_eq!(waiter.join().unwrap().unwrap(), LockedKey::AfterOther);
        });
        let third = BuildLocks::default();
        assert_eq!(third.lock(&file, &other, never, &goes_on).unwrap(), LockedKey::Free);
        assert_eq!(third.lock(&file, &one, never, &goes_on).unwrap(), LockedKey::Free);
    }
}
