//! Typical first mistakes of users who know Docker: the messages must say what to do instead.

use std::fs;

use crate::test_env::TestEnv;

#[test]
fn help_is_a_command_too() {
    let place = TestEnv::new();
    assert_eq!(place.succeed(&["help"]), place.succeed(&["--help"]));
    assert_eq!(place.succeed(&["help", "run"]), place.succeed(&["run", "--help"]));
    assert_eq!(place.succeed(&["help", "image", "ls"]), place.succeed(&["image", "ls", "--help"]));
    assert!(place.succeed(&["--help"]).contains("MINICONTAINER_ROOT  the directory of images and containers"));
}

#[test]
fn options_behind_the_image_are_explained() {
    let place = TestEnv::new();
    let answer = place.run(&["run", "busybox", "--rm"]);
    let hint = "\n  hint: options of run come before the image: minicontainer run --rm … IMAGE [COMMAND]\n";
    assert!(answer.code == 127 && answer.stderr.ends_with(hint), "{}", answer.show());
}

#[test]
fn file_that_is_not_an_archive_gets_a_hint() {
    let place = TestEnv::new();
    fs::write(place.path("note.txt"), "not an archive\n").unwrap();
    fs::write(place.path("empty"), "").unwrap();
    fs::write(place.path("page.html"), "<html>".repeat(1000)).unwrap();
    for file in ["note.txt", "page.html"] {
        let answer = place.run(&["import", file, "mine"]);
        assert!(
            answer.code == 1 && answer.stderr.contains("\n  hint: import takes a tar archive"),
            "{}",
            answer.show()
        );
    }
}

#[test]
fn platform_of_the_stored_image_is_named() {
    let place = TestEnv::new();
    let other = if cfg!(target_arch = "x86_64") { "linux/arm64" } else { "linux/amd64" };
    // No registry answers there.
    place.succeed(&["tag", "busybox", "localhost:1/busybox"]);
    let answer = place.run(&["run", "--rm", "--platform", other, "localhost:1/busybox", "true"]);
    assert!(!answer.stderr.contains("Unable to find image"), "{}", answer.show());
    assert!(answer.stderr.contains(&format!("; pulling it for {other}\n")), "{}", answer.show());
    assert!(answer.stderr.contains("leave --platform out to run the image in the store"), "{}", answer.show());
}

#[test]
fn warnings_fit_the_user() {
    let warning = |place: &TestEnv| place.run(&["run", "--rm", "--privileged", "busybox", "true"]).stderr;
    if let Some(place) = TestEnv::seeded_root() {
        assert!(warning(&place).contains("everything that root of the host can"), "{}", warning(&place));
    }
    if let Some(place) = TestEnv::seeded_user() {
        assert!(warning(&place).contains("everything that you can do on this machine"), "{}", warning(&place));
    }
}

#[test]
fn volumes_of_an_image_are_explained_as_they_are() {
    let place = TestEnv::new();
    fs::create_dir(place.path("ctx")).unwrap();
    fs::write(place.path("ctx/Dockerfile"), "FROM busybox\nVOLUME /data\n").unwrap();
    let english = place.succeed(&["build", "--explain=en", "ctx"]);
    assert!(english.contains("This engine has no volumes yet"), "{english}");
    assert!(place.succeed(&["build", "--explain=pt", "ctx"]).contains("ainda não tem volumes"));
}

#[test]
fn name_of_one_character_is_refused_as_in_docker() {
    let place = TestEnv::new();
    let answer = place.run(&["run", "--name", "a", "busybox", "true"]);
    let output = "Invalid container name (a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed";
    assert!(answer.code == 125 && answer.stderr.contains(output), "{}", answer.show());
    place.succeed(&["run", "--name", "ab", "busybox", "true"]);
}
