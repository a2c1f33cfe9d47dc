//! Row F16 of the hostile corpus: a damaged image is repaired when it is pulled again.

use super::*;

/// Damages one blob of an image, and checks that a pull repairs it. Another image with the same layer is pulled
/// before and stays intact. `tests/cli/system_check.rs` checks with the real command that `system check` agrees.
#[track_caller]
fn check_healed(which: usize, damage: impl Fn(&Path)) {
    let shared = layer("shared", 70_000);
    let mut shelf = Shelf::with_image(std::slice::from_ref(&shared));
    let other = shelf.image(&[shared.clone(), layer("more", 10)]);
    shelf.manifest("2", MANIFEST, &other);
    let server = shelf.serve();
    let env = RegistryEnv::new();
    let pulled = env.pull(&server).unwrap();
    let image = env.store.image(&format!("{}/app:1", server.name())).unwrap();
    let digests = [&pulled.digest, &image.id, &Digest::of(&shared)];
    let blobs = digests.map(|digest| (env.store.blob_file(digest), digest));
    damage(&blobs[which].0);
    assert!(!is_whole(&blobs[which]), "blob {which}");
    env.pull_name(&format!("{}/app:2", server.name())).unwrap();
    env.pull(&server).unwrap();
    assert!(blobs.iter().all(is_whole), "blob {which}");
    for tag in ["1", "2"] {
        let name = format!("{}/app:{tag}", server.name());
        assert!(env.store.image(&name).unwrap().layers.iter().all(|layer| layer.directory.is_dir()), "{name}");
    }
}

fn is_whole((file, digest): &(PathBuf, &Digest)) -> bool {
    fs::read(file).is_ok_and(|content| Digest::of(&content) == **digest)
}

#[test]
fn damaged_blobs_are_repaired_by_pull() {
    let flip = |path: &Path| {
        let mut content = fs::read(path).unwrap();
        content[7] ^= 1;
        fs::write(path, content).unwrap();
    };
    let cut = |path: &Path| fs::write(path, &fs::read(path).unwrap()[..9]).unwrap();
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    for which in 0..3 {
        check_healed(which, flip);
        check_healed(which, cut);
        check_healed(which, remove);
    }
}
