//! The store through its public functions, with images staged by the tests.

use minicontainer_core::Diagnostic as _;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use minicontainer_core::Digest;
use oci_spec::image::MediaType;
use serde_json::json;

use super::*;

mod names;
mod ownership;
#[path = "../../../tests/test_store.rs"]
mod test_store;

use test_store::{StoreEnv, config, env, files};

/// Adds an image of these layers, or its documents alone. The tree of a layer is one file, named as the layer.
fn add_some(store: &Store, name: &str, layers: &[&str], unpack: impl Fn(&Digest) -> bool) -> Result<(), StoreError> {
    let staging = store.stage()?;
    let config = staging.blob(config(layers).as_slice())?;
    let mut transaction = Transaction::default();
    let (mut blobs, mut descriptors) = (Vec::new(), Vec::new());
    for layer in layers {
        let blob = staging.blob(layer.as_bytes())?;
        let fill = |tree: &Path| {
            fs::write(tree.join(layer), "").unwrap();
            Ok::<u64, StoreError>(0)
        };
        if unpack(blob.digest()) && store.layer(blob.digest())?.is_none() {
            transaction.layers.push(StagedLayer::new(&staging, blob.digest(), fill)?);
        }
        descriptors.push(blob.descriptor(MediaType::ImageLayer));
        blobs.push(blob);
    }
    let manifest =
        json!({"schemaVersion": 2, "config": config.descriptor(MediaType::ImageConfig), "layers": descriptors});
    let manifest = staging.blob(manifest.to_string().as_bytes())?;
    transaction.images.push((manifest.descriptor(MediaType::ImageManifest), name.parse().ok()));
    transaction.blobs.extend(blobs.iter().chain([&config, &manifest]));
    let flushed = staging.flush()?;
    store.add(&store.lock()?, &flushed, transaction)
}

/// Adds an image of these layers.
fn add(store: &Store, name: &str, layers: &[&str]) -> Result<(), StoreError> {
    add_some(store, name, layers, |_| true)
}

fn names(store: &Store) -> Vec<String> {
    let name = |image: Result<Image, Box<Damaged>>| match image {
        Ok(image) => image.reference.map_or("<none>".into(), |name| name.familiar()),
        Err(damaged) => {
            let name = damaged.reference.map_or("<none>".into(), |name| name.familiar());
            format!("{name} is damaged: {}", damaged.error)
        }
    };
    let mut names: Vec<_> = store.images().unwrap().into_iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn images_are_found_by_name_and_id_prefix() {
    let StoreEnv { store, directory: _directory } = env();
    add(&store, "docker.io/library/x:latest", &["x"]).unwrap();
    let image = store.image("x").unwrap();
    for name in [image.id.as_str(), image.id.hex(), image.id.short(), &image.id.as_str()[..20]] {
        assert_eq!(store.image(name).unwrap(), image);
    }
    assert_eq!(store.image(&format!("x@{}", image.manifest_digest)).unwrap(), image);
    let message =
        |name: &str| store.image(name).unwrap_err().to_string().replace(&store.root().display().to_string(), "STORE");
    insta::assert_snapshot!(message("nginx"), @r#"no image "nginx" in the store STORE"#);
    insta::assert_snapshot!(message("X"), @r#"cannot look up the image "X""#);
    insta::assert_snapshot!(store.image("nginx").unwrap_err().hint().unwrap(), @"`minicontainer images` lists the images, `minicontainer pull IMAGE` fetches one, and `minicontainer image seed` creates busybox without a network");
}

#[test]
fn image_is_deleted_with_its_last_name() {
    let StoreEnv { store, directory: _directory } = env();
    let empty = files(&store);
    add(&store, "x:1", &["base"]).unwrap();
    let first = store.image("x:1").unwrap();
    store.tag("x:1", &"y:1".parse().unwrap()).unwrap();
    add(&store, "x:1", &["base", "top"]).unwrap();
    let second = store.image("x:1").unwrap();
    assert_eq!(names(&store), ["x:1", "y:1"]);
    store.tag("x:1", &"y:1".parse().unwrap()).unwrap();
    assert_eq!(names(&store), ["<none>", "x:1", "y:1"], "the first image has lost all its names");

    let free = |_: &Digest| None;
    let several = store.remove_image(second.id.short(), &free).unwrap_err();
    assert!(matches!(several, StoreError::SeveralNames { .. }), "{several}");
    let removed = |name: &str| store.remove_image(name, &free).unwrap();
    assert_eq!(removed("y:1"), [Removed::Untagged("y:1".parse().unwrap())]);
    let in_use = store.remove_image("x:1", &|_| Some("web".to_owned())).unwrap_err();
    assert_eq!(
        in_use.to_string(),
        format!("cannot remove the image {}: the container web uses it", second.id.short())
    );
    let top = Digest::of(b"top");
    assert_eq!(
        removed("x:1"),
        [Removed::Untagged("x:1".parse().unwrap()), Removed::Deleted(second.id), Removed::Deleted(top)],
        "the base stays: the first image uses it"
    );
    assert_eq!(removed(first.id.hex()), [Removed::Deleted(first.id), Removed::Deleted(Digest::of(b"base"))]);
    assert_eq!(files(&store), empty, "nothing is left");
}

#[test]
fn stale_staging_directories_are_swept_and_live_ones_are_not() {
    let StoreEnv { store, directory: _directory } = env();
    let staging = store.staging_directory();
    let living = store.stage().unwrap();
    fs::write(living.unused_path(), "").unwrap();
    let dead = staging.join("1-1");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("half"), "").unwrap();
    assert_eq!(store.stale_staging().unwrap(), std::slice::from_ref(&dead));
    // While another operation has the store's lock.
    let _lock = store.lock().unwrap();
    store.sweep_staging().unwrap();
    assert!(!dead.exists());
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 1);
    drop(living);
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 0);
}

#[test]
fn unwritable_store_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(file.join("store")).unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error}");
    assert_eq!(
        error.hint().unwrap(),
        "give yourself write access there, or set MINICONTAINER_ROOT to a directory of your own"
    );
}

/// Two images; the second, `bad:1`, loses a blob. The first must stay usable; the second must be removable.
#[track_caller]
fn check_damaged(blob: impl FnOnce(&Image) -> Digest, what: &str, name: impl FnOnce(&Image) -> String) {
    let StoreEnv { store, directory: _directory } = env();
    add(&store, "good:1", &["base"]).unwrap();
    add(&store, "bad:1", &["base", "top"]).unwrap();
    let bad = store.image("bad:1").unwrap();
    let lost = blob(&bad);
    fs::remove_file(store.layout.blob_path(&lost)).unwrap();
    assert_eq!(names(&store), [format!("bad:1 is damaged: {what} {lost} is missing"), "good:1".to_owned()]);
    assert!(store.image("bad:1").unwrap_err().to_string().contains("is missing"));

    let removed = store.remove_image(&name(&bad), &|_| None).unwrap();
    assert_eq!(removed[0], Removed::Untagged("bad:1".parse().unwrap()));
    assert_eq!(names(&store), ["good:1"]);
    assert!(store.image("good:1").unwrap().layers[0].directory.join("base").exists());
    let unknown = store.remove_image("bad:1", &|_| None).unwrap_err();
    assert!(matches!(unknown, StoreError::UnknownImage { .. }), "{unknown}");
}

#[test]
fn damaged_image_is_listed_and_removable() {
    let by_name = |_: &Image| "bad:1".to_owned();
    check_damaged(|image| image.id.clone(), "the blob", by_name);
    check_damaged(|image| image.id.clone(), "the blob", |image| image.id.short().to_owned());
    check_damaged(|image| image.manifest_digest.clone(), "the blob", by_name);
    check_damaged(|image| image.manifest_digest.clone(), "the blob", |image| image.manifest_digest.to_string());
}

#[test]
fn layers_are_kept_while_an_image_is_damaged() {
    let StoreEnv { store, directory: _directory } = env();
    add(&store, "good:1", &["base", "top"]).unwrap();
    add(&store, "bad:1", &["base"]).unwrap();
    let (good, bad) = (store.image("good:1").unwrap(), store.image("bad:1").unwrap());
    fs::remove_file(store.layout.blob_path(&bad.manifest_digest)).unwrap();
    let removed = store.remove_image("good:1", &|_| None).unwrap();
    assert_eq!(removed, [Removed::Untagged("good:1".parse().unwrap()), Removed::Deleted(good.id)]);
    assert!(bad.layers[0].directory.join("base").exists(), "a container of the damaged image may use it");
}

#[test]
fn image_with_packed_layers_is_reported() {
    let StoreEnv { store, directory: _directory } = env();
    let top = Digest::of(b"top");
    add_some(&store, "foreign:1", &["base", "top"], |layer| *layer != top).unwrap();
    let error = store.image("foreign:1").unwrap_err();
    assert!(matches!(&error, StoreError::NotUnpacked { layer, .. } if layer.blob == top), "{error:?}");
    let id = Digest::of(&config(&["base", "top"]));
    assert_eq!(error.to_string(), format!("the layer {top} of the image {} is not unpacked yet", id.short()));
    assert_eq!(
        error.hint().unwrap(),
        "let the engine unpack it: any `minicontainer run IMAGE` does, and in a program minicontainer_images::find"
    );
    assert_eq!(names(&store), [format!("foreign:1 is damaged: {error}")]);
    store.remove_image("foreign:1", &|_| None).unwrap();
    assert!(store.layer(&Digest::of(b"base")).unwrap().is_none(), "it goes like any other");
}
