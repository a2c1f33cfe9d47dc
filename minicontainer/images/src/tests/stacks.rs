//! Layers whose archives depend on the layers below (containerd, `pkg/archive/tar.go`).

use std::{io, os::unix::fs::PermissionsExt};

use super::*;

/// A layer with one directory of this mode.
fn directory(name: &str, mode: u32) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Directory);
    header.set_size(0);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(7);
    builder.append_data(&mut header, name, io::empty()).unwrap();
    builder.into_inner().unwrap()
}

/// The modes that an image shows for `/tmp`, from the uppermost layer that has it.
fn mode_of_tmp(store: &Store, name: &str) -> u32 {
    let image = store.image(name).unwrap();
    let mut trees = image.layers.iter().rev().map(|layer| layer.directory.join("tmp"));
    let tmp = trees.find(|path| path.exists()).unwrap();
    fs::metadata(tmp).unwrap().permissions().mode() & 0o7777
}

#[test]
fn layer_with_implied_parent_is_unpacked_for_each_stack() {
    let StoreEnv { directory: _directory, store } = env();
    let upper = tar(&[("tmp/d/x", b"hello")]);
    let alone = tar(&[("alone", b"")]);
    let images = [("open:1", directory("tmp/", 0o1777)), ("closed:1", directory("tmp/", 0o700))];
    for (name, lower) in &images {
        load(&store, saved(name, &[lower, &upper, &alone]).as_slice()).unwrap();
    }
    load(&store, saved("none:1", &[&upper, &alone]).as_slice()).unwrap();
    assert_eq!(["open:1", "closed:1", "none:1"].map(|name| mode_of_tmp(&store, name)), [0o1777, 0o700, 0o755]);
    let layers = ["open:1", "closed:1", "none:1"].map(|name| store.image(name).unwrap().layers);
    assert_ne!(layers[0][1].directory, layers[1][1].directory, "it depends on what is below");
    assert_ne!(layers[0][1].directory, layers[2][0].directory);
    assert_eq!(layers[0][2].directory, layers[1][2].directory, "it does not depend on what is below");
    assert_eq!(layers[0][2].directory, layers[2][1].directory);
    // Each tree is removed with the last image that has it.
    store.remove_image("open:1", &|_| None).unwrap();
    assert!(!layers[0][1].directory.exists() && layers[1][1].directory.exists());
    assert_eq!(["closed:1", "none:1"].map(|name| mode_of_tmp(&store, name)), [0o700, 0o755]);
    store.remove_image("none:1", &|_| None).unwrap();
    store.remove_image("closed:1", &|_| None).unwrap();
    assert_eq!(fs::read_dir(store.layers_directory()).unwrap().count(), 0);
}

#[test]
fn foreign_layer_with_implied_parent_is_unpacked_on_the_layers_below() {
    let StoreEnv { directory: _directory, store } = env();
    let (lower, upper) = (directory("tmp/", 0o1777), tar(&[("tmp/d/x", b"hello")]));
    let mut layout = LayoutFiles::default();
    let image = layout.add_image(&[&lower, &upper]);
    layout.write(&store.images_directory(), &[named(image, REF_NAME, "foreign:1")]);
    assert_eq!(find(&store, "foreign:1").unwrap().layers.len(), 2);
    assert_eq!(mode_of_tmp(&store, "foreign:1"), 0o1777);
}

/// moby, daemon/refstore and reference.ParseNormalizedNamed: with such a name, `run sha256:…` would be ambiguous.
#[test]
fn archive_with_a_name_like_an_id_is_refused() {
    let StoreEnv { directory: _directory, store } = env();
    load(&store, saved("good:1", &[&tar(&[("x", b"")])]).as_slice()).unwrap();
    let id = store.image("good:1").unwrap().id;
    let layer = tar(&[("evil", b"")]);
    for name in [id.to_string(), id.hex().to_owned(), format!("docker.io/library/{id}")] {
        let error = load(&store, saved(&name, &[&layer]).as_slice()).unwrap_err();
        assert!(matches!(error, ImageError::BadReference { .. }), "{name}: {error}");
        let mut layout = LayoutFiles::default();
        let image = layout.add_image(&[&layer]);
        let archive = layout.tar(&[named(image, "io.containerd.image.name", &name)]);
        let error = load(&store, archive.as_slice()).unwrap_err();
        assert!(matches!(error, ImageError::BadReference { .. }), "{name}: {error}");
        assert_eq!(names(&store), ["good:1"]);
    }
    assert_eq!(store.image(id.as_str()).unwrap().reference, store.image("good:1").unwrap().reference);
}
