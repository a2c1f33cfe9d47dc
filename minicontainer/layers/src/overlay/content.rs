//! Files opened, read and written.
//!
//! Opening a file for writing copies it up, whether anything is written or not. A descriptor that was opened for
//! reading *before* then refers to the copy: since Linux 4.19 every read(2) looks the file up again. (A mapping by
//! mmap(2) does not: it still shows the layer's file.) A file with an open descriptor exists even without a name.

use std::sync::Arc;

use super::{
    Access, Answer, Effect, Errno, OpenFlags, Overlay,
    copy_up::Data,
    lookup::{Links, Node, Place},
    memory::Known,
};
use crate::tree::{Inode, InodeId, Kind};

/// An open file.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) handle: Handle,
    access: Access,
    append: bool,
    /// The path with which it was opened.
    path: String,
}

/// The file behind an open descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// A file of the upper directory, and whether it was opened under a name in `unnoted`, because such a name refers
    /// to another pipe.
    Upper { id: InodeId, is_unnoted: bool },
    /// A file of a layer, and its location, so that the descriptor refers to the copy after a copy-up.
    Lower { layer: usize, id: InodeId, location: Vec<String> },
}

impl Overlay {
    /// open(2).
    pub(super) fn open(&mut self, path: &str, flags: OpenFlags) -> Result<Open, Errno> {
        let is_exclusive = flags.create && flags.exclusive;
        let place = self.resolve(path, if is_exclusive { Links::Keep } else { Links::Follow })?;
        let handle = match place.node.clone() {
            Some(_) if is_exclusive => return Err(Errno::EEXIST),
            Some(node) => self.open_existing(&place, &node, flags)?,
            None if flags.create => Handle::Upper { id: self.create(&place, Inode::file("")), is_unnoted: false },
            None => return Err(Errno::ENOENT),
        };
        Ok(Open { handle, access: flags.access, append: flags.append, path: place.path() })
    }

    fn open_existing(&mut self, place: &Place, node: &Node, flags: OpenFlags) -> Result<Handle, Errno> {
        match &self.shown(node).kind {
            Kind::Directory { .. } if flags.create || flags.access.writes() || flags.truncate => {
                return Err(Errno::EISDIR);
            }
            Kind::File { .. } if flags.access.writes() || flags.truncate => {
                let data = if flags.truncate { Data::Without } else { Data::All };
                let id = self.copy_up(&place.location, data);
                if flags.truncate {
                    self.set_content(self.known(id, place), Vec::new(), place.path());
                }
                return Ok(Handle::Upper { id, is_unnoted: self.is_unnoted(place) });
            }
            // A pipe without a reader; this model never blocks.
            Kind::Fifo if flags.access == Access::Write && !self.has_reader(&self.handle(place, node)) => {
                return Err(Errno::ENXIO);
            }
            _ => {}
        }
        Ok(self.handle(place, node))
    }

    fn handle(&self, place: &Place, node: &Node) -> Handle {
        match (node.upper, node.lowers.first()) {
            (None, Some((layer, id))) => Handle::Lower { layer: *layer, id: *id, location: place.location.clone() },
            (upper, _) => {
                Handle::Upper { id: upper.unwrap_or(crate::Tree::ROOT), is_unnoted: self.is_unnoted(place) }
            }
        }
    }

    fn has_reader(&self, handle: &Handle) -> bool {
        self.descriptors.values().any(|open| open.handle == *handle && open.access.reads())
    }

    /// open(2), keeping the descriptor.
    pub(super) fn keep(&mut self, path: &str, flags: OpenFlags, descriptor: u32) -> Result<Answer, Errno> {
        self.descriptors.remove(&descriptor);
        let open = self.open(path, flags)?;
        self.descriptors.insert(descriptor, open);
        Ok(Answer::Done)
    }

    /// close(2).
    pub(super) fn close(&mut self, descriptor: u32) -> Result<Answer, Errno> {
        self.descriptors.remove(&descriptor).map(|_| Answer::Done).ok_or(Errno::EBADF)
    }

    pub(super) fn descriptor(&self, descriptor: u32) -> Result<Open, Errno> {
        self.descriptors.get(&descriptor).cloned().ok_or(Errno::EBADF)
    }

    fn opened(&self, open: &Open) -> &Inode {
        match &open.handle {
            Handle::Upper { id, .. } => self.upper.inode(*id),
            Handle::Lower { layer, id, .. } => self.layers[*layer].inode(*id),
        }
    }

    /// pread(2) of the whole content.
    pub(super) fn read(&self, open: &Open) -> Result<Answer, Errno> {
        match &self.opened(open).kind {
            // A pipe has no offsets.
            Kind::Fifo => Err(Errno::ESPIPE),
            _ if !open.access.reads() => Err(Errno::EBADF),
            Kind::Directory { .. } => Err(Errno::EISDIR),
            Kind::File { content } => Ok(Answer::Content(content.to_vec())),
            _ => Err(Errno::EINVAL),
        }
    }

    /// pwrite(2) at the beginning, or at the end with `O_APPEND`.
    pub(super) fn write(&mut self, open: &Open, text: &str) -> Result<Answer, Errno> {
        match (&self.opened(open).kind, &open.handle) {
            (Kind::Fifo, _) => Err(Errno::ESPIPE),
            _ if !open.access.writes() => Err(Errno::EBADF),
            (Kind::File { content }, Handle::Upper { id, is_unnoted }) => {
                let (mut content, known) = (content.to_vec(), (*id, *is_unnoted));
                let start = if open.append { content.len() } else { 0 };
                let replaced = text.len().min(content.len() - start);
                content.splice(start..start + replaced, text.bytes());
                if !text.is_empty() {
                    self.refresh(known);
                    self.set_content(known, content, open.path.clone());
                }
                Ok(Answer::Done)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// truncate(2). The whole file is copied up first, even if its new length is 0.
    pub(super) fn truncate(&mut self, path: &str, length: u64) -> Result<Answer, Errno> {
        let place = self.resolve(path, Links::Follow)?;
        let mut content = match &self.shown(place.existing()?).kind {
            Kind::Directory { .. } => return Err(Errno::EISDIR),
            Kind::File { content } => content.to_vec(),
            _ => return Err(Errno::EINVAL),
        };
        let id = self.copy_up(&place.location, Data::All);
        content.resize(usize::try_from(length).map_err(|_| Errno::EINVAL)?, 0);
        self.set_content(self.known(id, &place), content, place.path());
        Ok(Answer::Done)
    }

    fn set_content(&mut self, known: Known, new: Vec<u8>, path: String) {
        let inode = self.upper.inode_mut(known.0);
        inode.kind = Kind::File { content: Arc::new(new) };
        inode.metadata.modified = self.clock;
        self.drop_set_id_on_write(known);
        self.effects.push(Effect::Written { path });
    }
}
