//! The rules of overlayfs in user space: computes the merged tree of a stack by reading the directories.
//!
//! The kernel does the same at every path look-up. A name is looked up from the uppermost tree down. A directory is
//! merged with the directories below it, until one is *opaque* or not a directory. Any other file hides what is
//! below. A *whiteout*, the character device 0:0, is not visible and also hides what is below.
//!
//! The trees are the layers of an image, optionally with the upper directory of a container above them. That
//! container may be running and changing its files, so everything is looked up below descriptors, see `tree.rs`. This
//! is the only code that walks through the files of images and containers: `diff`, `export`, `commit`, `ps -s`,
//! builds and the copy driver use it.
//!
//! Only the root of each tree and the directory entered last are open, at any depth. So a walk through an image of a
//! hundred layers needs two hundred descriptors.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use nix::errno::Errno;

pub use super::entry::{Entry, EntryPath};
use super::{
    RootFsError,
    entry::{is_opaque, is_whiteout},
    tree::{Directory, Node},
};
use crate::host::Owners;

/// As many symbolic links as Linux follows in one path, see path_resolution(7).
const LINKS_FOLLOWED: u32 = 40;
/// The maximum path length of a walk, sixteen times what the kernel accepts in one call. A container can nest
/// directories without limit, and every entry below is listed with its whole path.
const LONGEST_PATH: usize = 64 << 10;

/// The stack, uppermost tree first.
#[derive(Debug)]
pub struct Merged {
    trees: Vec<Tree>,
    reading: WhiteoutHandling,
    /// The directory that was entered last. Consecutive look-ups are often in the same directory.
    entered: Mutex<Option<(EntryPath, Arc<Directories>)>>,
}

#[derive(Debug)]
struct Tree {
    root: Directory,
    path: PathBuf,
}

/// The directories that are merged in one place, each with the index of its tree.
type Directories = Vec<(usize, Directory)>;

/// How whiteouts and opaque directories are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhiteoutHandling {
    /// They hide what is below.
    Applied,
    /// As ordinary files: a whiteout is visible as a device.
    Plain,
}

/// What to do with symbolic links on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    /// They are files like others.
    Keep,
}

impl Merged {
    /// The trees in these directories, the lowest first.
    pub fn new(lowest_first: &[PathBuf]) -> Result<Merged, RootFsError> {
        Merged::of(lowest_first.iter().rev(), WhiteoutHandling::Applied)
    }

    /// One tree as it is on disk, including its whiteouts: an upper directory, or a tree that is not a layer.
    pub fn plain(directory: &Path) -> Result<Merged, RootFsError> {
        Merged::of([directory.to_owned()].iter(), WhiteoutHandling::Plain)
    }

    fn of<'a>(
        uppermost_first: impl Iterator<Item = &'a PathBuf>,
        reading: WhiteoutHandling,
    ) -> Result<Merged, RootFsError> {
        let owners = Arc::new(Owners::of_caller());
        let tree = |path: &PathBuf| {
            let root = Directory::open(path, &owners).map_err(RootFsError::io("open", path))?;
            Ok(Tree { root, path: path.clone() })
        };
        let trees = uppermost_first.map(tree).collect::<Result<_, _>>()?;
        Ok(Merged { trees, reading, entered: Mutex::default() })
    }

    /// The root, which every tree has.
    pub fn root(&self) -> EntryPath {
        EntryPath { path: Vec::new(), trees: (0..self.trees.len()).collect() }
    }

    /// All names in a directory, sorted. Some may be hidden; for those, [`child`](Merged::child) returns `None`.
    pub fn names(&self, directory: &EntryPath) -> Result<Vec<OsString>, RootFsError> {
        let mut names = Vec::new();
        for (tree, opened) in self.enter(directory)?.iter() {
            let listed = opened.names().map_err(RootFsError::io("list", self.on_host(*tree, &directory.path)))?;
            names = if names.is_empty() { listed } else { merge(names, listed) };
        }
        Ok(names)
    }

    /// The entry of a directory with this name, by the rules in the description of this module.
    pub fn child(&self, directory: &EntryPath, name: &OsStr) -> Result<Option<Entry>, RootFsError> {
        let path = self.join(directory, name)?;
        let mut found: Option<Entry> = None;
        for (tree, opened) in self.enter(directory)?.iter() {
            let on_host = || self.on_host(*tree, &path);
            let looked = opened.look(name).map_err(|error| RootFsError::io("look at", on_host())(error))?;
            let Some(node) = looked else { continue };
            let is_directory = node.metadata().is_dir();
            let is_obeyed = self.reading == WhiteoutHandling::Applied;
            if !is_directory && (found.is_some() || is_obeyed && is_whiteout(node.metadata())) {
                return Ok(found);
            }
            let is_last = !is_directory
                || is_obeyed
                    && is_opaque(&node)
                        .map_err(|error| RootFsError::io("read the attributes of", on_host())(error))?;
            let new = || Entry {
                place: EntryPath { path: path.clone(), trees: Vec::new() },
                nodes: Vec::new(),
                on_host: on_host(),
            };
            let entry = found.get_or_insert_with(new);
            entry.place.trees.push(*tree);
            entry.nodes.push(node);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    fn join(&self, directory: &EntryPath, name: &OsStr) -> Result<Vec<u8>, RootFsError> {
        let name = name.as_bytes();
        if directory.path.len() + name.len() >= LONGEST_PATH {
            let place = directory.trees.first().map_or_else(PathBuf::new, |tree| self.on_host(*tree, b""));
            return Err(RootFsError::TooDeep { place, limit: LONGEST_PATH });
        }
        Ok(if directory.path.is_empty() { name.to_vec() } else { [&directory.path, &b"/"[..], name].concat() })
    }

    fn on_host(&self, tree: usize, path: &[u8]) -> PathBuf {
        let tree = &self.trees[tree].path;
        if path.is_empty() { tree.clone() } else { tree.join(OsStr::from_bytes(path)) }
    }

    /// The directories that are merged in a place. If a running container has moved its own away, that one is left
    /// out.
    fn enter(&self, place: &EntryPath) -> Result<Arc<Directories>, RootFsError> {
        let mut entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, directories)) = entered.as_ref().filter(|(entered, _)| entered == place) {
            return Ok(directories.clone());
        }
        let mut directories = Directories::new();
        for tree in &place.trees {
            let opened = self.trees[*tree].root.descend(&place.path);
            let opened = opened.map_err(|error| RootFsError::io("open", self.on_host(*tree, &place.path))(error))?;
            directories.extend(opened.map(|directory| (*tree, directory)));
        }
        let directories = Arc::new(directories);
        *entered = Some((place.clone(), directories.clone()));
        Ok(directories)
    }

    /// Enters a directory that was just found, using its descriptors, so that a look-up in it does not start at the
    /// root.
    pub fn enter_found(&self, entry: Entry) {
        let Entry { place, nodes, .. } = entry;
        let directories = place.trees.iter().copied().zip(nodes.into_iter().map(Node::into_directory)).collect();
        *self.entered.lock().unwrap_or_else(PoisonError::into_inner) = Some((place, Arc::new(directories)));
    }

    /// The entry at a path. Symbolic links are followed as for a process in the container: through all trees, and
    /// never out of the root.
    pub(super) fn look(&self, path: &Path, links: Links) -> Result<Option<Entry>, RootFsError> {
        let mut ahead = names_of(path);
        let mut way = vec![self.root()];
        let mut followed = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                way.truncate((way.len() - 1).max(1));
                continue;
            }
            let Some(entry) = self.child(&way[way.len() - 1], &name)? else { return Ok(None) };
            if links == Links::Follow && entry.metadata().is_symlink() {
                followed += 1;
                if followed > LINKS_FOLLOWED {
                    return Err(RootFsError::io("follow the symbolic links to", path)(Errno::ELOOP));
                }
                let target = entry.target()?;
                if target.is_absolute() {
                    way.truncate(1);
                }
                ahead.extend(names_of(&target));
            } else if ahead.is_empty() {
                return Ok(Some(entry));
            } else if entry.metadata().is_dir() {
                way.push(entry.place.clone());
                self.enter_found(entry);
            } else {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Looks up again what the uppermost tree has in a place found before, or at the root. `None` if it was removed.
    pub fn look_up_again(&self, place: &EntryPath) -> Result<Option<Entry>, RootFsError> {
        let Some(tree) = place.trees.first() else { return Ok(None) };
        let name = place.path().file_name().unwrap_or(OsStr::new("."));
        let on_host = self.on_host(*tree, &place.path);
        let above = place.path().parent().unwrap_or(Path::new(""));
        let found = self.trees[*tree].root.descend(above.as_os_str().as_bytes()).and_then(|above| match above {
            Some(above) => above.look(name),
            None => Ok(None),
        });
        let found = found.map_err(RootFsError::io("look at", &on_host))?;
        Ok(found.map(|node| Entry { place: place.clone(), nodes: vec![node], on_host }))
    }
}

/// The names of a path in reverse order, so that the next one can be popped.
fn names_of(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}

fn merge(one: Vec<OsString>, other: Vec<OsString>) -> Vec<OsString> {
    one.into_iter().chain(other).collect::<BTreeSet<_>>().into_iter().collect()
}
