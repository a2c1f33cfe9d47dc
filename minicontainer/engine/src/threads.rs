//! Work in several threads, as many as there can be.
//!
//! [`Scope::spawn`](std::thread::Scope::spawn) panics where the kernel refuses another thread, as it does at a limit of
//! processes (EAGAIN in clone(2)). So threads are made by [`Builder`] only.

use std::thread::{Builder, scope};

/// Does the same work in up to `count` threads, of which the caller's is one, and returns when all have finished.
/// Where the kernel refuses a thread there are fewer of them: then the work takes longer, and its result is the same.
pub(crate) fn share_work(count: usize, work: impl Fn() + Sync) {
    scope(|scope| {
        for _ in 1..count {
            if Builder::new().spawn_scoped(scope, &work).is_err() {
                break;
            }
        }
        work();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_work_is_done_in_every_thread() {
        for (count, expect) in [(0, 1), (1, 1), (5, 5)] {
            let done = AtomicUsize::new(0);
            share_work(count, || _ = done.fetch_add(1, Ordering::SeqCst));
            assert_eq!(done.into_inner(), expect);
        }
    }
}
