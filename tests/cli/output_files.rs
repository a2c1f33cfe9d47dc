//! Output files whose path the caller gives: their mode, and that they do not follow links.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::test_env::TestEnv;

#[test]
fn output_files_follow_the_umask() {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "kept", "busybox", "true"]);
    fs::create_dir(place.path("context")).unwrap();
    fs::write(place.path("context/Dockerfile"), "FROM busybox\nLABEL a=b\n").unwrap();
    for (umask, file) in [(0o022, 0o644), (0o077, 0o600)] {
        let script = "\"$ENGINE\" save -o saved busybox && \"$ENGINE\" export -o exported kept \
            && \"$ENGINE\" run --rm --report report --meta meta busybox true \
            && \"$ENGINE\" build -q --iidfile iid context && \"$ENGINE\" spec --bundle bundle busybox true";
        let script = format!("umask {umask:o}; {script}");
        let output = place.program("sh", &["-ec", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mode = |name: &str| fs::symlink_metadata(place.path(name)).unwrap().permissions().mode() & 0o7777;
        for name in ["saved", "exported", "report", "meta", "iid", "bundle/config.json"] {
            assert_eq!(format!("{:o}", mode(name)), format!("{file:o}"), "{name}");
            fs::remove_file(place.path(name)).unwrap();
        }
        // Other users must not reach the set-user-id programs of an image.
        assert_eq!(format!("{:o}", mode("bundle")), "700");
        fs::remove_dir_all(place.path("bundle")).unwrap();
    }
}

/// An output file is staged next to its final path, under a name that other users could guess. If a link exists
/// there, the command fails, because the staged file must be a new one.
#[test]
fn staged_output_does_not_follow_links() {
    let place = TestEnv::new();
    fs::write(place.path("canary"), "sings").unwrap();
    let run = |script: &str| place.program("sh", &["-c", script]).output().unwrap();
    // `exec` keeps the shell's process id, so $$ is also the engine's.
    for (staged, command) in [
        ("saved.part-$$", "save -o saved busybox"),
        ("report.new-$$", "run --rm --report report busybox true"),
        ("meta.new-$$", "run --rm --meta meta busybox true"),
    ] {
        let output = run(&format!("ln -s canary {staged} && exec \"$ENGINE\" {command}"));
        assert!(
            !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("File exists"),
            "{command}"
        );
        assert_eq!(fs::read_to_string(place.path("canary")).unwrap(), "sings", "{command}");
    }
    // The control: an ordinary open follows the link.
    assert!(run("ln -s canary naive-$$ && echo gone > naive-$$").status.success());
    assert_eq!(fs::read_to_string(place.path("canary")).unwrap(), "gone\n");
}
