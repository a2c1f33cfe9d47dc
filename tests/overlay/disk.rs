//! Writes a tree in memory to a directory, and reads a directory as a tree.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, DirBuilder, Metadata, Permissions},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, lchown, symlink},
    },
    path::Path,
};

use minicontainer_layers::{Inode, InodeId, Kind, Tree};
use nix::{
    sys::{
        stat::{Mode, SFlag, UtimensatFlags, mknod, utimensat},
        time::TimeSpec,
    },
    unistd::mkfifo,
};

use crate::scenario::NOW;

/// The beginning of the year 2000. The files of layers are older, and the files that a test changes are newer.
const CENTURY: i64 = 946_684_800;

/// Reads and writes the whiteouts and opaque attributes of overlay. `prefix` is the prefix of its attributes.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    pub prefix: &'static str,
}

impl Marks {
    /// Writes a tree into an empty directory.
    pub fn write(self, tree: &Tree, directory: &Path) -> io::Result<()> {
        let mut made = BTreeMap::new();
        let files = tree.walk();
        for (path, id) in &files {
            let place = directory.join(path.trim_start_matches('/'));
            match made.get(id) {
                Some(first) => fs::hard_link(first, &place)?,
                None => self.make(tree.inode(*id), &place, path == "/")?,
            }
            made.insert(*id, place);
        }
        // A new entry changes the time of its directory, so times are set last.
        for (_, id) in files.iter().rev() {
            if let Some(place) = made.remove(id).filter(|_| !tree.inode(*id).is_whiteout()) {
                let modified = TimeSpec::new(i64::try_from(tree.inode(*id).metadata.modified).unwrap_or(0), 0);
                utimensat(nix::fcntl::AT_FDCWD, &place, &modified, &modified, UtimensatFlags::NoFollowSymlink)?;
            }
        }
        Ok(())
    }

    fn make(self, inode: &Inode, place: &Path, is_root: bool) -> io::Result<()> {
        match &inode.kind {
            Kind::Whiteout => {
                mknod(place, SFlag::S_IFCHR, Mode::empty(), 0)?;
                return Ok(());
            }
            Kind::File { content } => fs::write(place, content.as_slice())?,
            Kind::Directory { .. } if is_root => {}
            Kind::Directory { .. } => DirBuilder::new().mode(0o700).create(place)?,
            Kind::Symlink { target } => symlink(target, place)?,
            Kind::Fifo => mkfifo(place, Mode::S_IRWXU)?,
            Kind::Device { .. } => return Err(io::ErrorKind::Unsupported.into()),
        }
        if inode.is_opaque() {
            xattr::set(place, format!("{}opaque", self.prefix), b"y")?;
        }
        for (name, value) in &inode.metadata.xattrs {
            xattr::set(place, name, value)?;
        }
        // Always needed, because a directory with the set-group-ID bit passes its group on.
        lchown(place, Some(inode.metadata.uid), Some(inode.metadata.gid))?;
        match &inode.kind {
            Kind::Symlink { .. } => Ok(()),
            _ => fs::set_permissions(place, Permissions::from_mode(inode.metadata.mode)),
        }
    }

    /// Reads a directory. Files modified in this century get the time [`NOW`]. A name that is listed but does not
    /// exist becomes a whiteout, as in [`minicontainer_layers::Overlay::merged`].
    pub fn read(self, directory: &Path) -> io::Result<Tree> {
        let mut tree = Tree::new();
        let mut known = BTreeMap::new();
        *tree.inode_mut(Tree::ROOT) = {
            let read = self.inode(directory, &fs::metadata(directory)?)?;
            let mut root = tree.inode(Tree::ROOT).clone();
            (root.metadata, root.kind) = (read.metadata, read.kind);
            root
        };
        self.fill(&mut tree, Tree::ROOT, directory, &mut known)?;
        Ok(tree)
    }

    fn fill(
        self,
        tree: &mut Tree,
        id: InodeId,
        directory: &Path,
        known: &mut BTreeMap<(u64, u64), InodeId>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (name, place) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            let metadata = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let mark = tree.add(Inode::whiteout());
                    tree.put(id, &name, mark);
                    continue;
                }
                metadata => metadata?,
            };
            let key = (metadata.dev(), metadata.ino());
            if let Some(first) = known.get(&key).filter(|_| metadata.nlink() > 1 && !metadata.is_dir()) {
                tree.put(id, &name, *first);
                continue;
            }
            let file = tree.add(self.inode(&place, &metadata)?);
            tree.put(id, &name, file);
            known.insert(key, file);
            if metadata.is_dir() {
                self.fill(tree, file, &place, known)?;
            }
        }
        Ok(())
    }

    fn inode(self, place: &Path, metadata: &Metadata) -> io::Result<Inode> {
        let kind = metadata.file_type();
        let mut inode = if kind.is_dir() {
            Inode::directory()
        } else if kind.is_file() {
            Inode::file(fs::read(place)?)
        } else if kind.is_symlink() {
            Inode::symlink(fs::read_link(place)?.to_string_lossy())
        } else if kind.is_char_device() && metadata.rdev() == 0 {
            return Ok(Inode::whiteout());
        } else if kind.is_fifo() {
            Inode::new(Kind::Fifo, 0)
        } else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        inode.metadata.mode = metadata.mode() & 0o7777;
        (inode.metadata.uid, inode.metadata.gid) = (metadata.uid(), metadata.gid());
        inode.metadata.modified = match metadata.mtime() {
            time if time >= CENTURY => NOW,
            time => u64::try_from(time).unwrap_or(0),
        };
        if kind.is_dir() || kind.is_file() {
            self.read_attributes(place, &mut inode)?;
        }
        Ok(inode)
    }

    fn read_attributes(self, place: &Path, inode: &mut Inode) -> io::Result<()> {
        for name in xattr::list(place)? {
            let value = xattr::get(place, &name)?.unwrap_or_default();
            match (self.own(&name), &mut inode.kind) {
                (Some(b"opaque"), Kind::Directory { opaque, .. }) => *opaque = value == b"y",
                // Overlay's own records of inode numbers and file systems.
                (Some(b"origin" | b"impure" | b"uuid"), _) => {}
                _ => {
                    inode.metadata.xattrs.insert(name.to_string_lossy().into_owned(), value);
                }
            }
        }
        Ok(())
    }

    fn own(self, name: &OsStr) -> Option<&[u8]> {
        name.as_bytes().strip_prefix(self.prefix.as_bytes())
    }
}
