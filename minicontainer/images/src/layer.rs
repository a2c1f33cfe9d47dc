//! Unpacking a layer blob for the store: decompresses, unpacks and verifies it in one pass.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::{Path, PathBuf},
};

use minicontainer::{
    core::{Digest, digest::Digester},
    store::{StagedLayer, Staging},
};

use super::{
    ImageError,
    compression::decompress,
    unpack::{Archive, End, Privilege, UnpackError, Whiteouts, unpack},
};

/// A layer unpacked in a staging directory, not installed yet.
pub(super) struct Unpacked {
    pub(super) layer: StagedLayer,
    /// The path of its files until it is installed.
    pub(super) directory: PathBuf,
    /// Warnings about what could not be kept.
    pub(super) warnings: BTreeSet<String>,
}

/// A layer blob to be read.
pub(super) struct LayerBlob<R> {
    pub(super) content: R,
    /// The digest of these bytes, if it has been verified.
    pub(super) digest: Option<Digest>,
}

impl<R: Read + Send> LayerBlob<R> {
    /// Decompresses and unpacks it, and verifies its diff-id.
    pub(super) fn stage(self, staging: &Staging, diff_id: &Digest) -> Result<Unpacked, ImageError> {
        let (mut warnings, mut directory) = (BTreeSet::new(), PathBuf::new());
        let layer = StagedLayer::new(staging, diff_id, |tree: &Path| {
            directory = tree.to_owned();
            let failed = |source| ImageError::Unpack { diff_id: diff_id.clone(), source };
            let tar = self.open(diff_id)?;
            let archive = Archive::new(tar, End::Optional);
            let (outcome, tar) = unpack(archive, tree, Whiteouts::Kept, Privilege::current()).map_err(failed)?;
            tar.finish().map_err(failed)?;
            warnings = outcome.warnings;
            Ok::<u64, ImageError>(outcome.size)
        })?;
        Ok(Unpacked { layer, directory, warnings })
    }

    /// Verifies only its diff-id, for a layer that is unpacked already.
    pub(super) fn verify(self, diff_id: &Digest) -> Result<(), ImageError> {
        let failed = |source| ImageError::Unpack { diff_id: diff_id.clone(), source };
        self.open(diff_id)?.finish().map_err(failed)
    }

    fn open<'a>(self, diff_id: &Digest) -> Result<Hashed<impl Read + 'a>, ImageError>
    where
        R: 'a,
    {
        let content = decompress(self.content, &format!("layer {diff_id}"))?;
        // An uncompressed blob need not be hashed again: its digest is the diff-id.
        let known = self.digest.filter(|_| !content.is_compressed());
        Ok(Hashed { content, digester: Digester::new(), known, expected: diff_id.clone() })
    }
}

/// Hashes the bytes read through it, unless the digest is known.
struct Hashed<R> {
    content: R,
    digester: Digester,
    known: Option<Digest>,
    expected: Digest,
}

impl<R: Read> Hashed<R> {
    /// Reads the rest (an archive may be padded after its end) and compares the digest.
    fn finish(mut self) -> Result<(), UnpackError> {
        let actual = match self.known.take() {
            Some(digest) => digest,
            None => {
                io::copy(&mut self, &mut io::sink()).map_err(|source| UnpackError::Archive { source })?;
                self.digester.finish()
            }
        };
        if actual == self.expected { Ok(()) } else { Err(UnpackError::DiffId { actual }) }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        if self.known.is_none() {
            self.digester.update(&buffer[..count]);
        }
        Ok(count)
    }
}
