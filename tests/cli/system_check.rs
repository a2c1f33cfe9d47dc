//! `system check` on damaged stores: it finds the damage, `--repair` or a new `load` fixes it, and undamaged images
//! can still be used.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{skip, test_env::TestEnv};

/// A store with the images `one:1`, which `one.tar` can replace, and `busybox`, which stays intact. They share
/// layers, so the tests only damage files that belong to `one:1` alone.
struct StoredImage {
    place: TestEnv,
}

fn image() -> StoredImage {
    let place = TestEnv::new();
    fs::create_dir(place.path("context")).unwrap();
    fs::write(place.path("context/note"), "a note of some length").unwrap();
    fs::write(place.path("context/Dockerfile"), "FROM busybox\nCOPY note /note\nCMD [\"cat\", \"/note\"]\n").unwrap();
    place.succeed(&["build", "-q", "-t", "one:1", "context"]);
    place.succeed(&["save", "-o", "one.tar", "one:1"]);
    // The cache would keep the layer in use.
    place.succeed(&["builder", "prune", "-a", "-f"]);
    StoredImage { place }
}

impl StoredImage {
    fn read(&self, path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn blob(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
        self.place.path("store/images/blobs/sha256").join(digest)
    }

    fn index(&self) -> PathBuf {
        self.place.path("store/images/index.json")
    }

    fn manifest(&self) -> PathBuf {
        let index = self.read(&self.index());
        let is_one = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == "one:1";
        self.blob(index["manifests"].as_array().unwrap().iter().find(is_one).unwrap())
    }

    fn config(&self) -> PathBuf {
        self.blob(&self.read(&self.manifest())["config"])
    }

    fn layer_blob(&self) -> PathBuf {
        self.blob(self.read(&self.manifest())["layers"].as_array().unwrap().last().unwrap())
    }

    fn layer(&self) -> PathBuf {
        let config = self.read(&self.config());
        let diff_id = config["rootfs"]["diff_ids"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
        self.place.path("store/layers").join(diff_id.trim_start_matches("sha256:"))
    }

    /// The findings of `system check`, each as `what: why`, and whether its exit code is 0.
    fn check(&self, flags: &[&str]) -> (Vec<String>, bool) {
        let answer = self.place.run(&[&["system", "check", "--format", "json"], flags].concat());
        assert!(matches!(answer.code, 0 | 1), "{}", answer.show());
        let findings: Vec<Value> = serde_json::from_str(&answer.stdout).unwrap();
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        let printed = findings.iter().map(|finding| format!("{}: {}", text(finding, "what"), text(finding, "why")));
        (printed.collect(), answer.code == 0)
    }

    #[track_caller]
    fn assert_sound(&self) {
        assert_eq!(self.check(&[]), (Vec::new(), true));
        assert_eq!(self.place.succeed(&["run", "--rm", "one:1"]), "a note of some length");
    }

    #[track_caller]
    fn assert_found(&self, what: &str) {
        let (found, sound) = self.check(&[]);
        assert!(!sound && found.iter().any(|finding| finding.starts_with(what)), "{what} is not among {found:#?}");
        // The other image is not affected.
        assert_eq!(self.place.succeed(&["run", "--rm", "busybox", "echo", "well"]), "well\n");
        let verified = self.place.run(&["image", "verify", "busybox"]);
        assert_eq!(verified.code, 0, "{}", verified.show());
    }
}

/// Damages a file of a new store, which must be found as `what`. Then `--repair` and a load fix it. If
/// `load_suffices`, a load alone must fix it in a second store.
#[track_caller]
fn check(what: &str, load_suffices: bool, file: impl Fn(&StoredImage) -> PathBuf, damage: impl Fn(&Path)) {
    let image = self::image();
    image.assert_sound();
    damage(&file(&image));
    image.assert_found(what);
    image.place.run(&["system", "check", "--repair"]);
    image.place.succeed(&["load", "-i", "one.tar"]);
    image.assert_sound();
    if load_suffices {
        let image = self::image();
        damage(&file(&image));
        image.place.succeed(&["load", "-i", "one.tar"]);
        image.assert_sound();
    }
}

fn flip(path: &Path) {
    let mut content = fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(path, content).unwrap();
}

fn cut(path: &Path) {
    let content = fs::read(path).unwrap();
    fs::write(path, &content[..content.len() / 2]).unwrap();
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

fn garbage(path: &Path) {
    fs::write(path, "\u{0}\u{1}{garbage").unwrap();
}

fn empty(path: &Path) {
    fs::write(path, "").unwrap();
}

#[test]
fn damaged_blobs_are_found_and_repaired() {
    for damage in [flip, cut, empty] {
        check("damaged blob", true, StoredImage::layer_blob, damage);
        check("damaged blob", true, StoredImage::config, damage);
        check("damaged blob", true, StoredImage::manifest, damage);
    }
    check("missing blob", true, StoredImage::layer_blob, remove);
    check("unusable image", true, StoredImage::config, remove);
    check("unusable image", true, StoredImage::manifest, remove);
}

#[test]
fn damaged_layer_records_are_found_and_repaired() {
    let record = |image: &StoredImage| image.layer().join("layer.json");
    for damage in [cut, empty, garbage, remove] {
        check("damaged layer", true, record, damage);
    }
}

#[test]
fn damaged_layout_file_is_found_and_rewritten() {
    let layout = |image: &StoredImage| image.place.path("store/images/oci-layout");
    let future = |path: &Path| fs::write(path, r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    for damage in [cut, empty, garbage, remove, future] {
        check("damaged layout file", false, layout, damage);
    }
}

/// Without the index no image can be found. `--repair` rebuilds it from the blobs, and containers have their images
/// again.
#[test]
fn damaged_index_is_rebuilt() {
    let future = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replace("\"schemaVersion\": 2", "\"schemaVersion\": 3")).unwrap();
    };
    for damage in [cut, empty, garbage, future] {
        let image = self::image();
        image.place.succeed(&["run", "--name", "kept", "one:1", "sh", "-c", "echo more > /more"]);
        damage(&image.index());
        let (found, sound) = image.check(&[]);
        assert!(!sound && found[0].starts_with("damaged index"), "{found:?}");
        image.place.run(&["system", "check", "--repair"]);
        assert_eq!(image.check(&[]), (Vec::new(), true));
        assert_eq!(image.place.succeed(&["diff", "kept"]), "A /more\n");
        image.place.succeed(&["load", "-i", "one.tar"]);
        image.assert_sound();
        image.place.succeed(&["rm", "kept"]);
    }
}

#[test]
fn damaged_container_record_affects_no_other() {
    let future = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replacen("\"version\": 2", "\"version\": 9", 1)).unwrap();
    };
    for damage in [cut, garbage, future] {
        let image = self::image();
        image.place.succeed(&["run", "--name", "other", "busybox", "true"]);
        image.place.succeed(&["run", "--name", "bad", "one:1", "true"]);
        let list = image.place.program("sh", &["-c", "\"$ENGINE\" ps -aq --no-trunc --format '{{.ID}} {{.Names}}'"]);
        let list = String::from_utf8({ list }.output().unwrap().stdout).unwrap();
        let id = list.lines().find_map(|line| line.strip_suffix(" bad")).unwrap().to_owned();
        damage(&image.place.path("store/containers").join(&id).join("state.json"));
        image.assert_found("damaged container");
        // The container's files may be valuable, so `--repair` does not remove it.
        image.place.run(&["system", "check", "--repair"]);
        let listed = image.place.run(&["ps", "-a", "--format", "{{.Names}}"]);
        assert_eq!((listed.code, listed.stdout.as_str()), (0, "other\n"));
        assert!(listed.stderr.contains("is damaged"), "{}", listed.stderr);
        image.place.succeed(&["rm", &id[..12]]);
        image.assert_sound();
        image.place.succeed(&["rm", "other"]);
    }
}

/// Changes an unpacked layer. The change must be found, and `--repair` must unpack the layer again.
#[track_caller]
fn check_tampered(expect: &str, damage: impl Fn(&Path)) {
    let image = self::image();
    let tree = image.layer().join("fs");
    damage(&tree);
    let (found, sound) = image.check(&[]);
    assert!(!sound && found == [format!("damaged layer: {expect}")], "{found:?}");
    let verified = image.place.run(&["image", "verify", "one:1"]);
    assert!(verified.code == 1 && verified.stdout.contains(expect), "{}", verified.show());
    let repaired = image.place.run(&["system", "check", "--repair"]);
    assert!(repaired.code == 0 && repaired.stdout.contains("fixed"), "{}", repaired.show());
    image.assert_sound();
}

#[test]
fn layer_with_changed_file_is_unpacked_again() {
    check_tampered("/added was added", |tree| fs::write(tree.join("added"), "").unwrap());
    check_tampered("/note is missing", |tree| remove(&tree.join("note")));
    check_tampered("/note has another content", |tree| {
        let note = fs::File::options().write(true).open(tree.join("note")).unwrap();
        let time = note.metadata().unwrap().modified().unwrap();
        fs::write(tree.join("note"), "A NOTE OF SOME LENGTH").unwrap();
        note.set_modified(time).unwrap();
    });
    check_tampered("/note has another mode", |tree| {
        fs::set_permissions(tree.join("note"), fs::Permissions::from_mode(0o4755)).unwrap();
    });
    check_tampered("/note has different extended attributes", |tree| {
        xattr::set(tree.join("note"), "user.canary", b"sings").unwrap();
    });
    check_tampered("/note is of another kind", |tree| {
        remove(&tree.join("note"));
        symlink("/etc/passwd", tree.join("note")).unwrap();
    });
    if skip::require(nix::unistd::geteuid().is_root(), skip::ROOT) {
        check_tampered("/note has another owner", |tree| chown(tree.join("note"), Some(7), Some(7)).unwrap());
    }
}

#[test]
fn layer_in_use_is_not_repaired() {
    let image = self::image();
    fs::write(image.layer().join("fs/added"), "").unwrap();
    let mut running = image
        .place
        .command(&["run", "--name", "user", "one:1", "sh", "-c", "echo ready; exec sleep 600"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(running.stdout.as_mut().unwrap()), &mut ready).unwrap();
    let refused = image.place.run(&["system", "check", "--repair"]);
    assert!(
        refused.code == 1 && refused.stdout.contains("not fixed: the container user uses it"),
        "{}",
        refused.show()
    );
    assert!(image.layer().join("fs/added").exists());
    image.place.succeed(&["rm", "-f", "user"]);
    running.wait().unwrap();
    let repaired = image.place.run(&["system", "check", "--repair"]);
    assert_eq!(repaired.code, 0, "{}", repaired.show());
    image.assert_sound();
}

#[test]
fn leftovers_are_reported_and_removed() {
    let image = self::image();
    let (blobs, layers) = (image.place.path("store/images/blobs/sha256"), image.place.path("store/layers"));
    let (blob, layer) = (blobs.join("a".repeat(64)), layers.join("b".repeat(64)));
    fs::write(&blob, "no longer needed").unwrap();
    fs::create_dir_all(layer.join("fs")).unwrap();
    let staged = image.place.path("store/staging/1-1");
    fs::create_dir(&staged).unwrap();
    fs::write(staged.join("0"), "half a blob").unwrap();
    let half = image.place.path("store/containers").join("c".repeat(64)).with_extension("new");
    fs::create_dir_all(half.join("upper")).unwrap();
    let (found, sound) = image.check(&[]);
    let what: Vec<&str> = found.iter().map(|finding| finding.split(':').next().unwrap()).collect();
    assert!(sound, "{found:?}");
    // The blob is new, so another tool may be about to add it to the index. That is why it is not reported.
    assert_eq!(what, ["staged files", "dead container", "unused layer"]);
    let file = fs::File::options().write(true).open(&blob).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let repaired = image.place.run(&["system", "check", "--repair"]);
    assert!(repaired.code == 0 && repaired.stdout.contains("4 fixed"), "{}", repaired.show());
    for gone in [&blob, &layer, &staged, &half] {
        assert!(!gone.exists(), "{}", gone.display());
    }
    image.assert_sound();
}

#[test]
fn quick_check_reads_only_documents_and_sizes() {
    let image = self::image();
    assert_eq!(image.check(&["--quick"]), (Vec::new(), true));
    flip(&image.layer_blob());
    assert_eq!(image.check(&["--quick"]), (Vec::new(), true), "--quick must not hash contents");
    cut(&image.layer_blob());
    let (found, sound) = image.check(&["--quick"]);
    assert!(!sound && found[0].starts_with("damaged blob: it has"), "{found:?}");
    fs::set_permissions(image.place.path("store"), fs::Permissions::from_mode(0o755)).unwrap();
    let (found, _) = image.check(&["--quick"]);
    assert!(found[0].starts_with("open store"), "{found:?}");
}

#[test]
fn findings_include_a_hint() {
    let image = self::image();
    remove(&image.layer_blob());
    insta::assert_snapshot!(image.place.run(&["system", "check"]).show());
    insta::assert_snapshot!(image.place.run(&["image", "verify", "one:1"]).show());
    insta::assert_snapshot!(image.place.run(&["image", "verify", "no-such-image"]).show());
    image.place.succeed(&["load", "-i", "one.tar"]);
    insta::assert_snapshot!(image.place.run(&["system", "check"]).show());
}

#[test]
fn rootless_store_is_checked() {
    let Some(place) = TestEnv::seeded_user() else { return };
    // The first image has files that their owner cannot read. The second one has whiteouts.
    let tar = "mkdir -p files/closed && echo hello > files/closed/note && tar -C files --mode=0 -cf files.tar closed";
    assert!(place.program("sh", &["-c", tar]).status().unwrap().success());
    place.succeed(&["import", "files.tar", "closed:1"]);
    place.succeed(&[
        "run",
        "--name",
        "one",
        "busybox",
        "sh",
        "-c",
        "rm /etc/group; rm -r /home; mkdir /home; ln -s a /b",
    ]);
    place.succeed(&["commit", "one", "mine:1"]);
    let sound = place.run(&["system", "check"]);
    assert_eq!((sound.code, sound.stdout.as_str()), (0, "The store is intact.\n"), "{}", sound.show());
    place.succeed(&["rm", "one"]);
}
