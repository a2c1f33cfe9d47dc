//! The user namespace that the engine creates before the container's first process, if the plan has one.

use std::os::fd::OwnedFd;

use minicontainer_core::plan::{IdMapping, Plan, Step};

use super::StartError;
use crate::sys::user_namespace::with_maps;

/// The user and group id maps of the plan.
fn maps(plan: &Plan) -> Option<[&[IdMapping]; 2]> {
    plan.steps.iter().find_map(|step| match step {
        Step::MakeUserNamespace { uids, gids } => Some([uids.as_slice(), gids.as_slice()]),
        _ => None,
    })
}

/// The user and group on the host to which root in that user namespace maps.
pub(super) fn root_outside(plan: &Plan) -> Option<[u32; 2]> {
    let root = |map: &[IdMapping]| map.iter().find(|line| line.inside == 0).map(|line| line.outside);
    let [uids, gids] = maps(plan)?;
    Some([root(uids)?, root(gids)?])
}

/// Creates it. Its owner is the host user to which its root maps. The kernel counts some resources per owner of a
/// namespace, see namespaces(7), and a container must not use up the limits of the engine's user, which all
/// containers share.
pub(super) fn make(plan: &Plan) -> Result<Option<OwnedFd>, StartError> {
    let Some([uids, gids]) = maps(plan) else { return Ok(None) };
    Ok(Some(with_maps(uids.first().map(|map| map.outside), uids, gids)?))
}
