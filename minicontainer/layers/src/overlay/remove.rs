//! Names removed: unlink(2) and rmdir(2).
//!
//! A file that exists only in the upper directory is removed there. If a layer has a file with that name, a whiteout
//! is created, because layers cannot be changed. A directory that contains only whiteouts counts as empty.

use super::{
    Answer, Effect, Errno, Overlay,
    lookup::{Last, Links, Node, Place},
};

impl Overlay {
    /// unlink(2).
    pub(super) fn unlink(&mut self, path: &str) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        if place.last != Last::Name || self.shown(place.existing()?).is_directory() {
            return Err(Errno::EISDIR);
        }
        self.remove(&place);
        Ok(Answer::Done)
    }

    /// rmdir(2).
    pub(super) fn rmdir(&mut self, path: &str) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Keep)?;
        match place.last {
            Last::Name => {}
            Last::Root => return Err(Errno::EBUSY),
            Last::Dot => return Err(Errno::EINVAL),
            Last::DotDot => return Err(Errno::ENOTEMPTY),
        }
        let node = place.existing()?;
        if !self.shown(node).is_directory() {
            return Err(Errno::ENOTDIR);
        }
        if !self.is_empty(node) {
            return Err(Errno::ENOTEMPTY);
        }
        self.remove(&place);
        Ok(Answer::Done)
    }

    /// Whether a directory contains no visible files.
    pub(super) fn is_empty(&self, node: &Node) -> bool {
        self.names_in(node).iter().all(|name| self.child(node, name).is_none())
    }

    fn remove(&mut self, place: &Place) {
        let (above, name) = place.split();
        let Some(parent) = self.node(above) else { return };
        let leaves_mark = self.is_lower_positive(&parent, name);
        let directory = self.changed_directory(above);
        if let Some(id) = self.upper.entry(directory, name) {
            self.refresh(self.known(id, place));
        }
        self.unnoted.remove(&(directory, name.to_owned()));
        if self.upper.take(directory, name).is_some() {
            self.effects.push(Effect::Removed { path: place.path() });
        }
        if leaves_mark {
            self.make_whiteout(directory, name, place.path());
        }
    }
}
