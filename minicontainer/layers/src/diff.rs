//! Layers as differences: the changes that turn one tree into another.
//!
//! [`diff`] computes the layer between two trees, [`apply`] adds a layer to a tree. A property test checks for random
//! trees that `apply(diff(a, b), a) == b`. The rules are those of the OCI image-spec, *layer.md*, "Applying
//! Changesets":
//!
//! - A file in the layer replaces the one below. A directory over a directory keeps that directory's content.
//! - A whiteout removes a name. An opaque directory removes all content of the directory below.
//! - A layer contains whole files. If a file or one of its names changed, all its names are in the layer, because a
//!   hard link cannot refer to a layer below.
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

/// `copies` maps files of the layer to their copies in the tree, so that hard links are kept.
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

/// The layer that turns `lower` into `upper`. Both are plain trees, without whiteouts. The layer also contains the
/// root and the directories above a change, because they have an owner, mode and time.
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
            copy_directories(&mut layer, upper, &path);
        } else if let Some((parent, name)) = place(&mut layer, upper, &path) {
            let copy = *copies.entry(id).or_insert_with(|| layer.add(inode.clone()));
            layer.put(parent, name, copy);
        }
    }
    for (path, _) in lower.walk() {
        // The content of a directory that was removed or replaced is removed with it.
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

/// The directory of the layer that contains a path, and the path's last name.
fn place<'p>(layer: &mut Tree, upper: &Tree, path: &'p str) -> Option<(InodeId, &'p str)> {
    let (above, name) = path.rsplit_once('/')?;
    Some((copy_directories(layer, upper, above), name))
}

/// Copies a directory of `upper`, and those above it, to the layer.
fn copy_directories(layer: &mut Tree, upper: &Tree, path: &str) -> InodeId {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Overlay, overlay::Operation, tree::strategy};

    #[track_caller]
    fn check<const L: usize, const U: usize>(lower: [(&str, Inode); L], upper: [(&str, Inode); U], expect: &str) {
        let (lower, upper) = (Tree::from(lower), Tree::from(upper));
        let layer = diff(&lower, &upper);
        assert_eq!(format!("{layer:?}"), expect);
        let mut applied = lower;
        apply(&layer, &mut applied);
        assert_eq!(applied, upper);
    }

    #[test]
    fn diff_contains_only_changes() {
        const ROOT: &str = "/ directory 0755 0:0 at 0\n";
        let file = || ("/a/b", Inode::file("x"));
        check([file()], [file()], ROOT);
        check([file()], [], &format!("{ROOT}/a whiteout\n"));
        let deeper = format!("{ROOT}/a directory 0755 0:0 at 0\n/a/b whiteout\n");
        check([file()], [("/a", Inode::directory())], &deeper);
        check([file()], [("/a", Inode::file("y"))], &format!("{ROOT}/a file \"y\" 0644 0:0 at 0\n"));
        let both = format!("{ROOT}/a directory 0755 0:0 at 0\n/a/b file \"y\" 0644 0:0 at 0\n");
        check([file()], [("/a/b", Inode::file("y"))], &both);
    }

    /// A hard link cannot refer to a layer below, so all names of the file are in the layer.
    #[test]
    fn new_hard_link_includes_all_names() {
        let lower = Tree::from([("/a", Inode::file("x"))]);
        let mut upper = lower.clone();
        upper.link("/a", "/b");
        let layer = diff(&lower, &upper);
        assert_eq!(format!("{layer:?}"), "/ directory 0755 0:0 at 0\n/a file \"x\" 0644 0:0 at 0\n/b = /a\n");
    }

    proptest! {
        #[test]
        fn applying_a_diff_gives_the_other_tree(a in strategy::trees(), b in strategy::trees()) {
            let mut applied = a.clone();
            apply(&diff(&a, &b), &mut applied);
            prop_assert_eq!(applied, b);
        }

        #[test]
        fn diff_of_equal_trees_is_empty(tree in strategy::trees()) {
            prop_assert_eq!(diff(&tree, &tree).walk().len(), 1);
        }

        /// Applying layers one after the other gives the same tree as mounting them with overlayfs.
        #[test]
        fn applied_layers_match_mounted_layers(layers in prop::collection::vec(strategy::layers(), 1..5)) {
            let mut applied = Tree::new();
            for layer in &layers {
                apply(layer, &mut applied);
            }
            // The root is the upper directory's, and a whiteout over nothing is listed: neither comes from a layer.
            let merged = Overlay::new(layers.clone(), Tree::new()).merged();
            let seen = |tree: &Tree| -> Vec<String> {
                let mut names = tree.walk();
                names.retain(|(path, id)| path != "/" && !tree.inode(*id).is_whiteout());
                names.into_iter().map(|(path, id)| format!("{path} {:?}", tree.inode(id))).collect()
            };
            prop_assert_eq!(seen(&applied), seen(&merged));
        }

        /// Applying the upper directory to the image gives the merged tree.
        #[test]
        fn upper_directory_matches_the_diff(image in strategy::trees(), names in prop::collection::vec("/[a-c]", 1..6)) {
            let mut overlay = Overlay::new(vec![image.clone()], Tree::new());
            for (number, path) in names.iter().enumerate() {
                let (path, to) = (path.clone(), format!("/new{number}"));
                overlay.perform(&match number % 3 {
                    0 => Operation::Unlink { path },
                    1 => Operation::Rename { from: path, to, how: Default::default() },
                    _ => Operation::Mkdir { path, mode: 0o755 },
                });
            }
            let mut applied = image;
            apply(overlay.upper(), &mut applied);
            prop_assert_eq!(applied, overlay.merged());
        }
    }
}
