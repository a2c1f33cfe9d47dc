//! renameat2(2).
//!
//! A file of a layer is copied up and renamed there, and its old name becomes a whiteout. A *directory* that exists
//! in a layer would have to be copied up with everything below it, so overlayfs returns `EXDEV` ("another file
//! system"), and mv(1) copies it. (With the option `redirect_dir=on` overlayfs would record the old name instead.
//! Then an upper directory would no longer be a layer, so this engine turns it off.) A directory that exists only in
//! the upper directory can be renamed; it becomes opaque if layers have something under the new name.

use super::{
    Answer, Effect, Errno, Overlay, RenameHow,
    copy_up::Data,
    lookup::{Last, Links, Node, Place},
};
use crate::tree::InodeId;

impl Overlay {
    /// renameat2(2).
    pub(super) fn rename(&mut self, from: &str, to: &str, how: RenameHow) -> Result<Answer, Errno> {
        let (from, to) = (self.resolve(from, Links::Keep)?, self.resolve(to, Links::Keep)?);
        match how {
            _ if from.last != Last::Name => return Err(Errno::EBUSY),
            RenameHow::Keep if to.last != Last::Name => return Err(Errno::EEXIST),
            _ if to.last != Last::Name => return Err(Errno::EBUSY),
            _ => {}
        }
        let source = from.existing()?;
        match (&to.node, how) {
            (Some(_), RenameHow::Keep) => return Err(Errno::EEXIST),
            (None, RenameHow::Exchange) => return Err(Errno::ENOENT),
            _ => {}
        }
        if to.location.len() > from.location.len() && to.location.starts_with(&from.location) {
            return Err(Errno::EINVAL);
        }
        if from.location.len() > to.location.len() && from.location.starts_with(&to.location) {
            return Err(if how == RenameHow::Exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
        }
        if self.is_same_file(&from, &to) {
            // Overlayfs treats them as two files, and detects this only in the middle of the call.
            let is_noticed = self.is_unnoted(&from) == self.is_unnoted(&to);
            return if is_noticed { Ok(Answer::Done) } else { Err(Errno::ESTALE) };
        }
        if let Err(errno) = self.check_kinds(source, to.node.as_ref(), how) {
            // Overlayfs has already made the directory opaque when the upper directory's file system refuses the
            // call.
            let is_late = errno == Errno::ENOTEMPTY && to.node.as_ref().is_some_and(Node::is_pure_upper);
            if let Some(moved) = source.upper.filter(|_| is_late) {
                self.cover(moved, to.split().0, &from);
            }
            return Err(errno);
        }
        match how {
            RenameHow::Exchange => self.exchange(&from, &to),
            _ => self.replace(&from, &to),
        }
        Ok(Answer::Done)
    }

    /// Two names of one file: then rename(2) has no effect. Names of one file of a *layer* are separated by the
    /// copy-up, so overlayfs treats them as two files.
    fn is_same_file(&self, from: &Place, to: &Place) -> bool {
        let upper = |place: &Place| place.node.as_ref().and_then(|node| node.upper);
        from.location == to.location || (upper(from).is_some() && upper(from) == upper(to))
    }

    fn check_kinds(&self, source: &Node, target: Option<&Node>, how: RenameHow) -> Result<(), Errno> {
        let can_move = |node: &Node| !self.shown(node).is_directory() || node.is_pure_upper();
        if how == RenameHow::Exchange {
            return match can_move(source) && target.is_none_or(can_move) {
                true => Ok(()),
                false => Err(Errno::EXDEV),
            };
        }
        let is_directory = self.shown(source).is_directory();
        match target.map(|target| self.shown(target).is_directory()) {
            Some(false) if is_directory => return Err(Errno::ENOTDIR),
            Some(true) if !is_directory => return Err(Errno::EISDIR),
            _ => {}
        }
        if !can_move(source) {
            return Err(Errno::EXDEV);
        }
        match target {
            Some(target) if is_directory && !self.is_empty(target) => Err(Errno::ENOTEMPTY),
            _ => Ok(()),
        }
    }

    fn replace(&mut self, from: &Place, to: &Place) {
        let ((from_above, from_name), (to_above, to_name)) = (from.split(), to.split());
        let Some(parent) = self.node(from_above) else { return };
        let leaves_mark = self.is_lower_positive(&parent, from_name);
        let moved = self.copy_up(&from.location, Data::All);
        let (source, target) = (self.changed_directory(from_above), self.changed_directory(to_above));
        self.cover(moved, to_above, from);
        self.upper.take(source, from_name);
        let replaced = self.upper.entry(target, to_name);
        if let Some(id) = replaced {
            self.refresh(self.known(id, to));
        }
        if replaced.is_some_and(|id| self.upper.inode(id).is_whiteout()) {
            self.effects.push(Effect::WhiteoutReplaced { path: to.path() });
        } else if replaced.is_some() {
            self.effects.push(Effect::Removed { path: to.path() });
        }
        self.unnoted.remove(&(target, to_name.to_owned()));
        self.swap_notes((source, from_name), (target, to_name));
        self.upper.put(target, to_name, moved);
        self.refresh(self.known(moved, to));
        self.effects.push(Effect::Renamed { from: from.path(), to: to.path() });
        if leaves_mark {
            self.make_whiteout(source, from_name, from.path());
        }
    }

    fn exchange(&mut self, from: &Place, to: &Place) {
        let ((from_above, from_name), (to_above, to_name)) = (from.split(), to.split());
        let (one, other) = (self.copy_up(&from.location, Data::All), self.copy_up(&to.location, Data::All));
        let (source, target) = (self.changed_directory(from_above), self.changed_directory(to_above));
        self.cover(one, to_above, from);
        self.cover(other, from_above, to);
        self.swap_notes((source, from_name), (target, to_name));
        self.upper.put(source, from_name, other);
        self.upper.put(target, to_name, one);
        self.refresh(self.known(one, to));
        self.refresh(self.known(other, from));
        self.effects.push(Effect::Exchanged { from: from.path(), to: to.path() });
    }

    /// If a directory is moved into a directory of the layers, it must hide their files under its new name, so it is
    /// made opaque before the move. `place` is its old location.
    fn cover(&mut self, moved: InodeId, above: &[String], place: &Place) {
        if self.upper.inode(moved).is_directory() && self.node(above).is_some_and(|above| above.is_merge()) {
            self.set_opaque(moved, place.path());
        }
    }
}
