//! File metadata that copies preserve: capabilities, hard links, modification times, holes.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{build, project, say, step_results};
use crate::test_env::TestEnv;

/// `cap_net_bind_service=ep`, as the file system keeps it (`struct vfs_cap_data`, revision 2, in linux/capability.h).
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The paths of a file with this name in the store's unpacked layers.
fn in_layers(place: &TestEnv, name: &str) -> Vec<PathBuf> {
    let layers = fs::read_dir(place.path("store/layers")).unwrap().flatten();
    layers.map(|layer| layer.path().join("fs").join(name)).filter(|path| path.exists()).collect()
}

fn capability(path: &Path) -> Option<Vec<u8>> {
    xattr::get(path, "security.capability").unwrap()
}

#[test]
fn file_capabilities_are_copied() {
    let Some(place) = TestEnv::seeded_root() else { return };
    let file = "FROM busybox AS one\nCOPY server /first\nCOPY d /d\nFROM busybox\nCOPY --from=one /first /second\nCOPY --from=one /d /e\n";
    project(&place, "ctx", &[("Dockerfile", file), ("server", "s"), ("d/inside", "i")]);
    build(&place, &["-t", "plain", "ctx"]);
    assert_eq!(capability(&in_layers(&place, "second")[0]), None);
    for name in ["server", "d/inside"] {
        xattr::set(place.path("ctx").join(name), "security.capability", &CAPABILITY).unwrap();
    }
    // A capability is part of the content, so the old layers do not match.
    let output = build(&place, &["-t", "capable", "ctx"]);
    assert!(step_results(&output).iter().all(|result| result.ends_with("DONE")), "{output}");
    let has =
        |name: &str| in_layers(&place, name).iter().any(|path| capability(path).as_deref() == Some(&CAPABILITY));
    for name in ["first", "second", "d/inside", "e/inside"] {
        assert!(has(name), "{name}");
    }
    // `save` and `load` keep the capability.
    place.succeed(&["save", "-o", "capable.tar", "capable"]);
    place.succeed(&["rmi", "-f", "capable"]);
    place.succeed(&["builder", "prune", "-a", "-f"]);
    assert!(!has("second"));
    place.succeed(&["load", "-i", "capable.tar"]);
    assert!(has("second"));
}

fn check_names_and_times(place: &TestEnv) {
    let file = "FROM busybox AS one\nCOPY d /d\nFROM busybox\nCOPY --from=one /d /e\nCOPY d/old d/other /apart/\nADD tree.tar /f\n";
    project(place, "ctx", &[("Dockerfile", file), ("d/old", "old\n")]);
    fs::hard_link(place.path("ctx/d/old"), place.path("ctx/d/other")).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(place.path("ctx/d/old")).unwrap().set_modified(old).unwrap();
    // A hole of eight mebibytes, which takes no space on the disk.
    fs::File::create(place.path("ctx/d/sparse")).unwrap().set_len(8 << 20).unwrap();
    let status = std::process::Command::new("tar")
        .args(["--owner=0", "--group=0", "-cf"])
        .args([place.path("ctx/tree.tar"), "-C".into(), place.path("ctx/d"), "old".into(), "other".into()])
        .status();
    assert!(status.unwrap().success());
    build(place, &["-t", "names", "ctx"]);
    let look = "stat -c '%h %Y %s' /e/old /e/other /f/other; stat -c %s /e/sparse; cat /e/other /apart/other";
    assert_eq!(say(place, "names", look), "2 1000000000 4\n2 1000000000 4\n2 1000000000 4\n8388608\nold\nold\n");
    // Two sources of one COPY become separate files, because a later source could overwrite one of them.
    assert_eq!(say(place, "names", "stat -c %h /apart/old /apart/other"), "1\n1\n");
    assert_eq!(fs::metadata(place.path("ctx/d/old")).unwrap().nlink(), 2);
    assert!(step_results(&build(place, &["ctx"])).iter().all(|result| result.ends_with("CACHED")));
}

#[test]
fn hard_links_times_and_holes_are_kept() {
    check_names_and_times(&TestEnv::new());
}

#[test]
fn hard_links_times_and_holes_are_kept_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_names_and_times(&place);
}
