//! A walk through everything that a stack of trees shows.
//!
//! A directory comes before what it holds, and names in the order of their bytes, so that two walks through the same
//! files meet them in the same order. When the walk comes back up from a directory, the one above is opened again by
//! its path from the root, below descriptors as always. A container that has moved it meanwhile has removed it, as
//! far as the walk can tell.

use std::{ffi::OsString, vec::IntoIter};

use super::{
    RootFsError,
    merged::{Entry, Merged, Place},
};

/// The most entries of one walk. A container that goes on moving a tree to where the walk comes next could have it
/// walk for ever.
const MOST_ENTRIES: usize = 1 << 26;

/// How a walk goes on from what it has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Into the directory, if it is one.
    Enter,
    /// Past it.
    Pass,
}

/// What becomes of a directory into which the caller may not look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The walk fails.
    Refuse,
    /// The walk goes on without what it holds, and without what lies too deep.
    LeaveOut,
}

struct Level {
    /// How long its path is.
    length: usize,
    trees: Vec<usize>,
    names: IntoIter<OsString>,
}

impl Merged {
    /// Calls `visit` with everything that the stack shows but the root.
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
    fn new(place: &Place, names: Vec<OsString>) -> Level {
        Level { length: place.path.len(), trees: place.trees.clone(), names: names.into_iter() }
    }
}

impl Closed {
    /// The result, or nothing where it is to be left out.
    fn pass<T>(self, result: Result<T, RootFsError>) -> Result<Option<T>, RootFsError> {
        let is_closed =
            |error: &RootFsError| error.is_permission_denied() || matches!(error, RootFsError::TooDeep { .. });
        match result {
            Err(error) if self == Closed::LeaveOut && is_closed(&error) => Ok(None),
            result => result.map(Some),
        }
    }
}
