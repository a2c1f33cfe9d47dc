//! The source files of a copy, in the build context or in the layers of an image.
//!
//! An untrusted context or image may contain symbolic links to `/etc/shadow`. So a path is never passed to the kernel
//! as a whole. [`resolve`] walks a path name by name. Each name is looked up in the current directory without
//! following a link. The target of a link is read and then walked the same way. An absolute target starts at the root
//! of the files; `..` goes up, but not above the root.
//!
//! openat2(2) does the same with `RESOLVE_IN_ROOT`. It cannot be used here for two reasons. The files of an image are
//! in several directories. And in the context, the resolved path of a file must be known, because `.dockerignore` may
//! exclude it.

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

/// The maximum number of symbolic links in one path: Linux's limit, see path_resolution(7).
const LINKS_FOLLOWED: u32 = 40;

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Symlink,
    Fifo,
    Socket,
    /// A character or block device with its numbers.
    Device {
        block: bool,
        major: u64,
        minor: u64,
    },
}

/// An existing file of any type, with its attributes.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The absolute path below the root, without symbolic links.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The modification time in seconds since 1970.
    pub(super) modified: i64,
    pub(super) size: u64,
    /// The device and inode numbers of a file with several hard links.
    pub(super) inode: Option<(u64, u64)>,
    pub(super) handle: Handle,
}

/// A reference to a file, to open it later.
#[derive(Clone, Debug)]
pub(super) enum Handle {
    /// An open directory.
    Directory(Arc<OwnedFd>),
    /// A name in an open parent directory.
    In(Arc<OwnedFd>, OsString),
    /// A path in a stack of layers.
    EntryPath(EntryPath),
}

/// Files below a root.
pub(super) trait Files: Sync {
    /// The name for messages, such as `the build context`.
    fn name(&self) -> String;
    /// The root directory.
    fn root(&self) -> Result<Found, BuildError>;
    /// The entry of a directory with this name. A symbolic link is not followed.
    fn child(&self, directory: &Found, name: &OsStr) -> Result<Option<Found>, BuildError>;
    /// The names in a directory, sorted.
    fn names(&self, directory: &Found) -> Result<Vec<OsString>, BuildError>;
    /// The target of a symbolic link.
    fn target(&self, link: &Found) -> Result<PathBuf, BuildError>;
    /// Opens a regular file for reading.
    fn open(&self, file: &Found) -> Result<File, BuildError>;
    /// The extended attributes of a file that was [opened](Files::open), with their values.
    fn attributes(&self, file: &Found, opened: &File) -> Result<Vec<(OsString, Vec<u8>)>, BuildError>;
    /// Whether the owners of the files are significant. In the context they are not.
    fn has_owners(&self) -> bool;
}

/// A function that opens the files of a source.
pub(super) type Finder<'a> = dyn Fn(&Source) -> Result<Box<dyn Files>, BuildError> + 'a;

/// The result of resolving a path.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// The deepest existing component.
    pub(super) found: Found,
    /// The missing components after it; empty if the path exists.
    pub(super) missing: Vec<OsString>,
}

impl Resolved {
    /// The whole path, without symbolic links.
    pub(super) fn path(&self) -> PathBuf {
        self.missing.iter().fold(self.found.path.clone(), |path, name| path.join(name))
    }

    /// The file at the path, if the whole path exists.
    pub(super) fn whole(self) -> Option<Found> {
        self.missing.is_empty().then_some(self.found)
    }
}

/// Resolves a path and follows all symbolic links, including the last component.
pub(super) fn resolve(files: &dyn Files, path: &Path) -> Result<Resolved, BuildError> {
    let mut way = vec![files.root()?];
    let mut ahead = names_of(path);
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            way.truncate((way.len() - 1).max(1));
            continue;
        }
        // `way` always contains at least the root.
        let Some(here) = way.last() else { break };
        let next = match here.kind {
            Kind::Directory => files.child(here, &name)?,
            _ => return Err(BuildError::NotADirectory { path: here.path.clone(), of: files.name() }),
        };
        let Some(next) = next else {
            let missing = [name].into_iter().chain(ahead.into_iter().rev()).collect::<Vec<_>>();
            let found = here.clone();
            // `..` after a missing component cannot be resolved.
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

/// The components of a path in reverse order, so that the next one can be popped.
fn names_of(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}
