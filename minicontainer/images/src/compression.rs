//! Decompression, with a limit against compression bombs.
//!
//! The format is detected from the first bytes, because media types and file names may be wrong. Several consecutive
//! gzip streams, as `pigz` and others write them, are read as one (RFC 1952, section 2.2), and so are several zstd
//! frames (RFC 8878, section 3).
//!
//! Besides the formats of layers, gzip and zstd, archives may be compressed with bzip2 and xz, as in Docker.
//!
//! The header of a zstd frame, of at most ten bytes, can demand a *window* of up to two gigabytes: this much output
//! must be kept in memory to decompress the rest. Readers should support 8 MiB (RFC 8878, section 3.1.1.1.2), and
//! compressors use more only with special options (`zstd --long`, `--ultra`). xz has a similar parameter, the size of
//! its dictionary: it is 64 MiB with the highest preset (`xz -9`). bzip2 never needs more than 4 MB.
//!
//! A few kilobytes can decompress to gigabytes. But a normal layer can contain a large file of zeros too, so the
//! limit on the ratio applies only after the first gigabyte.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use liblzma::{
    bufread::XzDecoder,
    stream::{CONCATENATED, Stream},
};
use minicontainer::store::StoreError;
use oci_spec::image::MediaType;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::ImageError;

/// The first bytes of a gzip member (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The first bytes of a zstd frame, and of a skippable frame without its lowest four bits (RFC 8878, sections 3.1.1
/// and 3.1.2).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const ZSTD_SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
/// The first bytes of a bzip2 stream, before its block size, and of an xz stream.
const BZIP2_MAGIC: [u8; 3] = *b"BZh";
const XZ_MAGIC: [u8; 6] = *b"\xfd7zXZ\0";
/// The memory limit for decompressing xz. The largest preset needs 65 MiB.
const XZ_MEMORY: u64 = 72 << 20;
/// The largest window, as a power of two: 8 MiB.
const WINDOW_LIMIT: u32 = 23;
/// This many bytes of output are always allowed.
const FREE: u64 = 1 << 30;
/// After that, this many bytes of output are allowed per byte of input.
const RATIO_LIMIT: u64 = 200;

/// The content is a compression bomb.
#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {RATIO_LIMIT} times its size, and more than 1 GiB: a compression bomb")]
struct Bomb;

type Whole<R> = Counted<io::Chain<Cursor<Vec<u8>>, R>>;

/// A reader that decompresses its input.
pub struct Decompressed<R: Read> {
    form: Form<R>,
}

enum Form<R: Read> {
    Plain(BufReader<Whole<R>>),
    Compressed { decoder: Decoder<BufReader<Whole<R>>>, given: u64, free: u64 },
}

enum Decoder<R: BufRead> {
    Gzip(Box<MultiGzDecoder<R>>),
    Zstd(Box<ZstdDecoder<'static, R>>),
    Bzip2(Box<MultiBzDecoder<R>>),
    Xz(Box<XzDecoder<R>>),
}

impl<R: BufRead> Decoder<R> {
    fn zstd(content: R) -> io::Result<Decoder<R>> {
        let mut decoder = ZstdDecoder::with_buffer(content)?;
        decoder.window_log_max(WINDOW_LIMIT)?;
        Ok(Decoder::Zstd(Box::new(decoder)))
    }

    fn xz(content: R) -> io::Result<Decoder<R>> {
        let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
        Ok(Decoder::Xz(Box::new(XzDecoder::new_stream(content, stream))))
    }

    fn content(&self) -> &R {
        match self {
            Decoder::Bzip2(decoder) => decoder.get_ref(),
            Decoder::Xz(decoder) => decoder.get_ref(),
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref(),
        }
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => {
                decoder.read(buffer).map_err(damaged("zstd stream", "a window of more than 8 MiB"))
            }
            Decoder::Bzip2(decoder) => decoder.read(buffer).map_err(damaged("bzip2 stream", "another version")),
            Decoder::Xz(decoder) => decoder.read(buffer).map_err(damaged("xz stream", "a dictionary over 64 MiB")),
        }
    }
}

/// For `map_err`: adds `limit`, a possible reason, to an error of the compressed stream. Errors of the operating
/// system are not changed.
fn damaged(stream: &'static str, limit: &'static str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| match error.kind() {
        // Only errors of the operating system have a number.
        _ if error.raw_os_error().is_some() => error,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::Interrupted => error,
        _ => io::Error::new(io::ErrorKind::InvalidData, format!("its {stream} is damaged or has {limit}: {error}")),
    }
}

impl<R: Read> Decompressed<R> {
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.form, Form::Compressed { .. })
    }
}

/// Decompresses `content`.
///
/// # Errors
/// If its beginning cannot be read.
pub fn decompress<R: Read>(mut content: R) -> Result<Decompressed<R>, ImageError> {
    let mut magic = Vec::with_capacity(XZ_MAGIC.len());
    content
        .by_ref()
        .take(XZ_MAGIC.len() as u64)
        .read_to_end(&mut magic)
        .map_err(|source| StoreError::Content { source })?;
    let kind = Kind::of(&magic);
    let whole = Counted { content: Cursor::new(magic).chain(content), count: 0 };
    let whole = BufReader::with_capacity(1 << 17, whole);
    let decoder = match kind {
        Kind::Plain => return Ok(Decompressed { form: Form::Plain(whole) }),
        Kind::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(whole))),
        Kind::Zstd => Decoder::zstd(whole).map_err(|source| StoreError::Content { source })?,
        Kind::Bzip2 => Decoder::Bzip2(Box::new(MultiBzDecoder::new(whole))),
        Kind::Xz => Decoder::xz(whole).map_err(|source| StoreError::Content { source })?,
    };
    Ok(Decompressed { form: Form::Compressed { decoder, given: 0, free: FREE } })
}

/// The supported formats.
enum Kind {
    Plain,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Kind {
    fn of(start: &[u8]) -> Kind {
        match start {
            _ if start.starts_with(&GZIP_MAGIC) => Kind::Gzip,
            _ if start.starts_with(&ZSTD_MAGIC) => Kind::Zstd,
            _ if start.starts_with(&XZ_MAGIC) => Kind::Xz,
            // The block size is a digit from 1 to 9.
            [head @ .., b'1'..=b'9', _, _] if head == BZIP2_MAGIC => Kind::Bzip2,
            [first, rest @ ..] if first & 0xf0 == ZSTD_SKIPPABLE[0] && rest.starts_with(&ZSTD_SKIPPABLE[1..]) => {
                Kind::Zstd
            }
            _ => Kind::Plain,
        }
    }
}

/// The media type of a layer in this format; `None` if layers cannot have this format (OCI image-spec, *layer.md*).
pub(super) fn layer_type(content: impl Read) -> Result<Option<MediaType>, ImageError> {
    let mut magic = Vec::with_capacity(XZ_MAGIC.len());
    content.take(XZ_MAGIC.len() as u64).read_to_end(&mut magic).map_err(|source| StoreError::Content { source })?;
    Ok(match Kind::of(&magic) {
        Kind::Plain => Some(MediaType::ImageLayer),
        Kind::Gzip => Some(MediaType::ImageLayerGzip),
        Kind::Zstd => Some(MediaType::ImageLayerZstd),
        Kind::Bzip2 | Kind::Xz => None,
    })
}

/// Counts the bytes read through it.
struct Counted<R> {
    content: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.form {
            Form::Plain(content) => content.read(buffer),
            Form::Compressed { decoder, given, free } => {
                let count = decoder.read(buffer)?;
                *given += count as u64;
                let taken = decoder.content().get_ref().count;
                match *given > free.saturating_add(taken.saturating_mul(RATIO_LIMIT)) {
                    true => Err(io::Error::new(io::ErrorKind::InvalidData, Bomb)),
                    false => Ok(count),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
