//! The files of an image or a stage: what its layers show when they are stacked.
//!
//! Nothing is mounted to read them. The layers lie in the store, whose owner alone may enter it; [`merged`] knows what
//! overlayfs would show.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::PathBuf,
};

use minicontainer::rootfs::merged::{Entry, child, names};
use nix::sys::stat::{major, minor};

use super::{
    BuildError,
    files::{Files, Found, Handle, Kind},
};

/// A stack of layers.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    name: String,
    /// Their directories, the uppermost first.
    directories: Vec<PathBuf>,
}

impl Layers {
    /// The layers in these directories, the lowest first.
    pub(super) fn new(name: impl Into<String>, lowest_first: &[PathBuf]) -> Layers {
        Layers { name: name.into(), directories: lowest_first.iter().rev().cloned().collect() }
    }
}

impl Files for Layers {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<Found, BuildError> {
        let handle = Handle::Places(self.directories.clone());
        let path = PathBuf::from("/");
        // Of nothing, `FROM scratch`, there is a root all the same.
        Ok(Found {
            path,
            kind: Kind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            modified: 0,
            size: 0,
            inode: None,
            handle,
        })
    }

    fn child(&self, directory: &Found, name: &OsStr) -> Result<Option<Found>, BuildError> {
        let Handle::Places(places) = &directory.handle else { return Ok(None) };
        let entry = child(places, name)?;
        Ok(entry.map(|entry| found(directory.path.join(name), entry)))
    }

    fn names(&self, directory: &Found) -> Result<Vec<OsString>, BuildError> {
        let Handle::Places(places) = &directory.handle else { return Ok(Vec::new()) };
        Ok(names(places)?.into_iter().collect())
    }

    fn target(&self, link: &Found) -> Result<PathBuf, BuildError> {
        let place = self.place(link)?;
        fs::read_link(&place).map_err(|source| BuildError::Read { path: link.path.clone(), of: self.name(), source })
    }

    fn open(&self, file: &Found) -> Result<File, BuildError> {
        let place = self.place(file)?;
        let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&place);
        opened.map_err(|source| BuildError::Read { path: file.path.clone(), of: self.name(), source })
    }

    fn has_owners(&self) -> bool {
        true
    }
}

impl Layers {
    fn place(&self, found: &Found) -> Result<PathBuf, BuildError> {
        match &found.handle {
            Handle::Places(places) if !places.is_empty() => Ok(places[0].clone()),
            _ => Err(BuildError::NotFound { path: found.path.clone(), of: self.name() }),
        }
    }
}

fn found(path: PathBuf, Entry { metadata, places }: Entry) -> Found {
    let kind = metadata.file_type();
    let device = |block| Kind::Device { block, major: major(metadata.rdev()), minor: minor(metadata.rdev()) };
    let kind = match () {
        () if kind.is_dir() => Kind::Directory,
        () if kind.is_symlink() => Kind::Symlink,
        () if kind.is_fifo() => Kind::Fifo,
        () if kind.is_socket() => Kind::Socket,
        () if kind.is_char_device() => device(false),
        () if kind.is_block_device() => device(true),
        () => Kind::File,
    };
    Found {
        path,
        kind,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        modified: metadata.mtime(),
        size: metadata.len(),
        inode: (kind == Kind::File && metadata.nlink() > 1).then(|| (metadata.dev(), metadata.ino())),
        handle: Handle::Places(places),
    }
}
