//! The store: images and their layers on disk.
//!
//! An **image** consists of three kinds of blobs (OCI image-spec): a **manifest** lists by digest one **config** (how
//! to run it: command, environment, user) and the **layers** (tar archives of changes, the lowest first). On disk:
//!
//! ```text
//! images/       an OCI image layout, which other tools read and write directly   (layout)
//! layers/       each layer unpacked once, shared by images and containers        (layer)
//! staging/      content that is being written and is not visible yet             (staging)
//! containers/   the engine's containers
//! init/         a layer with the mount points that most images lack                (the module rootfs)
//! lock          one writer at a time                                             (lock)
//! ```
//!
//! There are two flows. An image is **added**, completely or not at all (transaction). Where it comes from (an
//! archive, a registry or a build), and how its layers are unpacked, is not part of this module. An image is
//! **found** (image), and its layers are used as lower directories:
//!
//! ```text
//! bytes → Staging::blob → Blob::verified ─┐
//! tree  → StagedLayer ────────────────────┴→ Transaction → Store::add: all moved into place, index.json replaced
//! name  → Store::image  → index.json → manifest → config and layers/*/fs → Image
//! ```
//!
//! The store belongs to one user, and other users have no access to it (mode 0700, see `ownership`), because an image
//! may hold set-user-ID programs. [`private`] creates everything in it, independently of the caller's umask.
//!
//! ```
//! use minicontainer::{Diagnostic, store::Store};
//!
//! let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path().join("store"))?;
//! assert!(store.images()?.is_empty());
//!
//! let unknown = store.image("busybox").unwrap_err();
//! assert!(unknown.hint().unwrap().contains("minicontainer image seed"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Decisions: `minicontainer/decisions/images-and-store.md`.

mod blob;
mod error;
mod image;
mod image_layout;
mod layer;
mod lease;
mod lock;
mod ownership;
mod paths;
pub mod private;
mod remove;
mod staging;
#[cfg(test)]
mod tests;
mod transaction;

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
};

use minicontainer_core::Digest;
use nix::unistd::geteuid;

pub use blob::Blob;
pub use error::{DAMAGE_HINT, SPACE_HINT, StoreError};
pub use image::{Damaged, Image};
pub use image_layout::{digest_of, is_index, name_of, reference_of, set_registry_digest};
pub use layer::{ImageLayer, Layer, LayerId, StagedLayer, diff_ids};
pub use lease::LayerLease;
pub use lock::Lock;
pub use paths::LAYER_TREE;
pub use remove::Removed;
pub use staging::{Flushed, Staging};
pub use transaction::Transaction;

use image_layout::Layout;

pub use crate::sys::removal::remove_directory;

/// A store in a directory. Any number of threads and processes may use it at the same time.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    layout: Layout,
    restricted: Vec<PathBuf>,
}

impl Store {
    /// Opens the caller's store: `MINICONTAINER_ROOT` if that is set; otherwise `/var/lib/minicontainer` for root,
    /// and `minicontainer` in `XDG_DATA_HOME` or `~/.local/share` for other users.
    pub fn open_default() -> Result<Store, StoreError> {
        if let Some(root) = env::var_os("MINICONTAINER_ROOT").filter(|root| !root.is_empty()) {
            return Store::open(root);
        }
        if geteuid().is_root() {
            return Store::open("/var/lib/minicontainer");
        }
        // According to the XDG specification, relative paths are ignored.
        let directory = |name| env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
        let data = directory("XDG_DATA_HOME").or_else(|| Some(directory("HOME")?.join(".local/share")));
        Store::open(data.ok_or(StoreError::NoHome)?.join("minicontainer"))
    }

    /// Opens the store in a directory, and creates it if it does not exist. It must belong to the caller, and other
    /// users must have no access; the hints of the errors say what to do. If other users can only read it, their
    /// access is removed, see [`restricted_directories`](Store::restricted_directories).
    pub fn open(root: impl Into<PathBuf>) -> Result<Store, StoreError> {
        let mut restricted = Vec::new();
        let root = ownership::own(&root.into(), &mut restricted)?;
        for directory in ["images", "layers", "staging"] {
            ownership::own_inside(&root.join(directory), &mut restricted)?;
        }
        let layout = Layout { root: root.join("images") };
        if !layout.exists() {
            // Without the lock, two processes that open a new store at the same time would both write its first
            // index.
            let _lock = Lock::acquire(&root.join("lock"))?;
            layout.create(&Staging::new(&root.join("staging"))?)?;
        }
        Ok(Store { layout, root, restricted })
    }

    /// The directories that other users could read until this store was opened. The caller should tell the user.
    pub fn restricted_directories(&self) -> &[PathBuf] {
        &self.restricted
    }

    /// The store's directory, absolute and without symbolic links: to name the store in a message, or to open it
    /// again. For paths inside, use the other functions of this type.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Waits until no other process changes the store, and prevents changes by other processes until the lock is
    /// dropped. Hold it only for renames and changes of the index; do slow work before or after. `tag` and
    /// `remove_image` take the lock themselves, so the holder must not call them.
    ///
    /// # Errors
    /// Those of open(2) and flock(2).
    pub fn lock(&self) -> Result<Lock, StoreError> {
        Lock::acquire(&self.lock_file())
    }

    /// Whether there is a blob of this digest.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.layout.blob_path(digest).exists()
    }

    /// Opens a blob, such as a compressed layer. Its digest is not verified.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        self.layout.open_blob(digest)
    }
}
