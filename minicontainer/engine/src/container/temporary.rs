//! Containers without a record, for a build's `RUN` or a judged program, which run only briefly.
//!
//! If this engine is killed, the next one must know the names of their cgroups. So these are written to the
//! container's directory, and the directory is locked while an engine supervises it.

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

/// The end of its directory's name, after the id.
pub(super) const EXTENSION: &str = "run";
/// The file in it with the name of its cgroups.
const GROUP: &str = "cgroup";

/// The directory of such a container. It is removed when this value is dropped.
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

    /// Records the names of the container's cgroups before these are created.
    pub(crate) fn record_cgroups(&self, plan: &Plan) -> Result<(), ContainerError> {
        let (Some(name), file) = (cgroup_of(plan), self.path.join(GROUP)) else { return Ok(()) };
        private::write(&file, name).map_err(ContainerError::io("write", &file))
    }
}

/// The name of the cgroups of a plan's container, if it has any.
pub fn cgroup_of(plan: &Plan) -> Option<String> {
    plan.steps.iter().find_map(|step| match step {
        Step::CreateCgroup { name, .. } => Some(name.clone()),
        _ => None,
    })
}

impl Drop for TemporaryContainer {
    fn drop(&mut self) {
        // Best effort: a later sweep removes what remains.
        let _gone = rootfs::remove(&self.path);
    }
}

impl Containers {
    /// Creates the directory of a container without a record.
    pub(crate) fn temporary(&self) -> Result<TemporaryContainer, ContainerError> {
        self.sweep_once_per_boot()?;
        let id = Id::random()?;
        let path = self.directory.join(id.as_str()).with_extension(EXTENSION);
        let claim = supervisor_lock::make(&path)?;
        Ok(TemporaryContainer { id, path, _lock: claim })
    }
}

/// Removes what a killed engine left: first the cgroups that are recorded in the directory.
pub(super) fn remove(path: &Path) -> Result<(), ContainerError> {
    let file = path.join(GROUP);
    let id = path.file_stem().and_then(|name| name.to_str()).filter(|name| Id::is_valid(name));
    match fs::read_to_string(&file) {
        // An engine that was killed while it wrote leaves no name or an incomplete one.
        Ok(name) if id.is_some_and(|id| is_cgroup_of(&name, id)) => remove_cgroup_named(&name)?,
        Ok(_) => {}
        // The engine was killed before it created the cgroups.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(ContainerError::io("read", &file)(error)),
    }
    remove_remains(path)
}
