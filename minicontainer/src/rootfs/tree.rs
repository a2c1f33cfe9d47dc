//! Reading a tree that a container may be changing at the same moment.
//!
//! Between any two system calls of ours the container can exchange a directory for a symbolic link to `/root`, or a
//! file for a FIFO (renameat2(2), `RENAME_EXCHANGE`). A path that was harmless when it was looked at leads to the
//! host when it is used. So no path is used:
//!
//! - **One name at a time.** A name is looked up below the descriptor of its directory, and what is found is opened
//!   itself (`O_PATH | O_NOFOLLOW`), even a symbolic link. openat2(2) is told besides that nothing may lead out
//!   (`RESOLVE_BENEATH`, `RESOLVE_NO_SYMLINKS`, `RESOLVE_NO_XDEV`).
//! - **Open first, ask later.** Kind, owner, size and attributes are those of the descriptor, so they belong to the
//!   same file as its content does.
//! - **`O_PATH` opens nothing.** It waits for no FIFO and starts no device. Only what is known to be a regular file
//!   is opened to be read: through `/proc/self/fd`, which leads to just this file whatever has its name by now
//!   (proc(5)).
//! - **Everything has a bound**, see the constants: a directory that grows while it is listed, a tree without a
//!   bottom.
//!
//! A container that changes its files meanwhile may have a state reported that never existed as a whole, but nothing
//! from outside of its tree.

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
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat},
    sys::stat::Mode,
};

use crate::sys::xattr;

/// The most names that are read of one directory: a file that is renamed again and again could be listed for ever.
const MOST_NAMES: usize = 1 << 24;
/// The kernel takes paths of up to 4,095 bytes; a longer one is walked in pieces.
const PIECE: usize = 4000;
/// How often a lookup is repeated that another process's rename(2) has disturbed.
const TRIES: usize = 128;
/// What of a file system in between may never be passed: a way up, a symbolic link, a mount.
const STAY: ResolveFlag =
    ResolveFlag::RESOLVE_BENEATH.union(ResolveFlag::RESOLVE_NO_SYMLINKS).union(ResolveFlag::RESOLVE_NO_XDEV);

/// An open directory of a tree.
#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

/// Something that was found in a directory, itself and not what it may link to: an open descriptor of it.
#[derive(Debug)]
pub(super) struct Node {
    file: File,
    metadata: Metadata,
}

impl Directory {
    /// Opens the root of a tree, by a path that no container controls.
    pub(crate) fn open(path: &Path) -> io::Result<Directory> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Directory(open(path, flags, Mode::empty())?))
    }

    /// The names in it but `.` and `..`, in the order of their bytes; none if it has been removed.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        let opened = match self.to_be_read() {
            Err(Errno::ENOENT) => return Ok(names),
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

    /// A descriptor by which it can be read and changed, not only passed.
    pub(super) fn to_be_read(&self) -> nix::Result<OwnedFd> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        openat(&self.0, ".", flags, Mode::empty())
    }

    /// What it has under a name; `None` if nothing.
    pub(super) fn look(&self, name: &OsStr) -> io::Result<Option<Node>> {
        match self.resolve(Path::new(name), OFlag::O_NOFOLLOW) {
            Err(Errno::ENOENT) => Ok(None),
            found => {
                let file = File::from(found?);
                Ok(Some(Node { metadata: file.metadata()?, file }))
            }
        }
    }

    /// The directory at a path below this one, however long the path is; `None` if there is none, or a symbolic link
    /// on the way.
    pub(super) fn descend(&self, path: &[u8]) -> io::Result<Option<Directory>> {
        let (mut here, mut ahead) = (None::<Directory>, path);
        loop {
            let (piece, rest) = first_piece(ahead);
            let piece = if piece.is_empty() { b"." } else { piece };
            match here.as_ref().unwrap_or(self).resolve(Path::new(OsStr::from_bytes(piece)), OFlag::O_DIRECTORY) {
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Ok(None),
                found => here = Some(Directory(found?)),
            }
            if rest.is_empty() {
                return Ok(here);
            }
            ahead = rest;
        }
    }

    fn resolve(&self, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC | flags).resolve(STAY);
        let mut tried = 0;
        loop {
            tried += 1;
            match openat2(&self.0, path, how) {
                // Something was moved away while it was looked up; and a mount, which stays, is refused in the end.
                Err(Errno::EAGAIN | Errno::EINTR | Errno::EXDEV) if tried < TRIES => continue,
                result => return result,
            }
        }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Cuts a path where the kernel can take the first piece of it.
fn first_piece(path: &[u8]) -> (&[u8], &[u8]) {
    if path.len() <= PIECE {
        return (path, &[]);
    }
    // No name is longer than 255 bytes, so there is a slash.
    let slash = path[..PIECE].iter().rposition(|byte| *byte == b'/').unwrap_or(PIECE);
    (&path[..slash], path.get(slash + 1..).unwrap_or_default())
}

impl Node {
    /// What fstat(2) says of it.
    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Opens a regular file to be read; anything else is refused.
    pub(super) fn open(&self) -> io::Result<File> {
        if !self.metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        // A lease (fcntl(2)) or a file system over the network could make us wait.
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = options.open(xattr::path_of(&self.file)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::other("/proc is not mounted, through which the file is opened"),
            _ => error,
        })?;
        let opened = file.metadata()?;
        match (opened.dev(), opened.ino()) == (self.metadata.dev(), self.metadata.ino()) {
            true => Ok(file),
            false => Err(io::Error::other("/proc/self/fd leads to another file")),
        }
    }

    /// What a symbolic link says.
    pub(super) fn target(&self) -> io::Result<PathBuf> {
        Ok(readlinkat(&self.file, "").map(PathBuf::from)?)
    }

    /// The directory that this is. Looking up a name in anything else fails.
    pub(super) fn into_directory(self) -> Directory {
        Directory(self.file.into())
    }

    /// Its extended attributes, each with its value.
    pub(super) fn attributes(&self) -> io::Result<Vec<(OsString, Vec<u8>)>> {
        xattr::all(&self.file)
    }

    /// One of its extended attributes.
    pub(super) fn attribute(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        xattr::get(&self.file, name)
    }
}
