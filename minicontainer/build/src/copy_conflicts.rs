//! Refuses a `COPY` that would replace a directory by a file, or a file by a directory.
//!
//! In a layer, a directory hides a file or link of that name below, and a file hides a whole directory. Both are
//! usually mistakes, and BuildKit refuses them, too.

use std::path::{Path, PathBuf};

use super::{
    BuildError,
    files::{Files, Found, Kind, resolve},
};

/// What the image already has where files are copied to.
#[derive(Debug, Default)]
pub(super) struct DestinationEntries {
    /// The directory that was looked up last, and what is there. Consecutive files are often in the same directory.
    parent: Option<(PathBuf, Option<Found>)>,
}

impl DestinationEntries {
    /// Refuses to replace a file or a link by a directory, and a directory by a file. The path of the destination no
    /// longer contains links.
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
