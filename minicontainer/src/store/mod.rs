//! The store: images and their layers on disk.
//!
//! An **image** is three kinds of documents (OCI image-spec): a **manifest** lists by digest one **config** (how to run
//! it: command, environment, user) and the **layers** (tar archives of changes, the lowest first). A student can look
//! inside:
//!
//! ```text
//! images/       an OCI image layout, which other tools read and write directly   (layout)
//! layers/       each layer unpacked once, shared by whoever uses it              (layer)
//! staging/      what is being written and not yet to be seen                     (staging)
//! containers/   the engine's
//! lock          one writer at a time                                             (lock)
//! ```
//!
//! How an image comes in, each stage consuming the previous one's value:
//!
//! ```text
//! archive or directory → Source → Incoming → unpacked layers → index.json
//!                        staged   verified    diff-ids verified  one rename, and the image is there
//! ```
//!
//! The store belongs to one user and nobody else may look inside (mode 0700): an image may hold set-user-id programs.
//!
//! ```
//! use minicontainer::store::Store;
//!
//! let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path().join("store"))?;
//! assert!(store.images()?.is_empty());
//!
//! let unknown = store.image("busybox").unwrap_err();
//! assert!(unknown.hint().contains("minicontainer image seed"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blob;
mod error;
mod layer;
mod layout;
mod load;
mod lock;
pub(crate) mod removal;
mod remove;
mod seed;
mod source;
mod staging;
#[cfg(test)]
mod tests;
pub(crate) mod unpack;

use std::{
    env, fs,
    io::Read,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
};

use minicontainer_core::{Digest, Reference};
use nix::unistd::{AccessFlags, access, geteuid};
use oci_spec::image::{Descriptor, ImageConfiguration};

pub use error::StoreError;
pub use layer::Layer;
pub use load::Loaded;
pub use lock::Lock;
pub use remove::Removed;
pub use seed::{Origin, SeedError, Seeded};
pub use unpack::UnpackError;

use layout::{Layout, Listed};
use source::Source;
use staging::Staging;

/// A store in a directory. Any number of threads and processes may use it at once.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    layers: PathBuf,
    layout: Layout,
}

/// An image of the store, its layers unpacked and ready to be stacked.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its name; an image may have lost it to a newer one.
    pub reference: Option<Reference>,
    /// Its id: the digest of its config.
    pub id: Digest,
    /// The digest of its manifest, by which a registry knows it.
    pub manifest_digest: Digest,
    /// When it was made, as its config says (RFC 3339).
    pub created: Option<String>,
    /// How to run it.
    pub config: ImageConfiguration,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// Where containers of it keep what they write: a directory of the store's.
    pub containers: PathBuf,
}

impl Image {
    /// Bytes in the files of all layers.
    pub fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }
}

impl Store {
    /// Opens the store of whoever asks: `MINICONTAINER_ROOT` if that is set; else root's `/var/lib/minicontainer`;
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

    /// Opens the store in a directory; makes it if it is not there.
    pub fn open(root: impl Into<PathBuf>) -> Result<Store, StoreError> {
        let given = root.into();
        let not_writable = |source| StoreError::NotWritable { path: given.clone(), source };
        let mut private = fs::DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(&given).map_err(not_writable)?;
        access(&given, AccessFlags::W_OK | AccessFlags::X_OK).map_err(|errno| not_writable(errno.into()))?;
        let root = fs::canonicalize(&given).map_err(StoreError::io("find", &given))?;
        for directory in ["layers", "staging"] {
            private.create(root.join(directory)).map_err(not_writable)?;
        }
        let layout = Layout::at(root.join("images"));
        if !layout.exists() {
            // Alone, or two who open a new store at once would both write its first index.
            let _lock = Lock::acquire(&root.join("lock"))?;
            layout.create(&Staging::new(&root.join("staging"))?)?;
        }
        Ok(Store { layers: root.join("layers"), layout, root })
    }

    /// The store's directory, absolute and without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the engine keeps its containers.
    pub fn containers_directory(&self) -> PathBuf {
        self.root.join("containers")
    }

    /// A directory, made when missing, for what does not outlive a reboot (pids, sockets). Its name is made of the
    /// store's path, so that two stores do not meet. It lies in root's `/run/minicontainer` or a user's
    /// `$XDG_RUNTIME_DIR/minicontainer`; for a user without `XDG_RUNTIME_DIR`, in the store itself.
    pub fn runtime_directory(&self) -> Result<PathBuf, StoreError> {
        let parent = if geteuid().is_root() {
            PathBuf::from("/run/minicontainer")
        } else {
            match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute()) {
                Some(runtime) => runtime.join("minicontainer"),
                None => self.root.join("run"),
            }
        };
        let path = parent.join(Digest::of(self.root.as_os_str().as_bytes()).short());
        let mut private = fs::DirBuilder::new();
        private.recursive(true).mode(0o700).create(&path).map_err(StoreError::io("make the directory", &path))?;
        Ok(path)
    }

    /// Waits until nobody else changes the store, and keeps others from it until the lock is dropped. `load`, `tag`,
    /// `remove_image`, `seed_busybox` take it themselves: whoever holds it must not call them.
    pub fn lock(&self) -> Result<Lock, StoreError> {
        let lock = Lock::acquire(&self.root.join("lock"))?;
        staging::sweep(&self.root.join("staging"))?;
        Ok(lock)
    }

    /// The image of this name, id, or beginning of an id. If another tool put it there, its layers are unpacked now.
    pub fn image(&self, name: &str) -> Result<Image, StoreError> {
        self.complete(self.find(name)?)
    }

    /// All images. One with several names is there several times.
    pub fn images(&self) -> Result<Vec<Image>, StoreError> {
        self.layout.list()?.into_iter().map(|listed| self.complete(listed)).collect()
    }

    /// Adds the images of a tar archive, which may be compressed with gzip: an OCI image layout, or what `docker save`
    /// writes.
    pub fn load(&self, archive: impl Read) -> Result<Vec<Loaded>, StoreError> {
        let staging = self.stage()?;
        let source = Source::archive(archive, &staging)?;
        self.admit(&staging, &load::images(&source, &staging)?)
    }

    /// Adds the images of an OCI image layout in a directory.
    pub fn load_layout(&self, directory: &Path) -> Result<Vec<Loaded>, StoreError> {
        let staging = self.stage()?;
        let source = Source::directory(directory, &staging)?;
        self.admit(&staging, &load::images(&source, &staging)?)
    }

    fn stage(&self) -> Result<Staging, StoreError> {
        Staging::new(&self.root.join("staging"))
    }

    fn unknown(&self, name: &str) -> StoreError {
        StoreError::UnknownImage { name: name.to_owned(), store: self.root.clone() }
    }

    fn find(&self, name: &str) -> Result<Listed, StoreError> {
        let reference = name.parse::<Reference>();
        if let Ok(reference) = &reference {
            for descriptor in self.layout.index()?.iter().filter(|descriptor| is_meant(descriptor, reference)) {
                if let Some(listed) = self.layout.read(descriptor)? {
                    return Ok(listed);
                }
            }
        }
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        if digits.is_empty() || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(match reference {
                Ok(_) => self.unknown(name),
                Err(source) => StoreError::BadReference { name: name.to_owned(), source },
            });
        }
        let mut images = self.layout.list()?;
        images.retain(|image| image.id.hex().starts_with(digits));
        images.sort_by(|one, other| one.id.cmp(&other.id));
        images.dedup_by(|one, other| one.id == other.id);
        match images.len() {
            0 => Err(self.unknown(name)),
            1 => Ok(images.remove(0)),
            _ => {
                let ids = images.into_iter().map(|image| image.id).collect();
                Err(StoreError::AmbiguousImage { name: name.to_owned(), ids })
            }
        }
    }

    fn complete(&self, listed: Listed) -> Result<Image, StoreError> {
        let config = self.layout.config(&listed.id)?;
        let blobs = load::layer_digests(&listed.manifest)?;
        let diff_ids = load::diff_ids(&listed.id, blobs.len(), &config)?;
        let mut layers = Vec::new();
        for (blob, diff_id) in blobs.iter().zip(&diff_ids) {
            layers.push(match layer::find(&self.layers, diff_id)? {
                Some(layer) => layer,
                None => self.unpack_layer(blob, diff_id)?,
            });
        }
        let Listed { reference, manifest_digest, id, .. } = listed;
        let containers = self.containers_directory();
        Ok(Image { reference, id, manifest_digest, created: config.created().clone(), config, layers, containers })
    }

    /// Unpacks a layer of which only the blob is in the store.
    fn unpack_layer(&self, blob: &Digest, diff_id: &Digest) -> Result<Layer, StoreError> {
        let _lock = self.lock()?;
        if let Some(layer) = layer::find(&self.layers, diff_id)? {
            return Ok(layer);
        }
        let staging = self.stage()?;
        let staged = layer::stage(&staging, self.layout.open_blob(blob)?, diff_id)?;
        staging.flush()?;
        staging::publish(&staged.path, &layer::place(&self.layers, diff_id))?;
        layer::find(&self.layers, diff_id)?
            .ok_or_else(|| StoreError::Missing { what: format!("the layer {diff_id}, unpacked a moment ago,") })
    }
}

/// Whether a reference means an image of the index: by its tag, or by the digest of its manifest.
fn is_meant(descriptor: &Descriptor, reference: &Reference) -> bool {
    match reference.digest() {
        Some(digest) => descriptor.digest().as_ref() == digest.as_str(),
        None => layout::reference_of(descriptor).as_ref() == Some(reference),
    }
}
