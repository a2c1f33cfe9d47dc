//! `rm`: removes a container.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use minicontainer::{
    cgroup::Cgroup,
    core::{
        container::{Event, Force},
        options::ContainerName,
        plan::delegation::COMMON_GROUP,
    },
    rootfs::{self, RootFsError},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{Container, ContainerError, Containers, Id, names::Names, process, prune::id_of, supervisor_lock};

/// How long to wait for a killed process. The kernel needs microseconds, unless a device hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait for its cgroups.
const PATIENCE_WITH_CGROUPS: Duration = Duration::from_secs(1);

impl Containers {
    /// Removes a container with everything that it has written.
    ///
    /// # Errors
    /// If there is no such container, or it runs and may not be killed.
    pub fn remove(&self, name: &str, force: Force) -> Result<Id, ContainerError> {
        let container = match self.find(name) {
            Err(error) if error.is_of_record() => match self.find_damaged(name)? {
                Some((id, error)) => return self.remove_damaged(id, error, force),
                None => return Err(ContainerError::Unknown { name: name.to_owned() }),
            },
            found => found?,
        };
        container.after(Event::Remove(force))?;
        let id = container.id.clone();
        if let Some(process) = container.state.process() {
            let pid = process.pid;
            process::kill(process).map_err(|source| ContainerError::Kill { id: id.clone(), pid, source })?;
            // A frozen process of cgroup v1 does not exit. If this fails, the process is reported as still alive.
            let group = container.config.cgroup.as_deref().and_then(|name| Cgroup::open(name).ok().flatten());
            let _thawed = group.map(|group| group.thaw());
            let begin = Instant::now();
            while process::is_alive(process) {
                if begin.elapsed() > PATIENCE {
                    return Err(ContainerError::StillAlive { id, pid });
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
        remove_cgroups(&container)?;
        let place = self.place(&id);
        // Prevents a concurrent sweep of it. The engine that supervised it may still hold the lock.
        let _lock = supervisor_lock::take(&place)?;
        self.remove_directory_and_name(&place, Some(&container.name))?;
        Ok(id)
    }

    /// Removes a container's directory and releases its name, or all its names if the name is unknown. First the
    /// directory is renamed, so that no reader sees half a container. Then the name becomes free, so that no two
    /// containers have it. A sweep removes what a crash leaves after that. The directory may already be gone.
    pub(super) fn remove_directory_and_name(
        &self,
        place: &Path,
        name: Option<&ContainerName>,
    ) -> Result<(), ContainerError> {
        let aside = place.with_extension("removed");
        match fs::rename(place, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed.map_err(ContainerError::io("remove", place))?,
        }
        let names = Names::of(&self.store);
        match (name, id_of(place)) {
            (Some(name), Some(id)) => names.release(name, &id)?,
            (None, Some(id)) => names.release_all(&id)?,
            (_, None) => {}
        }
        remove_remains(&aside)
    }
}

/// Removes a directory that is not, or no longer, in a container's place. If two processes do this at once, each
/// finds files already removed, and tries again.
pub(super) fn remove_remains(path: &Path) -> Result<(), ContainerError> {
    let begin = Instant::now();
    loop {
        match rootfs::remove(path) {
            Err(RootFsError::Io { source, .. })
                if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty)
                    && begin.elapsed() < PATIENCE => {}
            removed => return Ok(removed?),
        }
    }
}

/// Removes the cgroups of a container whose engine was killed before it could, and kills the remaining processes in
/// them. The kernel allows the removal of a cgroup a moment after its last process has exited.
pub(super) fn remove_cgroups(container: &Container) -> Result<(), ContainerError> {
    let recorded = container.config.cgroup.clone().filter(|name| is_cgroup_of(name, container.id.as_str()));
    remove_cgroup_named(&recorded.unwrap_or_else(|| format!("minicontainer-{}", container.id)))
}

/// Whether a cgroup of this name can belong to the container: its last part ends with the container's id, and no part
/// leads out of the hierarchy. A damaged record must not cause the processes of other cgroups to be killed.
pub(super) fn is_cgroup_of(name: &str, id: &str) -> bool {
    let path = Path::new(name);
    path.components().all(|component| matches!(component, Component::Normal(_)))
        && path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(id))
}

/// Removes the cgroup of this name in every hierarchy.
pub(super) fn remove_cgroup_named(name: &str) -> Result<(), ContainerError> {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let places = hierarchies.chain([root.to_owned()]).flat_map(|place| [place.join(COMMON_GROUP), place]);
    let groups: Vec<PathBuf> = places.map(|place| place.join(name)).collect();
    for group in &groups {
        let begin = Instant::now();
        while let Err(error) = remove_cgroup(group) {
            if error.kind() != io::ErrorKind::ResourceBusy || begin.elapsed() > PATIENCE_WITH_CGROUPS {
                return Err(ContainerError::io("remove the cgroup", group)(error));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    for common in groups.iter().filter_map(|group| group.parent()).filter(|above| above.ends_with(COMMON_GROUP)) {
        // The parent may contain other containers.
        let _stays = fs::remove_dir(common);
    }
    Ok(())
}

/// Removes one cgroup if it is empty. Otherwise kills its processes.
fn remove_cgroup(group: &Path) -> io::Result<()> {
    match fs::remove_dir(group) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
        Err(error) => {
            for pid in fs::read_to_string(group.join("cgroup.procs"))
                .unwrap_or_default()
                .lines()
                .filter_map(|line| line.parse().ok())
                // A process of another pid namespace is shown as 0, which kill(2) takes for the caller's own process
                // group.
                .filter(|pid| *pid > 0)
            {
                // The process may already have exited.
                let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            // A privileged container may have created cgroups inside.
            let inner = fs::read_dir(group).into_iter().flatten().flatten();
            for inner in inner.filter(|entry| entry.path().is_dir()) {
                remove_cgroup(&inner.path())?;
            }
            Err(error)
        }
        removed => removed,
    }
}
