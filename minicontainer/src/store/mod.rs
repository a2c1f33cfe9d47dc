//! The store: images and their layers on disk.
//!
//! An **image** is three kinds of documents (OCI image-spec): a **manifest** lists by digest one **config** (how to
//! run it: command, environment, user) and the **layers** (tar archives of changes, the lowest first). A student can
//! look inside:
//!
//! ```text
//! images/       an OCI image layout, which other tools read and write directly   (layout)
//! layers/       each layer unpacked once, shared by whoever uses it              (layer)
//! staging/      what is being written and not yet to be seen                     (staging)
//! containers/   the engine's
//! lock          one writer at a time                                             (lock)
//! ```
//!
//! Two ways lead through it. An image comes **in**, whole or not at all (transaction); where it comes from, an
//! archive or a registry or a build, and how its layers are unpacked, is the engine's concern. An image is **found**
//! (image), and its layers are lower directories:
//!
//! ```text
//! bytes → Staging::blob → Blob::verified ─┐
//! tree  → StagedLayer ────────────────────┴→ Transaction → Store::add: all moved into place, index.json replaced
//! name  → Store::image  → index.json → manifest → config and layers/*/fs → Image
//! ```
//!
//! The store belongs to one user, and no other user may look inside (mode 0700, see `ownership`): an image may hold
//! set-user-id programs. Everything in it is made by [`private`], whatever the caller's umask.
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

mod blob;
mod error;
mod image;
mod layer;
mod layout;
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
pub use layer::{Layer, StagedLayer, diff_ids};
pub use layout::{digest_of, is_index, reference_of};
pub use lease::LayerLease;
pub use lock::Lock;
pub use paths::LAYER_TREE;
pub use remove::Removed;
pub use staging::{Flushed, Staging};
pub use transaction::Transaction;

use layout::Layout;

pub use crate::sys::removal::remove_directory;

/// A store in a directory. Any number of threads and processes may use it at once.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    layout: Layout,
    closed: Vec<PathBuf>,
}

impl Store {
    /// Opens the caller's store: `MINICONTAINER_ROOT` if that is set; else root's `/var/lib/minicontainer`;
    /// else `minicontainer` in `XDG_DATA_HOME` or `~/.local/share`.
    pub fn open_default() -> Result<Store, StoreError> {
        if let Some(root) = env::var_os("MINICONTAINER_ROOT").filter(|root| !root.is_empty()) {
            return Store::open(root);
        }
        if geteuid().is_root() {
            return Store::open("/var/lib/minicontainer");
        }
        // The XDG specification has relative paths ignored.
        let directory = |name| env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
        let data = directory("XDG_DATA_HOME").or_else(|| Some(directory("HOME")?.join(".local/share")));
        Store::open(data.ok_or(StoreError::NoHome)?.join("minicontainer"))
    }

    /// Opens the store in a directory; makes it if it is not there. It must be the caller's own, and closed to other
    /// users: the errors say what to do. A store that others can only look into is closed, see
    /// [`closed`](Store::closed).
    pub fn open(root: impl Into<PathBuf>) -> Result<Store, StoreError> {
        let mut closed = Vec::new();
        let root = ownership::own(&root.into(), &mut closed)?;
        for directory in ["images", "layers", "staging"] {
            ownership::own_inside(&root.join(directory), &mut closed)?;
        }
        let layout = Layout { root: root.join("images") };
        if !layout.exists() {
            // Alone, or two who open a new store at once would both write its first index.
            let _lock = Lock::acquire(&root.join("lock"))?;
            layout.create(&Staging::new(&root.join("staging"))?)?;
        }
        Ok(Store { layout, root, closed })
    }

    /// The directories that other users could look into, as they could not any more after the store was opened: worth
    /// a word to its owner.
    pub fn closed(&self) -> &[PathBuf] {
        &self.closed
    }

    /// The store's directory, absolute and without symbolic links: to name the store in a message, or to open it
    /// again. What lies where in it, the functions of this type say.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Waits until no other process changes the store, and keeps others from changing it until the lock is dropped.
    /// Hold it for renames and changes of the index only: whatever takes long is done before or after. `tag` and
    /// `remove_image` take it themselves: the holder must not call them.
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

    /// Opens a blob: a layer as it travels. Whether its content is what its digest says is not verified.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        self.layout.open_blob(digest)
    }
}
