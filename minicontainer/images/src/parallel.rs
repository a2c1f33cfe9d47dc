//! Working in several threads, even if the kernel refuses some of them.
//!
//! [`Scope::spawn`](std::thread::Scope::spawn) panics if the kernel refuses another thread, as it does at the limit
//! on processes (EAGAIN in clone(2)). So threads are created only with [`Builder`].

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Builder, scope},
};

/// The maximum number of threads. Each may need eight megabytes for decompression, and the disk is not faster with
/// more.
const MOST: usize = 4;

/// Runs the same work in up to `count` threads, including the caller's, and returns when all have finished. If the
/// kernel refuses a thread, there are fewer: the work takes longer, and the result is the same.
pub fn share_work(count: usize, work: impl Fn() + Sync) {
    scope(|scope| {
        for _ in 1..count {
            if Builder::new().spawn_scoped(scope, &work).is_err() {
                break;
            }
        }
        work();
    });
}

/// Processes each item, in order, with as many threads as there are CPUs, at most four. After a failure, no further
/// item is started. Returns the error of the first item that failed.
pub(crate) fn in_parallel<T: Sync, U: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<U, E> + Sync,
) -> Result<Vec<U>, E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new(Vec::new());
    let take_turns = || {
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { break };
            let result = work(item);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MOST).min(items.len());
    share_work(workers, take_turns);
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_runs_in_every_thread() {
        for (count, expect) in [(0, 1), (1, 1), (5, 5)] {
            let done = AtomicUsize::new(0);
            share_work(count, || _ = done.fetch_add(1, Ordering::SeqCst));
            assert_eq!(done.into_inner(), expect);
        }
    }

    #[test]
    fn results_keep_the_input_order() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(
            in_parallel(&items, |item| Ok::<_, ()>(item * 2)),
            Ok(items.iter().map(|item| item * 2).collect())
        );
        assert_eq!(in_parallel(&items, |item| if *item >= 7 { Err(*item) } else { Ok(()) }), Err(7));
        assert_eq!(in_parallel(&[], |_: &()| Ok::<(), ()>(())), Ok(Vec::new()));
    }
}
