//! `rm`: the end of a container.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use minicontainer::rootfs;

use super::{Container, ContainerError, Containers, Id, Place, State};

/// How long a killed process is waited for. The kernel needs microseconds, unless a device hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a container is removed although it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It is killed first.
    Kill,
    /// It is refused.
    Refuse,
}

impl Containers {
    /// Removes a container with all that it has written.
    ///
    /// # Errors
    /// When there is no such container, or it runs and may not be killed.
    pub fn remove(&self, name: &str, force: Force) -> Result<Container, ContainerError> {
        let container = self.find(name)?;
        if let State::Running { process, .. } = &container.state {
            if force == Force::Refuse {
                return Err(ContainerError::IsRunning { name: container.name });
            }
            let (id, pid) = (container.id.clone(), process.pid);
            process.kill().map_err(|source| ContainerError::Kill { id: id.clone(), pid, source })?;
            let begin = Instant::now();
            while process.is_alive() {
                if begin.elapsed() > PATIENCE {
                    return Err(ContainerError::StillAlive { id, pid });
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
        let _lock = self.store.lock()?;
        remove_cgroups(&container.id);
        remove_place(&self.place(&container.id, container.after_exit))?;
        Ok(container)
    }
}

/// Removes a container's directories. First the record loses its place, by one rename, so that nobody ever sees half a
/// container; what a crash leaves after that is swept by the next `create`. That it is gone already is as good.
pub(super) fn remove_place(place: &Place) -> Result<(), ContainerError> {
    let Place { record, layer } = place;
    let aside = record.with_extension("removed");
    match fs::rename(record, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        renamed => {
            renamed.map_err(ContainerError::io("remove", record))?;
            remove_remains(&aside)?;
        }
    }
    if layer == record {
        return Ok(());
    }
    // Nothing is left in memory of a store that has no such container; others may have some, and that is no fault.
    let _others = record.ancestors().skip(1).take(2).try_for_each(fs::remove_dir);
    remove_remains(layer)
}

/// Removes what no longer has, or never had, a container's place.
pub(super) fn remove_remains(path: &Path) -> Result<(), ContainerError> {
    Ok(rootfs::remove(path)?)
}

/// Removes the control groups of a container whose engine was killed before it could. A group in which a process still
/// lives cannot be removed, and one that is not there need not be: neither is a fault.
pub(super) fn remove_cgroups(id: &Id) {
    let name = format!("minicontainer-{id}");
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    for hierarchy in hierarchies.chain([root.to_owned()]) {
        let _ = fs::remove_dir(hierarchy.join(&name));
    }
}
