//! The bound on a container's writable layer.
//!
//! A limit that was asked for is set, or is an error. The bound that a profile sets by default is set where it can
//! be.

use minicontainer_core::options::{RunOptions, StorageLimit};
use minicontainer_core::plan::{Host, Overlay, PlanError, RootFs};

use crate::host::can_limit_layers;

/// Sets the bound that the options ask for, else that of their profile.
pub(super) fn set(tree: &mut RootFs, options: &RunOptions, host: &Host) -> Result<(), PlanError> {
    match (options.storage, options.bounds().storage) {
        (Some(asked), _) => set_asked(tree, asked, host),
        (None, Some(default)) => {
            set_default(tree, default, host);
            Ok(())
        }
        (None, None) => Ok(()),
    }
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

/// A limited layer lies in memory, so one that is to be kept has no default bound.
fn set_default(tree: &mut RootFs, default: StorageLimit, host: &Host) {
    if let RootFs::Overlay { limit, volatile: true, .. } = tree
        && memory_can_hold_layers(host)
    {
        *limit = Some(default);
    }
}

/// Where there is no overlayfs at all, the plan says so, with a better reason than this module has.
fn memory_can_hold_layers(host: &Host) -> bool {
    host.overlay == Overlay::None || can_limit_layers(host)
}
