//! Several pieces of work at a time.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crate::threads::share_work;

/// The most threads: each may need eight megabytes to decompress, and the disk is no faster with more.
const MOST: usize = 4;

/// Does some work on each item, on as many threads as there are processors, four at most, beginning with the first item. After a
/// failure nothing new is begun; the failure that is returned is that of the first item that failed.
pub(super) fn in_parallel<T: Sync, U: Send, E: Send>(
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
    use super::in_parallel;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(in_parallel(&items, |item| Ok::<_, ()>(item * 2)), Ok(items.iter().map(|item| item * 2).collect()));
        assert_eq!(in_parallel(&items, |item| if *item >= 7 { Err(*item) } else { Ok(()) }), Err(7));
        assert_eq!(in_parallel(&[], |_: &()| Ok::<(), ()>(())), Ok(Vec::new()));
    }
}
