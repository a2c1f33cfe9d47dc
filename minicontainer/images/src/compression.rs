//! Decompression, with a limit against compression bombs.
//!
//! The format is detected from the first bytes, because media types and file names may be wrong. Several consecutive
//! gzip streams are one content (RFC 1952, section 2.2), as `pigz` and others write them; so are several zstd frames
//! (RFC 8878, section 3).
//!
//! The header of a zstd frame, of at most ten bytes, can demand a *window* of up to two gigabytes: this much output
//! must be kept in memory to decompress the rest. Readers should support 8 MiB (RFC 8878, section 3.1.1.1.2), and
//! compressors use more only with special options (`zstd --long`, `--ultra`).
//!
//! A few kilobytes can decompress to gigabytes. But a normal layer can contain a large file of zeros too, so the
//! limit on the ratio applies only after the first gigabyte.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;
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

/// A content that is decompressed while it is read.
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
}

impl<R: BufRead> Decoder<R> {
    fn zstd(content: R) -> io::Result<Decoder<R>> {
        let mut decoder = ZstdDecoder::with_buffer(content)?;
        decoder.window_log_max(WINDOW_LIMIT)?;
        Ok(Decoder::Zstd(Box::new(decoder)))
    }

    fn content(&self) -> &R {
        match self {
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref(),
        }
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer).map_err(|error| match error.kind() {
                // This is an error of the stream, not of the disk.
                io::ErrorKind::Other => io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("its zstd stream is damaged or has a window of more than 8 MiB: {error}"),
                ),
                _ => error,
            }),
        }
    }
}

impl<R: Read> Decompressed<R> {
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.form, Form::Compressed { .. })
    }
}

/// Decompresses `content`. `what` names it in messages.
///
/// # Errors
/// If the compression is not supported, or the beginning cannot be read.
pub fn decompress<R: Read>(mut content: R, what: &str) -> Result<Decompressed<R>, ImageError> {
    let mut magic = Vec::with_capacity(6);
    content.by_ref().take(6).read_to_end(&mut magic).map_err(|source| StoreError::Content { source })?;
    let unsupported = |compression| Err(ImageError::Compression { what: what.to_owned(), compression });
    match magic.as_slice() {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return unsupported("xz"),
        [b'B', b'Z', b'h', ..] => return unsupported("bzip2"),
        _ => {}
    }
    let kind = Kind::of(&magic);
    let whole = Counted { content: Cursor::new(magic).chain(content), count: 0 };
    let whole = BufReader::with_capacity(1 << 17, whole);
    let decoder = match kind {
        Kind::Plain => return Ok(Decompressed { form: Form::Plain(whole) }),
        Kind::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(whole))),
        Kind::Zstd => Decoder::zstd(whole).map_err(|source| StoreError::Content { source })?,
    };
    Ok(Decompressed { form: Form::Compressed { decoder, given: 0, free: FREE } })
}

/// The supported formats.
enum Kind {
    Plain,
    Gzip,
    Zstd,
}

impl Kind {
    fn of(start: &[u8]) -> Kind {
        match start {
            _ if start.starts_with(&GZIP_MAGIC) => Kind::Gzip,
            _ if start.starts_with(&ZSTD_MAGIC) => Kind::Zstd,
            [first, rest @ ..] if first & 0xf0 == ZSTD_SKIPPABLE[0] && rest.starts_with(&ZSTD_SKIPPABLE[1..]) => {
                Kind::Zstd
            }
            _ => Kind::Plain,
        }
    }
}

/// The media type of a layer in this format.
pub(super) fn layer_type(content: impl Read) -> Result<MediaType, ImageError> {
    let mut magic = Vec::with_capacity(ZSTD_MAGIC.len());
    content.take(4).read_to_end(&mut magic).map_err(|source| StoreError::Content { source })?;
    Ok(match Kind::of(&magic) {
        Kind::Plain => MediaType::ImageLayer,
        Kind::Gzip => MediaType::ImageLayerGzip,
        Kind::Zstd => MediaType::ImageLayerZstd,
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
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn concatenated_gzip_streams_are_decompressed() {
        let two = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        let mut text = String::new();
        decompress(two.as_slice(), "it").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
        let garbage = [gzip(b"one"), b"garbage".to_vec()].concat();
        assert!(decompress(garbage.as_slice(), "it").unwrap().read_to_string(&mut text).is_err());
    }

    #[test]
    fn concatenated_zstd_frames_are_decompressed() {
        let zstd = |content: &[u8]| zstd::encode_all(content, 3).unwrap();
        let skipped = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let all = [&skipped, zstd(b"one ").as_slice(), &zstd(b""), &skipped, &zstd(b"two"), &skipped].concat();
        let mut text = String::new();
        decompress(all.as_slice(), "it").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
        for broken in [[zstd(b"one"), b"garbage".to_vec()].concat(), zstd(b"one")[..10].to_vec()] {
            assert!(decompress(broken.as_slice(), "it").unwrap().read_to_string(&mut text).is_err());
        }
    }

    /// A frame with a given window size, and a megabyte of zeros in eight RLE blocks.
    fn frame(window_log: u8) -> Vec<u8> {
        let block = |last: u32| [&((128_u32 << 10) << 3 | 1 << 1 | last).to_le_bytes()[..3], &[0]].concat();
        [&ZSTD_MAGIC[..], &[0, (window_log - 10) << 3], &block(0).repeat(7), &block(1)].concat()
    }

    #[test]
    fn zstd_window_is_limited() {
        let read = |bytes: &[u8]| io::copy(&mut decompress(bytes, "it").unwrap(), &mut io::sink());
        assert_eq!(read(&frame(23)).unwrap(), 1 << 20);
        let error = read(&frame(24)).unwrap_err();
        insta::assert_snapshot!(error, @"its zstd stream is damaged or has a window of more than 8 MiB: Frame requires too much memory for decoding");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(read(&frame(31)).is_err());
    }

    #[test]
    fn compression_bomb_is_cut_off() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 16 << 20]).unwrap();
        let zeros = encoder.finish().unwrap();
        for zeros in [zeros, frame(23).repeat(16)] {
            let mut bomb = decompress(zeros.as_slice(), "it").unwrap();
            let Form::Compressed { free, .. } = &mut bomb.form else { panic!("it is compressed") };
            *free = 1 << 20;
            let error = io::copy(&mut bomb, &mut io::sink()).unwrap_err();
            assert!(error.to_string().ends_with("a compression bomb"), "{error}");
        }
    }
}
