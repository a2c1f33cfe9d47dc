//! Hard links. The target may exist only in a layer below; then it is copied up first.

use std::os::unix::ffi::OsStrExt;

use minicontainer::rootfs::copy_data;

use super::{
    UnpackError,
    archive::Member,
    entry::EntryPath,
    metadata::Metadata,
    parents::{Missing, unreadable},
    unpacker::Unpacker,
};

impl Unpacker {
    pub(super) fn link(&mut self, member: &Member, path: &EntryPath) -> Result<(), UnpackError> {
        let raw = member.link.as_ref().ok_or_else(|| path.refused("a hard link to nothing"))?;
        let target = self.destination.below(&EntryPath::parse(raw)?);
        let Some((_, name)) = target.split() else {
            return Err(path.refused("a hard link to something that cannot have one"));
        };
        let target = self.resolve_directory(&target.parent(), Missing::Leave, path)?.join(name);
        if self.whiteouts.contains(&target) {
            return Err(path.refused("a hard link to something that cannot have one"));
        }
        if self.tree.look(&target).map_err(path.failed("find the target of a hard link"))?.is_none() {
            self.copy_up(&target.parent(), name, path)?;
        }
        if self.tree.same_file(&target, path).map_err(path.failed("find the target of a hard link"))? {
            return Ok(());
        }
        self.make_parents(path)?;
        self.tree.link(&target, path, &self.owners).map_err(path.failed("create a hard link"))
    }

    /// Copies a file from the layers below into this layer, because a hard link cannot refer to another layer.
    fn copy_up(&mut self, parent: &EntryPath, name: &[u8], entry: &EntryPath) -> Result<(), UnpackError> {
        let way = self.walk(parent, Missing::Leave, entry)?;
        let path = way.path.join(name);
        let Some(below) = self.below(&path, name, way.view())? else { return Ok(()) };
        let metadata = Metadata::of(&below).map_err(unreadable)?;
        let (kind, size) = (below.metadata().file_type(), below.metadata().len());
        if !kind.is_file() && !kind.is_symlink() {
            return Err(entry.refused("a hard link to something below that is neither a file nor a symbolic link"));
        }
        self.resolve_directory(&way.path, Missing::Create, entry)?;
        if kind.is_symlink() {
            let target = below.target().map_err(unreadable)?;
            self.tree.symlink(&path, target.as_os_str().as_bytes()).map_err(path.failed("create a symbolic link"))?;
            return self.tree.set_unopened(&path, &metadata, &self.owners).map_err(path.failed("set the owner"));
        }
        let content = below.open().map_err(unreadable)?;
        self.fill_file(size, &path, &metadata, |file| copy_data(&content, file).map(drop))
    }
}
