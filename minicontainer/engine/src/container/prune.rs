//! Containers that nobody needs, and those that nobody can read.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    Container, ContainerError, Containers, Force, Id,
    attended::is_attended,
    record,
    remove::{remove_cgroup_named, remove_cgroups, remove_directory},
};

impl Containers {
    /// Removes every container that has ended, or was never started, and is `selected`; gives them with the number of
    /// bytes that they had written. One that somebody is just about to start is let be.
    ///
    /// # Errors
    /// When one cannot be removed. Those before it are gone.
    pub fn prune(&self, selected: &dyn Fn(&Container) -> bool) -> Result<(Vec<Container>, u64), ContainerError> {
        let _lock = self.store.lock()?;
        let (mut removed, mut reclaimed) = (Vec::new(), 0);
        for container in self.list()? {
            let place = self.place(&container.id);
            if container.is_running() || is_attended(&place)? || !selected(&container) {
                continue;
            }
            let size = self.size(&container.id);
            remove_cgroups(&container)?;
            remove_directory(&place)?;
            reclaimed += size;
            removed.push(container);
        }
        Ok((removed, reclaimed))
    }

    /// How many bytes the files have that a container has written. What an ordinary user may not look at, since it
    /// belongs to a subordinate id, is left out.
    pub fn size(&self, id: &Id) -> u64 {
        // The writable layer of the overlay driver, the whole tree of the copy driver.
        ["upper", "rootfs"].iter().map(|name| bytes_below(self.place(id).join(name))).sum()
    }

    /// The containers whose records cannot be read, each with the reason. They can be removed by their ids.
    ///
    /// # Errors
    /// When the directory of containers cannot be read.
    pub fn damaged(&self) -> Result<Vec<(Id, ContainerError)>, ContainerError> {
        let mut damaged = Vec::new();
        for path in self.directories()? {
            if let Err(error @ ContainerError::Record { .. }) = record::read(&path) {
                damaged.extend(id_of(&path).map(|id| (id, error)));
            }
        }
        Ok(damaged)
    }

    /// The reason why the one container whose id begins so cannot be read.
    pub(super) fn find_damaged(&self, text: &str) -> Result<Option<(Id, ContainerError)>, ContainerError> {
        let mut damaged = self.damaged()?;
        damaged.retain(|(id, _)| !text.is_empty() && id.as_str().starts_with(text));
        Ok(if damaged.len() == 1 { damaged.pop() } else { None })
    }

    /// Removes a container of which nothing is known but its id. What lives in its control group is killed.
    pub(super) fn remove_damaged(&self, id: Id, error: ContainerError, force: Force) -> Result<Id, ContainerError> {
        let _lock = self.store.lock()?;
        let place = self.place(&id);
        if force == Force::Refuse && is_attended(&place)? {
            return Err(error);
        }
        remove_cgroup_named(&format!("minicontainer-{id}"))?;
        remove_directory(&place)?;
        Ok(id)
    }
}

/// The id that a container's directory bears.
pub(super) fn id_of(directory: &Path) -> Option<Id> {
    directory.file_name()?.to_str()?.parse().ok()
}

/// Bytes in the files below a directory, each counted once. One that is not there has none, nor has one that the caller
/// may not look into: what an ordinary user's container keeps for an id that was lent is not counted.
pub(crate) fn bytes_below(directory: PathBuf) -> u64 {
    let (mut bytes, mut counted, mut pending) = (0, BTreeSet::new(), vec![directory]);
    while let Some(directory) = pending.pop() {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        for (path, metadata) in
            entries.filter_map(|entry| Some((entry.path(), fs::symlink_metadata(entry.path()).ok()?)))
        {
            if metadata.is_dir() {
                pending.push(path);
            } else if metadata.is_file() && counted.insert((metadata.dev(), metadata.ino())) {
                bytes += metadata.len();
            }
        }
    }
    bytes
}

/// Whether what bears this name is half a container: one that was just being made, or removed.
pub(super) fn is_half(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "new" || extension == "removed")
}
