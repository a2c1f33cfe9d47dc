//! A directory tree in which the kernel resolves every path inside the root.
//!
//! The usual protection against `a/../../etc/passwd` is to check a path and then use it. The usual attack is to
//! replace a directory by a symbolic link in between. openat2(2) with `RESOLVE_IN_ROOT` resolves *and* opens in one
//! step, as if the given directory were `/`. It opens the parent directory. Then only the last component is used
//! below its descriptor, by calls that do not follow symbolic links.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
};

use minicontainer::{host::Owners, store::remove_directory};
use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat},
    sys::stat::{
        FchmodatFlags, FileStat, Mode, SFlag, UtimensatFlags, fchmodat, fstatat, makedev, mkdirat, mknodat, utimensat,
    },
    unistd::{Gid, Uid, UnlinkatFlags, fchownat, geteuid, linkat, symlinkat, unlinkat},
};
use tar::EntryType;

use super::{
    entry::{EntryPath, path_of},
    metadata::Metadata,
};

/// The unpacker follows symbolic links itself (`parents`), because those of the layers below count, too.
const NO_LINKS: ResolveFlag = ResolveFlag::RESOLVE_NO_SYMLINKS;

/// The tree below one open directory.
#[derive(Debug)]
pub(crate) struct Tree {
    root: OwnedFd,
    /// The directory that was entered last. Consecutive entries are often in the same directory.
    entered: Option<(EntryPath, OwnedFd)>,
}

/// The directory that contains the file of a call: the entered one, or one opened only for this call.
enum Parent<'a> {
    Entered(BorrowedFd<'a>),
    Opened(OwnedFd),
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Parent::Entered(descriptor) => *descriptor,
            Parent::Opened(descriptor) => descriptor.as_fd(),
        }
    }
}

impl Tree {
    /// Opens the tree below this directory.
    pub(crate) fn open(directory: &Path) -> io::Result<Tree> {
        let root = open(directory, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Tree { root, entered: None })
    }

    fn resolve(&self, path: &Path, flags: OFlag, links: ResolveFlag) -> nix::Result<OwnedFd> {
        let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_IN_ROOT | links);
        loop {
            // EAGAIN: a file was renamed meanwhile, so the kernel cannot verify that `..` stayed inside.
            match openat2(&self.root, path, how) {
                Err(Errno::EAGAIN | Errno::EINTR) => continue,
                result => return result,
            }
        }
    }

    /// Enters the directory whose entries the next calls use. No component of its path may be a symbolic link.
    pub(crate) fn enter(&mut self, directory: &EntryPath) -> nix::Result<()> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        let inside = match (&self.entered, directory.split()) {
            (Some((entered, _)), _) if entered == directory => return Ok(()),
            (Some((entered, descriptor)), Some((parent, name))) if entered.is_same(parent) => {
                let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                Some(openat(descriptor, path_of(name), flags, Mode::empty()))
            }
            _ => None,
        };
        let descriptor = match inside {
            Some(descriptor) => descriptor?,
            None => self.resolve(directory.as_path(), flags, NO_LINKS)?,
        };
        self.entered = Some((directory.clone(), descriptor));
        Ok(())
    }

    /// The parent's descriptor and the name in it.
    fn locate<'a>(&'a self, path: &'a EntryPath) -> nix::Result<(Parent<'a>, &'a Path)> {
        let (parent, name) = path.split().ok_or(Errno::EINVAL)?;
        let descriptor = match &self.entered {
            Some((entered, descriptor)) if entered.is_same(parent) => Parent::Entered(descriptor.as_fd()),
            _ => Parent::Opened(self.resolve(path_of(parent), OFlag::O_PATH | OFlag::O_DIRECTORY, NO_LINKS)?),
        };
        Ok((descriptor, Path::new(OsStr::from_bytes(name))))
    }

    /// The result of lstat(2); `None` if the path does not exist.
    pub(crate) fn look(&self, path: &EntryPath) -> nix::Result<Option<FileStat>> {
        let located = self.locate(path);
        match located.and_then(|(parent, name)| fstatat(&parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Whether the path is a directory (not a symbolic link to one); `None` if it does not exist.
    pub(crate) fn is_directory(&self, path: &EntryPath) -> nix::Result<Option<bool>> {
        Ok(self.look(path)?.map(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR))
    }

    /// The target of a symbolic link; `None` if it is another file.
    pub(crate) fn target(&self, path: &EntryPath) -> nix::Result<Option<Vec<u8>>> {
        let (parent, name) = self.locate(path)?;
        match readlinkat(&parent, name) {
            Err(Errno::EINVAL) => Ok(None),
            target => target.map(|target| Some(target.into_vec())),
        }
    }

    pub(crate) fn same_file(&self, one: &EntryPath, other: &EntryPath) -> nix::Result<bool> {
        let one = self.look(one)?.ok_or(Errno::ENOENT)?;
        Ok(self.look(other)?.is_some_and(|other| (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)))
    }

    /// Opens a directory itself, never the target of a symbolic link.
    pub(crate) fn open_directory(&self, path: &EntryPath) -> nix::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        if path.is_root() {
            return self.resolve(path.as_path(), flags, NO_LINKS).map(File::from);
        }
        let (parent, name) = self.locate(path)?;
        openat(&parent, name, flags | OFlag::O_CLOEXEC, Mode::empty()).map(File::from)
    }

    /// A directory, to be listed entry by entry.
    pub(crate) fn list(&self, path: &EntryPath) -> nix::Result<Dir> {
        Dir::from_fd(self.open_directory(path)?.into())
    }

    /// Opens a regular file for reading; symbolic links are followed inside the root. Refuses a FIFO, because opening
    /// it would block.
    pub(crate) fn open_file(&self, path: &Path) -> io::Result<File> {
        let file = File::from(self.resolve(
            path,
            OFlag::O_RDONLY | OFlag::O_NONBLOCK,
            ResolveFlag::RESOLVE_NO_MAGICLINKS,
        )?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
    }

    pub(crate) fn create(&self, path: &EntryPath) -> nix::Result<File> {
        let (parent, name) = self.locate(path)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&parent, name, flags, Mode::S_IRUSR | Mode::S_IWUSR).map(File::from)
    }

    pub(crate) fn make_directory(&self, path: &EntryPath) -> nix::Result<()> {
        let (parent, name) = self.locate(path)?;
        mkdirat(&parent, name, Mode::S_IRWXU)?;
        // The caller's umask may have removed permissions that the owner needs to fill it.
        fchmodat(&parent, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)
    }

    pub(crate) fn symlink(&self, path: &EntryPath, target: &[u8]) -> nix::Result<()> {
        let (parent, name) = self.locate(path)?;
        symlinkat(target, &parent, name)
    }

    /// The last component of the target is not followed either: a link to a symbolic link is one more name for it.
    pub(crate) fn link(&self, target: &EntryPath, path: &EntryPath, owners: &Owners) -> io::Result<()> {
        let (target_parent, target_name) = self.locate(target)?;
        let (parent, name) = self.locate(path)?;
        match linkat(&target_parent, target_name, &parent, name, AtFlags::empty()) {
            // The kernel does not let a user link to a file of another id. The paths are already resolved, and no
            // other process can change this tree.
            Err(Errno::EPERM) if owners.are_subordinate() => {
                owners.link(&self.root, target.as_path(), path.as_path())
            }
            linked => Ok(linked?),
        }
    }

    /// A device or a FIFO.
    pub(crate) fn special(&self, path: &EntryPath, kind: EntryType, major: u32, minor: u32) -> nix::Result<()> {
        let (parent, name) = self.locate(path)?;
        let flag = match kind {
            EntryType::Char => SFlag::S_IFCHR,
            EntryType::Block => SFlag::S_IFBLK,
            _ => SFlag::S_IFIFO,
        };
        mknodat(&parent, name, flag, Mode::S_IRUSR | Mode::S_IWUSR, makedev(major.into(), minor.into()))
    }

    /// Sets owner, mode and time of an entry that cannot be opened for this: a symbolic link, a device, a FIFO.
    pub(crate) fn set_unopened(&self, path: &EntryPath, metadata: &Metadata, owners: &Owners) -> io::Result<()> {
        let (parent, name) = self.locate(path)?;
        let owner = metadata.last.owner;
        if geteuid().is_root() && owners.can_keep(owner) {
            let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
            fchownat(&parent, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
        // A symbolic link has no mode of its own. The entry has just been created, so its type is known.
        let stat = fstatat(&parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT != SFlag::S_IFLNK {
            fchmodat(&parent, name, Mode::from_bits_truncate(metadata.last.mode), FchmodatFlags::FollowSymlink)?;
        }
        utimensat(&parent, name, &metadata.time(), &metadata.time(), UtimensatFlags::NoFollowSymlink)?;
        if !metadata.last.is_given() {
            return Ok(());
        }
        let file = openat(&parent, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
        owners.give(&file, owner, None)
    }

    /// Removes what is at the path; returns whether it was a directory, or `None` if there was nothing.
    pub(crate) fn remove(&mut self, path: &EntryPath) -> nix::Result<Option<bool>> {
        let (parent, name) = self.locate(path)?;
        let was_directory = match unlinkat(&parent, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::EISDIR) => remove_directory(parent.as_fd(), name).map(|()| true).map_err(errno)?,
            result => result.map(|()| false)?,
        };
        // The path to the directory entered last may have led through it.
        self.entered = None;
        Ok(Some(was_directory))
    }
}

/// The error number of a system call. The few errors of the standard library itself have none.
fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL))
}
