//! An interrupted pull, and the next one, which resumes it.

use std::{
    fs::{File, FileTimes},
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use nix::fcntl::{Flock, FlockArg};

use super::*;

const SIZE: usize = 1 << 20;
const CUT: usize = 400_000;

/// The directory of a store's partial downloads.
fn downloads(env: &RegistryEnv) -> PathBuf {
    env.store.downloads_directory()
}

/// The file of a partial download.
fn begun(env: &RegistryEnv, digest: &str) -> PathBuf {
    downloads(env).join(digest.trim_start_matches("sha256:"))
}

/// An image with two layers. One is always complete; the other is cut off while `broken` is set.
fn cut_off(broken: &Arc<AtomicBool>) -> (Server, [String; 2]) {
    let layers = [layer("whole", 200_000), layer("cut", SIZE)];
    let digests = [0, 1].map(|number| Digest::of(&layers[number]).to_string());
    let (cut, broken) = (digests[1].clone(), Arc::clone(broken));
    let server = Shelf::with_image(&layers).serve_but(move |request, reply| {
        match request.target.contains(&cut) && broken.load(Ordering::SeqCst) {
            true if request.header("range").is_empty() => reply.cut(CUT),
            true => reply.cut(0),
            false => reply,
        }
    });
    (server, digests)
}

#[test]
fn pull_resumes_where_the_last_one_ended() {
    let broken = Arc::new(AtomicBool::new(true));
    let (server, [whole, cut]) = cut_off(&broken);
    let env = RegistryEnv::new();
    let error = env.pull(&server).unwrap_err();
    assert!(error.to_string().contains("cannot reach"), "{error}");
    assert!(env.store.images().unwrap().is_empty());
    let had = fs::metadata(begun(&env, &cut)).unwrap().len();
    assert!(had > 0 && had <= CUT as u64, "{had}");
    assert_eq!(server.count("GET", &whole), 1);

    broken.store(false, Ordering::SeqCst);
    let before = server.requests().len();
    env.pull(&server).unwrap();
    let requests: Vec<ReceivedRequest> = server.requests().split_off(before);
    let again: Vec<&str> = requests
        .iter()
        .filter(|request| request.target.contains(&cut))
        .map(|request| request.header("range"))
        .collect();
    assert_eq!(again, [format!("bytes={had}-")], "only the rest is asked for");
    assert_eq!(server.count("GET", &whole), 1, "what was complete is not fetched again");
    assert_eq!(fs::read_dir(downloads(&env)).unwrap().count(), 0, "nothing is left of the downloads");
    assert!(!env.pull(&server).unwrap().newer);
}

/// Whatever a partial download contains, the digest is verified in the end, and wrong content is replaced.
#[test]
fn partial_download_is_verified_by_digest() {
    for begun_with in [vec![0; 100_000], vec![0; SIZE + 10_000], layer("cut", SIZE)] {
        let (server, [_, cut]) = cut_off(&Arc::default());
        let env = RegistryEnv::new();
        fs::create_dir_all(downloads(&env)).unwrap();
        fs::write(begun(&env, &cut), &begun_with).unwrap();
        env.pull(&server).unwrap();
        let right = Digest::of(&begun_with).to_string() == cut;
        let expect = if right { 0 } else { 1 } + usize::from(begun_with.len() == 100_000);
        assert_eq!(server.count("GET", &cut), expect, "{} bytes", begun_with.len());
        assert_eq!(fs::read_dir(downloads(&env)).unwrap().count(), 0);
    }
}

#[test]
fn abandoned_downloads_are_swept() {
    let (server, _) = cut_off(&Arc::default());
    let env = RegistryEnv::new();
    fs::create_dir_all(downloads(&env)).unwrap();
    let make = |name: &str, size: usize, hours: u64| {
        let path = downloads(&env).join(name);
        fs::write(&path, vec![7; size]).unwrap();
        let time = SystemTime::now() - Duration::from_secs(hours * 3600);
        File::options().write(true).open(&path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
        path
    };
    let (old, small) = (make("old", 100_000, 25), make("small", 10, 0));
    let held = make("held", 100_000, 48);
    let _held = Flock::lock(File::open(&held).unwrap(), FlockArg::LockExclusiveNonblock).unwrap();
    let many: Vec<PathBuf> = (0..20).map(|number| make(&format!("many{number:02}"), 100_000, number)).collect();
    env.pull(&server).unwrap();
    assert!(!old.exists() && !small.exists() && held.exists());
    let kept: Vec<bool> = many.iter().map(|path| path.exists()).collect();
    // The newest of all is the small one.
    let expect: Vec<bool> = (0..20).map(|number| number < 15).collect();
    assert_eq!(kept, expect);
}

#[test]
fn interrupted_downloads_are_discarded() {
    let (server, _) = cut_off(&Arc::new(AtomicBool::new(true)));
    let env = RegistryEnv::new();
    env.pull(&server).unwrap_err();
    let bytes: u64 = fs::read_dir(downloads(&env)).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    let discarded = discard_downloads(&env.store);
    assert!(bytes > 0 && discarded == bytes, "{bytes}");
    assert_eq!(fs::read_dir(downloads(&env)).unwrap().count(), 0);
}
