//! The store as its users see it, with images staged here.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;
use tar::{Builder, Header};

use minicontainer_core::Digest;

use super::*;

struct Room {
    directory: tempfile::TempDir,
    store: Store,
}

fn room() -> Room {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    Room { directory, store }
}

/// Every file of a store but the layers' own, to see that nothing was left behind.
fn files(store: &Store) -> Vec<String> {
    fn walk(directory: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(root).unwrap().display().to_string());
            if path.is_dir() && !path.ends_with("fs") {
                walk(&path, root, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(store.root(), store.root(), &mut found);
    found.sort();
    found
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn config(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    json!({
        "architecture": oci_spec::image::Arch::default().to_string(), "os": "linux",
        "created": "2026-01-02T03:04:05Z", "config": {"Cmd": ["sh"], "Volumes": null},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
    .to_string()
    .into_bytes()
}

/// Adds an image of these layers.
fn add(store: &Store, name: &str, layers: &[&[u8]]) -> Result<Vec<Loaded>, StoreError> {
    let staging = store.stage()?;
    let blobs = layers.iter().map(|layer| staging.blob(*layer)).collect::<Result<_, _>>()?;
    let config = staging.blob(config(layers).as_slice())?;
    store.admit(&staging, &[Incoming::assemble(&staging, vec![name.parse().unwrap()], config, blobs)?])
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
fn images_are_found_by_name_and_by_the_beginning_of_their_id() {
    let Room { store, directory: _directory } = room();
    let layer = tar(&[("x", b"")]);
    add(&store, "docker.io/library/x:latest", &[&layer]).unwrap();
    let image = store.image("x").unwrap();
    for name in [image.id.as_str(), image.id.hex(), image.id.short(), &image.id.as_str()[..20]] {
        assert_eq!(store.image(name).unwrap(), image);
    }
    assert_eq!(store.image(&format!("x@{}", image.manifest_digest)).unwrap(), image);
    let message =
        |name: &str| store.image(name).unwrap_err().to_string().replace(&store.root().display().to_string(), "STORE");
    insta::assert_snapshot!(message("nginx"), @r#"no image "nginx" in the store STORE"#);
    insta::assert_snapshot!(message("X"), @r#"cannot look up the image "X""#);
    insta::assert_snapshot!(store.image("nginx").unwrap_err().hint(), @"`minicontainer image seed` makes busybox from this machine's programs with no network; `minicontainer load -i FILE` reads what `docker save` wrote; `minicontainer images` lists what is there");
}

#[test]
fn a_name_moves_and_an_image_goes_with_its_last_name() {
    let Room { store, directory: _directory } = room();
    let (base, top) = (tar(&[("base", b"")]), tar(&[("top", b"")]));
    let empty = files(&store);
    add(&store, "x:1", &[&base]).unwrap();
    let first = store.image("x:1").unwrap();
    store.tag("x:1", &"y:1".parse().unwrap()).unwrap();
    add(&store, "x:1", &[&base, &top]).unwrap();
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
    assert_eq!(in_use.to_string(), format!("cannot remove the image {}: the container web uses it", second.id.short()));
    let top = Digest::of(&top);
    assert_eq!(
        removed("x:1"),
        [Removed::Untagged("x:1".parse().unwrap()), Removed::Deleted(second.id), Removed::Deleted(top)],
        "the base stays: the first image uses it"
    );
    assert_eq!(removed(first.id.hex()), [Removed::Deleted(first.id), Removed::Deleted(Digest::of(&base))]);
    assert_eq!(files(&store), empty, "nothing is left");
}

#[test]
fn what_the_dead_left_is_swept_and_what_the_living_write_is_not() {
    let Room { store, directory: _directory } = room();
    let staging = store.root().join("staging");
    let living = Staging::new(&staging).unwrap();
    fs::write(living.vacant(), "").unwrap();
    let dead = staging.join("1-1");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("half"), "").unwrap();
    drop(store.lock().unwrap());
    assert!(!dead.exists());
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 1);
    drop(living);
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 0);
}

// E47
#[test]
fn the_store_is_its_owners_alone() {
    let Room { store, directory: _directory } = room();
    assert_eq!(fs::metadata(store.root()).unwrap().permissions().mode() & 0o7777, 0o700);
}

#[test]
fn a_place_where_nothing_can_be_written_is_said_to_be_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(file.join("store")).unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error}");
    assert_eq!(error.hint(), "give yourself write access there, or set MINICONTAINER_ROOT to a directory of your own");
}

#[test]
fn layers_that_are_not_those_of_the_config_are_refused() {
    let Room { store, directory: _directory } = room();
    let (real, other) = (tar(&[("x", b"")]), tar(&[("y", b"")]));
    let before = files(&store);
    let staging = store.stage().unwrap();
    let check = |layers: &[&[u8]], expect: &str| {
        let blobs = layers.iter().map(|layer| staging.blob(*layer).unwrap()).collect();
        let config = staging.blob(config(&[&real]).as_slice()).unwrap();
        let image = Incoming::assemble(&staging, Vec::new(), config, blobs).unwrap();
        let error = store.admit(&staging, &[image]).unwrap_err();
        let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        assert_eq!(format!("{error}{cause}"), expect);
    };
    let (expected, actual, id) = (Digest::of(&real), Digest::of(&other), Digest::of(&config(&[&real])));
    check(&[&other], &format!("cannot unpack layer {expected}: its content has the diff-id {actual}"));
    let count = format!("the image {} contradicts itself: 2 layers in its manifest, 1 in its config", id.short());
    check(&[&other, &other], &count);
    drop(staging);
    assert_eq!(files(&store), before, "something was left behind");
}

/// Two images, of which the second, `bad:1`, loses a blob. The first must not suffer, and the second must go.
#[track_caller]
fn check_damaged(blob: impl FnOnce(&Image) -> Digest, what: &str, name: impl FnOnce(&Image) -> String) {
    let Room { store, directory: _directory } = room();
    let (base, top) = (tar(&[("base", b"")]), tar(&[("top", b"")]));
    add(&store, "good:1", &[&base]).unwrap();
    add(&store, "bad:1", &[&base, &top]).unwrap();
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
fn a_damaged_image_is_listed_hides_no_other_and_can_be_removed() {
    let by_name = |_: &Image| "bad:1".to_owned();
    check_damaged(|image| image.id.clone(), "the blob", by_name);
    check_damaged(|image| image.id.clone(), "the blob", |image| image.id.short().to_owned());
    check_damaged(|image| image.manifest_digest.clone(), "the blob", by_name);
    check_damaged(|image| image.manifest_digest.clone(), "the blob", |image| image.manifest_digest.to_string());
}

#[test]
fn while_a_damaged_image_stays_nothing_that_it_may_need_goes() {
    let Room { store, directory: _directory } = room();
    let (base, top) = (tar(&[("base", b"")]), tar(&[("top", b"")]));
    add(&store, "good:1", &[&base, &top]).unwrap();
    add(&store, "bad:1", &[&base]).unwrap();
    let (good, bad) = (store.image("good:1").unwrap(), store.image("bad:1").unwrap());
    fs::remove_file(store.layout.blob_path(&bad.manifest_digest)).unwrap();
    let removed = store.remove_image("good:1", &|_| None).unwrap();
    assert_eq!(removed, [Removed::Untagged("good:1".parse().unwrap()), Removed::Deleted(good.id)]);
    assert!(bad.layers[0].directory.join("base").exists(), "a container of the damaged image may use it");
}
