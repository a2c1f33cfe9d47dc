//! Both ways of creating the image must result in a working shell.

use std::{fs, path::Path, process::Command};

use nix::unistd::geteuid;

use super::*;

/// Runs a command with the image's files as its root, so that its shell can only be the image's.
#[track_caller]
fn check_runs(image: &Image, script: &str, expect: &str) {
    if !geteuid().is_root() {
        assert_ne!(
            env::var("MINICONTAINER_TEST_REQUIRE").as_deref(),
            Ok("all"),
            "only root can chroot, and no skip is allowed"
        );
        eprintln!("skipped: running the seeded shell: only root can chroot");
        return;
    }
    let output = Command::new("chroot")
        .arg(&image.layers[0].directory)
        .args(["/usr/bin/env", "-i", "PATH=/bin:/usr/bin:/usr/local/bin", "sh", "-c", script])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((String::from_utf8_lossy(&output.stdout).trim(), errors.trim()), (expect, ""));
}

fn seeded(material: ProgramSource) -> (tempfile::TempDir, Store, Seeded) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    let seeded = seed(&store, material).unwrap();
    (directory, store, seeded)
}

#[test]
fn image_is_seeded_from_busybox() {
    let (_directory, store, Seeded { image, origin }) = seeded(ProgramSource::BusyboxIfThere);
    let Origin::Busybox { applets, .. } = &origin else {
        assert_ne!(
            env::var("MINICONTAINER_TEST_REQUIRE").as_deref(),
            Ok("all"),
            "no busybox here, and no skip is allowed"
        );
        return eprintln!("skipped: this machine has no busybox");
    };
    check_runs(&image, "echo $((6 * 7)); ls -d /bin/busybox", "42\n/bin/busybox");
    let names = fs::read_dir(image.layers[0].directory.join("bin")).unwrap().count();
    assert!(names >= *applets, "a name for each applet");
    let second = seed(&store, ProgramSource::HostTools).unwrap();
    assert_eq!(second, Seeded { image, origin: Origin::Present }, "an image that is there stays as it is");
}

#[test]
fn image_is_seeded_from_host_tools() {
    let (_directory, _, Seeded { image, origin }) = seeded(ProgramSource::HostTools);
    assert!(matches!(origin, Origin::HostTools { programs, .. } if programs > 20), "{origin}");
    check_runs(&image, "echo $((6 * 7)); ls -d /usr; id -u; uname", "42\n/usr\n0\nLinux");
}

#[test]
fn seeded_image_is_reproducible_and_has_a_command() {
    let ((_one, _, first), (_two, _, second)) = (seeded(ProgramSource::HostTools), seeded(ProgramSource::HostTools));
    assert_eq!(first.image.id, second.image.id);
    assert_eq!(first.image.manifest_digest, second.image.manifest_digest);
    assert_eq!(first.image.config.config.cmd, ["sh"]);
    assert_eq!(first.image.reference.map(|reference| reference.familiar()).as_deref(), Some("busybox:latest"));
}

#[test]
fn base_directories_and_accounts_exist() {
    let (_directory, _, Seeded { image, .. }) = seeded(ProgramSource::BusyboxIfThere);
    let folders: &Path = &image.layers[1].directory;
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt;
        format!("{path} {:o}", fs::metadata(folders.join(path)).unwrap().permissions().mode() & 0o7777)
    };
    assert_eq!(["tmp", "root", "proc", "etc"].map(mode), ["tmp 1777", "root 700", "proc 755", "etc 755"]);
    assert!(fs::read_to_string(folders.join("etc/passwd")).unwrap().starts_with("root:x:0:0:"));
    assert!(fs::read_to_string(folders.join("etc/group")).unwrap().contains("users:x:100:"));
}
