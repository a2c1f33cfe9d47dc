//! Overlayfs as a model: what the kernel does when a container changes files of its image.
//!
//! A stack of read-only **layers** and one writable **upper directory** are shown as one **merged** tree (the
//! kernel's *Documentation/filesystems/overlayfs.rst*; the book explains it step by step). Every call returns the
//! same result or error as in the kernel, and the changes that it made in the upper directory: [`Effect`]. At any
//! time [`Overlay::upper`] is that directory as overlayfs would leave it, including whiteouts and opaque directories.
//! Only overlayfs's internal metadata (`overlay.origin`, `overlay.impure`, `overlay.uuid`) is omitted, because it has
//! no visible effect.
//!
//! The model is of overlayfs as this engine mounts it: `redirect_dir`, `metacopy` and `index` are off, and the marks
//! are root's (`trusted.overlay.*`) or an ordinary user's (`userxattr`), see [`Mounter`]. The caller is root of the
//! container. The model is tested against the kernel, see `tests/overlay`.
//!
//! | Module | The calls |
//! |---|---|
//! | `lookup` | every path in every call |
//! | `copy_up` | copy-on-write itself, and the marks |
//! | `content` | open, read, write, truncate; descriptors |
//! | `create`, `remove`, `rename` | names created, removed, changed |
//! | `attributes` | mode, owner, time, extended attributes |
//! | `memory` | none: the inodes that an ordinary user's overlay keeps in memory for copied-up files |
//!
//! ```
//! use minicontainer_layers::{Inode, Overlay, Tree, overlay::{Answer, Effect, Errno, Operation}};
//!
//! let image = Tree::from([("/etc/motd", Inode::file("hello"))]);
//! let mut overlay = Overlay::new(vec![image], Tree::new());
//!
//! let outcome = overlay.perform(&Operation::Chmod { path: "/etc/motd".into(), mode: 0o600 });
//! assert_eq!(outcome.answer, Ok(Answer::Done));
//! assert_eq!(outcome.effects, [
//!     Effect::CopiedUp { path: "/etc".into(), layer: 0, bytes: 0 },
//!     Effect::CopiedUp { path: "/etc/motd".into(), layer: 0, bytes: 5 },
//!     Effect::MetadataChanged { path: "/etc/motd".into() },
//! ]);
//!
//! let outcome = overlay.perform(&Operation::Rename { from: "/etc".into(), to: "/usr".into(), how: Default::default() });
//! assert_eq!(outcome.answer, Err(Errno::EXDEV), "a layer has a part in /etc");
//! ```
//!
//! Decisions: `minicontainer/decisions/code-and-tests.md`.

mod attributes;
mod content;
mod copy_up;
mod create;
mod errno;
mod lookup;
mod memory;
mod operation;
mod outcome;
mod remove;
mod rename;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use errno::Errno;
pub use operation::{Access, OpenFlags, Operation, RenameHow};
pub use outcome::{Answer, Effect, Outcome};

use crate::tree::{Inode, InodeId, Kind, Tree};
use content::Open;
use lookup::{Links, Node};
use memory::Known;

/// A mounted overlay.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// The lowest first.
    layers: Vec<Tree>,
    upper: Tree,
    mounter: Mounter,
    /// The current time, in seconds since 1970.
    clock: u64,
    descriptors: BTreeMap<u32, Open>,
    /// Names in the upper directory, each with its directory, that a user's overlay still treats as files of a layer
    /// although they were copied up: see [`Mounter::User`].
    unnoted: BTreeSet<(InodeId, String)>,
    /// The modes of files in the upper directory that a user's overlay has in memory.
    modes: BTreeMap<Known, u32>,
    /// The effects of the current call.
    effects: Vec<Effect>,
}

/// The user who mounted the overlay and makes the calls. Both kinds have all permissions on all files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mounter {
    /// Root of the machine.
    #[default]
    Root,
    /// An ordinary user, root of a user namespace, with `userxattr`. There are two differences. If that root writes
    /// to a program, the program loses its set-user-ID bit. And overlayfs cannot record from which file of a layer a
    /// file in the upper directory was copied, so it treats another name of it as another file: rename(2) of one over
    /// the other returns `ESTALE`.
    User,
}

/// The origin of a visible file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The upper directory.
    Upper,
    /// A layer; the lowest is 0.
    Layer(usize),
}

impl Overlay {
    /// Mounts layers, the lowest first, and an upper directory, which need not be empty.
    pub fn new(layers: Vec<Tree>, upper: Tree) -> Overlay {
        Overlay {
            layers,
            upper,
            mounter: Mounter::Root,
            clock: 0,
            descriptors: BTreeMap::new(),
            unnoted: BTreeSet::new(),
            modes: BTreeMap::new(),
            effects: Vec::new(),
        }
    }

    /// Sets the user who mounted the overlay.
    pub fn mounted_by(mut self, mounter: Mounter) -> Overlay {
        self.mounter = mounter;
        self
    }

    /// Sets the clock for the times of files that are changed from now on.
    pub fn set_clock(&mut self, seconds: u64) {
        self.clock = seconds;
    }

    /// The upper directory: a layer.
    pub fn upper(&self) -> &Tree {
        &self.upper
    }

    /// The layers, the lowest first.
    pub fn layers(&self) -> &[Tree] {
        &self.layers
    }

    /// Performs a call.
    pub fn perform(&mut self, operation: &Operation) -> Outcome {
        self.look_up(operation);
        let answer = self.answer(operation);
        Outcome { answer, effects: std::mem::take(&mut self.effects) }
    }

    fn answer(&mut self, operation: &Operation) -> Result<Answer, Errno> {
        match operation {
            Operation::Read { path } => {
                let open = self.open(path, OpenFlags::default())?;
                self.read(&open)
            }
            Operation::Write { path, flags, content } => {
                let open = self.open(path, *flags)?;
                self.write(&open, content)
            }
            Operation::Open { path, flags, descriptor } => self.keep(path, *flags, *descriptor),
            Operation::ReadFrom { descriptor } => self.read(&self.descriptor(*descriptor)?),
            Operation::WriteTo { descriptor, content } => self.write(&self.descriptor(*descriptor)?, content),
            Operation::Close { descriptor } => self.close(*descriptor),
            Operation::Names { path } => self.names(path).map(Answer::Names),
            Operation::ReadLink { path } => self.read_link(path),
            Operation::Mkdir { path, mode } => self.mkdir(path, *mode),
            Operation::Mkfifo { path, mode } => self.make(path, Inode::new(Kind::Fifo, *mode)),
            Operation::MakeWhiteout { path } => self.refuse_whiteout(path),
            Operation::Symlink { target, path } => self.make(path, Inode::symlink(target)),
            Operation::Link { from, to } => self.link(from, to),
            Operation::Rename { from, to, how } => self.rename(from, to, *how),
            Operation::Unlink { path } => self.unlink(path),
            Operation::Rmdir { path } => self.rmdir(path),
            Operation::Truncate { path, length } => self.truncate(path, *length),
            Operation::Chmod { path, mode } => self.chmod(path, *mode),
            Operation::Chown { path, uid, gid } => self.chown(path, *uid, *gid),
            Operation::SetModified { path, modified } => self.set_modified(path, *modified),
            Operation::SetXattr { path, name, value } => self.set_xattr(path, name, value),
            Operation::RemoveXattr { path, name } => self.remove_xattr(path, name),
        }
    }

    /// The names in a directory, as getdents(2) returns them, sorted. If only one directory is behind it, its
    /// whiteouts are listed as well, although no file has that name.
    pub fn names(&self, path: &str) -> Result<Vec<String>, Errno> {
        let place = self.resolve(path, Links::Follow)?;
        let node = place.existing()?;
        match self.shown(node).is_directory() {
            true => Ok(self.names_in(node)),
            false => Err(Errno::ENOTDIR),
        }
    }

    fn read_link(&self, path: &str) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        match &self.shown(place.existing()?).kind {
            Kind::Symlink { target } => Ok(Answer::Target(target.clone())),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Where a file comes from; for a merged directory all its sources, the uppermost first. A symbolic link at the
    /// end of the path is not followed.
    pub fn origins(&self, path: &str) -> Result<Vec<Origin>, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        let node = place.existing()?;
        let upper = node.upper.map(|_| Origin::Upper);
        Ok(upper.into_iter().chain(node.lowers.iter().map(|(layer, _)| Origin::Layer(*layer))).collect())
    }

    /// The merged tree. It contains a whiteout for a name that is listed without a file, see [`Overlay::names`].
    pub fn merged(&self) -> Tree {
        let mut merged = Tree::new();
        let root = self.root();
        merged.inode_mut(Tree::ROOT).metadata = self.shown(&root).metadata.clone();
        self.merge(&root, &mut merged, Tree::ROOT, &mut BTreeMap::new());
        merged
    }

    /// `copies` maps files to their copies, so that hard links are kept.
    fn merge(
        &self,
        node: &Node,
        merged: &mut Tree,
        directory: InodeId,
        copies: &mut BTreeMap<(Origin, InodeId), InodeId>,
    ) {
        for name in self.names_in(node) {
            let Some(child) = self.child(node, &name) else {
                let mark = merged.add(Inode::whiteout());
                merged.put(directory, &name, mark);
                continue;
            };
            let shown = self.shown(&child);
            if shown.is_directory() {
                let mut inode = Inode::directory();
                inode.metadata = shown.metadata.clone();
                let id = merged.add(inode);
                merged.put(directory, &name, id);
                self.merge(&child, merged, id, copies);
                continue;
            }
            let source = match (child.upper, child.lowers.first()) {
                (None, Some((layer, id))) => (Origin::Layer(*layer), *id),
                (upper, _) => (Origin::Upper, upper.unwrap_or(Tree::ROOT)),
            };
            let id = *copies.entry(source).or_insert_with(|| merged.add(shown.clone()));
            merged.put(directory, &name, id);
        }
    }
}
