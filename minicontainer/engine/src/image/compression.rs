//! Through whatever compression a content shows, and no further than is believable.
//!
//! What a content is compressed with is told by its first bytes, since media types and file names may be wrong. Several
//! gzip streams one behind the other are one content (RFC 1952, section 2.2), as `pigz` and others write.
//!
//! Some kilobytes can unpack to gigabytes. An honest layer can hold a large file of zeros, too, so not the ratio alone
//! says that something is wrong: it counts from the first gigabyte on.

use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;
use minicontainer::store::StoreError;

use super::ImageError;

/// The first bytes of a gzip member (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// So many bytes come out whatever went in.
const FREE: u64 = 1 << 30;
/// Behind those, so many bytes may come out for each that went in.
const RATIO_LIMIT: u64 = 200;

/// A content that unpacks to so much that nobody can have meant it.
#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {RATIO_LIMIT} times its size, and more than 1 GiB: a compression bomb")]
struct Bomb;

type Whole<R> = Counted<io::Chain<Cursor<Vec<u8>>, R>>;

/// A content that is decompressed while it is read.
pub(super) enum Decompressed<R> {
    Plain(BufReader<Whole<R>>),
    Gzip { decoder: Box<MultiGzDecoder<BufReader<Whole<R>>>>, given: u64, free: u64 },
}

impl<R: Read> Decompressed<R> {
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self, Decompressed::Gzip { .. })
    }
}

/// Reads through the compression of `content`; `what` it is stands in messages.
pub(super) fn decompress<R: Read>(mut content: R, what: &str) -> Result<Decompressed<R>, ImageError> {
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
    let whole = Counted { content: Cursor::new(magic).chain(content), count: 0 };
    let whole = BufReader::with_capacity(1 << 17, whole);
    Ok(match gzip {
        true => Decompressed::Gzip { decoder: Box::new(MultiGzDecoder::new(whole)), given: 0, free: FREE },
        false => Decompressed::Plain(whole),
    })
}

/// Whether this is compressed with gzip.
pub(super) fn is_gzip(content: impl Read) -> Result<bool, ImageError> {
    let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
    content.take(2).read_to_end(&mut magic).map_err(|source| StoreError::Content { source })?;
    Ok(magic == GZIP_MAGIC)
}

/// Counts what is read through it.
pub(super) struct Counted<R> {
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
        match self {
            Decompressed::Plain(content) => content.read(buffer),
            Decompressed::Gzip { decoder, given, free } => {
                let count = decoder.read(buffer)?;
                *given += count as u64;
                let taken = decoder.get_ref().get_ref().count;
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
    fn several_streams_are_one_content() {
        let two = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        let mut text = String::new();
        decompress(two.as_slice(), "it").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
        let garbage = [gzip(b"one"), b"garbage".to_vec()].concat();
        assert!(decompress(garbage.as_slice(), "it").unwrap().read_to_string(&mut text).is_err());
    }

    #[test]
    fn a_bomb_is_cut_off() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 16 << 20]).unwrap();
        let zeros = encoder.finish().unwrap();
        let mut bomb = decompress(zeros.as_slice(), "it").unwrap();
        let Decompressed::Gzip { free, .. } = &mut bomb else { panic!("it is compressed") };
        *free = 1 << 20;
        let error = io::copy(&mut bomb, &mut io::sink()).unwrap_err();
        insta::assert_snapshot!(error, @"it unpacks to more than 200 times its size, and more than 1 GiB: a compression bomb");
    }
}
