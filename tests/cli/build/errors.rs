//! Failed builds: each reports an error and its position, and leaves nothing behind.

use std::{fs, os::unix::fs::PermissionsExt};

use nix::{sys::stat::Mode, unistd::mkfifo};

use super::{build, project, refuse, step_results, timeless};
use crate::{skip, test_env::TestEnv};

/// Dockerfiles that cannot be built. Each follows `FROM busybox`.
const MISTAKES: &[&str] = &[
    "RUNN true",
    "COPY a",
    "COPY missing /",
    "COPY missing/x* /",
    "COPY --parents a/missing /",
    "COPY ignored /",
    "COPY ../up /",
    "COPY a b /c",
    "COPY fifo /",
    "COPY fifo /all",
    "COPY --chown=unknown-user a /",
    "COPY --from=127.0.0.1:9/nowhere:1 /a /",
    "COPY a /etc/passwd/x",
    "WORKDIR /etc/passwd",
    "ADD http://169.254.169.254/latest /",
    "ADD file:///etc/passwd /",
    "ADD git@example.com:x.git /",
    "USER unknown-user\nRUN true",
    "RUN echo before; echo broken >&2; exit 3",
    "RUN [\"/no/such/program\"]",
    "RUN --mount=type=secret,id=x,required cat /run/secrets/x",
    "RUN --mount=from=127.0.0.1:9/nowhere:1,target=/x true",
    "RUN --mount=type=ssh true",
    "RUN --network=host true",
    "# syntax\nENV",
];

fn table(place: &TestEnv) -> String {
    project(place, "wrong", &[("a", "a"), ("b", "b"), (".dockerignore", "ignored\n"), ("ignored", "i")]);
    mkfifo(&place.path("wrong/fifo"), Mode::from_bits_truncate(0o644)).unwrap();
    let mut table = String::new();
    for mistake in MISTAKES {
        let answer = place
            .run_with_input(&["build", "-q", "-f", "-", "wrong"], format!("FROM busybox\n{mistake}\n").as_bytes());
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{mistake}: {}", answer.stderr);
        super::check_clean(place);
        table += &format!("{mistake}\n---\n{}\n", timeless(&answer.stderr));
    }
    table
}

/// The messages about Dockerfiles.
pub fn messages() -> String {
    table(&TestEnv::new())
}

#[test]
fn errors_are_the_same_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    let output = table(&place);
    if skip::require(nix::unistd::geteuid().is_root(), skip::ROOT) {
        assert_eq!(output, table(&TestEnv::new()));
    }
}

/// The messages about the command line of `build`.
pub fn command_line_messages() -> String {
    let place = TestEnv::new();
    project(
        &place,
        "empty",
        &[("nothing", ""), ("Other", "FROM 127.0.0.1:9/x:0\n"), ("directory/x", ""), ("mine", "FROM busybox\n")],
    );
    let mistakes: &[&[&str]] = &[
        &["no-such-directory"],
        &["empty"],
        &["empty/nothing"],
        &["-f", "empty/missing", "empty"],
        &["-f", "empty/directory", "empty"],
        &["-f", "empty/Other", "empty"],
        &["-f", "/dev/zero", "empty"],
        &["-"],
        &["https://example.com/x.git"],
        &["-t", "Not A Name", "-f", "empty/mine", "empty"],
        &["--platform", "linux/s390x", "-f", "empty/mine", "empty"],
        &["--platform", "moon", "-f", "empty/mine", "empty"],
        &["--network", "bridge", "-f", "empty/mine", "empty"],
        &["--secret", "id=x,src=/no/such/file", "-f", "empty/mine", "empty"],
        &["--secret", "src=x", "-f", "empty/mine", "empty"],
        &["--build-arg", "=x", "-f", "empty/mine", "empty"],
        &["--label", "=x", "-f", "empty/mine", "empty"],
    ];
    let mut table = String::new();
    for arguments in mistakes {
        let answer = refuse(&place, &[&["-q"], *arguments].concat());
        table += &format!("$ minicontainer build {}\n{}\n", arguments.join(" "), answer.stderr);
    }
    table
}

#[test]
fn steps_before_a_failure_are_cached() {
    let place = TestEnv::new();
    let file = "FROM busybox\nRUN echo one > /one\nRUN test -e /two\nRUN true\n";
    project(&place, "half", &[("Dockerfile", file)]);
    let images = place.succeed(&["images"]);
    let answer = refuse(&place, &["-t", "half", "half"]);
    assert_eq!(step_results(&answer.stderr), ["RUN DONE", "RUN ERROR"]);
    insta::assert_snapshot!(timeless(&answer.stderr));
    assert_eq!(place.succeed(&["images"]), images);
    fs::write(place.path("half/Dockerfile"), file.replace("test -e /two", "test -e /one")).unwrap();
    assert_eq!(step_results(&build(&place, &["-t", "half", "half"])), ["RUN CACHED", "RUN DONE", "RUN DONE"]);
}

#[test]
fn unreadable_context_is_an_error() {
    let Some(place) = TestEnv::seeded_user() else { return };
    project(&place, "closed", &[("Dockerfile", "FROM busybox\nCOPY . /\n"), ("private", "p")]);
    fs::set_permissions(place.path("closed/private"), fs::Permissions::from_mode(0o000)).unwrap();
    if !skip::require(nix::unistd::geteuid().is_root(), "a file that the user does not own (root)") {
        return;
    }
    let answer = refuse(&place, &["closed"]);
    assert!(
        answer.stderr.contains("cannot read /private of the build context: Permission denied"),
        "{}",
        answer.stderr
    );
    // An ignored file need not be readable.
    project(&place, "closed", &[(".dockerignore", "private\n")]);
    build(&place, &["closed"]);
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let answer = refuse(&place, &["closed"]);
    assert!(answer.stderr.contains("cannot open the build context closed"), "{}", answer.stderr);
}

/// The hint is only for what the output shows, and only if the build has no network.
#[test]
fn failure_for_want_of_a_network_is_explained() {
    let place = TestEnv::new();
    let hint = "RUN has no network by default: build with --network host";
    let print = "echo \"wget: bad address 'example.com'\" >&2";
    for (instruction, arguments, expect) in [
        (format!("RUN {print}; exit 4"), &[][..], Some(hint)),
        (format!("RUN --network=none {print}; exit 4"), &[], Some("remove --network=none from RUN")),
        (format!("RUN {print}; exit 4"), &["--network", "host"], None),
        ("RUN echo broken; exit 4".to_owned(), &[], None),
    ] {
        project(&place, "offline", &[("Dockerfile", &format!("FROM busybox\n{instruction}\n"))]);
        let answer = refuse(&place, &[arguments, &["--no-cache", "offline"]].concat());
        assert!(answer.stderr.contains("exit code: 4"), "{}", answer.stderr);
        match expect {
            Some(expect) => assert!(answer.stderr.contains(expect), "{instruction}: {}", answer.stderr),
            None => assert!(!answer.stderr.contains("network=none from") && !answer.stderr.contains(hint)),
        }
    }
}
