//! The output of pull and push, and which images they transfer.

use crate::{
    answer::Answer,
    registry::{Access, Registry, command, run, succeed},
    test_env::TestEnv,
};

/// The output of a command, with the registry's address redacted.
fn output_of(place: &TestEnv, registry: &Registry, store: &str, arguments: &[&str]) -> String {
    let Answer { code, stdout, stderr } = place.answer(command(place, store, arguments).output().unwrap());
    // In the order in which a terminal shows them: the output of the container comes after the messages of the pull.
    let all = format!("{stderr}{stdout}exit code {code}\n").replace(&registry.address, "REGISTRY");
    // The size of a manifest depends on the number of digits in its layers' sizes.
    let sized =
        |line: &str| line.split_once(" size: ").map_or(line.to_owned(), |(begin, _)| format!("{begin} size: [SIZE]"));
    all.lines().map(|line| sized(line) + "\n").collect()
}

/// An image with one layer, so that the order of the lines is fixed.
fn with_one_layer(registry: &Registry) -> (TestEnv, String) {
    let (place, name) = (TestEnv::new(), registry.name("library/note:latest"));
    place.succeed(&["run", "--name", "one", "busybox", "true"]);
    place.succeed(&["export", "-o", "files.tar", "one"]);
    place.succeed(&["rm", "one"]);
    place.succeed(&["import", "files.tar", &name]);
    (place, name)
}

/// `run` reports each step: not found locally, download, verification, start.
#[test]
fn run_reports_where_its_image_comes_from() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    let (place, name) = with_one_layer(&registry);
    let untagged = name.trim_end_matches(":latest");
    insta::assert_snapshot!("push", output_of(&place, &registry, "store", &["push", untagged]));
    insta::assert_snapshot!(
        "run",
        output_of(&place, &registry, "second", &["run", "--rm", untagged, "echo", "hello"])
    );
    insta::assert_snapshot!(
        "run_again",
        output_of(&place, &registry, "second", &["run", "--rm", &name, "echo", "hello"])
    );
    insta::assert_snapshot!("pull", output_of(&place, &registry, "third", &["pull", untagged]));
    insta::assert_snapshot!(
        "pull_again",
        output_of(&place, &registry, "third", &["pull", "--platform", "linux/x86_64", &name])
    );
    let quiet = ["run", "-q", "--insecure", "--disable-content-trust", "--rm", &name, "echo", "hello"];
    assert_eq!(output_of(&place, &registry, "fourth", &quiet), "hello\nexit code 0\n");
    assert_eq!(
        output_of(&place, &registry, "store", &["push", "-q", &name]),
        "REGISTRY/library/note:latest\nexit code 0\n"
    );
}

#[test]
fn all_tags_are_pushed_and_pulled() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    let place = TestEnv::new();
    let repository = registry.name("app");
    for name in [&repository, &registry.name("app/other")] {
        for tag in ["1", "2"] {
            place.succeed(&["tag", "busybox", &format!("{name}:{tag}")]);
        }
    }
    let pushed = succeed(&place, "store", &["push", "-a", &repository]);
    assert!(pushed.contains("1: digest: sha256:") && pushed.contains("2: digest: sha256:"), "{pushed}");
    assert_eq!(succeed(&place, "second", &["pull", "-a", "-q", &repository]), format!("{repository}\n"));
    let list = ["images", "--format", "{{.Repository}}:{{.Tag}}"];
    let mut images: Vec<String> = succeed(&place, "second", &list).lines().map(str::to_owned).collect();
    images.sort();
    assert_eq!(images, [format!("{repository}:1"), format!("{repository}:2")]);
    for (arguments, expect) in [
        (["pull", "-a", &format!("{repository}:1")], "tag can't be used with --all-tags/-a"),
        (["push", "-a", &format!("{repository}:1")], "tag can't be used with --all-tags/-a"),
        (["pull", "-a", &registry.name("nothing")], "not found, or it has no tags"),
        (["push", "-a", &registry.name("nothing")], "does not exist locally"),
        (["pull", "--disable-content-trust=false", &repository], "signatures of images cannot be verified"),
    ] {
        let answer = run(&place, "second", &arguments);
        assert!(answer.code == 1 && answer.stderr.contains(expect), "{arguments:?}: {}", answer.stderr);
    }
}

/// `run --platform` does not use an image in the store that is for another platform.
#[test]
fn image_for_another_platform_is_not_run() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    let place = TestEnv::new();
    let name = registry.name("mine:1");
    place.succeed(&["tag", "busybox", &name]);
    succeed(&place, "store", &["push", &name]);
    let own = format!("linux/{}", std::env::consts::ARCH);
    let check = |flags: &[&str], code: i32, expect: &str| {
        let answer = run(&place, "store", &[&["run", "--rm"], flags, &[&name, "echo", "hello"]].concat());
        assert_eq!(answer.code, code, "{flags:?}: {}", answer.stderr);
        assert!((answer.stdout + &answer.stderr).contains(expect), "{flags:?}: {}", answer.stderr);
    };
    check(&["--platform", &own, "--pull", "never"], 0, "hello");
    check(&["--platform", "linux/s390x", "--pull", "never"], 125, "not for linux/s390x");
    check(&["--platform", "linux/s390x"], 125, "; pulling it for linux/s390x");
    check(&["--platform", "nonsense"], 125, "invalid platform");
    // The failed runs did not change the image in the store.
    check(&["--pull", "never"], 0, "hello");
}
