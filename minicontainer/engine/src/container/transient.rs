//! A container that nobody asks about: that of a build's `RUN`, which is over before anybody could.
//!
//! It has no record. All that the next engine must know of it, should this one be killed, is what its control groups are
//! called: so that is written into its directory, and the directory is locked while somebody attends it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use minicontainer::{
    core::plan::{Plan, Step},
    rootfs,
    store::private,
};
use nix::fcntl::{Flock, FlockArg};

use super::{
    ContainerError, Containers, Id,
    attended::is_attended,
    remove::{remove_cgroup_named, remove_remains},
};

/// How its directory's name ends, behind the id.
const EXTENSION: &str = "run";
/// The file in it with the name of its control groups.
const GROUP: &str = "cgroup";

/// The directory of such a container, which goes when this value does.
pub(crate) struct Transient {
    id: Id,
    path: PathBuf,
    _alive: Flock<File>,
}

impl Transient {
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

impl Drop for Transient {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next engine that makes a container.
        let _gone = rootfs::remove(&self.path);
    }
}

impl Containers {
    /// Makes the directory of a container without a record, and removes what dead engines left of others.
    pub(crate) fn transient(&self) -> Result<Transient, ContainerError> {
        let _lock = self.store.lock()?;
        self.sweep()?;
        let id = Id::random()?;
        let path = self.directory.join(id.as_str()).with_extension(EXTENSION);
        private::make_directory(&path).map_err(ContainerError::io("make the directory", &path))?;
        let opened = File::open(&path).map_err(ContainerError::io("open", &path))?;
        let alive = Flock::lock(opened, FlockArg::LockExclusive)
            .map_err(|(_, errno)| ContainerError::io("lock", &path)(errno.into()))?;
        Ok(Transient { id, path, _alive: alive })
    }
}

/// Whether what bears this name is the directory of such a container whose engine is dead. The caller holds the store's
/// lock, else somebody living may be making it.
pub(super) fn is_left(path: &Path) -> Result<bool, ContainerError> {
    Ok(path.extension().is_some_and(|extension| extension == EXTENSION) && !is_attended(path)?)
}

/// Removes what a dead engine left of one: first its control groups, of which the directory tells.
pub(super) fn remove(path: &Path) -> Result<(), ContainerError> {
    let file = path.join(GROUP);
    let id = path.file_stem().and_then(|name| name.to_str()).filter(|name| Id::is_one(name));
    match fs::read_to_string(&file) {
        // Whoever died while writing has left no name, or none that is this container's alone.
        Ok(name) if id.is_some_and(|id| name.ends_with(id)) => remove_cgroup_named(&name)?,
        Ok(_) => {}
        // It died before there were any.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(ContainerError::io("read", &file)(error)),
    }
    remove_remains(path)
}
