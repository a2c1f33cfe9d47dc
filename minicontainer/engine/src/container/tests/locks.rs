//! Locks: commands do not wait for each other's work, and an image in use is not removed.

use std::{sync::mpsc, time::Duration};

use minicontainer::store::StoreError;
use proptest::prelude::*;

use super::*;

/// The result of some work in another thread. None if it has not returned after so long that it must be waiting for a
/// lock.
fn within_seconds<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        scope.spawn(move || send.send(work()));
        receive.recv_timeout(Duration::from_secs(20)).ok()
    })
}

#[test]
fn container_lifecycle_does_not_need_the_store_lock() {
    let env = test_env();
    let mut supervisor = env.create(env.named("web"));
    let lock = env.containers.store.lock().unwrap();
    let live = || {
        supervisor.started(std::process::id()).unwrap();
        supervisor.ended(&report(Verdict::Exited(0))).unwrap();
        assert_eq!(env.containers.find("web").unwrap().state.docker_status(), "exited");
        env.containers.sweep().unwrap();
        env.containers.remove("web", Force::Refuse).unwrap();
        env.containers.prune(&|_| true).unwrap();
        drop(env.containers.temporary().unwrap());
    };
    within_seconds(live).expect("nothing of this waits for the store's lock");
    drop(lock);
}

/// An image is removed under the store's lock. A container that is put into its place afterwards finds it missing.
#[test]
fn create_waits_while_an_image_is_removed() {
    let env = test_env();
    let request = env.named("web");
    let lock = env.containers.store.lock().unwrap();
    thread::scope(|scope| {
        let creating = scope.spawn(|| env.containers.create(&Id::random().unwrap(), request));
        // Once the name is reserved and the record is written, it waits for the lock.
        let staged = || {
            fs::read_dir(&env.containers.directory)
                .into_iter()
                .flatten()
                .flatten()
                .any(|entry| entry.path().join("state.json").metadata().is_ok_and(|metadata| metadata.len() > 0))
        };
        while !staged() {
            thread::yield_now();
        }
        assert!(env.containers.list().unwrap().is_empty() && !creating.is_finished());
        fs::remove_file(env.containers.store.blob_file(&env.request.config.image_id.parse().unwrap())).unwrap();
        drop(lock);
        let refused = creating.join().unwrap().unwrap_err();
        let is_unknown =
            matches!(&refused, ContainerError::Store(StoreError::UnknownImage { name, .. }) if name == "busybox");
        assert!(is_unknown, "{refused}");
    });
    assert_eq!((env.entries(), env.reserved().len()), (0, 0), "nothing is left of it");
}

#[test]
fn concurrent_sweeps_do_not_conflict() {
    let env = test_env();
    for round in 0..20 {
        for number in 0..10 {
            let path = env.containers.directory.join(format!("{:064x}.removed", number));
            fs::create_dir_all(path.join("upper/a/b")).unwrap();
            (0..20).for_each(|file| fs::write(path.join("upper/a").join(file.to_string()), "x").unwrap());
        }
        thread::scope(|scope| {
            let sweepers: Vec<_> = (0..4).map(|_| scope.spawn(|| env.containers.sweep())).collect();
            sweepers.into_iter().for_each(|sweeper| sweeper.join().unwrap().unwrap());
        });
        env.containers.sweep().unwrap();
        assert_eq!(env.entries(), 0, "{round}");
    }
}

#[test]
fn record_is_reread_before_each_change() {
    let env = test_env();
    let mut supervisor = env.create(env.named("web"));
    supervisor.started(std::process::id()).unwrap();
    // Another process pauses it.
    let file = state_file(&supervisor.place());
    let text = fs::read_to_string(&file).unwrap().replace("\"running\"", "\"paused\"");
    fs::write(&file, text).unwrap();
    assert_eq!(env.containers.find("web").unwrap().state.docker_status(), "paused");
    supervisor.ended(&report(Verdict::Exited(5))).unwrap();
    let state = env.containers.find("web").unwrap().state;
    assert_eq!((state.docker_status(), state.exit_code()), ("exited", Some(5)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Eight threads at a time request a few names, some release theirs, and others sweep: each name has at most one
    /// owner at any time, and in the end the reserved names are those of the containers.
    #[test]
    fn name_never_has_two_owners(wishes in proptest::collection::vec((0..3_usize, any::<bool>()), 8..24)) {
        let env = test_env();
        let owners: [std::sync::Mutex<()>; 3] = Default::default();
        let names = ["web", "db", "cache"];
        thread::scope(|scope| {
            for chunk in wishes.chunks(wishes.len().div_ceil(8)) {
                let (env, owners) = (&env, &owners);
                scope.spawn(move || for (name, keeps) in chunk {
                    let request = if *keeps { env.named(names[*name]) } else { env.auto_removed(names[*name]) };
                    match env.containers.create(&Id::random().unwrap(), request) {
                        Ok(supervisor) => {
                            let owned = owners[*name].try_lock().expect("no other owner of the name");
                                thread::sleep(Duration::from_micros(200));
                            if *keeps {
                                drop(owned);
                                env.containers.remove(supervisor.container().id.as_str(), Force::Kill).unwrap();
                            } else {
                                drop(owned);
                                drop(supervisor);
                                env.containers.sweep().unwrap();
                            }
                        }
                        Err(error) => assert!(matches!(error, ContainerError::NameTaken { .. }), "{error}"),
                    }
                });
            }
        });
        env.containers.sweep().unwrap();
        prop_assert_eq!((env.entries(), env.reserved().len()), (0, 0));
    }
}
