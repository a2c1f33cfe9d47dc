//! Compression bombs: kilobytes that unpack to gigabytes. The gigabytes are in data that the reader skips, so they
//! would never reach the disk, but unpacking them would cost time.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::{
    Expect::{self, Harmless, Refused},
    bounded, check_answer, check_victim, digest, prepare, saved, store,
    tar::{Head, Tar, head},
};
use crate::test_env::TestEnv;

const BOMB: Expect = Refused("a compression bomb");
const PIECE: u64 = 16 << 20;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Zeros in several gzip streams, which a reader treats as one.
fn gzip_of_zeros(pieces: u64) -> Vec<u8> {
    gzip(&vec![0; PIECE as usize]).repeat(pieces as usize)
}

/// The start of an archive: a header whose useless content has this size.
fn passed_over(size: u64) -> Vec<u8> {
    Tar::new().member(Head { size, ..head(b'g', "header") }, b"").without_end()
}

/// Tries every command that reads a layer.
fn check(place: &TestEnv, layer: &[u8], expect: Expect, what: &str) {
    let before = store(place);
    prepare(place);
    check_answer(&bounded(place, &["image", "check-layer", "tree"], layer), expect, "", what);
    check_victim(place, what);
    check_answer(&bounded(place, &["import", "-", "hostile:1"], layer), expect, "", what);
    if matches!(expect, Refused(_)) {
        let answer = bounded(place, &["load"], &saved(&[layer], &[digest(b"never reached")]));
        check_answer(&answer, expect, "cannot unpack layer sha256:[ID]", what);
    } else {
        place.succeed(&["rmi", "hostile:1"]);
    }
    assert_eq!(store(place), before, "{what} left something behind");
}

#[test]
fn gzip_bomb_is_cut_off() {
    let place = TestEnv::new();
    let (pieces, size) = (192, 192 * PIECE);
    let large = [gzip(&passed_over(size)), gzip_of_zeros(pieces), gzip(&[0; 1024])].concat();
    check(&place, &large, BOMB, "a member of gigabytes");
    let behind = [gzip(&Tar::new().file("x", "").end()), gzip_of_zeros(pieces)].concat();
    check(&place, &behind, BOMB, "gigabytes behind the end");
    let before = store(&place);
    check_answer(&bounded(&place, &["load"], &large), BOMB, "cannot read the image archive", "an image archive");
    assert_eq!(store(&place), before);
    // Only one level of compression is removed.
    check(&place, &gzip(&large), Refused("its tar archive is damaged"), "a bomb within");
    let zeros = 64 << 20;
    let honest = Head { size: zeros, ..head(b'0', "zeros") };
    let honest =
        [gzip(&Tar::new().member(honest, b"").without_end()), gzip_of_zeros(zeros / PIECE), gzip(&[0; 1024])];
    check(&place, &honest.concat(), Harmless, "a file of zeros");
}

/// A zstd frame with this window and some mebibytes of zeros. Each block uses four bytes to repeat one byte 128 Ki
/// times.
fn zstd_of_zeros(window_log: u8, mebibytes: usize) -> Vec<u8> {
    let block = |last: u32| [&((128_u32 << 10) << 3 | 1 << 1 | last).to_le_bytes()[..3], &[0]].concat();
    let start = [0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
    [&start[..], &block(0).repeat(8 * mebibytes - 1), &block(1)].concat()
}

/// A zstd frame with one uncompressed block of 128 KiB at most.
fn zstd_as_it_is(content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u32) << 3 | 1;
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, (17 - 10) << 3][..], &size.to_le_bytes()[..3], content].concat()
}

#[test]
fn zstd_bomb_is_cut_off() {
    let place = TestEnv::new();
    let header = zstd_as_it_is(&passed_over(3 << 30));
    let end = zstd_as_it_is(&[0; 1024]);
    let large = [header.as_slice(), &zstd_of_zeros(23, 3 << 10), &end].concat();
    assert!(large.len() < 128 << 10);
    check(&place, &large, BOMB, "a member of gigabytes");
    let behind = [zstd_as_it_is(&Tar::new().file("x", "").end()), zstd_of_zeros(23, 3 << 10)].concat();
    check(&place, &behind, BOMB, "gigabytes behind the end");
    for window_log in [24, 27, 31] {
        let long = [zstd_as_it_is(&passed_over(1 << 20)), zstd_of_zeros(window_log, 1), end.clone()].concat();
        check(&place, &long, Refused("a window of more than 8 MiB"), "a window of many megabytes");
    }
    let honest = [zstd_as_it_is(&passed_over(64 << 20)), zstd_of_zeros(23, 64), end].concat();
    check(&place, &honest, Harmless, "useless zeros");
}
