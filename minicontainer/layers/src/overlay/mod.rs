//! Overlayfs as a model: what the kernel does when a container changes files of its image.
//!
//! A stack of **layers**, which nobody may change, and one writable **upper directory** are shown as one **merged**
//! tree (the kernel's *Documentation/filesystems/overlayfs.rst*; the book tells it from the beginning). Every call is
//! answered as the kernel answers it, with the same error, and says what it did in the upper directory: [`Effect`].
//! At any time [`Overlay::upper`] is that directory as overlayfs would leave it, whiteouts, opaque marks and all;
//! what overlayfs notes for its own bookkeeping (`overlay.origin`, `overlay.impure`, `overlay.uuid`) is left out, for
//! it changes nothing that anybody sees.
//!
//! Modelled is overlayfs as this engine mounts it: `redirect_dir`, `metacopy` and `index` off; the marks are
//! root's (`trusted.overlay.*`) or an ordinary user's (`userxattr`), see [`Mounter`]. The calls are those of the
//! container's root. That the model is right is tested against the kernel, see `tests/overlay`.
//!
//! | Module | The calls |
//! |---|---|
//! | `lookup` | every path in every call |
//! | `copy_up` | copy-on-write itself, and the marks |
//! | `content` | open, read, write, truncate; descriptors |
//! | `create`, `remove`, `rename` | names made, removed, changed |
//! | `attributes` | mode, owner, time, extended attributes |
//! | `memory` | none: what an ordinary user's overlay remembers of files that were copied up |
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
    /// What time it is, in seconds since 1970.
    clock: u64,
    descriptors: BTreeMap<u32, Open>,
    /// Names in the upper directory, each with its directory, under which a user's overlay still knows a file as one
    /// of a layer although it was copied up: see [`Mounter::User`].
    unnoted: BTreeSet<(InodeId, String)>,
    /// Which mode a user's overlay believes that files in the upper directory have.
    modes: BTreeMap<Known, u32>,
    /// Of the call that is being answered.
    effects: Vec<Effect>,
}

/// Who mounted the overlay and makes the calls. Both may do everything with all files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mounter {
    /// Root of the machine.
    #[default]
    Root,
    /// An ordinary user, root of a user namespace, with `userxattr`. Two things differ. The kernel trusts that root
    /// less: when it writes to a program, that loses its set-user-ID bit. And overlayfs has no place to note which
    /// file of a layer one in the upper directory was copied from, so it takes another name of it for another file:
    /// rename(2) of one over the other gives `ESTALE`.
    User,
}

/// Where a file that is shown comes from.
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

    /// The same, mounted by somebody else.
    pub fn mounted_by(mut self, mounter: Mounter) -> Overlay {
        self.mounter = mounter;
        self
    }

    /// Sets the clock that files changed from now on get their time from.
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

    /// Makes a call.
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

    /// The names in a directory, as getdents(2) gives them, sorted. Where only one directory is behind it, a whiteout
    /// that it holds is listed too, although nothing is called so.
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

    /// Where a file comes from; of a merged directory all places, the uppermost first. A symbolic link at the end of
    /// the path is not followed.
    pub fn origins(&self, path: &str) -> Result<Vec<Origin>, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        let node = place.existing()?;
        let upper = node.upper.map(|_| Origin::Upper);
        Ok(upper.into_iter().chain(node.lowers.iter().map(|(layer, _)| Origin::Layer(*layer))).collect())
    }

    /// The merged tree. Where a name is listed although nothing is called so, see [`Overlay::names`], it has a mark.
    pub fn merged(&self) -> Tree {
        let mut merged = Tree::new();
        let root = self.root();
        merged.inode_mut(Tree::ROOT).metadata = self.shown(&root).metadata.clone();
        self.merge(&root, &mut merged, Tree::ROOT, &mut BTreeMap::new());
        merged
    }

    /// `copies` remembers which file became which, so that two names of one stay so.
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
