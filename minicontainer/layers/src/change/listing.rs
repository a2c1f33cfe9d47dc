//! Compares two whole trees, for a root file system that is a plain copy and has no separate upper directory.
//!
//! Content is not read: as in Docker a file is modified if its size, modification time, owner or mode differs. The
//! time of a directory is ignored, because it changes with every file that is created in it.
//!
//! ```
//! use minicontainer_layers::change::{Listing, diff, directory, file};
//!
//! let image = Listing::from([("/tmp", directory()), ("/old", file(1))]);
//! let container = Listing::from([("/tmp", directory()), ("/tmp/new", file(1))]);
//! let changes: Vec<String> = diff(&image, &container).iter().map(ToString::to_string).collect();
//! assert_eq!(changes, ["D /old", "C /tmp", "A /tmp/new"]);
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
};

use super::{Change, ChangeKind, Lower, parent, sorted};

/// A tree of files by path. Paths are absolute, and every parent directory of a node is a node as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    nodes: BTreeMap<Vec<u8>, Node>,
}

/// The properties of a file without its content, see inode(7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its kind.
    pub kind: NodeKind,
    /// Its permission bits.
    pub mode: u32,
    /// The user id of its owner.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
}

/// The kind of a file, with the properties that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// An ordinary file.
    File {
        /// Its length in bytes.
        size: u64,
        /// When its content was last modified, in nanoseconds since 1970.
        modified: i64,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Its target.
        target: Vec<u8>,
    },
    /// A device node, socket or pipe.
    Special {
        /// The type bits of its mode, `S_IFMT`.
        file_type: u32,
        /// The device number, 0 for sockets and pipes.
        device: u64,
    },
}

/// A regular file owned by root, modified in 1970: for examples and tests.
pub fn file(size: u64) -> Node {
    Node { kind: NodeKind::File { size, modified: 0 }, mode: 0o644, uid: 0, gid: 0 }
}

/// A directory owned by root: for examples and tests.
pub fn directory() -> Node {
    Node { kind: NodeKind::Directory, mode: 0o755, uid: 0, gid: 0 }
}

impl Listing {
    /// An empty tree.
    pub fn new() -> Listing {
        Listing::default()
    }

    /// Puts a node at a path, and replaces an existing one.
    pub fn insert(&mut self, path: impl Into<Vec<u8>>, node: Node) {
        self.nodes.insert(path.into(), node);
    }

    /// The node at a path.
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<&Node> {
        self.nodes.get(path.as_ref())
    }

    /// All nodes with their paths, in the order of the paths' bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_slice(), node))
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        self.get(path).is_some_and(|node| node.kind == NodeKind::Directory)
    }
}

impl<P: Into<Vec<u8>>> FromIterator<(P, Node)> for Listing {
    fn from_iter<I: IntoIterator<Item = (P, Node)>>(nodes: I) -> Listing {
        Listing { nodes: nodes.into_iter().map(|(path, node)| (path.into(), node)).collect() }
    }
}

impl<P: Into<Vec<u8>>, const N: usize> From<[(P, Node); N]> for Listing {
    fn from(nodes: [(P, Node); N]) -> Listing {
        nodes.into_iter().collect()
    }
}

/// The changes from `lower` to `upper`, as `docker diff` shows them: for a deleted directory only the directory
/// itself, and the directories above a change as modified.
pub fn diff(lower: &Listing, upper: &Listing) -> Vec<Change> {
    let mut changes = Vec::new();
    for (path, node) in upper.iter() {
        match lower.get(path) {
            None => changes.push(Change::new(ChangeKind::Added, path)),
            Some(before) if before != node => changes.push(Change::new(ChangeKind::Modified, path)),
            Some(_) => {}
        }
    }
    for (path, _) in lower.iter() {
        // The content of a deleted directory is not listed.
        let is_topmost = parent(path).is_none_or(|parent| upper.is_directory(parent));
        if upper.get(path).is_none() && is_topmost {
            changes.push(Change::new(ChangeKind::Deleted, path));
        }
    }
    let listed: BTreeSet<Vec<u8>> = changes.iter().map(|change| change.path.clone()).collect();
    let mut above = BTreeSet::new();
    for path in &listed {
        above.extend(std::iter::successors(parent(path), |path| parent(path)).filter(|path| !listed.contains(*path)));
    }
    changes.extend(above.into_iter().map(|path| Change::new(ChangeKind::Modified, path)));
    sorted(changes)
}

/// A listing can be the lower tree of an upper directory. Reading it never fails.
impl Lower for Listing {
    type Error = Infallible;

    fn exists(&self, path: &[u8]) -> Result<bool, Infallible> {
        Ok(self.get(path).is_some())
    }

    fn names_in(&self, directory: &[u8]) -> Result<Vec<Vec<u8>>, Infallible> {
        let below = |path: &Vec<u8>| path.strip_prefix(directory)?.strip_prefix(b"/").map(<[u8]>::to_vec);
        Ok(self.nodes.keys().filter_map(below).filter(|name| !name.contains(&b'/')).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const L: usize, const U: usize>(lower: [(&str, Node); L], upper: [(&str, Node); U], expect: &[&str]) {
        let changes = diff(&Listing::from(lower), &Listing::from(upper));
        assert_eq!(changes.iter().map(Change::to_string).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn equal_trees_have_no_changes() {
        check([("/a", directory()), ("/a/b", file(1))], [("/a", directory()), ("/a/b", file(1))], &[]);
    }

    #[test]
    fn added_and_removed_directories() {
        check([], [("/a", directory()), ("/a/b", file(1))], &["A /a", "A /a/b"]);
        check([("/a", directory()), ("/a/b", file(1))], [], &["D /a"]);
    }

    #[test]
    fn parents_of_a_change_are_modified() {
        let unchanged = [("/a", directory()), ("/a/b", directory())];
        let deep = [unchanged[0].clone(), unchanged[1].clone(), ("/a/b/c", file(1))];
        check(unchanged.clone(), deep.clone(), &["C /a", "C /a/b", "A /a/b/c"]);
        check(deep, unchanged, &["C /a", "C /a/b", "D /a/b/c"]);
    }

    #[test]
    fn file_changes_by_size_time_owner_or_mode() {
        let modified = Node { kind: NodeKind::File { size: 1, modified: 7 }, ..file(1) };
        for other in
            [file(2), modified, Node { uid: 5, ..file(1) }, Node { gid: 5, ..file(1) }, Node { mode: 0, ..file(1) }]
        {
            check([("/f", file(1))], [("/f", other)], &["C /f"]);
        }
    }

    #[test]
    fn changed_kind_is_one_modification() {
        check([("/a", directory()), ("/a/b", file(1))], [("/a", file(1))], &["C /a"]);
        check([("/a", file(1))], [("/a", directory()), ("/a/b", file(1))], &["C /a", "A /a/b"]);
        let link = |target: &str| Node { kind: NodeKind::Symlink { target: target.into() }, ..file(0) };
        check([("/l", link("x"))], [("/l", link("y"))], &["C /l"]);
    }

    #[test]
    fn entries_follow_their_directory() {
        check([], [("/a-b", file(1)), ("/a", directory()), ("/a/b", file(1))], &["A /a", "A /a/b", "A /a-b"]);
    }
}
