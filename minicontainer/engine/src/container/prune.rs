//! Containers that nobody needs, and those that nobody can read.

use std::path::Path;

use minicontainer::rootfs;

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
            let size = self.size(&container.id)?;
            remove_cgroups(&container)?;
            remove_directory(&place)?;
            reclaimed += size;
            removed.push(container);
        }
        Ok((removed, reclaimed))
    }

    /// How many bytes the files have that a container has written. What an ordinary user may not look at, since it
    /// belongs to a subordinate id, is left out.
    ///
    /// # Errors
    /// When its files cannot be read, or there is no end of them.
    pub fn size(&self, id: &Id) -> Result<u64, ContainerError> {
        // The writable layer of the overlay driver, the whole tree of the copy driver.
        let [upper, whole] = ["upper", "rootfs"].map(|name| rootfs::size(&self.place(id).join(name)));
        Ok(upper?.saturating_add(whole?))
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

/// Whether what bears this name is half a container: one that was just being made, or removed.
pub(super) fn is_half(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "new" || extension == "removed")
}
