//! Unpacking a layer blob for the store: decompresses, unpacks and verifies it in one pass.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::{Path, PathBuf},
};

use minicontainer::{
    core::{Digest, digest::Digester, explain::Message},
    store::{ImageLayer, LayerId, StagedLayer, Staging, StoreError},
};

use super::{
    ImageError,
    compression::decompress,
    unpack::{Archive, Below, End, Privilege, UnpackError, Whiteouts, unpack},
};

/// A layer unpacked in a staging directory, not installed yet.
pub(super) struct Unpacked {
    pub(super) layer: StagedLayer,
    /// The path of its files until it is installed.
    pub(super) directory: PathBuf,
    /// Warnings about what could not be kept.
    pub(super) warnings: BTreeSet<Message>,
}

/// A layer blob to be read.
pub(super) struct LayerBlob<R> {
    pub(super) content: R,
    /// The digest of these bytes, if it has been verified.
    pub(super) digest: Option<Digest>,
}

impl<R: Read + Send> LayerBlob<R> {
    /// Decompresses and unpacks it by itself, and verifies its diff-id. `None` if its archive depends on the layers
    /// below: see [`stage_above`](LayerBlob::stage_above).
    pub(super) fn stage_alone(self, staging: &Staging, diff_id: &Digest) -> Result<Option<Unpacked>, ImageError> {
        let mut filled = Filled::default();
        let fill = |tree: &Path| self.fill(diff_id, tree, Below::Unknown, &mut filled);
        match StagedLayer::new(staging, diff_id, fill) {
            Err(ImageError::Unpack { source: UnpackError::DependsOnBelow, .. }) => Ok(None),
            layer => Ok(Some(filled.unpacked(layer?))),
        }
    }

    /// The same with a view of the layers below, whose trees are in these directories, the lowest first.
    pub(super) fn stage_above(
        self,
        staging: &Staging,
        id: &LayerId,
        below: &[PathBuf],
    ) -> Result<Unpacked, ImageError> {
        let mut filled = Filled::default();
        let below =
            Below::layers(below).map_err(|source| ImageError::Unpack { diff_id: id.diff_id.clone(), source })?;
        let fill = |tree: &Path| self.fill(&id.diff_id, tree, below, &mut filled);
        let layer = StagedLayer::in_stack(staging, id, fill);
        Ok(filled.unpacked(layer?))
    }

    fn fill(self, diff_id: &Digest, tree: &Path, below: Below, filled: &mut Filled) -> Result<u64, ImageError> {
        filled.directory = tree.to_owned();
        let failed = |source| ImageError::Unpack { diff_id: diff_id.clone(), source };
        let archive = Archive::new(self.open(diff_id)?, End::Optional);
        let (outcome, tar) = unpack(archive, tree, Whiteouts::Kept, Privilege::current(), below).map_err(failed)?;
        tar.finish().map_err(failed)?;
        filled.warnings = outcome.warnings;
        Ok(outcome.size)
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
        let content = decompress(self.content)?;
        // An uncompressed blob need not be hashed again: its digest is the diff-id.
        let known = self.digest.filter(|_| !content.is_compressed());
        Ok(Hashed { content, digester: Digester::new(), known, expected: diff_id.clone() })
    }
}

/// What is known of a layer before it is complete.
#[derive(Default)]
struct Filled {
    directory: PathBuf,
    warnings: BTreeSet<Message>,
}

impl Filled {
    fn unpacked(self, layer: StagedLayer) -> Unpacked {
        Unpacked { layer, directory: self.directory, warnings: self.warnings }
    }
}

/// Unpacks a layer of an image, by itself if possible. `open` returns its blob.
pub(super) fn stage<R: Read + Send>(
    open: impl Fn() -> Result<R, StoreError>,
    staging: &Staging,
    layer: &ImageLayer,
) -> Result<Unpacked, ImageError> {
    let blob = || Ok::<_, ImageError>(LayerBlob { content: open()?, digest: None });
    match blob()?.stage_alone(staging, &layer.id.diff_id)? {
        Some(unpacked) => Ok(unpacked),
        None => blob()?.stage_above(staging, &layer.id, &layer.below),
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
