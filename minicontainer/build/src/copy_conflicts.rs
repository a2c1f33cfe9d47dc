//! Refuses a `COPY` that would replace a directory by a file, or a file by a directory.
//!
//! A directory in a layer would hide a file or link of the same name in the layers below; a file would hide a whole
//! directory. Both are usually mistakes, and BuildKit also refuses them.

use std::path::{Path, PathBuf};

use super::{
    BuildError,
    files::{Files, Found, Kind, resolve},
};

/// Looks up the existing entries of the image at the destination.
#[derive(Debug, Default)]
pub(super) struct DestinationEntries {
    /// The last lookup: a parent path and the directory there. Consecutive files often have the same parent.
    parent: Option<(PathBuf, Option<Found>)>,
}

impl DestinationEntries {
    /// Refuses to replace a file or a link by a directory, and a directory by a file. `path` must be resolved
    /// already: it must not contain symbolic links.
    pub(super) fn refuse_replacement(
        &mut self,
        image: &dyn Files,
        path: &Path,
        found: &Found,
    ) -> Result<(), BuildError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        if self.parent.as_ref().is_none_or(|(last, _)| last != parent) {
            let found = resolve(image, parent)?.whole();
            self.parent = Some((parent.to_owned(), found.filter(|found| found.kind == Kind::Directory)));
        }
        let Some((_, Some(parent))) = &self.parent else { return Ok(()) };
        let Some(existing) = image.child(parent, name)? else { return Ok(()) };
        match (found.kind == Kind::Directory, existing.kind == Kind::Directory) {
            (true, false) => Err(BuildError::OverFile { path: path.to_owned(), kind: existing.kind.words() }),
            (false, true) => Err(BuildError::OverDirectory { path: path.to_owned() }),
            _ => Ok(()),
        }
    }
}
