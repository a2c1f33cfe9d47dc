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

/// Docker 25, `docker save ID`: "manifests": null in index.json, and no name.
#[test]
fn index_without_manifests_leaves_the_listing_to_docker() {
    let StoreEnv { directory: _directory, store } = env();
    let layer = tar(&[("x", b"")]);
    let config = config(&[&layer]);
    let manifest = json!([{"Config": "config.json", "RepoTags": null, "Layers": ["layer.tar"]}]).to_string();
    let archive = tar(&[
        ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
        (
            "index.json",
            br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null}"#,
        ),
        ("manifest.json", manifest.as_bytes()),
        ("config.json", &config),
        ("layer.tar", &layer),
    ]);
    let loaded = load(&store, archive.as_slice()).unwrap();
    assert_eq!((loaded.len(), &loaded[0].reference, &loaded[0].id), (1, &None, &Digest::of(&config)));
}

/// OCI image-spec, descriptor.md: `mediaType` is that of the document.
#[test]
fn manifest_of_docker_keeps_its_media_type() {
    let StoreEnv { directory: _directory, store } = env();
    let mut layout = LayoutFiles::default();
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let layer = tar(&[("x", b"")]);
    let config = layout.add("application/vnd.docker.container.image.v1+json", &config(&[&layer]));
    let blob = layout.add("application/vnd.docker.image.rootfs.diff.tar.gzip", &gzip(&layer));
    let manifest = json!({"schemaVersion": 2, "mediaType": docker, "config": config, "layers": [blob]}).to_string();
    let image = layout.add(docker, manifest.as_bytes());
    load(&store, layout.tar(&[named(image, REF_NAME, "docker:1")]).as_slice()).unwrap();
    let index: Value = serde_json::from_slice(&fs::read(store.index_file()).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["mediaType"], docker);
    assert_eq!(store.image("docker:1").unwrap().layers.len(), 1);
}

/// OCI image-spec, image-index.md: `platform` is optional.
#[test]
fn entry_without_platform_has_that_of_its_config() {
    let StoreEnv { directory: _directory, store } = env();
    let mut layout = LayoutFiles::default();
    let (wrong, right) = (tar(&[("wrong", b"")]), tar(&[("right", b"")]));
    let other: Vec<u8> = {
        let mut other: Value = serde_json::from_slice(&config(&[&wrong])).unwrap();
        other["architecture"] = json!("s390x");
        other.to_string().into_bytes()
    };
    let config = layout.add("application/vnd.oci.image.config.v1+json", &other);
    let blob = layout.add("application/vnd.oci.image.layer.v1.tar", &wrong);
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": [blob]}).to_string();
    let foreign = layout.add("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    let own = layout.add_image(&[&right]);
    let index = LayoutFiles::index(&[foreign, own]);
    let index = layout.add("application/vnd.oci.image.index.v1+json", &index);
    load(&store, layout.tar(&[named(index, REF_NAME, "both:1")]).as_slice()).unwrap();
    assert_eq!(store.image("both:1").unwrap().layers[0].diff_id, Digest::of(&right));
}
