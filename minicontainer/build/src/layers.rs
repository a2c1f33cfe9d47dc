//! The files of an image or a stage, merged from its layers.
//!
//! No mount is needed to read them: [`Merged`] applies the rules of overlayfs, and looks everything up below
//! descriptors.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use minicontainer::rootfs::merged::{Entry, Merged};
use nix::sys::stat::{major, minor};

use super::{
    BuildError,
    files::{Files, Found, Handle, Kind},
};

/// A stack of layers.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    name: String,
    files: Arc<Merged>,
}

impl Layers {
    /// Opens the layers in these directories, the lowest first.
    pub(super) fn new(name: impl Into<String>, lowest_first: &[PathBuf]) -> Result<Layers, BuildError> {
        Ok(Layers { name: name.into(), files: Arc::new(Merged::new(lowest_first)?) })
    }

    fn entry(&self, found: &Found) -> Result<Entry, BuildError> {
        let entry = match &found.handle {
            Handle::EntryPath(place) => self.files.look_up_again(place)?,
            _ => None,
        };
        entry.ok_or_else(|| BuildError::NotFound { path: found.path.clone(), of: self.name() })
    }
}

impl Files for Layers {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<Found, BuildError> {
        // A stage without layers (`FROM scratch`) still has a root.
        Ok(Found {
            path: PathBuf::from("/"),
            kind: Kind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            modified: 0,
            size: 0,
            inode: None,
            handle: Handle::EntryPath(self.files.root()),
        })
    }

    fn child(&self, directory: &Found, name: &OsStr) -> Result<Option<Found>, BuildError> {
        let Handle::EntryPath(place) = &directory.handle else { return Ok(None) };
        Ok(self.files.child(place, name)?.map(found))
    }

    fn names(&self, directory: &Found) -> Result<Vec<OsString>, BuildError> {
        let Handle::EntryPath(place) = &directory.handle else { return Ok(Vec::new()) };
        Ok(self.files.names(place)?)
    }

    fn target(&self, link: &Found) -> Result<PathBuf, BuildError> {
        Ok(self.entry(link)?.target()?)
    }

    fn open(&self, file: &Found) -> Result<File, BuildError> {
        Ok(self.entry(file)?.open()?)
    }

    fn attributes(&self, file: &Found, _: &File) -> Result<Vec<(OsString, Vec<u8>)>, BuildError> {
        Ok(self.entry(file)?.attributes()?)
    }

    fn has_owners(&self) -> bool {
        true
    }
}

fn found(entry: Entry) -> Found {
    let (metadata, owner) = (entry.metadata(), entry.owner());
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
        path: Path::new("/").join(entry.place.path()),
        kind,
        mode: metadata.mode() & 0o7777,
        uid: owner.uid,
        gid: owner.gid,
        modified: metadata.mtime(),
        size: metadata.len(),
        inode: (kind == Kind::File && metadata.nlink() > 1).then(|| (metadata.dev(), metadata.ino())),
        handle: Handle::EntryPath(entry.place),
    }
}
