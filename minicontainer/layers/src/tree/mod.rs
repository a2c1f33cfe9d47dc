//! A tree of files in memory.
//!
//! As in a file system, *names* and *files* are separate: a directory maps names to inodes, and an inode can have
//! several names (**hard links**, inode(7)). So a [`Tree`] stores [`Inode`]s by number, and records as a disk does
//! which names belong to the same file.
//!
//! The same type represents a **layer**: then some entries may be whiteouts, [`Kind::Whiteout`], and a directory may
//! be opaque. An overlay's upper directory is a layer.
//!
//! Names and targets of symbolic links are text. Linux allows names that are not UTF-8, but they are so rare in
//! images that they are an error here.
//!
//! ```
//! use minicontainer_layers::{Inode, Tree};
//!
//! let mut tree = Tree::from([("/bin/busybox", Inode::file("ELF")), ("/tmp", Inode::directory())]);
//! tree.link("/bin/busybox", "/bin/sh");
//! assert_eq!(tree.find("/bin/sh"), tree.find("/bin/busybox"), "one file with two names");
//! assert_eq!(format!("{tree:?}"), "\
//! / directory 0755 0:0 at 0
//! /bin directory 0755 0:0 at 0
//! /bin/busybox file \"ELF\" 0644 0:0 at 0
//! /bin/sh = /bin/busybox
//! /tmp directory 0755 0:0 at 0
//! ");
//! ```

mod inode;
#[cfg(test)]
pub(crate) mod strategy;

use std::{collections::BTreeMap, fmt};

pub use inode::{DeviceClass, Inode, Kind, Metadata};

/// The number of a file in a [`Tree`]. It is only valid in this tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(usize);

/// Files and their names. Two trees are equal if they have the same names, the same files, and the same hard links.
#[derive(Clone)]
pub struct Tree {
    /// Inodes are never removed, because a number may still refer to a file without a name, like an open descriptor.
    inodes: Vec<Inode>,
}

impl Tree {
    /// The root of every tree.
    pub const ROOT: InodeId = InodeId(0);

    /// A tree with only its root, a directory with mode 0755.
    pub fn new() -> Tree {
        Tree { inodes: vec![Inode { links: 1, ..Inode::directory() }] }
    }

    /// The file with this number, which must belong to this tree.
    pub fn inode(&self, id: InodeId) -> &Inode {
        &self.inodes[id.0]
    }

    /// The file with this number, mutable. To change names, use [`Tree::put`] and [`Tree::take`].
    pub fn inode_mut(&mut self, id: InodeId) -> &mut Inode {
        &mut self.inodes[id.0]
    }

    /// The file with this name in a directory.
    pub fn entry(&self, directory: InodeId, name: &str) -> Option<InodeId> {
        match &self.inode(directory).kind {
            Kind::Directory { entries, .. } => entries.get(name).copied(),
            _ => None,
        }
    }

    /// The file at an absolute path. Symbolic links are not followed, and `.` and `..` are ordinary names.
    pub fn find(&self, path: &str) -> Option<InodeId> {
        components(path).try_fold(Tree::ROOT, |directory, name| self.entry(directory, name))
    }

    /// Adds a file without a name.
    pub fn add(&mut self, inode: Inode) -> InodeId {
        self.inodes.push(Inode { links: 0, ..inode });
        InodeId(self.inodes.len() - 1)
    }

    /// Gives a file a name in a directory, and replaces an existing entry. Does nothing if `directory` is not a
    /// directory.
    pub fn put(&mut self, directory: InodeId, name: &str, id: InodeId) {
        // The new name is added first, so that a file that replaces itself always has one.
        self.inode_mut(id).links += 1;
        let previous = match &mut self.inode_mut(directory).kind {
            Kind::Directory { entries, .. } => entries.insert(name.to_owned(), id),
            _ => Some(id),
        };
        if let Some(previous) = previous {
            self.inode_mut(previous).links -= 1;
        }
    }

    /// Removes a name from a directory and returns its file.
    pub fn take(&mut self, directory: InodeId, name: &str) -> Option<InodeId> {
        let Kind::Directory { entries, .. } = &mut self.inode_mut(directory).kind else { return None };
        let id = entries.remove(name)?;
        self.inode_mut(id).links -= 1;
        Some(id)
    }

    /// Puts a file at an absolute path. Missing parent directories are created, and replace parents that are not
    /// directories. The root can only be replaced by another directory.
    pub fn insert(&mut self, path: &str, inode: Inode) -> InodeId {
        let Some((parent, name)) = self.make_parents(path) else {
            if inode.is_directory() {
                self.inodes[Tree::ROOT.0] = Inode { links: 1, ..inode };
            }
            return Tree::ROOT;
        };
        let id = self.add(inode);
        self.put(parent, name, id);
        id
    }

    /// Creates a hard link to the file at `path`. Returns false if the file does not exist or is a directory.
    pub fn link(&mut self, path: &str, other: &str) -> bool {
        let Some(id) = self.find(path).filter(|id| !self.inode(*id).is_directory()) else { return false };
        let Some((parent, name)) = self.make_parents(other) else { return false };
        self.put(parent, name, id);
        true
    }

    /// Every name with its file: the root `/`, then each directory before its entries, sorted by name.
    pub fn walk(&self) -> Vec<(String, InodeId)> {
        let mut found = Vec::new();
        let mut pending = vec![("/".to_owned(), Tree::ROOT)];
        while let Some((path, id)) = pending.pop() {
            let below: Vec<_> = self.inode(id).entries().map(|(name, id)| (join(&path, name), id)).collect();
            pending.extend(below.into_iter().rev());
            found.push((path, id));
        }
        found
    }

    fn make_parents<'p>(&mut self, path: &'p str) -> Option<(InodeId, &'p str)> {
        let names: Vec<&str> = components(path).collect();
        let (name, above) = names.split_last()?;
        let mut directory = Tree::ROOT;
        for name in above {
            directory = match self.entry(directory, name).filter(|id| self.inode(*id).is_directory()) {
                Some(id) => id,
                None => {
                    let id = self.add(Inode::directory());
                    self.put(directory, name, id);
                    id
                }
            };
        }
        Some((directory, name))
    }

    /// Every name with the first name of the same file.
    fn with_first_names(&self) -> Vec<(String, String, InodeId)> {
        let mut first_names = BTreeMap::new();
        let names = self.walk().into_iter();
        names.map(|(path, id)| (path.clone(), first_names.entry(id).or_insert(path).clone(), id)).collect()
    }
}

/// The components of a path.
pub(crate) fn components(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// The path of a name in a directory.
pub(crate) fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl<P: AsRef<str>> FromIterator<(P, Inode)> for Tree {
    fn from_iter<I: IntoIterator<Item = (P, Inode)>>(files: I) -> Tree {
        let mut tree = Tree::new();
        for (path, inode) in files {
            tree.insert(path.as_ref(), inode);
        }
        tree
    }
}

impl<P: AsRef<str>, const N: usize> From<[(P, Inode); N]> for Tree {
    fn from(files: [(P, Inode); N]) -> Tree {
        files.into_iter().collect()
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Tree) -> bool {
        let (one, another) = (self.with_first_names(), other.with_first_names());
        one.len() == another.len()
            && one.iter().zip(&another).all(|((path, first, id), (other_path, other_first, other_id))| {
                let same_file = || self.inode(*id).looks_like(other.inode(*other_id));
                // Whiteouts are not files, so hard links between them do not matter.
                let marks = self.inode(*id).is_whiteout() && other.inode(*other_id).is_whiteout();
                path == other_path && (marks || first == other_first) && same_file()
            })
    }
}

impl Eq for Tree {}

impl fmt::Debug for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, first, id) in self.with_first_names() {
            match path == first {
                true => writeln!(formatter, "{path} {:?}", self.inode(id))?,
                false => writeln!(formatter, "{path} = {first}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_links_are_counted() {
        let mut tree = Tree::from([("/a", Inode::file("1"))]);
        assert!(tree.link("/a", "/d/b"));
        let id = tree.find("/a").unwrap();
        assert_eq!(tree.inode(id).links(), 2);
        tree.put(Tree::ROOT, "a", id);
        assert_eq!(tree.inode(id).links(), 2, "it replaced itself");
        assert_eq!(tree.take(Tree::ROOT, "a"), Some(id));
        assert_eq!(tree.inode(id).links(), 1);
        assert!(!tree.link("/d", "/e"), "a directory has one name");
        assert!(!tree.link("/none", "/e"));
    }

    #[test]
    fn equality_compares_visible_content() {
        let linked = |from: &str, to: &str| {
            let mut tree = Tree::from([(from, Inode::file("x"))]);
            tree.link(from, to);
            tree
        };
        let apart = Tree::from([("/a", Inode::file("x")), ("/b", Inode::file("x"))]);
        assert_eq!(linked("/a", "/b"), linked("/b", "/a"));
        assert_ne!(linked("/a", "/b"), apart);
        assert_ne!(apart, Tree::from([("/a", Inode::file("x")), ("/b", Inode::file("y"))]));
        let mut sticky = Tree::new();
        sticky.inode_mut(Tree::ROOT).metadata.mode = 0o1755;
        assert_ne!(sticky, Tree::new());
    }

    #[test]
    fn walk_visits_directories_before_their_entries() {
        let tree = Tree::from([("/a-b", Inode::file("")), ("/a/b", Inode::file("")), ("/a/a/c", Inode::file(""))]);
        let paths: Vec<String> = tree.walk().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["/", "/a", "/a/a", "/a/a/c", "/a/b", "/a-b"]);
    }
}
