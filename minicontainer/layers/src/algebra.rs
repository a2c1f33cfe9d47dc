//! Layers are differences: what must be done to one tree so that it becomes another.
//!
//! [`diff`] finds the layer between two trees, [`apply`] adds a layer to a tree, and one undoes the other:
//! `apply(diff(a, b), a) == b`, which a property test holds for whatever two trees. The rules are those of the OCI
//! image-spec, *layer.md*, "Applying Changesets":
//!
//! - What is in the layer takes the place of what is below; a directory over a directory keeps what that holds.
//! - A whiteout removes a name. An opaque directory removes all that the directory below held.
//! - A layer names whole files. If one of a file's names changed, or anything in it, all its names are in the layer:
//!   a hard link cannot reach into a layer below.
//!
//! ```
//! use minicontainer_layers::{Inode, Tree, apply, diff};
//!
//! let image = Tree::from([("/etc/motd", Inode::file("hello")), ("/etc/issue", Inode::file("Debian"))]);
//! let container = Tree::from([("/etc/motd", Inode::file("hello")), ("/new", Inode::file("!"))]);
//! let layer = diff(&image, &container);
//! assert!(layer.find("/etc/motd").is_none(), "it did not change");
//! assert!(layer.inode(layer.find("/etc/issue").unwrap()).is_whiteout());
//!
//! let mut applied = image.clone();
//! apply(&layer, &mut applied);
//! assert_eq!(applied, container);
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Inode, InodeId, Kind, Tree};

/// Adds a layer to a tree.
pub fn apply(layer: &Tree, tree: &mut Tree) {
    let mut copies = BTreeMap::new();
    apply_directory((layer, Tree::ROOT), (tree, Tree::ROOT), &mut copies);
}

/// `copies` remembers which file of the layer has become which of the tree, so that two names of one file stay so.
fn apply_directory(
    (layer, from): (&Tree, InodeId),
    (tree, to): (&mut Tree, InodeId),
    copies: &mut BTreeMap<InodeId, InodeId>,
) {
    if layer.inode(from).is_opaque() {
        let names: Vec<String> = tree.inode(to).entries().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            tree.take(to, &name);
        }
    }
    tree.inode_mut(to).metadata = layer.inode(from).metadata.clone();
    for (name, id) in layer.inode(from).entries() {
        let inode = layer.inode(id);
        match &inode.kind {
            Kind::Whiteout => {
                tree.take(to, name);
            }
            Kind::Directory { .. } => {
                let below = tree.entry(to, name).filter(|below| tree.inode(*below).is_directory());
                let directory = below.unwrap_or_else(|| {
                    let made = tree.add(Inode::directory());
                    tree.put(to, name, made);
                    made
                });
                apply_directory((layer, id), (tree, directory), copies);
            }
            _ => {
                let copy = *copies.entry(id).or_insert_with(|| tree.add(inode.clone()));
                tree.put(to, name, copy);
            }
        }
    }
}

/// The layer that makes `upper` of `lower`. Both are plain trees, without marks. Its root and the directories above a
/// change are in it too, for they carry owner, mode and time.
pub fn diff(lower: &Tree, upper: &Tree) -> Tree {
    let mut layer = Tree::new();
    layer.inode_mut(Tree::ROOT).metadata = upper.inode(Tree::ROOT).metadata.clone();
    let (lower_names, upper_names) = (names(lower), names(upper));
    let mut copies = BTreeMap::new();
    for (path, id) in upper.walk() {
        let inode = upper.inode(id);
        let before = lower.find(&path);
        let unchanged = before.is_some_and(|before| {
            let same_names = inode.is_directory() || lower_names.get(&before) == upper_names.get(&id);
            same_names && lower.inode(before).looks_like(inode)
        });
        if unchanged {
            continue;
        }
        if inode.is_directory() {
            carry(&mut layer, upper, &path);
        } else if let Some((parent, name)) = place(&mut layer, upper, &path) {
            let copy = *copies.entry(id).or_insert_with(|| layer.add(inode.clone()));
            layer.put(parent, name, copy);
        }
    }
    for (path, _) in lower.walk() {
        // What lay in a directory that is gone, or is none any more, went with it.
        let (above, _) = path.rsplit_once('/').unwrap_or_default();
        let topmost = upper.find(above).is_some_and(|above| upper.inode(above).is_directory());
        if topmost
            && upper.find(&path).is_none()
            && let Some((parent, name)) = place(&mut layer, upper, &path)
        {
            let mark = layer.add(Inode::whiteout());
            layer.put(parent, name, mark);
        }
    }
    layer
}

/// All names of each file.
fn names(tree: &Tree) -> BTreeMap<InodeId, BTreeSet<String>> {
    let mut names: BTreeMap<InodeId, BTreeSet<String>> = BTreeMap::new();
    for (path, id) in tree.walk() {
        names.entry(id).or_default().insert(path);
    }
    names
}

/// The directory of the layer that a path lies in, and the path's last name.
fn place<'p>(layer: &mut Tree, upper: &Tree, path: &'p str) -> Option<(InodeId, &'p str)> {
    let (above, name) = path.rsplit_once('/')?;
    Some((carry(layer, upper, above), name))
}

/// Makes a directory of `upper`, and those above it, directories of the layer.
fn carry(layer: &mut Tree, upper: &Tree, path: &str) -> InodeId {
    if let Some(id) = layer.find(path) {
        return id;
    }
    let Some((parent, name)) = place(layer, upper, path) else { return Tree::ROOT };
    let mut directory = Inode::directory();
    if let Some(id) = upper.find(path) {
        directory.metadata = upper.inode(id).metadata.clone();
    }
    let id = layer.add(directory);
    layer.put(parent, name, id);
    id
}
