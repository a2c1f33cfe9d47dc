//! The user namespace that a plan has the engine make before the container's first process, if it has one.

use std::os::fd::OwnedFd;

use minicontainer_core::plan::{IdMapping, Plan, Step};

use super::StartError;
use crate::sys::user_namespace::with_maps;

/// The maps of users and of groups that the plan asks for.
fn maps(plan: &Plan) -> Option<[&[IdMapping]; 2]> {
    plan.steps.iter().find_map(|step| match step {
        Step::MakeUserNamespace { uids, gids } => Some([uids.as_slice(), gids.as_slice()]),
        _ => None,
    })
}

/// The user and group on the host that are root's in that user namespace.
pub(super) fn root_outside(plan: &Plan) -> Option<[u32; 2]> {
    let root = |map: &[IdMapping]| map.iter().find(|line| line.inside == 0).map(|line| line.outside);
    let [uids, gids] = maps(plan)?;
    Some([root(uids)?, root(gids)?])
}

/// Makes it. It belongs to the user whom its root is outside: some things are counted at a namespace's owner, see
/// namespaces(7), and a container must not use up what the engine's user, and so every other container, may have.
pub(super) fn make(plan: &Plan) -> Result<Option<OwnedFd>, StartError> {
    let Some([uids, gids]) = maps(plan) else { return Ok(None) };
    Ok(Some(with_maps(uids.first().map(|map| map.outside), uids, gids)?))
}
