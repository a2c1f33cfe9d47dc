//! A layer as it travels becomes a layer of the store: decompressed, unpacked, and verified, in one pass.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, Cursor, Read},
};

use flate2::read::MultiGzDecoder;
use minicontainer::{
    core::{Digest, digest::Digester},
    store::{StagedLayer, Staging, StoreError},
};

use super::{
    ImageError,
    unpack::{Privilege, UnpackError, unpack},
};

/// The first bytes of a gzip member (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A layer unpacked in a staging directory, not yet in its place.
pub(super) struct Unpacked {
    pub(super) layer: StagedLayer,
    /// What of it could not be kept, in words.
    pub(super) warnings: BTreeSet<String>,
}

/// Unpacks a blob, whatever its compression, and verifies that it is the layer it should be.
pub(super) fn stage(staging: &Staging, blob: File, diff_id: &Digest) -> Result<Unpacked, ImageError> {
    let mut warnings = BTreeSet::new();
    let layer = StagedLayer::new(staging, diff_id, |tree| {
        let mut tar = Hashed::new(decompress(blob, &format!("layer {diff_id}"))?);
        let failed = |source| ImageError::Unpack { diff_id: diff_id.clone(), source };
        let outcome = unpack(&mut tar, tree, Privilege::current()).map_err(failed)?;
        tar.finish(diff_id)?;
        warnings = outcome.warnings;
        Ok::<u64, ImageError>(outcome.size)
    })?;
    Ok(Unpacked { layer, warnings })
}

/// Verifies that a blob is the layer it should be, for when that layer has been unpacked before.
pub(super) fn verify(blob: File, diff_id: &Digest) -> Result<(), ImageError> {
    Hashed::new(decompress(blob, &format!("layer {diff_id}"))?).finish(diff_id)
}

/// Reads through whatever compression the content itself shows, since media types and file names may be wrong.
pub(super) fn decompress<'a>(mut content: impl Read + 'a, what: &str) -> Result<Box<dyn Read + 'a>, ImageError> {
    let mut magic = Vec::with_capacity(6);
    content.by_ref().take(6).read_to_end(&mut magic).map_err(|source| StoreError::Content { source })?;
    let unsupported = |compression| Err(ImageError::Compression { what: what.to_owned(), compression });
    match magic.as_slice() {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return unsupported("zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return unsupported("xz"),
        [b'B', b'Z', b'h', ..] => return unsupported("bzip2"),
        _ => {}
    }
    let gzip = magic.starts_with(&GZIP_MAGIC);
    let whole = BufReader::with_capacity(1 << 17, Cursor::new(magic).chain(content));
    Ok(if gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// Whether this is compressed with gzip.
pub(super) fn is_gzip(content: impl Read) -> Result<bool, ImageError> {
    let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
    content.take(2).read_to_end(&mut magic).map_err(|source| StoreError::Content { source })?;
    Ok(magic == GZIP_MAGIC)
}

/// Hashes what is read through it.
struct Hashed<R> {
    content: R,
    digester: Digester,
}

impl<R: Read> Hashed<R> {
    fn new(content: R) -> Hashed<R> {
        Hashed { content, digester: Digester::new() }
    }

    /// Reads the rest (an archive may be padded behind its end) and compares.
    fn finish(mut self, expected: &Digest) -> Result<(), ImageError> {
        let failed = |source| ImageError::Unpack { diff_id: expected.clone(), source };
        io::copy(&mut self, &mut io::sink()).map_err(|source| failed(UnpackError::Archive { source }))?;
        let actual = self.digester.finish();
        if actual == *expected { Ok(()) } else { Err(failed(UnpackError::DiffId { actual })) }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.digester.update(&buffer[..count]);
        Ok(count)
    }
}
