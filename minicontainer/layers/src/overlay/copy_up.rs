//! Copy-up: before something of a layer is changed, it is copied into the upper directory, and there it is changed.
//!
//! With it come the directories above, empty, each with mode, owner, time and attributes of the one below. Only the
//! one name is copied by which the file was found: if the layer has other names for it, those go on showing the
//! layer's file. So copy-up breaks hard links (*overlayfs.rst*, "Non-standard behavior"; the option `index=on` would
//! not).

use super::{Effect, Mounter, Overlay, content::Handle, lookup::path_of};
use crate::tree::{Inode, InodeId, Kind, Tree};

/// How much of a file is copied up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// All of it.
    All,
    /// All but the content, which is about to be thrown away.
    Without,
}

impl Overlay {
    /// Sees to it that what is at a place is in the upper directory, and says where there. Without anything at the
    /// place, it is the directory above.
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

    /// One file of a layer. The directory that gets it keeps its time.
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
        // Descriptors that were opened before lead to the copy from now on. Where a file of a layer has been removed,
        // none is ever shown again, so the place tells which file is meant.
        for open in self.descriptors.values_mut() {
            if matches!(&open.handle, Handle::Lower { location: known, .. } if known == location) {
                open.handle = Handle::Upper { id: copy, is_unnoted: !is_noted };
            }
        }
        copy
    }

    /// The directory in the upper directory that is to get or lose a name, with the time of that.
    pub(super) fn changed_directory(&mut self, location: &[String]) -> InodeId {
        let directory = self.copy_up(location, Data::All);
        self.upper.inode_mut(directory).metadata.modified = self.clock;
        directory
    }

    /// Leaves a mark.
    pub(super) fn make_whiteout(&mut self, directory: InodeId, name: &str, path: String) {
        let mark = self.upper.add(Inode::whiteout());
        self.upper.put(directory, name, mark);
        self.effects.push(Effect::WhiteoutMade { path });
    }

    /// Marks a directory of the upper directory.
    pub(super) fn set_opaque(&mut self, id: InodeId, path: String) {
        if let Kind::Directory { opaque, .. } = &mut self.upper.inode_mut(id).kind
            && !*opaque
        {
            *opaque = true;
            self.effects.push(Effect::OpaqueSet { path });
        }
    }
}
