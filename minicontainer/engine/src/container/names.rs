//! The names of containers, which are symbolic links.
//!
//! Each name is a symbolic link, `names/<name>`, to `../containers/<id>`. symlink(2) creates it with its target in
//! one step, or fails because it exists. So of several engines that request a name exactly one gets it, without a
//! lock. A link is removed only under the lock of the names, after its target was read under that lock. An existing
//! link is never replaced, so its target is still the same when it is removed.
//!
//! An engine claims the directory in which it creates a container before it reserves the name. If the engine is
//! killed, the name refers to a directory that does not exist, or to one that is not claimed and not yet renamed to
//! its place. Such a name is *stale* and free.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use minicontainer::{Store, core::options::ContainerName, store::private};

use super::{
    ContainerError, Id, record,
    remove::remove_remains,
    supervisor_lock::{SupervisorLock, is_supervised, lock_file},
};

/// The names of a store's containers.
pub(super) struct Names {
    directory: PathBuf,
    lock_file: PathBuf,
    containers: PathBuf,
}

impl Names {
    /// The names of a store.
    pub(super) fn of(store: &Store) -> Names {
        let (directory, lock_file) = (store.names_directory(), store.names_lock_file());
        Names { directory, lock_file, containers: store.containers_directory() }
    }

    /// Creates the directory if it does not exist, with a link for each container that an older engine has created.
    pub(super) fn make(&self) -> Result<(), ContainerError> {
        if self.directory.is_dir() {
            return Ok(());
        }
        let _lock = self.lock()?;
        if self.directory.is_dir() {
            return Ok(());
        }
        let staged = self.directory.with_extension("new");
        let left = fs::remove_dir_all(&staged).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        });
        left.map_err(ContainerError::io("remove", &staged))?;
        private::make_directory(&staged).map_err(ContainerError::io("create the directory", &staged))?;
        self.add_missing(&staged)?;
        fs::rename(&staged, &self.directory).map_err(ContainerError::io("move into place", &self.directory))
    }

    /// Reserves a name for the container with this id, whose directory the caller has claimed. Returns the holder if
    /// the name is in use.
    pub(super) fn reserve(&self, name: &ContainerName, id: &Id) -> Result<Option<NameHolder>, ContainerError> {
        let path = self.directory.join(name.as_str());
        loop {
            match symlink(target(id), &path) {
                Ok(()) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(ContainerError::io("reserve the name", &path)(error)),
            }
            if matches!(self.entry(name)?, Entry::Foreign) {
                return Err(ContainerError::ForeignName { path });
            }
            match self.holder(name)? {
                Some(NameHolder::Dead(holder)) => self.release(name, &holder)?,
                Some(holder) => return Ok(Some(holder)),
                // The name has become free.
                None => {}
            }
        }
    }

    /// Releases a name of this container, if that has not been done.
    pub(super) fn release(&self, name: &ContainerName, id: &Id) -> Result<(), ContainerError> {
        let _lock = self.lock()?;
        self.remove_link(name, id)
    }

    /// Releases the name of a container whose record cannot be read.
    pub(super) fn release_all(&self, id: &Id) -> Result<(), ContainerError> {
        let _lock = self.lock()?;
        for name in self.list()? {
            self.remove_link(&name, id)?;
        }
        Ok(())
    }

    /// The container that a name refers to.
    pub(super) fn find(&self, name: &ContainerName) -> Result<Option<Id>, ContainerError> {
        Ok(match self.entry(name)? {
            Entry::Container(id) => Some(id),
            Entry::Missing | Entry::Foreign => None,
        })
    }

    fn entry(&self, name: &ContainerName) -> Result<Entry, ContainerError> {
        let path = self.directory.join(name.as_str());
        match fs::read_link(&path) {
            Ok(target) => {
                let id = target.file_name().and_then(|id| id.to_str()?.parse().ok());
                Ok(id.filter(|id| self::target(id) == target).map_or(Entry::Foreign, Entry::Container))
            }
            // The entry is not a link.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(Entry::Foreign),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entry::Missing),
            Err(error) => Err(ContainerError::io("read the link", path)(error)),
        }
    }

    /// Names that refer to no container, and to none that is being created.
    pub(super) fn stale(&self) -> Result<Vec<PathBuf>, ContainerError> {
        let mut stale = Vec::new();
        for name in self.list()? {
            if self.is_stale(&name)?.is_some() || matches!(self.entry(&name)?, Entry::Foreign) {
                stale.push(self.directory.join(name.as_str()));
            }
        }
        Ok(stale)
    }

    /// Removes stale names, and adds missing ones, which a power failure may have lost.
    pub(super) fn repair(&self) -> Result<(), ContainerError> {
        let _lock = self.lock()?;
        for name in self.list()? {
            if let Some(id) = self.is_stale(&name)? {
                self.remove_link(&name, &id)?;
            } else if matches!(self.entry(&name)?, Entry::Foreign) {
                let path = self.directory.join(name.as_str());
                match fs::remove_file(&path) {
                    Err(error) if error.kind() == io::ErrorKind::IsADirectory => remove_remains(&path)?,
                    removed => removed.map_err(ContainerError::io("remove", path))?,
                }
            }
        }
        self.add_missing(&self.directory)
    }

    fn is_stale(&self, name: &ContainerName) -> Result<Option<Id>, ContainerError> {
        Ok(match self.holder(name)? {
            Some(NameHolder::Dead(id)) => Some(id),
            _ => None,
        })
    }

    /// The container that has a name.
    fn holder(&self, name: &ContainerName) -> Result<Option<NameHolder>, ContainerError> {
        let Some(id) = self.find(name)? else { return Ok(None) };
        let place = self.containers.join(id.as_str());
        // In this order, because a container that is being created moves from the first path to the second.
        if is_supervised(&place.with_extension("new"))? {
            return Ok(Some(NameHolder::Alive(id)));
        }
        Ok(Some(if place.exists() { NameHolder::Alive(id) } else { NameHolder::Dead(id) }))
    }

    /// Creates a link in a directory for each container without one.
    fn add_missing(&self, directory: &Path) -> Result<(), ContainerError> {
        let entries = match fs::read_dir(&self.containers) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(ContainerError::io("list", &self.containers))?,
        };
        for entry in entries {
            let place = entry.map_err(ContainerError::io("list", &self.containers))?.path();
            if !place.file_name().and_then(|name| name.to_str()).is_some_and(Id::is_valid) {
                continue;
            }
            let container = match record::read_stored(&place) {
                Err(error) if error.is_of_record() => continue,
                read => read?,
            };
            let Some(container) = container else { continue };
            let link = directory.join(container.name.as_str());
            match symlink(target(&container.id), &link) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(ContainerError::io("reserve the name", link)(error));
                }
                // `system check` reports two containers with one name.
                _ => {}
            }
        }
        Ok(())
    }

    fn remove_link(&self, name: &ContainerName, id: &Id) -> Result<(), ContainerError> {
        if self.find(name)?.as_ref() != Some(id) {
            return Ok(());
        }
        let path = self.directory.join(name.as_str());
        fs::remove_file(&path).map_err(ContainerError::io("remove", path))
    }

    fn list(&self) -> Result<Vec<ContainerName>, ContainerError> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(ContainerError::io("list", &self.directory))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(ContainerError::io("list", &self.directory))?.file_name();
            // The engine creates no other entries here.
            names.extend(name.to_str().and_then(|name| name.parse().ok()));
        }
        Ok(names)
    }

    fn lock(&self) -> Result<SupervisorLock, ContainerError> {
        lock_file(&self.lock_file)
    }
}

/// An entry of the directory.
enum Entry {
    Missing,
    Container(Id),
    /// An entry that no engine created: a link to another place, a file, a directory.
    Foreign,
}

/// The container that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NameHolder {
    /// It exists or is being created.
    Alive(Id),
    /// It was removed, or its creation was interrupted.
    Dead(Id),
}

fn target(id: &Id) -> PathBuf {
    Path::new("../containers").join(id.as_str())
}
