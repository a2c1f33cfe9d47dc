//! Hashing and compressing a layer while it is packed.
//!
//! A layer has two digests: the diff-id, which is the digest of its archive, and the digest of the compressed
//! archive. Both are computed in one pass: the archive is hashed as it is written, and the compressed data is hashed
//! as it is staged, in another thread.

use std::{
    io::{self, BufWriter, PipeWriter, Read, Write},
    thread,
};

use flate2::{Compression, write::GzEncoder};
use minicontainer::{
    core::{Digest, digest::Digester},
    store::{Blob, Staging, StoreError},
};

/// A layer that has been packed and staged.
#[derive(Clone, Debug)]
pub struct PackedLayer {
    /// The digest of the uncompressed archive.
    pub diff_id: Digest,
    /// The archive, compressed with gzip.
    pub blob: Blob,
}

/// Hashes the bytes read or written through it.
#[derive(Debug)]
pub struct Hashing<S> {
    content: S,
    digester: Digester,
}

impl<S> Hashing<S> {
    pub(crate) fn new(content: S) -> Hashing<S> {
        Hashing { content, digester: Digester::new() }
    }

    /// The digest of all bytes so far.
    pub(crate) fn finish(self) -> Digest {
        self.digester.finish()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.digester.update(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let count = self.content.write(piece)?;
        self.digester.update(&piece[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.content.flush()
    }
}

/// The writer for the archive of a layer.
pub type LayerWriter = Hashing<GzEncoder<BufWriter<PipeWriter>>>;

/// Packs the archive that `fill` writes. `broken` makes the error for a failed write.
///
/// # Errors
/// Those of `fill`, and if the archive cannot be written.
pub fn packed<T: Send, E: From<StoreError> + Send>(
    staging: &Staging,
    broken: fn(io::Error) -> E,
    fill: impl FnOnce(LayerWriter) -> Result<(LayerWriter, T), E> + Send,
) -> Result<(PackedLayer, T), E> {
    let (reader, writer) = io::pipe().map_err(broken)?;
    thread::scope(|scope| {
        // This thread packs and compresses; the other one hashes and writes.
        let pack = move || {
            let gzip = GzEncoder::new(BufWriter::with_capacity(1 << 16, writer), Compression::new(6));
            let (tar, filled) = fill(Hashing::new(gzip))?;
            let end = tar.content.finish().and_then(|mut end| end.flush());
            end.map_err(broken)?;
            Ok((tar.digester.finish(), filled))
        };
        let packing = thread::Builder::new().spawn_scoped(scope, pack).map_err(broken)?;
        let blob = staging.blob(reader);
        let packed = packing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A full disk stops the reader first, and the writer then finds the pipe closed.
        match (packed, blob) {
            (Ok((diff_id, filled)), Ok(blob)) => Ok((PackedLayer { diff_id, blob }, filled)),
            (_, Err(error)) => Err(error.into()),
            (Err(error), _) => Err(error),
        }
    })
}
