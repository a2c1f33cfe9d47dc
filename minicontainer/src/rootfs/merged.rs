//! Overlay's rules in user space: what a stack of layers shows, worked out by looking at the directories themselves.
//!
//! The kernel does the same at every path lookup. A name is looked for from the uppermost layer down: a directory is
//! merged with the directories below it until one is *opaque* or something else is in the way; anything else hides
//! what is below; a *whiteout*, the character device 0:0, shows nothing and hides as well.
//!
//! Plain paths and lstat(2) are enough here. The layers lie in the store, which only its owner may enter (mode 0700),
//! and containers see them read-only, so nobody can swap a directory for a symbolic link between two looks.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Component, Path, PathBuf},
};

use minicontainer_layers::change::Lower;
use nix::{errno::Errno, unistd::geteuid};

use super::RootFsError;
use crate::sys::xattr;

/// As many symbolic links as Linux follows in one path, see path_resolution(7).
const LINKS_FOLLOWED: u32 = 40;

/// The stack, uppermost layer first.
pub(super) struct Merged {
    pub(super) layers: Vec<PathBuf>,
}

/// What the stack shows under a name.
pub struct Entry {
    /// That of the uppermost place.
    pub metadata: Metadata,
    /// Where it is, uppermost first: one place, or for a directory all that are merged.
    pub places: Vec<PathBuf>,
}

/// What to do with symbolic links on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    /// They are files like others.
    Keep,
}

impl Merged {
    pub(super) fn new(lowest_first: &[PathBuf]) -> Merged {
        Merged { layers: lowest_first.iter().rev().cloned().collect() }
    }

    /// Calls `visit` with everything that the stack shows but the root: directories before what they hold.
    pub(super) fn walk(
        &self,
        visit: &mut dyn FnMut(&Path, &Entry) -> Result<(), RootFsError>,
    ) -> Result<(), RootFsError> {
        let mut pending = vec![(PathBuf::from("/"), self.layers.clone())];
        while let Some((path, directories)) = pending.pop() {
            for name in names(&directories)? {
                let Some(entry) = child(&directories, &name)? else { continue };
                let path = path.join(name);
                visit(&path, &entry)?;
                if entry.metadata.is_dir() {
                    pending.push((path, entry.places));
                }
            }
        }
        Ok(())
    }

    /// The entry at a path, with symbolic links followed as a process in the container would: through all layers, and
    /// never out of the root.
    pub(super) fn look(&self, path: &str, links: Links) -> Result<Option<Entry>, RootFsError> {
        let mut ahead = names_of(Path::new(path));
        let mut way = vec![self.layers.clone()];
        let mut followed = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                way.truncate((way.len() - 1).max(1));
                continue;
            }
            let Some(entry) = child(way.last().unwrap_or(&self.layers), &name)? else { return Ok(None) };
            if links == Links::Follow && entry.metadata.is_symlink() {
                followed += 1;
                if followed > LINKS_FOLLOWED {
                    return Err(RootFsError::io("follow the symbolic links to", path)(Errno::ELOOP));
                }
                let target = fs::read_link(&entry.places[0]).map_err(RootFsError::io("read", &entry.places[0]))?;
                if target.is_absolute() {
                    way.truncate(1);
                }
                ahead.extend(names_of(&target));
            } else if ahead.is_empty() {
                return Ok(Some(entry));
            } else if entry.metadata.is_dir() {
                way.push(entry.places);
            } else {
                return Ok(None);
            }
        }
        Ok(None)
    }
}

/// `diff` asks whether the layers below an upper directory have this or that.
impl Lower for Merged {
    type Error = RootFsError;

    fn exists(&self, path: &str) -> Result<bool, RootFsError> {
        Ok(self.look(path, Links::Keep)?.is_some())
    }

    fn names_in(&self, directory: &str) -> Result<Vec<String>, RootFsError> {
        let found = self.look(directory, Links::Keep)?.filter(|entry| entry.metadata.is_dir());
        let Some(entry) = found else { return Ok(Vec::new()) };
        let mut shown = Vec::new();
        for name in names(&entry.places)? {
            if child(&entry.places, &name)?.is_some() {
                shown.push(name.to_string_lossy().into_owned());
            }
        }
        Ok(shown)
    }
}

/// A path's names, the last first, so that the next one can be popped.
fn names_of(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}

/// All names in directories that are merged, the hidden ones too.
pub fn names(directories: &[PathBuf]) -> Result<BTreeSet<OsString>, RootFsError> {
    let mut names = BTreeSet::new();
    for directory in directories {
        for entry in fs::read_dir(directory).map_err(RootFsError::io("list", directory))? {
            names.insert(entry.map_err(RootFsError::io("list", directory))?.file_name());
        }
    }
    Ok(names)
}

/// What directories that are merged show under a name: the rule of this module.
pub fn child(directories: &[PathBuf], name: &OsStr) -> Result<Option<Entry>, RootFsError> {
    let mut found: Option<Entry> = None;
    for directory in directories {
        let path = directory.join(name);
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(RootFsError::io("look at", &path))?,
        };
        if !metadata.is_dir() {
            let shows = found.is_none() && !is_whiteout(&metadata);
            return Ok(if shows { Some(Entry { metadata, places: vec![path] }) } else { found });
        }
        let opaque = is_opaque(&path)?;
        found.get_or_insert(Entry { metadata, places: Vec::new() }).places.push(path);
        if opaque {
            break;
        }
    }
    Ok(found)
}

/// Overlay's mark for "deleted".
pub(super) fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

/// Whether a directory hides what lies below it. Root's mounts keep the mark where containers cannot set it,
/// an ordinary user's (`userxattr`) have to keep it among the attributes that users may set.
pub(super) fn is_opaque(directory: &Path) -> Result<bool, RootFsError> {
    let name = if geteuid().is_root() { "trusted.overlay.opaque" } else { "user.overlay.opaque" };
    let opened = match File::open(directory) {
        // A running container may have removed it since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(RootFsError::io("open", directory))?,
    };
    let value = xattr::get(&opened, name).map_err(RootFsError::io("read the attributes of", directory))?;
    Ok(value.as_deref() == Some(b"y"))
}
