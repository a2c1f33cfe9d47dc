//! Walking through all entries of a merged stack of trees.
//!
//! A directory comes before its entries, and names are sorted by their bytes, so two walks through the same files
//! have the same order. When the walk leaves a directory, the parent is opened again by its path from the root, below
//! descriptors. If the container has moved the parent meanwhile, the walk treats it as removed.

use std::{ffi::OsString, vec::IntoIter};

use super::{
    RootFsError,
    merged::{Entry, EntryPath, Merged},
};

/// The maximum number of entries in one walk. Otherwise a container that keeps moving a tree ahead of the walk could
/// make it endless.
const MOST_ENTRIES: usize = 1 << 26;

/// How a walk continues after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Enter the entry, if it is a directory.
    Enter,
    /// Do not enter it.
    Pass,
}

/// How a walk treats a directory that the caller may not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The walk fails.
    Refuse,
    /// The walk continues without its entries, and without entries that are nested too deeply.
    LeaveOut,
}

struct Level {
    /// How long its path is.
    length: usize,
    trees: Vec<usize>,
    names: IntoIter<OsString>,
}

impl Merged {
    /// Calls `visit` with every entry except the root.
    pub fn walk<E: From<RootFsError>>(
        &self,
        closed: Closed,
        mut visit: impl FnMut(&Entry) -> Result<Next, E>,
    ) -> Result<(), E> {
        let mut here = self.root();
        let mut names = closed.pass(self.names(&here))?.unwrap_or_default();
        let mut met = names.len();
        let mut way = vec![Level::new(&here, names)];
        while let Some(level) = way.last_mut() {
            let Some(name) = level.names.next() else {
                way.pop();
                if let Some(above) = way.last() {
                    here.path.truncate(above.length);
                    here.trees.clone_from(&above.trees);
                }
                continue;
            };
            let Some(entry) = closed.pass(self.child(&here, &name))?.flatten() else { continue };
            if visit(&entry)? == Next::Pass || !entry.metadata().is_dir() {
                continue;
            }
            here = entry.place.clone();
            self.enter_found(entry);
            names = closed.pass(self.names(&here))?.unwrap_or_default();
            met += names.len();
            if met > MOST_ENTRIES {
                return Err(RootFsError::TooMany { what: "files", limit: MOST_ENTRIES }.into());
            }
            way.push(Level::new(&here, names));
        }
        Ok(())
    }
}

impl Level {
    fn new(place: &EntryPath, names: Vec<OsString>) -> Level {
        Level { length: place.path.len(), trees: place.trees.clone(), names: names.into_iter() }
    }
}

impl Closed {
    /// The result, or `None` if the entry is left out.
    fn pass<T>(self, result: Result<T, RootFsError>) -> Result<Option<T>, RootFsError> {
        let is_closed =
            |error: &RootFsError| error.is_permission_denied() || matches!(error, RootFsError::TooDeep { .. });
        match result {
            Err(error) if self == Closed::LeaveOut && is_closed(&error) => Ok(None),
            result => result.map(Some),
        }
    }
}
