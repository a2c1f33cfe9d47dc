//! A tree of files in memory.
//!
//! As in a file system, *names* and *files* are two things: a directory maps names to inodes, and an inode with two
//! names is a **hard link** (inode(7)). So a [`Tree`] holds [`Inode`]s by number and knows, as a disk does, which
//! names are one file.
//!
//! The same type holds a **layer**: then some entries may be marks, [`Kind::Whiteout`] for what is deleted, and a
//! directory may be opaque. An overlay's upper directory is a layer.
//!
//! Names and targets of symbolic links are text. Names that are not UTF-8 are possible on a disk and so rare in
//! images that whoever reads one is told it cannot be held.
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

/// Which file of a [`Tree`]. A number of one tree means nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(usize);

/// Files and their names. Two trees are equal if one could not tell them apart by looking: the same names, the same
/// files, the same names belonging to one file.
#[derive(Clone)]
pub struct Tree {
    /// Never taken out, since somebody may hold the number of a file that has lost its last name, as processes do.
    inodes: Vec<Inode>,
}

impl Tree {
    /// The root of every tree.
    pub const ROOT: InodeId = InodeId(0);

    /// A tree with nothing in it but its root, a directory with mode 0755.
    pub fn new() -> Tree {
        Tree { inodes: vec![Inode { links: 1, ..Inode::directory() }] }
    }

    /// The file with this number, which must be one of this tree's.
    pub fn inode(&self, id: InodeId) -> &Inode {
        &self.inodes[id.0]
    }

    /// The file with this number, to be changed. Names are changed by [`Tree::put`] and [`Tree::take`].
    pub fn inode_mut(&mut self, id: InodeId) -> &mut Inode {
        &mut self.inodes[id.0]
    }

    /// The file called so in a directory.
    pub fn entry(&self, directory: InodeId, name: &str) -> Option<InodeId> {
        match &self.inode(directory).kind {
            Kind::Directory { entries, .. } => entries.get(name).copied(),
            _ => None,
        }
    }

    /// The file at an absolute path. Symbolic links are not followed, `.` and `..` are names like others.
    pub fn find(&self, path: &str) -> Option<InodeId> {
        components(path).try_fold(Tree::ROOT, |directory, name| self.entry(directory, name))
    }

    /// A new file that has no name yet.
    pub fn add(&mut self, inode: Inode) -> InodeId {
        self.inodes.push(Inode { links: 0, ..inode });
        InodeId(self.inodes.len() - 1)
    }

    /// Gives a file a name in a directory, in the place of what was called so. What is no directory holds no names.
    pub fn put(&mut self, directory: InodeId, name: &str, id: InodeId) {
        // First the new name, so that a file which takes the place of itself is never without one.
        self.inode_mut(id).links += 1;
        let previous = match &mut self.inode_mut(directory).kind {
            Kind::Directory { entries, .. } => entries.insert(name.to_owned(), id),
            _ => Some(id),
        };
        if let Some(previous) = previous {
            self.inode_mut(previous).links -= 1;
        }
    }

    /// Takes a name out of a directory and returns the file that was called so.
    pub fn take(&mut self, directory: InodeId, name: &str) -> Option<InodeId> {
        let Kind::Directory { entries, .. } = &mut self.inode_mut(directory).kind else { return None };
        let id = entries.remove(name)?;
        self.inode_mut(id).links -= 1;
        Some(id)
    }

    /// Puts a file at an absolute path. Directories that are missing on the way are made, in the place of what is
    /// none. The root can be replaced by another directory only.
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

    /// Gives the file at one path another name: a hard link. Whether there is such a file, and it may have two names.
    pub fn link(&mut self, path: &str, other: &str) -> bool {
        let Some(id) = self.find(path).filter(|id| !self.inode(*id).is_directory()) else { return false };
        let Some((parent, name)) = self.make_parents(other) else { return false };
        self.put(parent, name, id);
        true
    }

    /// Every name with its file: the root `/`, then each directory before what it holds, in the order of the names.
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

/// The names that a path is made of.
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
                // Marks are no files: whether two of them are one is nobody's business.
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
        assert_eq!(tree.inode(id).links(), 2, "it took its own place");
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
