//! The directories of a group, and its handle in `cgroups-rs`.

use std::path::{Path, PathBuf};

use cgroups_rs::{Cgroup as Backend, Hierarchy, hierarchies};

use super::version1::Version1;
use super::{PidsLimitScope, ROOT};

/// The `cgroups-rs` handle that creates and limits the group, and the group's directories.
pub(super) fn backend(name: &str, controllers: &[String], pids_scope: PidsLimitScope) -> (Backend, Vec<PathBuf>) {
    let unified = Path::new(ROOT).join("cgroup.controllers").exists();
    let together = pids_scope == PidsLimitScope::GroupAndParent;
    let hierarchy: Box<dyn Hierarchy> = match unified {
        true => Box::new(hierarchies::V2::new()),
        false => Box::new(Version1 { controllers: controllers.to_vec(), together }),
    };
    // `cpuacct` is a part of `cpu` in version 2.
    let wanted = controllers.iter().filter(|name| !unified || *name != "cpuacct").cloned().collect();
    let backend = Backend::load_with_specified_controllers(hierarchy, name, wanted);
    let directories = match unified {
        true => vec![Path::new(ROOT).join(name)],
        false => backend.subsystems().iter().map(|part| part.to_controller().path().to_owned()).collect(),
    };
    (backend, directories)
}
