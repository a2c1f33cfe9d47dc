//! What dead engines left of containers, and what their records are not enough for.

use std::{fs, io, path::PathBuf};

use super::{ContainerError, Containers, Id, attended::is_attended, prune::is_half, record, transient};

impl Containers {
    /// What dead engines left, each with what it is. The caller holds the store's lock, else somebody living may be
    /// making it.
    pub(crate) fn leftovers(&self) -> Result<Vec<(PathBuf, &'static str)>, ContainerError> {
        let mut leftovers = Vec::new();
        for path in self.entries()? {
            if is_half(&path) {
                leftovers.push((path, "half a container"));
            } else if transient::is_left(&path)? {
                leftovers.push((path, "a container of a build or a judging that was killed"));
            }
        }
        for path in self.directories()? {
            let why = match record::read(&path) {
                Ok(None) if record::is_torn(&path) => "a container without a record",
                Ok(Some(container)) if container.should_be_gone() => "a container that was to go with its process",
                _ => continue,
            };
            if !is_attended(&path)? {
                leftovers.push((path, why));
            }
        }
        Ok(leftovers)
    }

    /// Removes all of that.
    pub(crate) fn sweep_leftovers(&self) -> Result<(), ContainerError> {
        self.sweep().map(drop)
    }

    /// The OCI runtime config of a container as it was planned from.
    pub(crate) fn config(&self, id: &Id) -> io::Result<String> {
        fs::read_to_string(self.place(id).join("config.json"))
    }
}
