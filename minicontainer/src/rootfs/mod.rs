//! A container's root file system: many containers, each with a whole system of files of its own, and hardly a byte
//! of it copied.
//!
//! An image is a stack of **layers**, directories that many images and containers share and none may change. The
//! kernel's *overlayfs* shows such a stack as one tree (*Documentation/filesystems/overlayfs.rst*):
//!
//! | Term | What it is | Here |
//! |---|---|---|
//! | **lower** directories | the layers, read-only | `layers/…/fs` of the [store](crate::store) |
//! | **upper** directory | the one writable layer, empty at first | `upper` in the container's directory |
//! | **work** directory | overlay's scratch place, on the upper's file system: what is ready is renamed | `work` |
//! | **merged** tree | what the container sees | mounted over that directory |
//!
//! *Reading* takes a file from the uppermost layer that has it. The first *write* copies the file **up** into the
//! upper directory, and there it is changed: copy-on-write. *Deleting* cannot touch a lower directory, so it leaves a
//! mark in the upper one, a **whiteout** (a character device 0:0); a directory made anew in a deleted one's place is
//! marked **opaque**. So the upper directory is exactly what the container changed: [`changes`](changes()) reads it
//! off there.
//!
//! What does that save? [`Driver::Copy`] shows it: it copies the whole tree for every container. A tree of 10,000
//! files takes a second or more and all its bytes again, where the overlay takes a fraction of a millisecond and
//! none,
//! *however large the image is*. The copy is there to be compared, and for hosts without overlayfs.
//!
//! Nothing is mounted here. [`prepare`] makes directories and says how the root comes to be; the mount is a step of
//! the plan, carried out inside the container's own mount namespace. Lesson `09-two-containers` looks at two uppers
//! above one lower.
//!
//! ```
//! use minicontainer::rootfs::{Driver, changes, prepare};
//! use std::fs;
//!
//! let place = tempfile::tempdir()?;
//! let (layer, container) = (place.path().join("layer"), place.path().join("container"));
//! fs::create_dir_all(layer.join("etc"))?;
//! fs::write(layer.join("etc/motd"), "hello")?;
//! fs::create_dir(&container)?;
//!
//! let layers = [layer];
//! prepare(&layers, &container, Driver::Overlay, false)?;
//! fs::write(container.join("upper/new"), "what a container would write")?;
//! let changes = changes(&layers, &container, Driver::Overlay)?;
//! assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["A /new"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod changes;
mod copy;
mod entry;
mod error;
pub mod merged;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

use std::{
    collections::HashSet,
    fmt,
    fs::{self, DirBuilder, Permissions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use minicontainer_core::plan::RootFs;
use serde::{Deserialize, Serialize};

pub use changes::changes;
pub use error::RootFsError;
pub use walk::{Closed, Next};

use crate::host;
use merged::{Links, Merged};

/// What a copy of the layers is called while it is made.
const PARTIAL_COPY: &str = "rootfs.partial";

/// How a container gets a tree that it may write in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The kernel's overlayfs: nothing is copied until it is written.
    #[default]
    Overlay,
    /// A full copy of all layers.
    Copy,
}

/// The word is no driver's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown driver \"{}\": it is overlay or copy", name.escape_debug())]
pub struct DriverError {
    /// The word.
    pub name: String,
}

impl FromStr for Driver {
    type Err = DriverError;

    fn from_str(name: &str) -> Result<Driver, DriverError> {
        match name {
            "overlay" => Ok(Driver::Overlay),
            "copy" => Ok(Driver::Copy),
            _ => Err(DriverError { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Driver::Overlay => "overlay",
            Driver::Copy => "copy",
        })
    }
}

/// Makes what a container's root file system needs inside `directory`, which exists and is the engine's: a few empty
/// directories, or a full copy. `layers` stand lowest first, and `volatile` is for a container that will be thrown
/// away. What an error leaves half-made, [`remove`] takes away. A plan is text, so below a directory whose name is
/// not UTF-8 nothing can be made.
///
/// The last thing that is made is the writable directory itself, by which [`is_prepared`] can tell that all is there.
pub fn prepare(layers: &[PathBuf], directory: &Path, driver: Driver, volatile: bool) -> Result<RootFs, RootFsError> {
    let root = describe(layers, directory, driver, volatile);
    match &root {
        RootFs::Overlay { lowers, upper, work, .. } => {
            let empty = lowers.iter().filter(|_| layers.is_empty());
            for path in empty.chain([work, upper]) {
                make_directory(Path::new(path))?;
            }
        }
        RootFs::Directory { path } => {
            let partial = directory.join(PARTIAL_COPY);
            make_directory(&partial)?;
            let copied = copy::copy(&Merged::new(layers)?, &partial).and_then(|()| {
                fs::rename(&partial, path)
                    .map_err(RootFsError::io("rename the copy of the layers to", Path::new(path)))
            });
            if copied.is_err() {
                remove(&partial)?;
            }
            copied?;
        }
    }
    Ok(root)
}

/// Whether [`prepare`] has made everything in this directory. What is there only in part is removed, so that it can
/// be made anew: a start may have been killed while it copied.
pub fn is_prepared(directory: &Path, driver: Driver) -> Result<bool, RootFsError> {
    let (last, before): (&str, &[&str]) = match driver {
        Driver::Overlay => ("upper", &["work", "lower"]),
        Driver::Copy => ("rootfs", &[PARTIAL_COPY]),
    };
    if directory.join(last).is_dir() {
        return Ok(true);
    }
    before.iter().try_for_each(|name| remove(&directory.join(name)))?;
    Ok(false)
}

/// The value that [`prepare`] would return, with nothing made: for `--explain`.
pub fn describe(layers: &[PathBuf], directory: &Path, driver: Driver, volatile: bool) -> RootFs {
    // Overlay takes no directory twice (ELOOP). Of two layers that are the same the upper one hides the lower.
    let mut seen = HashSet::new();
    let own = layers.iter().rev().filter(|layer| seen.insert(*layer)).map(|layer| layer.display().to_string());
    let inside = |name: &str| directory.join(name).display().to_string();
    match driver {
        Driver::Overlay => RootFs::Overlay {
            // Overlay demands a lower directory; an image without layers gets an empty one.
            lowers: if layers.is_empty() { vec![inside("lower")] } else { own.collect() },
            upper: inside("upper"),
            work: inside("work"),
            // Mounted over the directory itself, in the container's own mount namespace only: the host goes on seeing
            // what lies in it.
            target: directory.display().to_string(),
            volatile,
            limit: None,
        },
        Driver::Copy => RootFs::Directory { path: inside("rootfs") },
    }
}

/// The merged root takes its mode from the upper directory, so it must be one that every user of the container can
/// enter, whatever the caller's umask; strangers on the host are kept out by the directory around it.
fn make_directory(path: &Path) -> Result<(), RootFsError> {
    let failed = || RootFsError::io("make the directory", path);
    DirBuilder::new().mode(0o755).create(path).map_err(failed())?;
    fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(failed())
}

/// Reads a file of the image such as `/etc/passwd`, whatever layer it is in; `None` if there is none. An image may be
/// hostile: symbolic links stay inside the layers, a pipe or a device is never opened, and a file longer than `limit`
/// bytes is an error. Bytes that are not UTF-8 come out as replacement characters.
pub fn read_file(layers: &[PathBuf], path: &str, limit: u64) -> Result<Option<String>, RootFsError> {
    read_files(layers, [path], limit).map(|[content]| content)
}

/// The same for several files.
pub fn read_files<const N: usize>(
    layers: &[PathBuf],
    paths: [&str; N],
    limit: u64,
) -> Result<[Option<String>; N], RootFsError> {
    // That a layer has gone is for the mount to say, which needs all of them.
    let layers: Vec<PathBuf> = layers.iter().filter(|layer| layer.exists()).cloned().collect();
    let tree = Merged::new(&layers)?;
    let mut contents = [const { None }; N];
    for (content, path) in contents.iter_mut().zip(paths) {
        *content = read_regular(&tree, path, limit)?;
    }
    Ok(contents)
}

fn read_regular(tree: &Merged, path: &str, limit: u64) -> Result<Option<String>, RootFsError> {
    let Some(entry) = tree.look(Path::new(path), Links::Follow)? else { return Ok(None) };
    if !entry.metadata().is_file() {
        return Err(RootFsError::NotRegular { path: path.to_owned() });
    }
    let mut content = Vec::new();
    let file = entry.open()?;
    file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(RootFsError::io("read", path))?;
    if content.len() as u64 > limit {
        return Err(RootFsError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(Some(String::from_utf8_lossy(&content).into_owned()))
}

/// How many bytes the files below a directory have, each counted once however many names it has. A directory that is
/// not there has none. What the caller may not look into is left out: that is what an ordinary user's container keeps
/// for an id that was allocated.
pub fn size(directory: &Path) -> Result<u64, RootFsError> {
    let tree = match Merged::plain(directory) {
        Err(RootFsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(0),
        tree => tree?,
    };
    let (mut bytes, mut counted) = (0_u64, HashSet::new());
    tree.walk::<RootFsError>(Closed::LeaveOut, |entry| {
        let metadata = entry.metadata();
        let is_new = metadata.nlink() == 1 || counted.insert((metadata.dev(), metadata.ino()));
        if metadata.is_file() && is_new {
            bytes = bytes.saturating_add(metadata.len());
        }
        Ok(Next::Enter)
    })?;
    Ok(bytes)
}

/// Removes a container's directory with everything in it, also what its owner has no permission to enter, and what
/// belongs to the subordinate ids of the caller. It may be gone already.
pub fn remove(directory: &Path) -> Result<(), RootFsError> {
    host::remove_tree(directory).map_err(RootFsError::io("remove", directory))
}
