//! Two inodes for one file: a peculiarity of an ordinary user's overlay.
//!
//! When a file of a lower layer is copied up, the kernel keeps the inode that programs already use in its memory. In
//! the upper directory it records, as an attribute, which file of the layer was copied. So another name of the copy
//! leads to the same inode. An ordinary user's overlay (`userxattr`) cannot set that attribute. There the new name
//! leads to a *second* inode in memory for the one file on disk, until the first is evicted. Both read the same
//! content from disk. Three things differ: the result of rename(2) of one name over the other (`ESTALE`), the two
//! ends of a pipe, and the mode. The mode is copied from disk when an inode is created, before a write through it
//! (but not before it is truncated), and after any other change through it.
//!
//! This rarely matters. It is modelled because the model must match the kernel.

use super::{
    Mounter, Operation, Overlay,
    lookup::{Links, Place},
};
use crate::tree::{InodeId, Metadata};

const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;
const GROUP_MAY_EXECUTE: u32 = 0o0010;

/// An inode in the kernel's memory: the file in the upper directory, and whether it is the inode from before the
/// copy.
pub(super) type Known = (InodeId, bool);

impl Overlay {
    /// The inode in memory of a file in the upper directory.
    pub(super) fn known(&self, id: InodeId, place: &Place) -> Known {
        (id, self.is_unnoted(place))
    }

    /// Whether the file was copied up under this name without recording its origin.
    pub(super) fn is_unnoted(&self, place: &Place) -> bool {
        let (above, name) = place.split();
        let directory = self.node(above).and_then(|node| node.upper);
        directory.is_some_and(|directory| self.unnoted.contains(&(directory, name.to_owned())))
    }

    /// Exchanges the entries in `unnoted` when names are exchanged.
    pub(super) fn swap_notes(&mut self, one: (InodeId, &str), other: (InodeId, &str)) {
        let [one, other] = [one, other].map(|(directory, name)| (directory, name.to_owned()));
        let (had_one, had_other) = (self.unnoted.remove(&one), self.unnoted.remove(&other));
        self.unnoted.extend(had_one.then_some(other).into_iter().chain(had_other.then_some(one)));
    }

    /// A call has looked up its files. From then on their inodes are in memory, with the current mode.
    pub(super) fn look_up(&mut self, operation: &Operation) {
        if self.mounter == Mounter::Root {
            return;
        }
        for path in operation.paths() {
            for links in [Links::Keep, Links::Follow] {
                let Ok(place) = self.resolve(path, links) else { continue };
                let Some(id) = place.node.as_ref().and_then(|node| node.upper) else { continue };
                let (known, mode) = (self.known(id, &place), self.upper.inode(id).metadata.mode);
                self.modes.entry(known).or_insert(mode);
            }
        }
    }

    /// A file was changed through an inode, which now has the file's mode.
    pub(super) fn refresh(&mut self, known: Known) {
        self.modes.insert(known, self.upper.inode(known.0).metadata.mode);
    }

    /// A file is written. Unless root of the machine writes, a program loses its set-user-ID bit.
    pub(super) fn drop_set_id_on_write(&mut self, known: Known) {
        if self.mounter == Mounter::User {
            let dropped = SET_USER_ID | self.dropped_group(known);
            let mode = self.mode(known);
            self.upper.inode_mut(known.0).metadata.mode &= !(mode & dropped);
            self.refresh(known);
        }
    }

    /// The owner of a file changes. A program then loses its set-user-ID bit.
    pub(super) fn drop_set_id_on_chown(&mut self, known: Known) {
        let dropped = SET_USER_ID | self.dropped_group(known);
        let Metadata { mode, .. } = &mut self.upper.inode_mut(known.0).metadata;
        *mode &= !dropped;
    }

    /// A set-group-ID bit without execute permission has another meaning and stays.
    fn dropped_group(&self, known: Known) -> u32 {
        let both = SET_GROUP_ID | GROUP_MAY_EXECUTE;
        if self.mode(known) & both == both { SET_GROUP_ID } else { 0 }
    }

    fn mode(&self, known: Known) -> u32 {
        let remembered = self.modes.get(&known).filter(|_| self.mounter == Mounter::User);
        remembered.copied().unwrap_or(self.upper.inode(known.0).metadata.mode)
    }
}
