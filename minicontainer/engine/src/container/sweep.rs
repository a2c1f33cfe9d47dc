//! What dead engines left: containers half made or half removed, and those that were to go with their process.
//!
//! A container that an engine attends is never swept. The others are swept on request (`prune`, `rm`, `system check
//! --repair`), when one has a name that is asked for, and before the first container is made after the machine was
//! started, because then all former engines are dead. A `create` does not sweep otherwise: to look at all containers
//! takes longer the more there are.

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

/// What a dead engine has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stale {
    /// The directory of one that was being made, or removed.
    Half,
    /// The directory of a container of a build or a judging.
    Temporary,
    /// A record that a power cut left empty.
    Torn,
    /// A container that was to go with its process.
    Ended,
}

impl Stale {
    fn meaning(self) -> &'static str {
        match self {
            Stale::Half => "half a container",
            Stale::Temporary => "a container of a build or a judging that was killed",
            Stale::Torn => "a container without a record",
            Stale::Ended => "a container that was to go with its process",
        }
    }
}

impl Containers {
    /// Removes what dead engines left.
    ///
    /// # Errors
    /// When something cannot be removed. The next sweep tries again.
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

    /// Sweeps if that has not been done since the machine was started.
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
        // Two processes may do this at once: they write the same. A crash may leave half of it, which is no boot id.
        let written = private::open(&path).and_then(|mut file| {
            file.write_all(boot_id.as_bytes())?;
            file.set_len(boot_id.len() as u64)
        });
        written.map_err(ContainerError::io("write", path))
    }

    /// Removes the container of this id if it was to go with its process and no engine attends it. Says whether it is
    /// gone.
    pub(super) fn sweep_id(&self, id: &Id) -> Result<bool, ContainerError> {
        let path = self.place(id);
        Ok(stale(&path)?.is_some() && self.sweep_one(&path)?)
    }

    /// Removes what was stale a moment ago, if it still is. Says whether it is gone.
    fn sweep_one(&self, path: &Path) -> Result<bool, ContainerError> {
        // No engine can attend it while this is held.
        let Some(_lock) = supervisor_lock::take(path)? else { return Ok(false) };
        match stale_unless_supervised(path)? {
            // If it cannot be removed now, it stays for the next sweep, with the names of its groups.
            Some(Stale::Temporary) => Ok(temporary::remove(path).is_ok()),
            Some(Stale::Half) => remove_remains(path).map(|()| true),
            Some(Stale::Torn) => self.take_away(path, None).map(|()| true),
            Some(Stale::Ended) => {
                let Some(container) = record::read_stored(path)? else { return Ok(false) };
                // If it cannot be removed now, it stays for the next sweep, with its record.
                if remove_cgroups(&container).is_err() {
                    return Ok(false);
                }
                self.take_away(path, Some(&container.name)).map(|()| true)
            }
            None => Ok(false),
        }
    }

    /// What dead engines left, each with what it is.
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

/// What a directory is, if a dead engine has left it.
fn stale(path: &Path) -> Result<Option<Stale>, ContainerError> {
    match stale_unless_supervised(path)? {
        Some(stale) if !supervisor_lock::is_supervised(path)? => Ok(Some(stale)),
        _ => Ok(None),
    }
}

fn stale_unless_supervised(path: &Path) -> Result<Option<Stale>, ContainerError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("new" | "removed") => return Ok(Some(Stale::Half)),
        Some(temporary::EXTENSION) => return Ok(Some(Stale::Temporary)),
        _ if id_of(path).is_none() => return Ok(None),
        _ => {}
    }
    let container = match record::read_stored(path) {
        // It stays until it is removed on purpose.
        Err(error) if error.is_of_record() => return Ok(None),
        read => read?,
    };
    Ok(match container {
        // A sandbox of the library has no record; the library removes it.
        None => record::is_torn(path).then_some(Stale::Torn),
        Some(mut container) => {
            container.state = record::confirmed(container.state, false);
            container.should_be_gone().then_some(Stale::Ended)
        }
    })
}
