//! What a container changed in its image's files, as `docker diff` shows it.

use std::{
    cell::RefCell,
    ffi::OsStr,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use minicontainer_layers::change::{
    Change, Listing, Lower, Node, NodeKind, Upper, UpperEntry, changes_of_upper, diff,
};

use super::{
    Driver, RootFsError,
    merged::{Entry, EntryPath, Links, Merged},
    walk::{Closed, Next},
    with_init_layer,
};

/// The limit on the total length of listed paths. They are kept in memory, and a container can create millions of
/// files in a directory whose path alone has thousands of bytes.
const LONGEST_LIST: usize = 128 << 20;

/// What the container changed, as `docker diff` shows it. The container may be running.
pub fn changes(layers: &[PathBuf], directory: &Path, driver: Driver) -> Result<Vec<Change>, RootFsError> {
    let image = Merged::new(&with_init_layer(layers, directory))?;
    match driver {
        Driver::Overlay => {
            let mut entries = Vec::new();
            list(&Merged::plain(&directory.join("upper"))?, |path, entry| {
                let kind = match entry.metadata() {
                    _ if entry.is_whiteout() => Upper::Whiteout,
                    metadata if metadata.is_dir() => Upper::Directory { opaque: entry.is_opaque()? },
                    _ => Upper::Other,
                };
                entries.push(UpperEntry { path, kind });
                Ok(())
            })?;
            changes_of_upper(&entries, &Below { image, last: RefCell::default() })
        }
        Driver::Copy => Ok(diff(&listing(&image)?, &listing(&Merged::plain(&directory.join("rootfs"))?)?)),
    }
}

fn listing(merged: &Merged) -> Result<Listing, RootFsError> {
    let mut listing = Listing::new();
    list(merged, |path, entry| {
        listing.insert(path, node(entry)?);
        Ok(())
    })?;
    Ok(listing)
}

fn list(merged: &Merged, mut add: impl FnMut(Vec<u8>, &Entry) -> Result<(), RootFsError>) -> Result<(), RootFsError> {
    let mut length = 0;
    merged.walk(Closed::Refuse, |entry| {
        let path = entry.place.absolute();
        length += path.len();
        if length > LONGEST_LIST {
            return Err(RootFsError::TooMany { what: "bytes of paths to list", limit: LONGEST_LIST });
        }
        add(path, entry).map(|()| Next::Enter)
    })
}

fn node(entry: &Entry) -> Result<Node, RootFsError> {
    let metadata = entry.metadata();
    let kind = if metadata.is_dir() {
        NodeKind::Directory
    } else if metadata.is_file() {
        let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        NodeKind::File { size: metadata.len(), modified }
    } else if metadata.is_symlink() {
        NodeKind::Symlink { target: entry.target()?.into_os_string().into_vec() }
    } else {
        NodeKind::Special { file_type: metadata.mode() & libc::S_IFMT, device: metadata.rdev() }
    };
    Ok(Node { kind, mode: metadata.mode() & 0o7777, uid: metadata.uid(), gid: metadata.gid() })
}

/// The image below an upper directory, for look-ups of single paths.
struct Below {
    image: Merged,
    /// A cache of the last directory looked up and its place, if the image has it. Consecutive look-ups are often in
    /// the same directory.
    last: RefCell<(PathBuf, Option<EntryPath>)>,
}

impl Below {
    fn directory(&self, path: &Path) -> Result<Option<EntryPath>, RootFsError> {
        if path.parent().is_none() {
            return Ok(Some(self.image.root()));
        }
        let mut last = self.last.borrow_mut();
        if last.0 != path {
            let found = self.image.look(path, Links::Keep)?.filter(|entry| entry.metadata().is_dir());
            *last = (path.to_owned(), found.map(|entry| entry.place));
        }
        Ok(last.1.clone())
    }
}

impl Lower for Below {
    type Error = RootFsError;

    fn exists(&self, path: &[u8]) -> Result<bool, RootFsError> {
        let path = Path::new(OsStr::from_bytes(path));
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Ok(true) };
        let Some(above) = self.directory(above)? else { return Ok(false) };
        Ok(self.image.child(&above, name)?.is_some())
    }

    fn names_in(&self, directory: &[u8]) -> Result<Vec<Vec<u8>>, RootFsError> {
        let Some(place) = self.directory(Path::new(OsStr::from_bytes(directory)))? else { return Ok(Vec::new()) };
        let mut shown = Vec::new();
        for name in self.image.names(&place)? {
            if self.image.child(&place, &name)?.is_some() {
                shown.push(name.into_vec());
            }
        }
        Ok(shown)
    }
}
