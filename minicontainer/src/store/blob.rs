//! Blobs: content identified by its digest, which is verified before the content becomes visible.

use std::{fs::File, io::Read, path::PathBuf};

use minicontainer_core::Digest;
use oci_spec::image::{Descriptor, MediaType, Sha256Digest};
use serde::de::DeserializeOwned;

use super::StoreError;

/// The size limit of an index, manifest or config. containerd has the same limit for manifests.
pub(super) const DOCUMENT_LIMIT: u64 = 4 << 20;
/// The initial capacity of the buffer, in which nearly every document fits.
const USUAL_DOCUMENT: usize = 4096;

/// A file in a staging directory, with its digest and size. It is removed with the directory, see
/// [`Staging`](super::Staging).
#[derive(Clone, Debug)]
pub struct Blob {
    pub(super) path: PathBuf,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

impl Blob {
    /// The SHA-256 digest of its content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it is staged.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Returns the blob itself, if it matches the digest and size of its descriptor.
    pub fn verified(self, what: &str, digest: &Digest, size: u64) -> Result<Blob, StoreError> {
        if self.size != size {
            return Err(StoreError::Size { what: what.to_owned(), expected: size, actual: self.size });
        }
        if self.digest != *digest {
            return Err(StoreError::Digest { what: what.to_owned(), expected: digest.clone(), actual: self.digest });
        }
        Ok(self)
    }

    /// Its descriptor, for a manifest or an index.
    pub fn descriptor(&self, media_type: MediaType) -> Descriptor {
        let digest: Sha256Digest = self.digest.hex().parse().expect("64 hexadecimal digits are a SHA-256 digest");
        Descriptor::new(media_type, self.size, digest)
    }

    /// Opens it for reading.
    pub fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(StoreError::io("open", &self.path))
    }

    /// Its content as a JSON document of limited size. `what` and `kind` are for error messages.
    pub fn document<T: DeserializeOwned>(&self, what: &str, kind: &'static str) -> Result<T, StoreError> {
        parse(&read_document(self.open()?, what)?, what, kind)
    }
}

/// Reads a whole document of limited size.
pub(super) fn read_document(content: impl Read, what: &str) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(USUAL_DOCUMENT);
    content.take(DOCUMENT_LIMIT + 1).read_to_end(&mut bytes).map_err(StoreError::io("read", what))?;
    if bytes.len() as u64 > DOCUMENT_LIMIT {
        return Err(StoreError::DocumentSize { what: what.to_owned(), limit: DOCUMENT_LIMIT });
    }
    Ok(bytes)
}

/// Parses a JSON document.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str, kind: &'static str) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|source| StoreError::Document { what: what.to_owned(), kind, source })
}
