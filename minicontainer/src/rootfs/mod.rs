//! A container's root file system. Every container has its own, almost without copying any files.
//!
//! An image is a stack of **layers**: read-only directories that many images and containers share. The kernel's
//! *overlayfs* shows such a stack as one tree (*Documentation/filesystems/overlayfs.rst*):
//!
//! | Term | What it is | Here |
//! |---|---|---|
//! | **lower** directories | the layers, read-only | `layers/…/fs` of the [store](crate::store) |
//! | **upper** directory | the one writable layer, empty at first | `upper` in the container's directory |
//! | **work** directory | where overlayfs prepares files before it renames them into the upper directory | `work` |
//! | **merged** tree | what the container sees | mounted over `upper` |
//!
//! *Reading* takes a file from the uppermost layer that has it. The first *write* copies the file **up** into the
//! upper directory, where it is changed: copy-on-write. *Deleting* cannot change a lower directory, so it creates a
//! **whiteout** (a character device 0:0) in the upper directory. A directory that replaces a deleted one is marked
//! **opaque**. So the upper directory contains exactly what the container changed, and [`changes`](changes()) reads
//! it from there.
//!
//! [`Driver::Copy`] shows what this saves: it copies the whole tree for every container. For a tree of 10,000 files,
//! that takes a second or more, and the same disk space again. The overlay takes a fraction of a millisecond and no
//! space, *regardless of the size of the image*. The copy driver exists for comparison, and for hosts without
//! overlayfs.
//!
//! Nothing is mounted here. [`prepare`] creates directories and returns a description of the root; the mount is a
//! step of the plan, carried out in the container's own mount namespace. Lesson `09-two-containers` shows two upper
//! directories above one lower directory.
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
//!
//! Decisions: `minicontainer/decisions/mounts-and-paths.md`.

mod changes;
mod copy;
mod entry;
mod error;
mod holes;
mod init_layer;
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
pub use holes::copy_data;
pub use init_layer::with_init_layer;
pub(crate) use init_layer::{InitLayer, create_shared, init_layer, shared_init_layer};
pub use walk::{Closed, Next};

use crate::host;
use merged::{Links, Merged};

/// The name of a copy of the layers until it is complete.
const PARTIAL_COPY: &str = "rootfs.partial";

/// How a container gets a writable tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The kernel's overlayfs: nothing is copied until it is written.
    #[default]
    Overlay,
    /// A full copy of all layers.
    Copy,
}

/// The name of a driver that does not exist.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid driver \"{}\": must be overlay or copy", name.escape_debug())]
pub struct DriverError {
    /// The given name.
    pub name: String,
}

minicontainer_core::plain_diagnostic!(DriverError: InvalidInput);

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

/// Creates what a container's root file system needs in `directory`, which exists and belongs to the engine: a few
/// empty directories, or a full copy. `layers` are ordered from the lowest up, and `volatile` is for a container that
/// will be removed. After an error, [`remove`] removes what was created. A plan is text, so this fails below a
/// directory whose name is not UTF-8.
///
/// The writable directory is created last, so that [`is_prepared`] can see whether everything is there.
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

/// Whether [`prepare`] has completed in this directory. If it was interrupted, for example by a kill during the copy,
/// the incomplete part is removed, so that it can be created again.
pub fn is_prepared(directory: &Path, driver: Driver) -> Result<bool, RootFsError> {
    let (last, before): (&str, &[&str]) = match driver {
        Driver::Overlay => ("upper", &["work", "lower", "init", init_layer::NEW_SHARED]),
        Driver::Copy => ("rootfs", &[PARTIAL_COPY, "init", init_layer::NEW_SHARED]),
    };
    if directory.join(last).is_dir() {
        return Ok(true);
    }
    before.iter().try_for_each(|name| remove(&directory.join(name)))?;
    Ok(false)
}

/// The value that [`prepare`] would return, without creating anything: for `--explain`.
pub fn describe(layers: &[PathBuf], directory: &Path, driver: Driver, volatile: bool) -> RootFs {
    // Overlayfs does not accept a directory twice (ELOOP). Of two equal layers, the upper one hides the lower one.
    let mut seen = HashSet::new();
    let own = layers.iter().rev().filter(|layer| seen.insert(*layer)).map(|layer| layer.display().to_string());
    let inside = |name: &str| directory.join(name).display().to_string();
    match driver {
        Driver::Overlay => RootFs::Overlay {
            // Overlayfs requires a lower directory, so an image without layers gets an empty one.
            lowers: if layers.is_empty() { vec![inside("lower")] } else { own.collect() },
            upper: inside("upper"),
            work: inside("work"),
            // Mounted over the upper directory, but only in the container's own mount namespace, so the host still
            // sees that directory. What else is in the container's directory can still be bind mounted.
            target: inside("upper"),
            volatile,
            limit: None,
        },
        Driver::Copy => RootFs::Directory { path: inside("rootfs") },
    }
}

/// Creates a directory with mode 0755, independently of the caller's umask. The merged root takes its mode from the
/// upper directory, and every user of the container must be able to enter it. The directory around it denies access
/// to other users of the host.
fn make_directory(path: &Path) -> Result<(), RootFsError> {
    let failed = || RootFsError::io("create the directory", path);
    DirBuilder::new().mode(0o755).create(path).map_err(failed())?;
    fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(failed())
}

/// Reads a file of the image, such as `/etc/passwd`, from the layer that has it; `None` if it does not exist. Images
/// are untrusted: symbolic links are resolved inside the layers, a pipe or a device is never opened, and a file
/// larger than `limit` bytes is an error. Bytes that are not UTF-8 become replacement characters.
pub fn read_file(layers: &[PathBuf], path: &str, limit: u64) -> Result<Option<String>, RootFsError> {
    read_files(layers, [path], limit).map(|[content]| content)
}

/// The same for several files.
pub fn read_files<const N: usize>(
    layers: &[PathBuf],
    paths: [&str; N],
    limit: u64,
) -> Result<[Option<String>; N], RootFsError> {
    // A missing layer is reported by the mount, which needs all layers.
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

/// The size in bytes of all files below a directory. A file with several names is counted once, and a missing
/// directory has the size 0. Directories that the caller may not read are left out: in an ordinary user's container,
/// they belong to a subordinate ID.
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

/// Removes a container's directory with everything in it, including directories without permissions for their owner
/// and files of the caller's subordinate ids. It is not an error if it does not exist.
pub fn remove(directory: &Path) -> Result<(), RootFsError> {
    host::remove_tree(directory).map_err(RootFsError::io("remove", directory))
}
