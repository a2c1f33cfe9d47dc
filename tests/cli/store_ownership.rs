//! The owners and modes of the store's files, as `system check` reports them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
};

use crate::test_env::TestEnv;

/// The id of a user that does not exist.
const OTHER_USER: u32 = 54_321;

#[test]
fn wrong_owners_and_modes_are_found() {
    let Some(place) = TestEnv::seeded_root() else { return };
    place.succeed(&["run", "--name", "kept", "busybox", "true"]);
    let store = place.path("store");
    let layer = fs::read_dir(store.join("layers")).unwrap().flatten().next().unwrap().path();
    let record = layer.join("layer.json");
    assert_eq!(place.run(&["system", "check"]).stdout, "The store is intact.\n");

    chown(&record, Some(OTHER_USER), None).unwrap();
    fs::set_permissions(store.join("containers"), fs::Permissions::from_mode(0o775)).unwrap();
    fs::set_permissions(layer.join("layer.json"), fs::Permissions::from_mode(0o666)).unwrap();
    let found = place.run(&["system", "check"]);
    assert_eq!(found.code, 1, "{}", found.show());
    insta::assert_snapshot!(found.show());

    let repaired = place.run(&["system", "check", "--repair"]);
    assert!(repaired.code == 1 && repaired.stdout.contains("2 fixed"), "{}", repaired.show());
    assert_eq!(fs::metadata(store.join("containers")).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::metadata(&record).unwrap().permissions().mode() & 0o7777, 0o600);
    chown(&record, Some(0), None).unwrap();
    assert_eq!(place.run(&["system", "check"]).stdout, "The store is intact.\n");
    place.succeed(&["rm", "kept"]);
}

#[test]
fn store_of_another_user_is_refused_with_hint() {
    let Some(place) = TestEnv::seeded_root() else { return };
    chown(place.path("store"), Some(OTHER_USER), None).unwrap();
    insta::assert_snapshot!(place.run(&["run", "--rm", "busybox", "true"]).show());
    chown(place.path("store"), Some(0), None).unwrap();
    fs::set_permissions(place.path("store"), fs::Permissions::from_mode(0o770)).unwrap();
    insta::assert_snapshot!(place.run(&["images"]).show());
    fs::set_permissions(place.path("store"), fs::Permissions::from_mode(0o750)).unwrap();
    insta::assert_snapshot!(place.run(&["images", "-q", "no-such-image"]).show());
}
