//! The size limit of a container's writable layer.
//!
//! A limit that was requested explicitly is set, or is an error. The default limit of a profile is set only if this
//! host can enforce it.

use minicontainer_core::options::{RunOptions, StorageLimit};
use minicontainer_core::plan::{Host, Overlay, PlanError, RootFs};

use crate::host::can_limit_layers;

/// Sets the limit from the options; if they have none, that of their profile.
///
/// A limited writable layer is in a file system of its own, which is mounted where the merged tree will be. So the
/// container's directory, with the files that the engine writes for it, stays reachable.
pub(super) fn set(tree: &mut RootFs, options: &RunOptions, host: &Host) -> Result<(), PlanError> {
    match (options.storage, options.bounds().storage) {
        (Some(asked), _) => set_asked(tree, asked, host)?,
        (None, Some(default)) => set_default(tree, default, host),
        (None, None) => {}
    }
    if let RootFs::Overlay { limit: Some(_), upper, work, target, .. } = tree {
        (*upper, *work) = (format!("{target}/upper"), format!("{target}/work"));
    }
    Ok(())
}

fn set_asked(tree: &mut RootFs, asked: StorageLimit, host: &Host) -> Result<(), PlanError> {
    let RootFs::Overlay { limit, .. } = tree else { return Err(PlanError::LayerLimitNeedsOverlay) };
    if !memory_can_hold_layers(host) {
        return Err(PlanError::LayerLimitNeedsNewerKernel {
            lack: "keep an ordinary user's marks (user.* attributes)",
            version: "6.6",
            instead: ", or run as root",
        });
    }
    *limit = Some(asked);
    Ok(())
}

/// A limited layer is in memory, so a layer that is kept after the run has no default limit.
fn set_default(tree: &mut RootFs, default: StorageLimit, host: &Host) {
    if let RootFs::Overlay { limit, volatile: true, .. } = tree
        && memory_can_hold_layers(host)
    {
        *limit = Some(default);
    }
}

/// Without overlayfs the answer is true: the planner then reports the missing overlayfs, which is the actual cause.
fn memory_can_hold_layers(host: &Host) -> bool {
    host.overlay == Overlay::None || can_limit_layers(host)
}
