//! Which files of which layers a name refers to.
//!
//! For each component of a path overlayfs searches all directories that are merged at that point, the upper one
//! first. A directory is merged with those below; any other file hides what is below; a whiteout hides it and is
//! itself invisible; an opaque directory ends the search. See *overlayfs.rst*, "Directories".

use std::collections::BTreeMap;

use super::{Errno, Overlay};
use crate::tree::{Inode, InodeId, Kind, Tree, components};

/// The maximum number of symbolic links that Linux follows in one path, see path_resolution(7).
const LINKS_FOLLOWED: u32 = 40;
/// The maximum length of a name, `NAME_MAX`.
const LONGEST_NAME: usize = 255;

/// The files behind a name of the merged tree. A directory can consist of several, anything else of exactly one.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// The file in the upper directory.
    pub(super) upper: Option<InodeId>,
    /// The files in the layers, uppermost first: the layer's number and the file there.
    pub(super) lowers: Vec<(usize, InodeId)>,
}

impl Node {
    /// Whether directories of the upper directory and of a layer are shown as one.
    pub(super) fn is_merge(&self) -> bool {
        self.upper.is_some() && !self.lowers.is_empty()
    }

    /// Whether it is only in the upper directory. Only such directories can be renamed.
    pub(super) fn is_pure_upper(&self) -> bool {
        self.upper.is_some() && self.lowers.is_empty()
    }
}

/// The result of resolving a path.
#[derive(Debug)]
pub(super) struct Place {
    /// The names from the root, without symbolic links.
    pub(super) location: Vec<String>,
    /// The files at this place.
    pub(super) node: Option<Node>,
    /// The last component of the path.
    pub(super) last: Last,
}

/// The last component of a path. Calls that create or remove a name require an ordinary one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Name,
    Root,
    Dot,
    DotDot,
}

/// Whether a symbolic link at the end of a path is followed. Others in the path are always followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    Keep,
}

impl Place {
    /// Its parent directory, and its name there. The root has neither.
    pub(super) fn split(&self) -> (&[String], &str) {
        self.location.split_last().map_or((&[], ""), |(name, above)| (above, name))
    }

    /// The path as text.
    pub(super) fn path(&self) -> String {
        path_of(&self.location)
    }

    /// The files there; an error if there are none.
    pub(super) fn existing(&self) -> Result<&Node, Errno> {
        self.node.as_ref().ok_or(Errno::ENOENT)
    }

    /// For calls that create a name: it must be an ordinary one, and free.
    pub(super) fn free(self) -> Result<Place, Errno> {
        if self.last == Last::Name && self.node.is_none() { Ok(self) } else { Err(Errno::EEXIST) }
    }
}

pub(super) fn path_of(location: &[String]) -> String {
    format!("/{}", location.join("/"))
}

impl Overlay {
    /// The root of all layers, merged.
    pub(super) fn root(&self) -> Node {
        Node {
            upper: Some(Tree::ROOT),
            lowers: (0..self.layers.len()).rev().map(|layer| (layer, Tree::ROOT)).collect(),
        }
    }

    /// The files of a name in a directory; none if there is a whiteout.
    pub(super) fn child(&self, parent: &Node, name: &str) -> Option<Node> {
        let mut node = Node::default();
        if let Some(id) = parent.upper.and_then(|directory| self.upper.entry(directory, name)) {
            let inode = self.upper.inode(id);
            if inode.is_whiteout() {
                return None;
            }
            node.upper = Some(id);
            if !inode.is_directory() || inode.is_opaque() {
                return Some(node);
            }
        }
        for (layer, directory) in &parent.lowers {
            let Some(id) = self.layers[*layer].entry(*directory, name) else { continue };
            let inode = self.layers[*layer].inode(id);
            let is_first = node.upper.is_none() && node.lowers.is_empty();
            if inode.is_directory() || (is_first && !inode.is_whiteout()) {
                node.lowers.push((*layer, id));
            }
            if !inode.is_directory() || inode.is_opaque() {
                break;
            }
        }
        let is_there = node.upper.is_some() || !node.lowers.is_empty();
        is_there.then_some(node)
    }

    /// The files at a place, without following links.
    pub(super) fn node(&self, location: &[String]) -> Option<Node> {
        location.iter().try_fold(self.root(), |node, name| self.child(&node, name))
    }

    /// Whether the layers show a file under this name, whatever the upper directory contains: then its deletion
    /// requires a whiteout. The uppermost layer with the name decides.
    pub(super) fn is_lower_positive(&self, parent: &Node, name: &str) -> bool {
        let mut found = parent.lowers.iter().filter_map(|(layer, directory)| {
            let id = self.layers[*layer].entry(*directory, name)?;
            Some(!self.layers[*layer].inode(id).is_whiteout())
        });
        found.next().unwrap_or(false)
    }

    /// The visible file: of a merged directory the uppermost one.
    pub(super) fn shown(&self, node: &Node) -> &Inode {
        match (node.upper, node.lowers.first()) {
            (None, Some((layer, id))) => self.layers[*layer].inode(*id),
            (upper, _) => self.upper.inode(upper.unwrap_or(Tree::ROOT)),
        }
    }

    /// The names in a directory. A directory that is not merged is listed as it is: if a layer has a whiteout there
    /// that hides nothing, its name is listed although no file has it.
    pub(super) fn names_in(&self, node: &Node) -> Vec<String> {
        let is_single = usize::from(node.upper.is_some()) + node.lowers.len() == 1;
        let upper = node.upper.map(|id| (&self.upper, id));
        let lowers = node.lowers.iter().map(|(layer, id)| (&self.layers[*layer], *id));
        let mut merged: BTreeMap<String, bool> = BTreeMap::new();
        for (tree, directory) in upper.into_iter().chain(lowers) {
            for (name, id) in tree.inode(directory).entries() {
                merged.entry(name.to_owned()).or_insert(tree.inode(id).is_whiteout());
            }
        }
        merged.into_iter().filter(|(_, is_whiteout)| is_single || !is_whiteout).map(|(name, _)| name).collect()
    }

    /// Resolves a path from the root, see path_resolution(7).
    pub(super) fn resolve(&self, path: &str, links: Links) -> Result<Place, Errno> {
        let mut pending: Vec<String> = components(path).rev().map(str::to_owned).collect();
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let (mut passed, mut last, mut followed) = (vec![(String::new(), self.root())], Last::Root, 0);
        let location =
            |passed: &[(String, Node)]| passed[1..].iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        while let Some(name) = pending.pop() {
            let here = passed.last().map(|(_, node)| node.clone()).unwrap_or_default();
            if !self.shown(&here).is_directory() {
                return Err(Errno::ENOTDIR);
            }
            match name.as_str() {
                "." => last = Last::Dot,
                ".." => {
                    passed.truncate(passed.len().saturating_sub(1).max(1));
                    last = Last::DotDot;
                }
                _ if name.len() > LONGEST_NAME => return Err(Errno::ENAMETOOLONG),
                _ => {
                    let Some(node) = self.child(&here, &name) else {
                        let mut location = location(&passed);
                        location.push(name);
                        let missing = Place { location, node: None, last: Last::Name };
                        return if pending.is_empty() { Ok(missing) } else { Err(Errno::ENOENT) };
                    };
                    let is_followed = !pending.is_empty() || links == Links::Follow;
                    match &self.shown(&node).kind {
                        Kind::Symlink { target } if is_followed => {
                            followed += 1;
                            if followed > LINKS_FOLLOWED {
                                return Err(Errno::ELOOP);
                            }
                            if target.starts_with('/') {
                                passed.truncate(1);
                                last = Last::Root;
                            }
                            pending.extend(components(target).rev().map(str::to_owned));
                        }
                        _ => {
                            passed.push((name, node));
                            last = Last::Name;
                        }
                    }
                }
            }
        }
        let node = passed.last().map(|(_, node)| node.clone());
        Ok(Place { location: location(&passed), node, last })
    }
}
