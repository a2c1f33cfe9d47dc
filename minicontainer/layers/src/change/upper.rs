//! Reads a container's changes from an overlay's upper directory, which contains only changes.
//!
//! When a file is first written, overlayfs copies it *up* with its parent directories, which are therefore listed as
//! modified. It creates a character device 0:0 for a deleted file of a lower layer, and marks a directory that
//! replaces a deleted one as opaque, see *Documentation/filesystems/overlayfs.rst*, "whiteouts and opaque
//! directories". Whether a file in the upper directory is new or modified depends on the layers below: [`Lower`].

use std::collections::BTreeSet;

use super::{Change, ChangeKind, sorted};

/// One file found in an upper directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpperEntry {
    /// Its path, absolute in the container.
    pub path: Vec<u8>,
    /// Its kind.
    pub kind: Upper,
}

/// The kind of a file in an upper directory, as far as it matters for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upper {
    /// A directory: merged with the one below, or instead of it.
    Directory {
        /// Whether it hides the layers below.
        opaque: bool,
    },
    /// A whiteout: the name is deleted.
    Whiteout,
    /// A file, link, device or anything else, which replaces the one below.
    Other,
}

impl UpperEntry {
    /// An entry of this kind at this path.
    pub fn new(path: impl Into<Vec<u8>>, kind: Upper) -> UpperEntry {
        UpperEntry { path: path.into(), kind }
    }
}

/// The merged layers below an upper directory. On Linux it reads the disk, which can fail; in tests and in the
/// browser it is a [`Listing`](super::Listing).
pub trait Lower {
    /// The error of reading.
    type Error;

    /// Whether the path exists in the layers. A symbolic link exists, whatever its target.
    fn exists(&self, path: &[u8]) -> Result<bool, Self::Error>;

    /// The names in a directory of the layers; empty if it is not a directory there.
    fn names_in(&self, directory: &[u8]) -> Result<Vec<Vec<u8>>, Self::Error>;
}

/// The changes in an upper directory, as `docker diff` shows them.
///
/// # Errors
/// Those of reading the layers below.
pub fn changes_of_upper<L: Lower>(entries: &[UpperEntry], lower: &L) -> Result<Vec<Change>, L::Error> {
    let listed: BTreeSet<&[u8]> = entries.iter().map(|entry| entry.path.as_slice()).collect();
    let mut changes = Vec::new();
    for UpperEntry { path, kind } in entries {
        match (kind, lower.exists(path)?) {
            // A mark over nothing hides nothing.
            (Upper::Whiteout, false) => {}
            (Upper::Whiteout, true) => changes.push(Change::new(ChangeKind::Deleted, path.as_slice())),
            (_, false) => changes.push(Change::new(ChangeKind::Added, path.as_slice())),
            (_, true) => changes.push(Change::new(ChangeKind::Modified, path.as_slice())),
        }
        if *kind == (Upper::Directory { opaque: true }) {
            for name in lower.names_in(path)? {
                let hidden = [path, &b"/"[..], &name].concat();
                if !listed.contains(hidden.as_slice()) {
                    changes.push(Change::new(ChangeKind::Deleted, hidden));
                }
            }
        }
    }
    Ok(sorted(changes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::change::{Listing, Node, NodeKind, diff, directory, file, parent};

    #[track_caller]
    fn check(entries: &[(&str, Upper)], expect: &[&str]) {
        let lower = Listing::from([
            ("/etc", directory()),
            ("/etc/motd", file(1)),
            ("/etc/ssl", directory()),
            ("/etc/ssl/cert", file(1)),
            ("/etc/ssl/key", file(1)),
        ]);
        let entries: Vec<UpperEntry> = entries.iter().map(|(path, kind)| UpperEntry::new(*path, *kind)).collect();
        let Ok(changes) = changes_of_upper(&entries, &lower);
        assert_eq!(changes.iter().map(Change::to_string).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn non_utf8_names_are_distinguished() {
        let lower = Listing::from([(&b"/a\xff"[..], file(1))]);
        let entries = [UpperEntry::new(&b"/a\xff"[..], Upper::Other), UpperEntry::new(&b"/a\xfe"[..], Upper::Other)];
        let Ok(changes) = changes_of_upper(&entries, &lower);
        assert_eq!(changes.iter().map(Change::to_string).collect::<Vec<_>>(), [r"A /a\xfe", r"C /a\xff"]);
    }

    const MERGED: Upper = Upper::Directory { opaque: false };
    const OPAQUE: Upper = Upper::Directory { opaque: true };

    #[test]
    fn new_modified_and_deleted_files() {
        check(&[], &[]);
        check(&[("/new", Upper::Other)], &["A /new"]);
        check(&[("/etc", MERGED), ("/etc/motd", Upper::Other)], &["C /etc", "C /etc/motd"]);
        check(&[("/etc", Upper::Whiteout)], &["D /etc"]);
        check(&[("/new", MERGED), ("/new/file", Upper::Other)], &["A /new", "A /new/file"]);
    }

    #[test]
    fn whiteout_of_nothing_is_no_change() {
        check(&[("/gone", Upper::Whiteout)], &[]);
    }

    #[test]
    fn opaque_directory_deletes_lower_entries() {
        check(
            &[
                ("/etc", MERGED),
                ("/etc/ssl", OPAQUE),
                ("/etc/ssl/cert", Upper::Other),
                ("/etc/ssl/new", Upper::Other),
            ],
            &["C /etc", "C /etc/ssl", "C /etc/ssl/cert", "D /etc/ssl/key", "A /etc/ssl/new"],
        );
        check(&[("/new", OPAQUE)], &["A /new"]);
    }

    /// Trees of the paths `/a` to `/b/b/b`: small, so that equal paths of different kinds meet often.
    fn trees() -> impl Strategy<Value = Listing> {
        let path = proptest::collection::vec(prop_oneof![Just("a"), Just("b")], 1..=3);
        let kind = prop_oneof![Just(directory()), (0..3_u64).prop_map(file)];
        proptest::collection::vec((path, kind), 0..12).prop_map(|nodes| {
            let mut tree = Listing::new();
            for (path, node) in nodes {
                let path = format!("/{}", path.join("/"));
                let is_free = tree.get(&path).is_none();
                let fits = parent(path.as_bytes()).is_none_or(|above| is_directory(&tree, above));
                if is_free && fits {
                    tree.insert(path, node);
                }
            }
            tree
        })
    }

    fn is_directory(tree: &Listing, path: &[u8]) -> bool {
        tree.get(path).is_some_and(|node| node.kind == NodeKind::Directory)
    }

    /// What overlayfs would have in its upper directory after `lower` became `merged`.
    fn upper_of(lower: &Listing, merged: &Listing) -> Vec<UpperEntry> {
        let mut upper = std::collections::BTreeMap::new();
        let differs = |path: &[u8], node: &Node| lower.get(path) != Some(node);
        for (path, node) in merged.iter().filter(|(path, node)| differs(path, node)) {
            let kind = match node.kind {
                NodeKind::Directory => Upper::Directory { opaque: !is_directory(lower, path) },
                _ => Upper::Other,
            };
            upper.insert(path, kind);
        }
        for (path, _) in lower.iter().filter(|(path, _)| merged.get(path).is_none()) {
            if parent(path).is_none_or(|above| is_directory(merged, above)) {
                upper.insert(path, Upper::Whiteout);
            }
        }
        let changed: Vec<&[u8]> = upper.keys().copied().collect();
        for path in changed {
            for above in std::iter::successors(parent(path), |path| parent(path)) {
                upper.entry(above).or_insert(Upper::Directory { opaque: false });
            }
        }
        upper.into_iter().map(|(path, kind)| UpperEntry::new(path, kind)).collect()
    }

    proptest! {
        #[test]
        fn upper_directory_changes_match_tree_comparison(lower in trees(), merged in trees()) {
            let Ok(of_upper) = changes_of_upper(&upper_of(&lower, &merged), &lower);
            prop_assert_eq!(of_upper, diff(&lower, &merged));
        }
    }
}
