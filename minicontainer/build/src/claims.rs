//! Who makes which layer: builds of the same Dockerfile at the same time share the work.
//!
//! Whoever is about to make a layer claims its key, and has it until the build's end, when the layer enters the store. Who
//! finds a key claimed waits, and then finds the layer in the cache. A build that has a claim itself does not wait, and makes
//! the layer once more: so two that need each other's layers never wait for each other for ever, and nothing can be worse
//! than without claims.
//!
//! A claim is a lock on one byte of the file `build-cache/claims`, at a place that the key says (fcntl_locking(2), *open
//! file description locks*). The kernel gives it back when its owner dies, and no file is left for a key. Two keys at the same
//! place, if that should ever be, only wait without need.

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

/// When to look again whether a key is free.
const AGAIN: Duration = Duration::from_millis(20);

/// The claims of one build.
#[derive(Debug, Default)]
pub(super) struct Claims {
    held: Mutex<Vec<File>>,
    count: AtomicUsize,
}

/// What became of a wish to claim a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// At once, or nobody waits for anybody.
    Free,
    /// Somebody else had it first, and may have made the layer.
    AfterOther,
}

impl Claims {
    /// Claims a key; if somebody else has it, `waits` is called once and then it is waited for, until `is_cancelled`.
    pub(super) fn claim(
        &self,
        file: &Path,
        key: &Digest,
        waits: impl FnOnce(),
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Claimed, BuildError> {
        let failed = |source| BuildError::Make { path: file.to_owned(), source };
        // Each claim is a description of its own, or two stages of the same build would not see each other's.
        let opened = private::open(file).map_err(failed)?;
        let lock = byte_of(key);
        let mut waits = Some(waits);
        loop {
            match fcntl(&opened, FcntlArg::F_OFD_SETLK(&lock)) {
                Ok(_) => {
                    self.count.fetch_add(1, Ordering::SeqCst);
                    self.held.lock().unwrap_or_else(PoisonError::into_inner).push(opened);
                    return Ok(if waits.is_some() { Claimed::Free } else { Claimed::AfterOther });
                }
                Err(Errno::EAGAIN | Errno::EACCES | Errno::EINTR) => {}
                Err(errno) => return Err(failed(errno.into())),
            }
            if self.count.load(Ordering::SeqCst) > 0 {
                return Ok(Claimed::Free);
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

/// The place of a key: of its first sixty-two bits, as many as an offset has and one less.
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
    fn who_has_nothing_waits_and_who_has_something_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("claims");
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let never = || panic!("nobody waits");
        let goes_on = || false;
        let first = Claims::default();
        assert_eq!(first.claim(&file, &one, never, &goes_on).unwrap(), Claimed::Free);
        let second = Claims::default();
        // Whoever is cancelled waits no longer.
        let asked = AtomicBool::new(false);
        let cancelled = second.claim(&file, &one, || (), &|| asked.swap(true, Ordering::SeqCst));
        assert!(matches!(cancelled, Err(BuildError::Interrupted)), "{cancelled:?}");
        let waits = AtomicBool::new(false);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| second.claim(&file, &one, || waits.store(true, Ordering::SeqCst), &goes_on));
            while !waits.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            assert!(!waiter.is_finished());
            drop(first);
            assert_eq!(waiter.join().unwrap().unwrap(), Claimed::AfterOther);
        });
        let third = Claims::default();
        assert_eq!(third.claim(&file, &other, never, &goes_on).unwrap(), Claimed::Free);
        assert_eq!(third.claim(&file, &one, never, &goes_on).unwrap(), Claimed::Free);
    }
}
