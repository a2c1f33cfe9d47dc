//! Removes what killed engines left: containers half created or half removed, and `--rm` containers.
//!
//! A container that an engine supervises is never swept. The others are swept on request (`prune`, `rm`, `system
//! check --repair`), when a dead container has a requested name, and before the first container is created after a
//! boot, because then no engine from before the boot is running. Otherwise `create` does not sweep: reading all
//! containers takes longer the more there are.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use minicontainer::store::private;

use super::{
    ContainerError, Containers, Id,
    names::Names,
    process,
    prune::id_of,
    record,
    remove::{remove_cgroups, remove_remains},
    supervisor_lock, temporary,
};

/// What a killed engine has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stale {
    /// The directory of a container that was being created or removed.
    Incomplete,
    /// The directory of a container of a build or of the judge.
    Temporary,
    /// A container whose record is empty after a power failure.
    EmptyRecord,
    /// A `--rm` container, which should have been removed when its process exited.
    Ended,
}

impl Stale {
    fn meaning(self) -> &'static str {
        match self {
            Stale::Incomplete => "an incomplete container",
            Stale::Temporary => "a container of a killed build or judge",
            Stale::EmptyRecord => "a container without a record",
            Stale::Ended => "a container that was to be removed when its process exits",
        }
    }
}

impl Containers {
    /// Removes what killed engines left.
    ///
    /// # Errors
    /// If something cannot be removed. The next sweep tries again.
    pub fn sweep(&self) -> Result<(), ContainerError> {
        for path in self.entries()? {
            if stale(&path)?.is_some() {
                self.sweep_one(&path)?;
            }
        }
        let names = Names::of(&self.store);
        names.make()?;
        names.repair()
    }

    /// Sweeps once after each boot.
    pub(super) fn sweep_once_per_boot(&self) -> Result<(), ContainerError> {
        let (path, boot_id) = (self.store.swept_file(), process::boot_id());
        match fs::read_to_string(&path) {
            Ok(swept) if swept == boot_id => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ContainerError::io("read", path)(error));
            }
            _ => {}
        }
        self.sweep()?;
        // Two processes may do this at once: they write the same. A crash may leave an incomplete file, which is not
        // a boot id.
        let written = private::open(&path).and_then(|mut file| {
            file.write_all(boot_id.as_bytes())?;
            file.set_len(boot_id.len() as u64)
        });
        written.map_err(ContainerError::io("write", path))
    }

    /// Removes the container with this id if it is a `--rm` container whose process has exited, and no engine
    /// supervises it. Returns whether it is gone.
    pub(super) fn sweep_id(&self, id: &Id) -> Result<bool, ContainerError> {
        let path = self.place(id);
        Ok(stale(&path)?.is_some() && self.sweep_one(&path)?)
    }

    /// Removes a path if it is still stale. Returns whether it is gone.
    fn sweep_one(&self, path: &Path) -> Result<bool, ContainerError> {
        // No engine can supervise it while this lock is held.
        let Some(_lock) = supervisor_lock::take(path)? else { return Ok(false) };
        match stale_unless_supervised(path)? {
            // If it cannot be removed now, it stays for the next sweep, with the names of its cgroups.
            Some(Stale::Temporary) => Ok(temporary::remove(path).is_ok()),
            Some(Stale::Incomplete) => remove_remains(path).map(|()| true),
            Some(Stale::EmptyRecord) => self.remove_directory_and_name(path, None).map(|()| true),
            Some(Stale::Ended) => {
                let Some(container) = record::read_stored(path)? else { return Ok(false) };
                // If it cannot be removed now, it stays for the next sweep, with its record.
                if remove_cgroups(&container).is_err() {
                    return Ok(false);
                }
                self.remove_directory_and_name(path, Some(&container.name)).map(|()| true)
            }
            None => Ok(false),
        }
    }

    /// What killed engines left behind: each path, and what it is.
    pub(crate) fn stale(&self) -> Result<Vec<(PathBuf, &'static str)>, ContainerError> {
        let mut found = Vec::new();
        for path in self.entries()? {
            if let Some(stale) = stale(&path)? {
                found.push((path, stale.meaning()));
            }
        }
        let names = Names::of(&self.store).stale()?;
        found.extend(names.into_iter().map(|path| (path, "a name whose container is gone")));
        Ok(found)
    }
}

/// What a directory is, if a killed engine has left it.
fn stale(path: &Path) -> Result<Option<Stale>, ContainerError> {
    match stale_unless_supervised(path)? {
        Some(stale) if !supervisor_lock::is_supervised(path)? => Ok(Some(stale)),
        _ => Ok(None),
    }
}

fn stale_unless_supervised(path: &Path) -> Result<Option<Stale>, ContainerError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("new" | "removed") => return Ok(Some(Stale::Incomplete)),
        Some(temporary::EXTENSION) => return Ok(Some(Stale::Temporary)),
        _ if id_of(path).is_none() => return Ok(None),
        _ => {}
    }
    let container = match record::read_stored(path) {
        // It stays until it is removed explicitly.
        Err(error) if error.is_of_record() => return Ok(None),
        read => read?,
    };
    Ok(match container {
        // A sandbox of the library has no record; the library removes it.
        None => record::has_empty_record(path).then_some(Stale::EmptyRecord),
        Some(mut container) => {
            container.state = record::confirmed(container.state, false);
            container.should_be_gone().then_some(Stale::Ended)
        }
    })
}
