//! A store for the unit tests of the library and of the images. Both include this file, and import the types in
//! different ways.

use std::{fs, path::Path};

use serde_json::json;

use super::{Digest, Store};

pub(crate) struct StoreEnv {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) store: Store,
}

pub(crate) fn env() -> StoreEnv {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    StoreEnv { directory, store }
}

/// Every path in a store without the contents of layers, to check that nothing was left behind.
pub(crate) fn files(store: &Store) -> Vec<String> {
    fn walk(directory: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(root).unwrap().display().to_string());
            if path.is_dir() && !path.ends_with("fs") {
                walk(&path, root, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(store.root(), store.root(), &mut found);
    found.sort();
    found
}

/// The config of an image with these uncompressed layers.
pub(crate) fn config(layers: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::of(layer.as_ref()).to_string()).collect();
    json!({
        "architecture": oci_spec::image::Arch::default().to_string(), "os": "linux",
        "created": "2026-01-02T03:04:05Z", "config": {"Cmd": ["sh"], "Volumes": null},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
    .to_string()
    .into_bytes()
}
