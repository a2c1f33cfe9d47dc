use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn xz(content: &[u8], preset: u32) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), preset);
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Several streams are read as one, as by bzip2(1) and xz(1). A truncated or damaged stream is an error.
#[test]
fn bzip2_and_xz_are_decompressed() {
    for compress in [bzip2, |content: &[u8]| xz(content, 6)] {
        let two = [compress(b"one "), compress(b"two")].concat();
        let mut text = String::new();
        decompress(two.as_slice()).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
        let damaged: Vec<u8> = two.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 20)).collect();
        for broken in [&two[..two.len() - 5], &damaged] {
            let error = decompress(broken).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
            let kinds = [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData];
            assert!(kinds.contains(&error.kind()), "{error:?}");
        }
    }
}

/// The largest preset is accepted. A header that requests a dictionary of 256 MiB is refused.
#[test]
fn xz_dictionary_is_limited() {
    let read = |content: &[u8]| decompress(content).unwrap().read_to_end(&mut Vec::new());
    assert_eq!(read(&xz(b"text", 9)).unwrap(), 4);
    let mut options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(options.dict_size(256 << 20));
    let stream = Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(b"text").unwrap();
    let error = read(&encoder.finish().unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("its xz stream is damaged or has a dictionary over 64 MiB"), "{error}");
}

#[test]
fn concatenated_gzip_streams_are_decompressed() {
    let two = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
    let mut text = String::new();
    decompress(two.as_slice()).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "one two");
    let garbage = [gzip(b"one"), b"garbage".to_vec()].concat();
    assert!(decompress(garbage.as_slice()).unwrap().read_to_string(&mut text).is_err());
}

#[test]
fn concatenated_zstd_frames_are_decompressed() {
    let zstd = |content: &[u8]| zstd::encode_all(content, 3).unwrap();
    let skipped = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let all = [&skipped, zstd(b"one ").as_slice(), &zstd(b""), &skipped, &zstd(b"two"), &skipped].concat();
    let mut text = String::new();
    decompress(all.as_slice()).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "one two");
    for broken in [[zstd(b"one"), b"garbage".to_vec()].concat(), zstd(b"one")[..10].to_vec()] {
        assert!(decompress(broken.as_slice()).unwrap().read_to_string(&mut text).is_err());
    }
}

/// A frame with a given window size, and a megabyte of zeros in eight RLE blocks.
fn frame(window_log: u8) -> Vec<u8> {
    let block = |last: u32| [&((128_u32 << 10) << 3 | 1 << 1 | last).to_le_bytes()[..3], &[0]].concat();
    [&ZSTD_MAGIC[..], &[0, (window_log - 10) << 3], &block(0).repeat(7), &block(1)].concat()
}

#[test]
fn zstd_window_is_limited() {
    let read = |bytes: &[u8]| io::copy(&mut decompress(bytes).unwrap(), &mut io::sink());
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
    let content = vec![0; 16 << 20];
    for zeros in [zeros, frame(23).repeat(16), bzip2(&content), xz(&content, 6)] {
        let mut bomb = decompress(zeros.as_slice()).unwrap();
        let Form::Compressed { free, .. } = &mut bomb.form else { panic!("it is compressed") };
        *free = 1 << 20;
        let error = io::copy(&mut bomb, &mut io::sink()).unwrap_err();
        assert!(error.to_string().ends_with("a compression bomb"), "{error}");
    }
}
