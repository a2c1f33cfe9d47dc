//! What damage looks like is tried with the real command, in `tests/cli/check.rs`; here, that a store without any is sound.

use super::*;
use minicontainer_images::seed_busybox;

#[test]
fn a_new_store_is_sound_however_closely_one_looks() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    assert!(check(&store, Depth::Whole).unwrap().is_empty());
    seed_busybox(&store).unwrap();
    for depth in [Depth::Quick, Depth::Whole] {
        let findings = check(&store, depth).unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        assert!(repair(&store, depth).unwrap().is_empty());
    }
    let verified = verify_images(&store, &["busybox".to_owned()]).unwrap();
    assert_eq!(verified.len(), 1);
    assert!(verified[0].findings.is_empty() && verified[0].layers > 0);
    assert!(matches!(
        verify_images(&store, &["nginx".to_owned()]),
        Err(SystemError::Store(StoreError::UnknownImage { .. }))
    ));
}
