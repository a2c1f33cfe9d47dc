//! Concurrent operations. Nothing slow happens under the store's lock, and concurrent additions and removals never
//! leave an image with a missing layer.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use super::*;

/// A timeout that only a hang exceeds.
const HANG: Duration = Duration::from_secs(120);
/// After this time an operation that waits for the lock is certainly still waiting, however fast the machine is.
const SOON: Duration = Duration::from_millis(100);

/// Two images that share their lower layer.
fn two_images() -> (Vec<u8>, Vec<u8>, [Digest; 2]) {
    let (base, top) = (tar(&[("base", b"12345")]), tar(&[("top", &[b'x'; 100_000])]));
    (saved("one:1", &[&base]), saved("two:2", &[&base, &top]), [Digest::of(&base), Digest::of(&top)])
}

/// Checks that no staging files are left, and that every image has all its layers.
#[track_caller]
fn assert_whole(store: &Store) {
    for image in store.images().unwrap() {
        for layer in image.unwrap().layers {
            let entries = fs::read_dir(&layer.directory).unwrap().count();
            assert_eq!(entries, 1, "{} has not its one file", layer.diff_id);
        }
    }
    assert_eq!(fs::read_dir(store.staging_directory()).unwrap().count(), 0);
}

/// Waits until this many layers are completely unpacked in staging directories: then their records are written.
#[track_caller]
fn await_staged_layers(store: &Store, count: usize) {
    let staged = || {
        let operations = fs::read_dir(store.staging_directory()).unwrap().flatten();
        let layers = operations.flat_map(|entry| fs::read_dir(entry.path()).into_iter().flatten().flatten());
        layers.filter(|layer| layer.path().join("layer.json").exists()).count()
    };
    let begin = Instant::now();
    while staged() < count {
        assert!(begin.elapsed() < HANG, "the layers wait for the lock");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn layers_are_unpacked_without_the_lock() {
    let StoreEnv { store, directory: _directory } = env();
    let (_, two, _) = two_images();
    let lock = store.lock().unwrap();
    thread::scope(|scope| {
        let loading = scope.spawn(|| load(&store, Cursor::new(two)).unwrap());
        await_staged_layers(&store, 2);
        // But the image cannot be added to the store without the lock.
        assert!(names(&store).is_empty());
        drop(lock);
        loading.join().unwrap();
    });
    assert_eq!(names(&store), ["two:2"]);
    assert_whole(&store);
}

#[test]
fn foreign_layers_are_unpacked_without_the_lock() {
    let StoreEnv { store, directory: _directory } = env();
    let mut layout = LayoutFiles::default();
    let image = layout.add_image(&[&tar(&[("base", b"content")])]);
    layout.write(&store.images_directory(), &[named(image, REF_NAME, "foreign:1")]);
    let lock = store.lock().unwrap();
    thread::scope(|scope| {
        let finding = scope.spawn(|| find(&store, "foreign:1").unwrap());
        await_staged_layers(&store, 1);
        drop(lock);
        finding.join().unwrap();
    });
    assert_whole(&store);
}

/// The positive control of the two tests above: an operation that needs the lock does wait for it.
#[test]
fn index_change_waits_for_the_lock() {
    let StoreEnv { store, directory: _directory } = env();
    load(&store, Cursor::new(two_images().0)).unwrap();
    let lock = store.lock().unwrap();
    thread::scope(|scope| {
        let (send, tagged) = mpsc::channel();
        let store = &store;
        scope.spawn(move || {
            store.tag("one:1", &"other:1".parse().unwrap()).unwrap();
            send.send(()).unwrap();
        });
        assert_eq!(tagged.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        drop(lock);
        tagged.recv_timeout(HANG).unwrap();
    });
}

#[test]
fn layer_removed_during_load_is_unpacked_again() {
    let StoreEnv { store, directory: _directory } = env();
    let (one, two, [base, _]) = two_images();
    load(&store, Cursor::new(one)).unwrap();
    let removals = AtomicUsize::new(0);
    // The load has found the base in the store, and unpacks only the layer on top of it.
    let watch = |digest: &Digest, _, _| {
        if removals.fetch_add(1, Ordering::SeqCst) == 0 {
            assert_ne!(*digest, base);
            store.remove_image("one:1", &|_| None).unwrap();
            assert!(store.layer(&base).unwrap().is_none(), "the base went with its last image");
        }
    };
    load_watched(&store, Cursor::new(two), &watch).unwrap();
    assert!(removals.into_inner() > 0);
    assert_eq!(names(&store), ["two:2"]);
    assert_whole(&store);
}

#[test]
fn second_of_two_concurrent_loads_keeps_existing_layers() {
    let StoreEnv { store, directory: _directory } = env();
    let (_, two, [_, top]) = two_images();
    let loads = AtomicUsize::new(0);
    // While one load unpacks its layers, the other runs completely.
    let watch = |_: &Digest, _, _| {
        if loads.fetch_add(1, Ordering::SeqCst) == 0 {
            load(&store, Cursor::new(&two)).unwrap();
        }
    };
    load_watched(&store, Cursor::new(&two), &watch).unwrap();
    assert!(loads.into_inner() > 0 && store.layer(&top).unwrap().is_some());
    assert_eq!(names(&store), ["two:2"]);
    assert_whole(&store);
}

#[test]
fn concurrent_loads_and_removals_leave_whole_images() {
    const ROUNDS: usize = 25;
    let StoreEnv { store, directory: _directory } = env();
    let (one, two, _) = two_images();
    thread::scope(|scope| {
        for archive in [&one, &two, &two] {
            let store = &store;
            scope.spawn(move || (0..ROUNDS).for_each(|_| drop(load(store, Cursor::new(archive)).unwrap())));
        }
        for name in ["one:1", "two:2"] {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    match remove(store, name, Names::All, &|_| None) {
                        Ok(_) | Err(StoreError::UnknownImage { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert_whole(&store);
    load(&store, Cursor::new(&two)).unwrap();
    assert!(store.image("two:2").is_ok());
    assert_whole(&store);
}
