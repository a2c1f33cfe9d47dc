//! Builds the stages in the order of their dependencies. Independent stages are built in parallel.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

use minicontainer_dockerfile::plan::{BuildPlan, StagePlan};

use super::{BuildError, stack::Stack};
use minicontainer_images::parallel::share_work;

/// The progress of a build.
struct State {
    begun: BTreeSet<usize>,
    done: BTreeMap<usize, Stack>,
    failure: Option<BuildError>,
}

/// A function that builds one stage. It receives the results of the finished stages.
pub(super) type BuildOne<'a> = dyn Fn(&StagePlan, &BTreeMap<usize, Stack>) -> Result<Stack, BuildError> + Sync + 'a;

/// Builds all stages of the plan and returns the results. At most one stage per CPU is built at a time. After a
/// failure, no further stage is started.
pub(super) fn build_all(plan: &BuildPlan, build: &BuildOne<'_>) -> Result<BTreeMap<usize, Stack>, BuildError> {
    let state = Mutex::new(State { begun: BTreeSet::new(), done: BTreeMap::new(), failure: None });
    let changed = Condvar::new();
    let work = || {
        let mut now = state.lock().unwrap_or_else(PoisonError::into_inner);
        while now.failure.is_none() && now.begun.len() < plan.stages.len() {
            let done: BTreeSet<usize> = now.done.keys().copied().collect();
            let next = plan.ready(&done).into_iter().find(|stage| !now.begun.contains(&stage.index));
            let Some(stage) = next else {
                now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            now.begun.insert(stage.index);
            let before = now.done.clone();
            drop(now);
            let built = build(stage, &before);
            now = state.lock().unwrap_or_else(PoisonError::into_inner);
            match built {
                Ok(stack) => drop(now.done.insert(stage.index, stack)),
                Err(error) => drop(now.failure.get_or_insert(error)),
            }
            changed.notify_all();
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(plan.stages.len());
    share_work(workers, work);
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.failure.map_or(Ok(state.done), Err)
}
