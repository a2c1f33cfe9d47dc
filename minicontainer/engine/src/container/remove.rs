//! `rm`: the end of a container.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use minicontainer::rootfs;

use super::{Container, ContainerError, Containers, Id, State};

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
        remove_directory(&self.place(&container.id))?;
        Ok(container)
    }
}

/// Removes a container's directory. First it loses its place, by one rename, so that nobody ever sees half a container;
/// what a crash leaves after that is swept by the next `create`. That it is gone already is as good.
pub(super) fn remove_directory(path: &Path) -> Result<(), ContainerError> {
    let aside = path.with_extension("removed");
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed.map_err(ContainerError::io("remove", path))?,
    }
    remove_remains(&aside)
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
