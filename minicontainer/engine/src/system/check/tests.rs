//! Tests that an undamaged store has no findings. Damage is tested with the real command, in
//! `tests/cli/system_check.rs`.

use std::{
    fs,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use super::*;
use crate::images as images_of_engine;
use minicontainer_images::seed_busybox;

#[test]
fn new_store_passes_every_check() {
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

/// Only a hang takes longer.
const HANG: Duration = Duration::from_secs(120);

#[test]
fn sound_store_is_checked_without_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    let seeded = seed_busybox(&store).unwrap();
    let _lock = store.lock().unwrap();
    let (send, checked) = mpsc::channel();
    thread::spawn(move || {
        let findings = check(&store, Depth::Whole).unwrap().len();
        let verified = verify_images(&store, &[seeded.image.reference.unwrap().to_string()]).unwrap();
        send.send((findings, verified.len())).unwrap();
    });
    assert_eq!(checked.recv_timeout(HANG), Ok((0, 1)));
}

/// The positive control: broken objects are checked again under the lock, and only then count.
#[test]
fn damage_is_confirmed_under_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    let id = seed_busybox(&store).unwrap().image.id;
    let blob = store.blob_file(&id);
    let content = fs::read(&blob).unwrap();
    fs::write(&blob, "damaged").unwrap();
    let lock = store.lock().unwrap();
    let (send, checked) = mpsc::channel();
    let other = store.clone();
    thread::spawn(move || send.send(check(&other, Depth::Whole).unwrap().len()).unwrap());
    assert_eq!(checked.recv_timeout(Duration::from_millis(300)), Err(mpsc::RecvTimeoutError::Timeout));
    // Meanwhile the blob is repaired.
    fs::write(&blob, content).unwrap();
    drop(lock);
    assert_eq!(checked.recv_timeout(HANG), Ok(0));
    fs::write(&blob, "damaged").unwrap();
    assert!(check(&store, Depth::Whole).unwrap().iter().any(|finding| finding.what == "damaged blob"));
}

#[test]
fn concurrent_changes_are_not_findings() {
    const ROUNDS: usize = 12;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    seed_busybox(&store).unwrap();
    let mut archive = Vec::new();
    minicontainer_images::save(&store, &["busybox".to_owned()], &mut archive).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                images_of_engine::remove(&store, "busybox", minicontainer_images::Names::All).unwrap();
                minicontainer_images::load(&store, archive.as_slice()).unwrap();
            }
        });
        for round in 0..ROUNDS {
            let depth = if round % 2 == 0 { Depth::Whole } else { Depth::Quick };
            let findings = check(&store, depth);
            if round + 1 == ROUNDS || findings.as_ref().map_or(true, |findings| !findings.is_empty()) {
                done.store(true, Ordering::SeqCst);
            }
            let findings = findings.unwrap();
            assert!(findings.is_empty(), "round {round}: {findings:?}");
        }
    });
}
