//! Row F16 of the hostile corpus: what is damaged in the store is whole again when it has been pulled again.

use super::*;
use crate::system::check::{Depth, check, repair};

/// Damage to one of the blobs of an image; then what a pull makes of it, after a repair or `alone`. Another image that has
/// the same layer is pulled meanwhile and does not suffer.
#[track_caller]
fn check_healed(which: usize, alone: bool, damage: impl Fn(&Path)) {
    let shared = layer("shared", 70_000);
    let mut shelf = Shelf::with_image(std::slice::from_ref(&shared));
    let other = shelf.image(&[shared.clone(), layer("more", 10)]);
    shelf.manifest("2", MANIFEST, &other);
    let server = shelf.serve();
    let room = Room::new();
    let pulled = room.pull(&server).unwrap();
    let image = room.store.image(&format!("{}/app:1", server.name())).unwrap();
    let digests = [&pulled.digest, &image.id, &Digest::of(&shared)];
    let blob = room.store.root().join("images/blobs/sha256").join(digests[which].hex());
    damage(&blob);
    assert!(!check(&room.store, Depth::Whole).unwrap().is_empty(), "blob {which}");
    if !alone {
        repair(&room.store, Depth::Whole).unwrap();
    }
    room.pull_name(&format!("{}/app:2", server.name())).unwrap();
    room.pull(&server).unwrap();
    let findings = check(&room.store, Depth::Whole).unwrap();
    assert!(findings.is_empty(), "blob {which}: {findings:?}");
    assert!(fs::read(blob).is_ok_and(|content| Digest::of(&content) == *digests[which]));
}

#[test]
fn damaged_blobs_are_healed_by_pulling_again() {
    let flip = |path: &Path| {
        let mut content = fs::read(path).unwrap();
        content[7] ^= 1;
        fs::write(path, content).unwrap();
    };
    let cut = |path: &Path| fs::write(path, &fs::read(path).unwrap()[..9]).unwrap();
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    for which in 0..3 {
        for alone in [false, true] {
            check_healed(which, alone, flip);
            check_healed(which, alone, cut);
            check_healed(which, alone, remove);
        }
    }
}
