//! The source files of a copy, in the build's context or in the layers of an image.
//!
//! An untrusted context or image may contain symbolic links to `/etc/shadow`. So its paths are never passed to the
//! kernel as a whole. [`resolve`] walks a path name by name: each name is looked up in the current directory without
//! following it. The target of a link is read and walked in turn; an absolute target starts again at the root of the
//! files, and `..` goes up, but not above the root. This is what openat2(2) does with `RESOLVE_IN_ROOT`. It is
//! implemented here for two reasons: an image's files are in several directories, and for the context the final name
//! of a file must be known, because `.dockerignore` may exclude it.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use minicontainer::rootfs::merged::EntryPath;
use minicontainer_dockerfile::plan::Source;

use super::BuildError;

/// As many symbolic links as Linux follows in one path, see path_resolution(7).
const LINKS_FOLLOWED: u32 = 40;

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Symlink,
    Fifo,
    Socket,
    /// Of characters or of blocks: its major and minor number.
    Device {
        block: bool,
        major: u64,
        minor: u64,
    },
}

/// Something that is there.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// By which path, absolute in its root, no part of which is a symbolic link.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// In seconds since 1970.
    pub(super) modified: i64,
    pub(super) size: u64,
    /// Device and inode of a file that has several names.
    pub(super) inode: Option<(u64, u64)>,
    pub(super) handle: Handle,
}

/// How it is reached again.
#[derive(Clone, Debug)]
pub(super) enum Handle {
    /// An open directory.
    Directory(Arc<OwnedFd>),
    /// A name in an open directory.
    In(Arc<OwnedFd>, OsString),
    /// A place in a stack of layers.
    EntryPath(EntryPath),
}

/// Files below a root.
pub(super) trait Files: Sync {
    /// What they are, for messages: `the build context`.
    fn name(&self) -> String;
    /// The root directory.
    fn root(&self) -> Result<Found, BuildError>;
    /// What a directory has under a name, itself and not what it links to.
    fn child(&self, directory: &Found, name: &OsStr) -> Result<Option<Found>, BuildError>;
    /// The names in a directory, sorted.
    fn names(&self, directory: &Found) -> Result<Vec<OsString>, BuildError>;
    /// Where a symbolic link leads to.
    fn target(&self, link: &Found) -> Result<PathBuf, BuildError>;
    /// Opens a regular file for reading.
    fn open(&self, file: &Found) -> Result<File, BuildError>;
    /// Whether owners are significant. Those of the context are not.
    fn has_owners(&self) -> bool;
}

/// How the files of a source are found.
pub(super) type Finder<'a> = dyn Fn(&Source) -> Result<Box<dyn Files>, BuildError> + 'a;

/// Where a path leads.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// The deepest directory or the file that is there.
    pub(super) found: Found,
    /// The names that are not there, behind it; none if all of the path is.
    pub(super) missing: Vec<OsString>,
}

impl Resolved {
    /// The whole path, without links.
    pub(super) fn path(&self) -> PathBuf {
        self.missing.iter().fold(self.found.path.clone(), |path, name| path.join(name))
    }

    /// What is there, if all of the path is.
    pub(super) fn whole(self) -> Option<Found> {
        self.missing.is_empty().then_some(self.found)
    }
}

/// Follows a path and all symbolic links on it, the last one too.
pub(super) fn resolve(files: &dyn Files, path: &Path) -> Result<Resolved, BuildError> {
    let mut way = vec![files.root()?];
    let mut ahead = names_of(path);
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            way.truncate((way.len() - 1).max(1));
            continue;
        }
        // The way is never empty: it begins with the root, which is never taken off.
        let Some(here) = way.last() else { break };
        let next = match here.kind {
            Kind::Directory => files.child(here, &name)?,
            _ => return Err(BuildError::NotADirectory { path: here.path.clone(), of: files.name() }),
        };
        let Some(next) = next else {
            let missing = [name].into_iter().chain(ahead.into_iter().rev()).collect::<Vec<_>>();
            let found = here.clone();
            // A path that climbs out of what is not there means nothing that could be made.
            if missing.iter().any(|name| name == "..") {
                return Err(BuildError::NotFound { path: path.to_owned(), of: files.name() });
            }
            return Ok(Resolved { found, missing });
        };
        if next.kind != Kind::Symlink {
            way.push(next);
            continue;
        }
        followed += 1;
        if followed > LINKS_FOLLOWED {
            return Err(BuildError::Links { path: path.to_owned(), of: files.name() });
        }
        let target = files.target(&next)?;
        if target.is_absolute() {
            way.truncate(1);
        }
        ahead.extend(names_of(&target));
    }
    way.pop()
        .map(|found| Resolved { found, missing: Vec::new() })
        .ok_or_else(|| BuildError::NotFound { path: path.to_owned(), of: files.name() })
}

/// A path's names, the last first, so that the next one can be popped.
fn names_of(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}
