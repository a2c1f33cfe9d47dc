//! Resolves the parent directory of an entry, and creates parents that the archive does not list.
//!
//! A layer's paths refer to the merged tree of this layer and the layers below. For example, if `lib` is a link to
//! `usr/lib` in a layer below, `lib/x` belongs in `usr/lib`. If `/tmp` has mode 1777 below, an entry `tmp/x` must not
//! change that to 0755. The layer is unpacked into its own directory, where neither is visible. So each component is
//! looked up first in the layer's own tree, and then in the layers below ([`Below`]).
//! The rules are those of containerd (`pkg/archive/tar.go`, `fs.RootPath`):
//!
//! | The component is | Then |
//! |---|---|
//! | a directory of this layer | the path goes on there |
//! | a symbolic link, of this layer or below | it is followed inside the root, even if its target does not exist |
//! | a directory below | it is created with the owner, the mode, the attributes and the time that it has below |
//! | nothing | it is created with mode 0755, and belongs to root |
//! | any other file | the entry is refused |

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

use minicontainer::rootfs::{
    RootFsError,
    merged::{Entry, EntryPath as MergedPath, Merged},
};

use super::{
    UnpackError, Whiteouts,
    entry::{EntryPath, PATH_LIMIT},
    metadata::Metadata,
    unpacker::Unpacker,
};

/// As many symbolic links as Linux follows in one path, see path_resolution(7).
const LINK_LIMIT: u32 = 40;

/// The layers below the one that is unpacked.
#[derive(Debug)]
pub(crate) enum Below {
    /// They are not known. If an archive depends on them, the result is [`UnpackError::DependsOnBelow`].
    Unknown,
    /// The merged tree of the layers, which is empty if there are none.
    Known(Merged),
}

impl Below {
    /// The layers with these trees, the lowest first.
    pub(crate) fn layers(trees: &[PathBuf]) -> Result<Below, UnpackError> {
        Merged::new(trees).map(Below::Known).map_err(unreadable)
    }
}

/// What to do with a missing component.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Leave,
}

/// What the layers below show at the path of a directory.
pub(super) enum BelowEntry {
    /// It is not known.
    Unknown,
    /// The directory does not exist, or this layer hides it.
    Nothing,
    Directory(MergedPath),
}

/// A directory without symbolic links on its path.
pub(super) struct ResolvedPath {
    pub(super) path: EntryPath,
    /// What is below, for the root and each component.
    views: Vec<BelowEntry>,
}

/// What a component of a path is.
enum Component {
    /// A directory of this layer.
    Own,
    Link(Vec<u8>),
    /// A directory to be created, with the metadata of the one below if there is one.
    Implied(Metadata),
    Other,
}

impl ResolvedPath {
    pub(super) fn view(&self) -> &BelowEntry {
        self.views.last().unwrap_or(&BelowEntry::Nothing)
    }

    fn enter(&mut self, path: EntryPath, view: BelowEntry) {
        self.path = path;
        self.views.push(view);
    }

    /// `..`, which stays in the root.
    fn leave(&mut self) {
        self.path = self.path.parent();
        self.views.truncate((self.views.len() - 1).max(1));
    }
}

impl Unpacker {
    /// The path of a directory without symbolic links; creates it and its parents where the layer does not have them.
    pub(super) fn resolve_directory(
        &mut self,
        directory: &EntryPath,
        missing: Missing,
        entry: &EntryPath,
    ) -> Result<EntryPath, UnpackError> {
        // The most common case: the layer has it, without a link on the path.
        if self.tree.enter(directory).is_ok() {
            return Ok(directory.clone());
        }
        self.walk(directory, missing, entry).map(|way| way.path)
    }

    pub(super) fn walk(
        &mut self,
        directory: &EntryPath,
        missing: Missing,
        entry: &EntryPath,
    ) -> Result<ResolvedPath, UnpackError> {
        let mut ahead: Vec<Vec<u8>> = directory.components().rev().map(<[u8]>::to_vec).collect();
        let mut way = ResolvedPath { path: EntryPath::root(), views: vec![self.root_below()] };
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == b".." {
                way.leave();
                continue;
            }
            let path = way.path.join(&name);
            if path.len() >= PATH_LIMIT {
                return Err(entry.refused("the links on its path make it longer than 4095 bytes"));
            }
            // The next look-ups are below this descriptor.
            let _missing = self.tree.enter(&way.path);
            let (component, view) = self.component(&path, &name, way.view())?;
            match component {
                Component::Own => way.enter(path, view),
                Component::Implied(metadata) => {
                    if missing == Missing::Create {
                        self.make_directory(&path)?;
                        self.set_directory(path.clone(), &metadata)?;
                        if self.whiteout_mode == Whiteouts::Literal && matches!(view, BelowEntry::Directory(_)) {
                            self.remember(path.memory_size())?;
                            self.implied.insert(path.clone());
                        }
                    }
                    way.enter(path, view);
                }
                Component::Link(target) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(entry.refused("there are more than 40 symbolic links on its path"));
                    }
                    if target.starts_with(b"/") {
                        way = ResolvedPath { path: EntryPath::root(), views: vec![self.root_below()] };
                    }
                    let names = target.split(|byte| *byte == b'/').rev();
                    ahead.extend(names.filter(|name| !matches!(*name, b"" | b".")).map(<[u8]>::to_vec));
                }
                Component::Other => return Err(entry.refused("one of its parents is not a directory")),
            }
        }
        Ok(way)
    }

    /// Whether a path is a symbolic link to a directory.
    pub(super) fn is_link_to_directory(&mut self, path: &EntryPath) -> Result<bool, UnpackError> {
        let way = match self.walk(path, Missing::Leave, path) {
            Err(UnpackError::Refused { .. }) => return Ok(false),
            way => way?,
        };
        let is_own = || self.tree.is_directory(&way.path).map_err(path.failed("look"));
        Ok(way.path != *path && (matches!(way.view(), BelowEntry::Directory(_)) || is_own()? == Some(true)))
    }

    /// What is at a path, and what the layers below show there. `view` is what they show at its parent.
    fn component(
        &self,
        path: &EntryPath,
        name: &[u8],
        view: &BelowEntry,
    ) -> Result<(Component, BelowEntry), UnpackError> {
        if self.whiteouts.contains(path) {
            return Ok((Component::Implied(Metadata::implied()), BelowEntry::Nothing));
        }
        match self.tree.is_directory(path).map_err(path.failed("look"))? {
            Some(true) if self.is_opaque(path)? => return Ok((Component::Own, BelowEntry::Nothing)),
            Some(true) if matches!(view, BelowEntry::Unknown) => return Ok((Component::Own, BelowEntry::Unknown)),
            Some(true) => {
                let below = self.below(path, name, view)?.filter(|below| below.metadata().is_dir());
                return Ok((Component::Own, self.enter_below(below)));
            }
            Some(false) => {
                let target = self.tree.target(path).map_err(path.failed("read the link"))?;
                return Ok((target.map_or(Component::Other, Component::Link), BelowEntry::Nothing));
            }
            None => {}
        }
        let Some(below) = self.below(path, name, view)? else {
            return Ok((Component::Implied(Metadata::implied()), BelowEntry::Nothing));
        };
        Ok(match below.metadata().file_type() {
            kind if kind.is_dir() => {
                let metadata = Metadata::of(&below).map_err(unreadable)?;
                (Component::Implied(metadata), self.enter_below(Some(below)))
            }
            kind if kind.is_symlink() => {
                let target = below.target().map_err(unreadable)?;
                (Component::Link(target.as_os_str().as_bytes().to_vec()), BelowEntry::Nothing)
            }
            _ => (Component::Other, BelowEntry::Nothing),
        })
    }

    fn root_below(&self) -> BelowEntry {
        match &self.below {
            Below::Unknown => BelowEntry::Unknown,
            Below::Known(below) => BelowEntry::Directory(below.root()),
        }
    }

    /// The entry that the layers below show in a directory.
    pub(super) fn below(
        &self,
        path: &EntryPath,
        name: &[u8],
        view: &BelowEntry,
    ) -> Result<Option<Entry>, UnpackError> {
        match (&self.below, view) {
            (_, BelowEntry::Nothing) => Ok(None),
            (Below::Known(below), BelowEntry::Directory(place)) if !self.whiteouts.contains(path) => {
                below.child(place, OsStr::from_bytes(name)).map_err(unreadable)
            }
            (Below::Known(_), _) => Ok(None),
            (Below::Unknown, _) => Err(UnpackError::DependsOnBelow),
        }
    }

    fn enter_below(&self, entry: Option<Entry>) -> BelowEntry {
        match (entry, &self.below) {
            (Some(entry), Below::Known(below)) => {
                let place = entry.place.clone();
                below.enter_found(entry);
                BelowEntry::Directory(place)
            }
            _ => BelowEntry::Nothing,
        }
    }
}

pub(super) fn unreadable(source: RootFsError) -> UnpackError {
    UnpackError::Below { source: Box::new(source) }
}
