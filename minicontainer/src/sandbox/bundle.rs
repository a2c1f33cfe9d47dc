//! Bundles: how a container is handed to a runtime (*bundle.md* of the OCI runtime specification).
//!
//! A bundle is a directory with a `config.json` and the root file system that this document names.

use std::fs;
use std::path::{Path, PathBuf};

use oci_spec::runtime::Spec;

use super::Error;

/// A bundle that was read.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    /// The path of its root file system.
    pub rootfs: PathBuf,
    /// Its `config.json`.
    pub spec: Spec,
}

impl Bundle {
    /// Reads the runtime config, and resolves the path of the root file system.
    pub(super) fn read(directory: &Path) -> Result<Bundle, Error> {
        let path = directory.join("config.json");
        let text = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let spec: Spec = serde_json::from_slice(&text).map_err(|source| Error::Bundle { path, source })?;
        let root = spec.root().as_ref().map_or_else(|| PathBuf::from("rootfs"), |root| root.path().clone());
        let path = directory.join(root);
        let rootfs = fs::canonicalize(&path).map_err(|source| Error::Read { path, source })?;
        Ok(Bundle { rootfs, spec })
    }
}
