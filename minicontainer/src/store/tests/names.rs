//! Many names at once, as an archive can give them.

use super::*;
use minicontainer_core::Reference;

/// Adds one image with these names in one transaction.
fn add_named(store: &Store, names: impl Iterator<Item = String>) -> Result<(), StoreError> {
    let staging = store.stage()?;
    let config = staging.blob(config(&[""; 0]).as_slice())?;
    let manifest = json!({"schemaVersion": 2, "config": config.descriptor(MediaType::ImageConfig), "layers": []});
    let manifest = staging.blob(manifest.to_string().as_bytes())?;
    let reference = |name: String| name.parse::<Reference>().expect("a name");
    let images = names.map(|name| (manifest.descriptor(MediaType::ImageManifest), Some(reference(name)))).collect();
    let transaction = Transaction { blobs: vec![&config, &manifest], images, ..Transaction::default() };
    let flushed = staging.flush()?;
    store.add(&store.lock()?, &flushed, transaction)
}

#[test]
fn last_image_with_a_name_gets_it() {
    let StoreEnv { store, directory: _directory } = env();
    add(&store, "x:1", &["old"]).unwrap();
    add_named(&store, ["x:1", "y:1", "x:1"].into_iter().map(str::to_owned)).unwrap();
    assert_eq!(names(&store), ["<none>", "x:1", "y:1"], "the old image has lost its name");
    assert_eq!(store.image("x:1").unwrap().id, store.image("y:1").unwrap().id);
}

/// An index that is too large to be read would make all images inaccessible.
#[test]
fn too_many_names_are_refused_and_change_nothing() {
    let StoreEnv { store, directory: _directory } = env();
    add(&store, "x:1", &["x"]).unwrap();
    let before = files(&store);
    let long = "a".repeat(100);
    let error = add_named(&store, (0..8000).map(|number| format!("{long}/{number}:1"))).unwrap_err();
    assert!(matches!(error, StoreError::IndexSize { limit: 4_194_304, .. }), "{error}");
    assert_eq!((names(&store), files(&store)), (vec!["x:1".to_owned()], before));
    // Fewer names are accepted, and the store is still usable.
    add_named(&store, (0..2000).map(|number| format!("{long}/{number}:1"))).unwrap();
    assert_eq!(store.images().unwrap().len(), 2001);
}
