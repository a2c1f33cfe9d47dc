//! Unused containers, and containers with unreadable records.

use std::path::Path;

use minicontainer::{core::container::Force, rootfs};

use super::{
    Container, ContainerError, Containers, Id, record,
    remove::{remove_cgroup_named, remove_cgroups},
    supervisor_lock,
};

impl Containers {
    /// Removes every `selected` container that has exited or was never started. Returns them with the number of bytes
    /// that they had written. A container that an engine is about to start stays. Also sweeps what killed engines
    /// left.
    ///
    /// # Errors
    /// If one cannot be removed. Those before it have been removed.
    pub fn prune(&self, selected: &dyn Fn(&Container) -> bool) -> Result<(Vec<Container>, u64), ContainerError> {
        self.sweep()?;
        let (mut removed, mut reclaimed) = (Vec::new(), 0);
        for container in self.list()? {
            let place = self.place(&container.id);
            // No engine can start it while this lock is held.
            let Some(_lock) = supervisor_lock::take(&place)? else { continue };
            let Some(container) = record::read_stored(&place)? else { continue };
            let container = Container { state: record::confirmed(container.state.clone(), false), ..container };
            if container.is_running() || !selected(&container) {
                continue;
            }
            let size = self.size(&container.id)?;
            remove_cgroups(&container)?;
            self.remove_directory_and_name(&place, Some(&container.name))?;
            reclaimed += size;
            removed.push(container);
        }
        Ok((removed, reclaimed))
    }

    /// The size of the files that a container has written, in bytes. Files of subordinate ids that an ordinary user
    /// cannot read do not count.
    ///
    /// # Errors
    /// If its files cannot be read, or there are too many.
    pub fn size(&self, id: &Id) -> Result<u64, ContainerError> {
        // The writable layer of the overlay driver, or the whole tree of the copy driver.
        let [upper, whole] = ["upper", "rootfs"].map(|name| rootfs::size(&self.place(id).join(name)));
        Ok(upper?.saturating_add(whole?))
    }

    /// The containers whose records cannot be read, each with the cause. They can be removed by their ids.
    ///
    /// # Errors
    /// If the directory of containers cannot be read.
    pub fn damaged(&self) -> Result<Vec<(Id, ContainerError)>, ContainerError> {
        let mut damaged = Vec::new();
        for path in self.directories()? {
            match record::read_stored(&path) {
                Err(error) if error.is_of_record() => damaged.extend(id_of(&path).map(|id| (id, error))),
                _ => {}
            }
        }
        Ok(damaged)
    }

    /// The container with this id prefix or name and the cause, if its record cannot be read.
    pub(super) fn find_damaged(&self, text: &str) -> Result<Option<(Id, ContainerError)>, ContainerError> {
        let named = self.id_of_name(text)?;
        let mut damaged = self.damaged()?;
        damaged.retain(|(id, _)| Some(id) == named.as_ref() || (!text.is_empty() && id.as_str().starts_with(text)));
        Ok(if damaged.len() == 1 { damaged.pop() } else { None })
    }

    /// Removes a container with an unreadable record. Processes in its cgroup are killed.
    pub(super) fn remove_damaged(&self, id: Id, error: ContainerError, force: Force) -> Result<Id, ContainerError> {
        let place = self.place(&id);
        let supervisor_lock = supervisor_lock::take(&place)?;
        if supervisor_lock.is_none() && force == Force::Refuse {
            return Err(error);
        }
        remove_cgroup_named(&format!("minicontainer-{id}"))?;
        self.remove_directory_and_name(&place, None)?;
        Ok(id)
    }
}

/// The id in the name of a container's directory.
pub(super) fn id_of(directory: &Path) -> Option<Id> {
    directory.file_name()?.to_str()?.parse().ok()
}
