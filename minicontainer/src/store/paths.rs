//! The paths in a store. No other module joins names to the store's directory.
//!
//! ```text
//! images/oci-layout, index.json, blobs/sha256/<hex>   the image layout
//! layers/<hex>/fs                                      unpacked layers
//! staging/<pid>-<n>/                                   content that is being written
//! downloads/<hex>                                      partly downloaded blobs
//! containers/<id>/                                     the engine's containers
//! init/fs/                                             the layer with the mount points that most images lack
//! names/<name>, names.lock                             the names of the containers
//! swept                                                when the containers were swept
//! build-cache/                                         the build cache
//! lock                                                 the store's lock
//! ```

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use minicontainer_core::Digest;

use super::{Store, StoreError};

/// The name of the directory that holds a layer's tree.
pub const LAYER_TREE: &str = "fs";

impl Store {
    /// The image layout: `oci-layout`, `index.json`, `blobs/`.
    pub fn images_directory(&self) -> PathBuf {
        self.root.join("images")
    }

    /// The version file of the image layout.
    pub fn layout_file(&self) -> PathBuf {
        self.images_directory().join("oci-layout")
    }

    /// The index of images.
    pub fn index_file(&self) -> PathBuf {
        self.layout.index_path()
    }

    /// The directory of all blobs.
    pub fn blobs_directory(&self) -> PathBuf {
        self.layout.blobs_directory()
    }

    /// The place of a blob, whether it exists or not.
    pub fn blob_file(&self, digest: &Digest) -> PathBuf {
        self.layout.blob_path(digest)
    }

    /// The directory of all unpacked layers.
    pub fn layers_directory(&self) -> PathBuf {
        self.root.join("layers")
    }

    /// The place of the unpacked layer with this [key](super::Layer::key), whether it exists or not: its tree and its
    /// record.
    pub fn layer_directory(&self, key: &Digest) -> PathBuf {
        self.layers_directory().join(key.hex())
    }

    /// The tree of an unpacked layer, whether it exists or not. Its files have the owners and modes that the layer
    /// gives.
    pub fn layer_tree(&self, key: &Digest) -> PathBuf {
        self.layer_directory(key).join(LAYER_TREE)
    }

    /// The directory of all staging directories.
    pub fn staging_directory(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// The directory of interrupted downloads, which the next attempt resumes.
    pub fn downloads_directory(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// The directory of the layer with the mount points that most images lack (the module `rootfs`).
    pub fn init_layers_directory(&self) -> PathBuf {
        self.root.join("init")
    }

    /// The directory of the engine's containers.
    pub fn containers_directory(&self) -> PathBuf {
        self.root.join("containers")
    }

    /// The directory of container names: each is a symbolic link to the container's directory.
    pub fn names_directory(&self) -> PathBuf {
        self.root.join("names")
    }

    /// The lock of the container names.
    pub fn names_lock_file(&self) -> PathBuf {
        self.root.join("names.lock")
    }

    /// The file that records in which boot of the machine the containers were last swept.
    pub fn swept_file(&self) -> PathBuf {
        self.root.join("swept")
    }

    /// The directory of the build cache: layers by their cache keys.
    pub fn build_cache_directory(&self) -> PathBuf {
        self.root.join("build-cache")
    }

    /// The directory of build cache records that have been replaced.
    pub fn former_builds_directory(&self) -> PathBuf {
        self.build_cache_directory().join("former")
    }

    /// The file that records that the command has shown a note which is shown only once.
    pub fn given_note_file(&self, note: &str) -> PathBuf {
        self.root.join(format!("{note}-told"))
    }

    /// The directories in which every entry belongs to the store's owner, and to which no other user can write. In
    /// the directories of layers and containers this holds for the entries themselves, but not for everything below.
    pub fn own_directories(&self) -> [PathBuf; 10] {
        let blobs = self.blobs_directory();
        let above_blobs = blobs.parent().map_or_else(|| blobs.clone(), Path::to_owned);
        [
            self.root.clone(),
            self.images_directory(),
            above_blobs,
            blobs,
            self.layers_directory(),
            self.containers_directory(),
            self.init_layers_directory(),
            self.names_directory(),
            self.build_cache_directory(),
            self.former_builds_directory(),
        ]
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }
}

/// The entries of a directory, sorted by name. A missing directory has none.
pub(super) fn listed(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(StoreError::io("list", directory))?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(StoreError::io("list", directory))?;
    paths.sort();
    Ok(paths)
}

/// The digest whose hexadecimal digits are the name of a blob or a layer.
pub(super) fn named(place: &Path) -> Option<Digest> {
    format!("sha256:{}", place.file_name().and_then(OsStr::to_str)?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_inside_the_store() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let digest = Digest::of(b"content");
        let inside = |place: PathBuf| place.strip_prefix(store.root()).unwrap().to_owned();
        assert_eq!(inside(store.blob_file(&digest)), Path::new("images/blobs/sha256").join(digest.hex()));
        assert_eq!(inside(store.layer_directory(&digest)), Path::new("layers").join(digest.hex()));
        assert_eq!(inside(store.index_file()), Path::new("images/index.json"));
        assert_eq!(inside(store.layer_tree(&digest)), Path::new("layers").join(digest.hex()).join("fs"));
        assert!(store.own_directories().map(inside).contains(&PathBuf::from("images/blobs")));
        assert_eq!(named(&store.blob_file(&digest)), Some(digest));
        assert_eq!(named(&store.index_file()), None);
    }

    #[test]
    fn missing_directory_is_listed_as_empty() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(listed(&directory.path().join("missing")).unwrap(), [] as [PathBuf; 0]);
        fs::write(directory.path().join("b"), "").unwrap();
        fs::write(directory.path().join("a"), "").unwrap();
        let names: Vec<_> =
            listed(directory.path()).unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
