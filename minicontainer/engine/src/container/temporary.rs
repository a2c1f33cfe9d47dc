//! A container without a record: that of a build's `RUN`, or of a judged program, which is over soon.
//!
//! It has no record. All that the next engine must know of it, should this one be killed, is what its control groups
//! are called: so that is written into its directory, and the directory is locked while an engine attends it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use minicontainer::{
    core::plan::{Plan, Step},
    rootfs,
    store::private,
};

use super::{
    ContainerError, Containers, Id,
    remove::{is_cgroup_of, remove_cgroup_named, remove_remains},
    supervisor_lock::{self, SupervisorLock},
};

/// How its directory's name ends, behind the id.
pub(super) const EXTENSION: &str = "run";
/// The file in it with the name of its control groups.
const GROUP: &str = "cgroup";

/// The directory of such a container, which goes when this value does.
pub(crate) struct TemporaryContainer {
    id: Id,
    path: PathBuf,
    _lock: SupervisorLock,
}

impl TemporaryContainer {
    /// The container's id.
    pub(crate) fn id(&self) -> &Id {
        &self.id
    }

    /// The container's directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down by which control groups the container of this plan will be limited, before there are any.
    pub(crate) fn note_groups(&self, plan: &Plan) -> Result<(), ContainerError> {
        let (Some(name), file) = (cgroup_of(plan), self.path.join(GROUP)) else { return Ok(()) };
        private::write(&file, name).map_err(ContainerError::io("write", &file))
    }
}

/// What the control groups of a plan's container are called, if it gets any.
pub fn cgroup_of(plan: &Plan) -> Option<String> {
    plan.steps.iter().find_map(|step| match step {
        Step::CreateCgroup { name, .. } => Some(name.clone()),
        _ => None,
    })
}

impl Drop for TemporaryContainer {
    fn drop(&mut self) {
        // What cannot be removed now is swept later.
        let _gone = rootfs::remove(&self.path);
    }
}

impl Containers {
    /// Makes the directory of a container without a record.
    pub(crate) fn temporary(&self) -> Result<TemporaryContainer, ContainerError> {
        self.sweep_once_per_boot()?;
        let id = Id::random()?;
        let path = self.directory.join(id.as_str()).with_extension(EXTENSION);
        let claim = supervisor_lock::make(&path)?;
        Ok(TemporaryContainer { id, path, _lock: claim })
    }
}

/// Removes what a dead engine left of one: first its control groups, of which the directory tells.
pub(super) fn remove(path: &Path) -> Result<(), ContainerError> {
    let file = path.join(GROUP);
    let id = path.file_stem().and_then(|name| name.to_str()).filter(|name| Id::is_one(name));
    match fs::read_to_string(&file) {
        // An engine that was killed while it wrote has left no name, or not a whole one.
        Ok(name) if id.is_some_and(|id| is_cgroup_of(&name, id)) => remove_cgroup_named(&name)?,
        Ok(_) => {}
        // It died before there were any.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(ContainerError::io("read", &file)(error)),
    }
    remove_remains(path)
}
