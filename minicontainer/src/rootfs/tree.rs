//! Reading a tree that a container may be changing at the same time.
//!
//! Between any two system calls, the container can replace a directory by a symbolic link to `/root`, or a file by a
//! FIFO (renameat2(2), `RENAME_EXCHANGE`). A path that was safe when it was checked may lead to the host when it is
//! used. So paths are not used:
//!
//! - **One name at a time.** A name is looked up below the descriptor of its directory. The result itself is opened
//!   (`O_PATH | O_NOFOLLOW`), even if it is a symbolic link. openat2(2) also ensures that the look-up stays inside
//!   (`RESOLVE_BENEATH`, `RESOLVE_NO_SYMLINKS`, `RESOLVE_NO_XDEV`).
//! - **Open first, then check.** Type, owner, size and attributes are read from the descriptor, so they belong to the
//!   same file as the content.
//! - **`O_PATH` has no side effects.** It does not block on a FIFO and does not open a device. Only a regular file is
//!   then opened for reading, through `/proc/self/fd`, which leads to this file even if its name now belongs to
//!   another one (proc(5)).
//! - **Everything has a limit**, see the constants: for a directory that grows while it is listed, and for endlessly
//!   nested directories.
//!
//! If a container changes its files meanwhile, the result may be a state that never existed as a whole. But it never
//! contains anything from outside of the container's tree.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, Metadata, OpenOptions},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            ffi::{OsStrExt, OsStringExt},
            fs::{MetadataExt, OpenOptionsExt},
        },
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat},
    sys::stat::Mode,
};

use crate::{
    host::{Owner, Owners},
    sys::xattr,
};

/// The maximum number of names read from one directory. A file that is renamed all the time could be listed
/// endlessly.
const MOST_NAMES: usize = 1 << 24;
/// The kernel accepts paths of up to 4,095 bytes. A longer path is walked in pieces.
const PIECE: usize = 4000;
/// How often a look-up is repeated if a rename(2) of another process interferes.
const TRIES: usize = 128;
/// A look-up must not leave the directory, follow a symbolic link, or cross a mount.
const STAY: ResolveFlag =
    ResolveFlag::RESOLVE_BENEATH.union(ResolveFlag::RESOLVE_NO_SYMLINKS).union(ResolveFlag::RESOLVE_NO_XDEV);

/// An open directory of a tree.
#[derive(Debug)]
pub(crate) struct Directory {
    file: OwnedFd,
    /// For files that the caller may not open, because they belong to a subordinate id.
    owners: Arc<Owners>,
}

/// An open descriptor of an entry of a directory. For a symbolic link, this is the link itself, not its target.
#[derive(Debug)]
pub(super) struct Node {
    file: File,
    metadata: Metadata,
    owners: Arc<Owners>,
}

impl Directory {
    /// Opens the root of a tree, by a path that no container controls.
    pub(crate) fn open(path: &Path, owners: &Arc<Owners>) -> io::Result<Directory> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Directory { file: open(path, flags, Mode::empty())?, owners: owners.clone() })
    }

    /// The names in it except `.` and `..`, sorted by their bytes. Empty if it has been removed.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        let opened = match self.open_for_reading() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            opened => opened?,
        };
        for entry in Dir::from_fd(opened)?.iter() {
            let entry = match entry {
                Err(Errno::ENOENT) => break,
                entry => entry?,
            };
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
            if names.len() > MOST_NAMES {
                return Err(io::Error::other(format!("it holds more than {MOST_NAMES} names")));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// A descriptor with which it can be read and changed, unlike the `O_PATH` descriptor.
    pub(super) fn open_for_reading(&self) -> io::Result<OwnedFd> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        match openat(&self.file, ".", flags, Mode::empty()) {
            Err(Errno::EACCES) => self.owners.open(&self.file, flags.bits()),
            opened => Ok(opened?),
        }
    }

    /// The entry of this name; `None` if there is none.
    pub(super) fn look(&self, name: &OsStr) -> io::Result<Option<Node>> {
        match self.resolve(Path::new(name), OFlag::O_NOFOLLOW) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => {
                let file = File::from(found?);
                Ok(Some(Node { metadata: file.metadata()?, file, owners: self.owners.clone() }))
            }
        }
    }

    /// The directory at a path of any length below this one; `None` if it does not exist, or a component is a
    /// symbolic link.
    pub(super) fn descend(&self, path: &[u8]) -> io::Result<Option<Directory>> {
        let (mut here, mut ahead) = (None::<Directory>, path);
        loop {
            let (piece, rest) = split_path(ahead);
            let piece = if piece.is_empty() { b"." } else { piece };
            match here.as_ref().unwrap_or(self).resolve(Path::new(OsStr::from_bytes(piece)), OFlag::O_DIRECTORY) {
                Err(error) if is_gone(&error) => return Ok(None),
                found => here = Some(Directory { file: found?, owners: self.owners.clone() }),
            }
            if rest.is_empty() {
                return Ok(here);
            }
            ahead = rest;
        }
    }

    fn resolve(&self, path: &Path, flags: OFlag) -> io::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | flags;
        match self.resolve_as_caller(path, flags) {
            Err(Errno::EACCES) => self.owners.look(&self.file, path, flags.bits()),
            found => Ok(found?),
        }
    }

    fn resolve_as_caller(&self, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let how = OpenHow::new().flags(flags).resolve(STAY);
        let mut tried = 0;
        loop {
            tried += 1;
            match openat2(&self.file, path, how) {
                // A component was moved during the look-up. A mount also causes EXDEV, which is returned after the
                // last attempt.
                Err(Errno::EAGAIN | Errno::EINTR | Errno::EXDEV) if tried < TRIES => continue,
                result => return result,
            }
        }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Whether an error means that a directory does not exist.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP))
}

/// Splits a path so that the kernel accepts the first piece.
fn split_path(path: &[u8]) -> (&[u8], &[u8]) {
    if path.len() <= PIECE {
        return (path, &[]);
    }
    // Names have at most 255 bytes, so there is a slash.
    let slash = path[..PIECE].iter().rposition(|byte| *byte == b'/').unwrap_or(PIECE);
    (&path[..slash], path.get(slash + 1..).unwrap_or_default())
}

impl Node {
    /// The result of fstat(2).
    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Opens a regular file for reading. Any other type of file is an error.
    pub(super) fn open(&self) -> io::Result<File> {
        if !self.metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        // O_NONBLOCK, because open(2) could block on a lease (fcntl(2)) or a network file system.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(xattr::path_of(&self.file));
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(io::Error::other("/proc is not mounted, through which the file is opened"));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.owners.open(&self.file, libc::O_RDONLY | flags).map(File::from)?
            }
            opened => opened?,
        };
        let opened = file.metadata()?;
        match (opened.dev(), opened.ino()) == (self.metadata.dev(), self.metadata.ino()) {
            true => Ok(file),
            false => Err(io::Error::other("/proc/self/fd leads to another file")),
        }
    }

    /// The target of a symbolic link.
    pub(super) fn target(&self) -> io::Result<PathBuf> {
        Ok(readlinkat(&self.file, "").map(PathBuf::from)?)
    }

    /// Uses this node as a directory. If it is not a directory, look-ups in it fail.
    pub(super) fn into_directory(self) -> Directory {
        Directory { file: self.file.into(), owners: self.owners }
    }

    /// Its owner, as a container sees it.
    pub(super) fn owner(&self) -> Owner {
        self.owners.inside(&self.metadata)
    }

    /// Its extended attributes, each with its value.
    pub(super) fn attributes(&self) -> io::Result<Vec<(OsString, Vec<u8>)>> {
        match xattr::all(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => self.owners.attributes(&self.file),
            attributes => attributes,
        }
    }

    /// One of its extended attributes.
    pub(super) fn attribute(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match xattr::get(&self.file, name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.owners.attribute(&self.file, OsStr::new(name))
            }
            attribute => attribute,
        }
    }
}
