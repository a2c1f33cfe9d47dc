//! Content by its digest: staged while it is hashed, and never visible before it is known to be what it claims.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::PathBuf,
};

use minicontainer_core::{Digest, digest::Digester};
use serde::de::DeserializeOwned;

use super::{StoreError, staging::Staging};

/// The most that is read of an index, manifest or config, as containerd bounds manifests.
const DOCUMENT_LIMIT: u64 = 4 << 20;

/// A file in a staging directory whose digest and size are known.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    pub(super) path: PathBuf,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

impl Blob {
    /// Writes all that `content` gives into a new staged file, hashing on the way.
    pub(super) fn stage(staging: &Staging, mut content: impl Read) -> Result<Blob, StoreError> {
        let path = staging.vacant();
        let mut file = File::create_new(&path).map_err(StoreError::io("make the file", &path))?;
        let mut digester = Digester::new();
        let mut piece = vec![0; 1 << 17];
        let mut size = 0;
        loop {
            let count = match content.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(StoreError::Archive { source }),
            };
            digester.update(&piece[..count]);
            file.write_all(&piece[..count]).map_err(StoreError::io("write", &path))?;
            size += count as u64;
        }
        Ok(Blob { path, digest: digester.finish(), size })
    }

    /// Itself, if it is what a descriptor says it is.
    pub(super) fn verified(self, what: &str, digest: &Digest, size: u64) -> Result<Blob, StoreError> {
        if self.size != size {
            return Err(StoreError::Size { what: what.to_owned(), expected: size, actual: self.size });
        }
        if self.digest != *digest {
            return Err(StoreError::Digest { what: what.to_owned(), expected: digest.clone(), actual: self.digest });
        }
        Ok(self)
    }

    /// Opens it for reading.
    pub(super) fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(StoreError::io("open", &self.path))
    }

    /// Its content as a JSON document.
    pub(super) fn document<T: DeserializeOwned>(&self, what: &str, kind: &'static str) -> Result<T, StoreError> {
        parse(&read_document(self.open()?, what)?, what, kind)
    }
}

/// Reads a whole document, which must be small.
pub(super) fn read_document(content: impl Read, what: &str) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
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
