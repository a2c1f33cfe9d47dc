//! Kilobytes that unpack to gigabytes. None of them lets a gigabyte reach the disk: what is passed over while reading
//! costs time and room in no other way.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::{
    Expect::{self, Harmless, Refused},
    bounded, check_answer, check_victim, digest, prepare, saved, store,
    tar::{Head, Tar, head},
};
use crate::place::Place;

const BOMB: Expect = Refused("a compression bomb");
const PIECE: u64 = 16 << 20;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// So many pieces of zeros, each a gzip stream of its own: as if they were one.
fn gzip_of_zeros(pieces: u64) -> Vec<u8> {
    gzip(&vec![0; PIECE as usize]).repeat(pieces as usize)
}

/// The start of an archive: a header that goes on for so many bytes, which nobody has need of.
fn passed_over(size: u64) -> Vec<u8> {
    Tar::new().member(Head { size, ..head(b'g', "header") }, b"").without_end()
}

/// Through every door by which a layer comes in.
fn check(place: &Place, layer: &[u8], expect: Expect, what: &str) {
    let before = store(place);
    prepare(place);
    check_answer(&bounded(place, &["image", "check-layer", "tree"], layer), expect, "", what);
    check_victim(place, what);
    check_answer(&bounded(place, &["import", "-", "hostile:1"], layer), expect, "", what);
    if matches!(expect, Refused(_)) {
        let answer = bounded(place, &["load"], &saved(&[layer], &[digest(b"what nobody comes to see")]));
        check_answer(&answer, expect, "cannot unpack layer sha256:[ID]", what);
    } else {
        place.succeed(&["rmi", "hostile:1"]);
    }
    assert_eq!(store(place), before, "{what} left something behind");
}

#[test]
fn a_gzip_bomb_is_cut_off() {
    let place = Place::new();
    let (pieces, size) = (192, 192 * PIECE);
    let large = [gzip(&passed_over(size)), gzip_of_zeros(pieces), gzip(&[0; 1024])].concat();
    check(&place, &large, BOMB, "a member of gigabytes");
    let behind = [gzip(&Tar::new().file("x", "").end()), gzip_of_zeros(pieces)].concat();
    check(&place, &behind, BOMB, "gigabytes behind the end");
    let before = store(&place);
    check_answer(&bounded(&place, &["load"], &large), BOMB, "cannot read the image archive", "an image archive");
    assert_eq!(store(&place), before);
    // One level is taken off, and no more.
    check(&place, &gzip(&large), Refused("its tar archive is damaged"), "a bomb within");
    let zeros = 64 << 20;
    let honest = Head { size: zeros, ..head(b'0', "zeros") };
    let honest = [gzip(&Tar::new().member(honest, b"").without_end()), gzip_of_zeros(zeros / PIECE), gzip(&[0; 1024])];
    check(&place, &honest.concat(), Harmless, "a file of zeros");
}
