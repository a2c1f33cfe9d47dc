//! Copy-up: a file of a layer is copied into the upper directory before it is changed there.
//!
//! Its parent directories are copied as well, without entries, with the mode, owner, time and attributes of those
//! below. Only the name with which the file was found is copied: other names in the layer still refer to the layer's
//! file. So copy-up breaks hard links (*overlayfs.rst*, "Non-standard behavior"; with the option `index=on` it would
//! not).

use super::{Effect, Mounter, Overlay, content::Handle, lookup::path_of};
use crate::tree::{Inode, InodeId, Kind, Tree};

/// How much of a file is copied up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// All of it.
    All,
    /// Everything except the content, which will be truncated.
    Without,
}

impl Overlay {
    /// Makes sure that the file at a place is in the upper directory, and returns its inode there. If there is no
    /// file, it does so for the parent directory.
    pub(super) fn copy_up(&mut self, location: &[String], data: Data) -> InodeId {
        let (mut node, mut directory) = (self.root(), Tree::ROOT);
        for (depth, name) in location.iter().enumerate() {
            let Some(mut child) = self.child(&node, name) else { break };
            let here = &location[..=depth];
            let data = if here == location { data } else { Data::All };
            let id = match (child.upper, child.lowers.first()) {
                (None, Some((layer, id))) => self.copy((*layer, *id), directory, here, data),
                (upper, _) => upper.unwrap_or(directory),
            };
            child.upper = Some(id);
            (node, directory) = (child, id);
        }
        directory
    }

    /// Copies one file of a layer. The time of its new directory does not change.
    fn copy(
        &mut self,
        (layer, id): (usize, InodeId),
        directory: InodeId,
        location: &[String],
        data: Data,
    ) -> InodeId {
        let inode = self.layers[layer].inode(id);
        let kind = match &inode.kind {
            Kind::File { .. } if data == Data::Without => Inode::file("").kind,
            Kind::Directory { .. } => Inode::directory().kind,
            kind => kind.clone(),
        };
        let bytes = match &kind {
            Kind::File { content } => content.len() as u64,
            _ => 0,
        };
        let mut copy = Inode::new(kind, 0);
        copy.metadata = inode.metadata.clone();
        let is_noted = self.mounter == Mounter::Root || copy.is_directory() || inode.links() > 1;
        let copy = self.upper.add(copy);
        if let Some(name) = location.last() {
            self.upper.put(directory, name, copy);
            self.refresh((copy, !is_noted));
            if !is_noted {
                self.unnoted.insert((directory, name.clone()));
            }
        }
        self.effects.push(Effect::CopiedUp { path: path_of(location), layer, bytes });
        // Descriptors that were opened before refer to the copy from now on. A file of a layer that was removed never
        // appears again, so the path identifies the file.
        for open in self.descriptors.values_mut() {
            if matches!(&open.handle, Handle::Lower { location: known, .. } if known == location) {
                open.handle = Handle::Upper { id: copy, is_unnoted: !is_noted };
            }
        }
        copy
    }

    /// The directory of the upper directory in which a name is added or removed; sets its time.
    pub(super) fn changed_directory(&mut self, location: &[String]) -> InodeId {
        let directory = self.copy_up(location, Data::All);
        self.upper.inode_mut(directory).metadata.modified = self.clock;
        directory
    }

    /// Creates a whiteout.
    pub(super) fn make_whiteout(&mut self, directory: InodeId, name: &str, path: String) {
        let mark = self.upper.add(Inode::whiteout());
        self.upper.put(directory, name, mark);
        self.effects.push(Effect::WhiteoutMade { path });
    }

    /// Makes a directory of the upper directory opaque.
    pub(super) fn set_opaque(&mut self, id: InodeId, path: String) {
        if let Kind::Directory { opaque, .. } = &mut self.upper.inode_mut(id).kind
            && !*opaque
        {
            *opaque = true;
            self.effects.push(Effect::OpaqueSet { path });
        }
    }
}
