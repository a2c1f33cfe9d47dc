//! Hostile archives, given to every command that reads an archive: `image check-layer`, `load` from a file and from
//! stdin, and `import`. Each runs as the user of the tests and as an ordinary user.
//!
//! An archive must be refused with its layer, the entry and the reason, or do no harm. A victim next to the directory
//! must not change, and the store must stay as it was. The command's memory is limited to 64 MiB.

mod bombs;
mod configs;
mod corpus;
mod documents;
mod many_entries;
pub mod tar;

use std::{
    fs,
    io::{BufWriter, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Stdio,
};

use serde_json::json;
use sha2::{Digest, Sha256};

use self::{
    corpus::{Case, Expect, corpus},
    tar::Tar,
};
use crate::{answer::Answer, test_env::TestEnv};

/// Limits the memory of a command (RLIMIT_DATA, in KiB) and its run time. The time limit is long, because the speed
/// of the machine is unknown: only an endless loop should reach it.
const BOUNDS: &str = "ulimit -d 65536; exec timeout -s KILL 600";

fn bounded(place: &TestEnv, arguments: &[&str], input: &[u8]) -> Answer {
    bounded_by(place, arguments, |stdin| {
        // A command that has refused the archive does not read the rest.
        let _refused = stdin.write_all(input);
    })
}

fn bounded_by(place: &TestEnv, arguments: &[&str], write: impl FnOnce(&mut dyn Write)) -> Answer {
    let script = format!("{BOUNDS} \"$ENGINE\" \"$@\"");
    let words = [&["-c", &script, "sh"], arguments].concat();
    let mut command = place.program("sh", &words);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    write(&mut BufWriter::new(child.stdin.take().unwrap()));
    place.answer(child.wait_with_output().unwrap())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An archive in the format of `docker save`, of an image with these layers.
fn saved(layers: &[&[u8]], diff_ids: &[String]) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}.tar")).collect();
    let mut archive = saved_documents(&names, diff_ids);
    for (name, layer) in names.iter().zip(layers) {
        let head = tar::Head { size: layer.len() as u64, ..tar::head(b'0', name) };
        archive = archive.member(head, layer);
    }
    archive.end()
}

fn saved_documents(names: &[String], diff_ids: &[String]) -> Tar {
    let diff_ids: Vec<String> = diff_ids.iter().map(|digest| format!("sha256:{digest}")).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let manifest = json!([{"Config": "config.json", "RepoTags": ["hostile:1"], "Layers": names}]);
    Tar::new().file("config.json", &config.to_string()).file("manifest.json", &manifest.to_string())
}

/// The bytes before and after the only layer of a saved image. The layer itself is too large for memory.
fn saved_around(size: u64, diff_id: &str) -> (Vec<u8>, Vec<u8>) {
    let documents = saved_documents(&["0.tar".to_owned()], &[diff_id.to_owned()]);
    let start = documents.member(tar::Head { size, ..tar::head(b'0', "0.tar") }, b"").without_end();
    (start, vec![0; (size.next_multiple_of(512) - size) as usize + 1024])
}

/// Creates the directory to which layers are applied, and next to it the victim. The directory has a hard link to the
/// victim's file.
fn prepare(place: &TestEnv) {
    let script = "rm -rf tree victim; mkdir tree victim; chmod 751 victim; echo hello > victim/hello; \
                  chmod 640 victim/hello; ln victim/hello tree/linked";
    assert!(place.program("sh", &["-c", script]).status().unwrap().success());
}

fn check_victim(place: &TestEnv, what: &str) {
    let names: Vec<_> = fs::read_dir(place.path("victim")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["hello"], "{what}");
    let mode = |path: &str| fs::metadata(place.path(path)).unwrap().mode() & 0o7777;
    assert_eq!((mode("victim"), mode("victim/hello")), (0o751, 0o640), "{what}");
    assert_eq!(fs::read_to_string(place.path("victim/hello")).unwrap(), "hello\n", "{what}");
}

/// Every path in the store, without the contents of layers.
fn store(place: &TestEnv) -> Vec<String> {
    fn walk(directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.display().to_string());
            if path.is_dir() && !path.ends_with("fs") {
                walk(&path, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(&place.path("store"), &mut found);
    found.sort();
    found
}

fn check_answer(answer: &Answer, expect: Expect, layer: &str, what: &str) {
    match expect {
        Expect::Harmless => assert_eq!(answer.code, 0, "{what}: {}", answer.stderr),
        Expect::Refused(reason) => {
            assert_eq!(answer.code, 1, "{what} should have been refused: {}", answer.stderr);
            assert!(answer.stderr.contains(reason), "{what}: \"{reason}\" is not in {}", answer.stderr);
            assert!(answer.stderr.contains(layer), "{what}: \"{layer}\" is not in {}", answer.stderr);
        }
    }
}

fn check_applied(place: &TestEnv, case: &Case, what: &str) {
    prepare(place);
    if let Some(lower) = &case.lower {
        check_answer(&bounded(place, &["image", "check-layer", "tree"], lower), Expect::Harmless, "", what);
    }
    let answer = bounded(place, &["image", "check-layer", "tree"], &case.layer);
    check_answer(&answer, case.applied, "cannot apply the layer to tree", what);
    check_victim(place, what);
    for name in case.present {
        assert!(fs::symlink_metadata(place.path("tree").join(name)).is_ok(), "{what}: {name} is missing");
    }
    for name in case.absent {
        assert!(fs::symlink_metadata(place.path("tree").join(name)).is_err(), "{what}: {name} exists");
    }
}

fn check_loaded(place: &TestEnv, case: &Case, also_from_file: bool, what: &str) {
    let before = store(place);
    let layers: Vec<&[u8]> = case.lower.iter().chain([&case.layer]).map(Vec::as_slice).collect();
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    let archive = saved(&layers, &diff_ids);
    if also_from_file {
        fs::write(place.path("archive.tar"), &archive).unwrap();
        fs::set_permissions(place.path("archive.tar"), fs::Permissions::from_mode(0o644)).unwrap();
        let answer = bounded(place, &["load", "-i", "archive.tar"], b"");
        check_answer(&answer, case.loaded, "cannot unpack layer sha256:[ID]", what);
    }
    let answer = bounded(place, &["load"], &archive);
    check_answer(&answer, case.loaded, "cannot unpack layer sha256:[ID]", what);
    if matches!(case.loaded, Expect::Harmless) {
        place.succeed(&["rmi", "hostile:1"]);
    }
    assert_eq!(store(place), before, "{what} left something behind");
}

fn check_imported(place: &TestEnv, case: &Case, what: &str) {
    let before = store(place);
    // An import has no layer below, so faults that depend on one do not occur.
    let expect = match (case.applied, case.loaded) {
        (Expect::Refused(_), _) if case.lower.is_some() => Expect::Harmless,
        (Expect::Harmless, loaded) => loaded,
        (applied, _) => applied,
    };
    let answer = bounded(place, &["import", "-", "hostile:1"], &case.layer);
    check_answer(&answer, expect, "", what);
    if answer.code == 0 {
        place.succeed(&["rmi", "hostile:1"]);
    }
    assert_eq!(store(place), before, "{what} left something behind");
}

fn check_all(place: &TestEnv) {
    for (number, case) in corpus().iter().enumerate() {
        let what = format!("{} (archive {number})", case.row);
        check_applied(place, case, &what);
        check_loaded(place, case, number % 8 == 0, &what);
        check_imported(place, case, &what);
    }
}

#[test]
fn archives_are_refused_or_harmless() {
    check_all(&TestEnv::new());
}

#[test]
fn archives_are_refused_or_harmless_rootless() {
    if let Some(place) = TestEnv::seeded_user() {
        check_all(&place);
    }
}

/// The control: a process that needs more memory than the limit fails.
#[test]
fn memory_bound_of_these_tests_is_effective() {
    let place = TestEnv::new();
    let holds = |size: u32| {
        let script =
            format!("{BOUNDS} sh -c 'text=$(head -c {size} /dev/zero | tr \"\\\\0\" x) && test ${{#text}} = {size}'");
        place.program("sh", &["-c", &script]).stderr(Stdio::null()).status().unwrap().success()
    };
    assert!(holds(1 << 20));
    assert!(!holds(200 << 20));
}

/// The same archive, truncated at many lengths, and with a single bit flipped at many positions.
#[test]
fn corrupted_archive_is_refused() {
    let place = TestEnv::new();
    let before = store(&place);
    let whole = Tar::new().directory("d/").file("d/x", "content").symlink("d/y", "x").end();
    let of_whole = digest(&whole);
    for length in (0..whole.len() - 512).step_by(256) {
        prepare(&place);
        let answer = bounded(&place, &["image", "check-layer", "tree"], &whole[..length]);
        assert_eq!(answer.code, 1, "{length} bytes of {}", whole.len());
    }
    for at in (0..whole.len()).step_by(97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        let answer = bounded(&place, &["load"], &saved(&[&flipped], std::slice::from_ref(&of_whole)));
        assert_eq!(answer.code, 1, "byte {at}: {}", answer.stdout);
    }
    assert_eq!(store(&place), before);
}
