//! New names: mkdir(2), mknod(2), symlink(2), link(2), and open(2) with `O_CREAT`.
//!
//! If the upper directory has a whiteout, the new file replaces it. A new directory must then be opaque, because
//! otherwise the deleted files would be visible in it again.

use super::{
    Answer, Effect, Errno, Overlay,
    copy_up::Data,
    lookup::{Links, Place},
};
use crate::tree::{Inode, InodeId};

/// A directory with this bit passes its group to new files in it, see inode(7).
const SET_GROUP_ID: u32 = 0o2000;

impl Overlay {
    /// Creates a file that does not exist yet.
    pub(super) fn create(&mut self, place: &Place, mut inode: Inode) -> InodeId {
        let (above, name) = place.split();
        let directory = self.changed_directory(above);
        let parent = &self.upper.inode(directory).metadata;
        if parent.mode & SET_GROUP_ID != 0 {
            inode.metadata.gid = parent.gid;
            if inode.is_directory() {
                inode.metadata.mode |= SET_GROUP_ID;
            }
        }
        inode.metadata.modified = self.clock;
        let is_directory = inode.is_directory();
        let id = self.upper.add(inode);
        let replaced = self.upper.entry(directory, name).is_some();
        self.upper.put(directory, name, id);
        self.effects.push(match replaced {
            true => Effect::WhiteoutReplaced { path: place.path() },
            false => Effect::Created { path: place.path() },
        });
        if is_directory && replaced {
            self.set_opaque(id, place.path());
        }
        id
    }

    /// mkdir(2), which cannot set the set-ID bits.
    pub(super) fn mkdir(&mut self, path: &str, mode: u32) -> Result<Answer, Errno> {
        self.make(path, Inode::new(Inode::directory().kind, mode & 0o1777))
    }

    /// mkfifo(3), symlink(2).
    pub(super) fn make(&mut self, path: &str, inode: Inode) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Keep)?.free()?;
        self.create(&place, inode);
        Ok(Answer::Done)
    }

    /// mknod(2) of the device that overlayfs uses as a whiteout.
    pub(super) fn refuse_whiteout(&self, path: &str) -> Result<Answer, Errno> {
        self.resolve(path, Links::Keep)?.free()?;
        Err(Errno::EPERM)
    }

    /// link(2). A file of a lower layer is copied up first: the upper directory cannot have a name for a file outside
    /// it.
    pub(super) fn link(&mut self, from: &str, to: &str) -> Result<Answer, Errno> {
        let from = self.resolve(from, Links::Keep)?;
        let is_directory = self.shown(from.existing()?).is_directory();
        let to = self.resolve(to, Links::Keep)?.free()?;
        if is_directory {
            return Err(Errno::EPERM);
        }
        let id = self.copy_up(&from.location, Data::All);
        let (above, name) = to.split();
        let directory = self.changed_directory(above);
        if self.upper.entry(directory, name).is_some() {
            self.effects.push(Effect::WhiteoutReplaced { path: to.path() });
        }
        self.upper.put(directory, name, id);
        self.effects.push(Effect::Linked { from: from.path(), to: to.path() });
        Ok(Answer::Done)
    }
}
