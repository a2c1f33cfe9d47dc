//! `demo` and `doctor`, the commands that new users run first.

use crate::test_env::TestEnv;

#[track_caller]
fn check(place: &TestEnv, language: &str, heading: &str, absent: &str) {
    let printed = place.succeed(&["demo", "--lang", language]);
    assert!(printed.starts_with(heading), "{printed}");
    let nowhere = printed.lines().filter(|line| line.ends_with(absent)).count();
    assert_eq!(nowhere, 4, "absent in the second container, a third one, the image and the host: {printed}");
    assert!(printed.contains(": A /note-[SHORT ID]\n      [DIR]/store/containers/[ID]/upper\n"), "{printed}");
    assert_eq!(place.containers(), 0);
    assert!(place.succeed(&["images"]).contains("busybox"));
    place.succeed(&["run", "--rm", "busybox", "true"]);
}

#[test]
fn demo_runs_in_both_languages() {
    let place = TestEnv::new();
    check(&place, "en", "Two containers of one image\n", "  not there");
    check(&place, "pt", "Dois contêineres de uma imagem\n", "  não está");
}

#[test]
fn demo_runs_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check(&place, "en", "Two containers of one image\n", "  not there");
}

#[test]
fn locale_selects_the_language() {
    let place = TestEnv::new();
    let output = place.command(&["demo"]).env("LANG", "pt_BR.UTF-8").output().unwrap();
    assert!(place.answer(output).stdout.starts_with("Dois contêineres"));
}

#[test]
fn doctor_reports_a_working_machine() {
    let place = TestEnv::new();
    let findings: serde_json::Value = serde_json::from_str(&place.succeed(&["doctor", "--format", "json"])).unwrap();
    assert_eq!(findings["runs"], true);
    let names: Vec<&str> =
        findings["findings"].as_array().unwrap().iter().filter_map(|finding| finding["name"].as_str()).collect();
    assert!(
        ["overlay driver", "user namespaces", "subordinate ids", "memory limit", "seccomp", "terminals"]
            .iter()
            .all(|name| names.contains(name)),
        "{names:?}"
    );
    assert!(place.succeed(&["doctor"]).ends_with("`minicontainer run` works here.\n"));
    assert_eq!(place.containers(), 0);
}
