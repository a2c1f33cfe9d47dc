//! Concurrent pulls. Threads replace processes here: each opens the store by itself, and flock(2) treats them alike.
//! `tests/cli/registry.rs` uses real processes.

use std::thread;

use super::*;

/// Rows F10 and F11 of the hostile corpus.
#[test]
fn each_blob_is_fetched_once() {
    let base = layer("base", 300_000);
    let mut shelf = Shelf::default();
    for tag in 0..10 {
        let manifest = shelf.image(&[base.clone(), layer("own", 100 + tag)]);
        shelf.manifest(&tag.to_string(), MANIFEST, &manifest);
    }
    let server = shelf.serve();
    let env = RegistryEnv::new();
    thread::scope(|scope| {
        for number in 0..30 {
            let (server, env) = (&server, &env);
            scope.spawn(move || {
                let store = Store::open(env.store.root()).unwrap();
                let reference = format!("{}/app:{}", server.name(), number % 10).parse().unwrap();
                pull(&store, &reference, None, &env.connection, &|_| {}).unwrap();
            });
        }
    });
    let mut fetched: BTreeMap<String, usize> = BTreeMap::new();
    for request in server.requests().iter().filter(|request| request.target.contains("/blobs/")) {
        *fetched.entry(request.target.clone()).or_default() += 1;
    }
    assert_eq!(fetched.len(), 1 + 10 + 10, "a shared layer, own layers, configs");
    assert!(fetched.values().all(|&times| times == 1), "{fetched:#?}");
    assert_eq!(fs::read_dir(env.store.downloads_directory()).unwrap().count(), 0);
    assert_eq!(fs::read_dir(env.store.staging_directory()).unwrap().count(), 0);
}

/// If a download fails, a pull that waits for it takes it over.
#[test]
fn failed_download_is_taken_over() {
    let shared = layer("shared", 100_000);
    let digest = Digest::of(&shared).to_string();
    let server = Shelf::with_image(&[shared]).serve_but(move |request, reply| {
        match request.target.contains(&digest) && request.number < 6 {
            true => Reply::new(403, ""),
            false => reply,
        }
    });
    let env = RegistryEnv::new();
    let outcomes: Vec<bool> = thread::scope(|scope| {
        let pulls: Vec<_> = (0..8).map(|_| scope.spawn(|| env.pull(&server).is_ok())).collect();
        pulls.into_iter().map(|pull| pull.join().unwrap()).collect()
    });
    assert!(outcomes.iter().any(|ok| *ok) || env.pull(&server).is_ok(), "{outcomes:?}");
}
