//! Mode, owner, time and extended attributes. Changing one copies the whole file up, including its content, because
//! this engine has `metacopy` off: with it on, the upper directory would contain files without their content.

use super::{
    Answer, Effect, Errno, Overlay,
    copy_up::Data,
    lookup::{Links, Place},
};
use crate::tree::{Inode, Kind, Metadata};

impl Overlay {
    /// chmod(2).
    pub(super) fn chmod(&mut self, path: &str, mode: u32) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Follow)?;
        self.change(&place, |metadata| metadata.mode = mode & 0o7777)
    }

    /// lchown(2).
    pub(super) fn chown(&mut self, path: &str, uid: u32, gid: u32) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        if !self.shown(place.existing()?).is_directory() {
            let id = self.copy_up(&place.location, Data::All);
            self.drop_set_id_on_chown(self.known(id, &place));
        }
        self.change(&place, |metadata| (metadata.uid, metadata.gid) = (uid, gid))
    }

    /// utimensat(2) with `AT_SYMLINK_NOFOLLOW`.
    pub(super) fn set_modified(&mut self, path: &str, modified: u64) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        self.change(&place, |metadata| metadata.modified = modified)
    }

    /// lsetxattr(2).
    pub(super) fn set_xattr(&mut self, path: &str, name: &str, value: &str) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        if !takes_attributes(self.shown(place.existing()?)) {
            return Err(Errno::EPERM);
        }
        self.change(&place, |metadata| {
            metadata.xattrs.insert(name.to_owned(), value.as_bytes().to_vec());
        })
    }

    /// lremovexattr(2). A missing attribute is an error without a copy-up.
    pub(super) fn remove_xattr(&mut self, path: &str, name: &str) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        let inode = self.shown(place.existing()?);
        if !takes_attributes(inode) {
            return Err(Errno::EPERM);
        }
        if !inode.metadata.xattrs.contains_key(name) {
            return Err(Errno::ENODATA);
        }
        self.change(&place, |metadata| {
            metadata.xattrs.remove(name);
        })
    }

    fn change(&mut self, place: &Place, change: impl FnOnce(&mut Metadata)) -> Result<Answer, Errno> {
        place.existing()?;
        let id = self.copy_up(&place.location, Data::All);
        change(&mut self.upper.inode_mut(id).metadata);
        self.refresh(self.known(id, place));
        self.effects.push(Effect::MetadataChanged { path: place.path() });
        Ok(Answer::Done)
    }
}

/// User attributes (`user.*`) are possible only on files and directories, see xattr(7).
fn takes_attributes(inode: &Inode) -> bool {
    matches!(inode.kind, Kind::File { .. } | Kind::Directory { .. })
}
