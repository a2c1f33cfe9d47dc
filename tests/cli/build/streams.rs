//! Contexts from stdin, the progress view on a terminal, and the standard streams of RUN.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

use super::{build, check_clean, project, refuse, say};
use crate::{terminal::Person, test_env::TestEnv};

const FILE: &str = "FROM busybox\nCOPY . /all\nRUN cat /all/greeting > /made\n";

/// A tar archive of a directory of the test environment.
fn archive(place: &TestEnv, flags: &str, directory: &str, more: &[&str]) -> Vec<u8> {
    let inside = place.path(directory);
    let output = Command::new("tar").arg(flags).arg("-").args(["-C", inside.to_str().unwrap()]).args(more).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn check_contexts(place: &TestEnv) {
    let files = [
        ("Dockerfile", FILE),
        ("greeting", "hi\n"),
        ("private", "p"),
        (".dockerignore", "private\n"),
        ("other/Dockerfile", "FROM busybox\nCOPY greeting /other\n"),
    ];
    project(place, "ctx", &files);
    for flags in ["-cf", "-czf"] {
        let context = archive(place, flags, "ctx", &["."]);
        let answer = place.run_with_input(&["build", "-t", "streamed", "-"], &context);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        check_clean(place);
        let seen = say(place, "streamed", "cat /made; ls -A /all | tr '\\n' ' '");
        assert_eq!(seen, "hi\n.dockerignore Dockerfile greeting other ");
        let other = place.run_with_input(&["build", "-t", "other", "-f", "other/Dockerfile", "-"], &context);
        assert_eq!(other.code, 0, "{}", other.stderr);
        assert_eq!(say(place, "other", "cat /other"), "hi\n");
    }
    // A Dockerfile alone has nothing to copy from.
    let answer =
        place.run_with_input(&["build", "-q", "-t", "alone", "-"], b"FROM busybox\nRUN echo alone > /made\n");
    assert_eq!((answer.code, answer.stdout.as_str(), answer.stderr.as_str()), (0, "sha256:[ID]\n", ""));
    assert_eq!(say(place, "alone", "cat /made"), "alone\n");
    let answer = place.run_with_input(&["build", "-"], b"FROM busybox\nCOPY greeting /\n");
    assert!(
        answer.code == 1 && answer.stderr.contains("cannot copy /greeting from the build context"),
        "{}",
        answer.stderr
    );
    check_clean(place);
}

#[test]
fn context_or_dockerfile_comes_from_stdin() {
    check_contexts(&TestEnv::new());
}

#[test]
fn context_or_dockerfile_comes_from_stdin_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_contexts(&place);
}

#[test]
fn invalid_input_from_stdin_is_rejected() {
    let place = TestEnv::new();
    project(&place, "ctx", &[("greeting", "hi\n"), ("Dockerfile", FILE)]);
    let whole = archive(&place, "-czf", "ctx", &["."]);
    let without = archive(&place, "-cf", "ctx", &["greeting"]);
    let climbing =
        archive(&place, "-cPf", "ctx", &["--transform=s,^greeting,../../../evil,", "greeting", "Dockerfile"]);
    for (arguments, input, expect) in [
        (&["-"][..], &whole[..whole.len() / 2], "cannot unpack the build context"),
        (&["-"], &without, "failed to read dockerfile: open Dockerfile: no such file or directory"),
        (&["-f", "-", "-"], &whole, "can't use stdin for both build context and dockerfile"),
        (&["-f", "Dockerfile", "-"], b"FROM busybox\n", "stdin is not a tar archive"),
        (&["-"], b"BZh91AY&SY", "cannot unpack the build context"),
        (&["-"], b"", "the Dockerfile cannot be empty"),
        (&["-"], &[b'#'; 3 << 20], "it is larger than"),
    ] {
        let answer = place.run_with_input(&[&["build"], arguments].concat(), input);
        assert!(answer.code == 1 && answer.stderr.contains(expect), "{expect}: {}", answer.stderr);
        check_clean(&place);
    }
    // The build may succeed or fail, but no file may appear outside of the context.
    let _either = place.run_with_input(&["build", "-"], &climbing);
    check_clean(&place);
    for name in ["evil", "store/evil", "store/staging/evil"] {
        assert!(!place.path(name).exists(), "{name}");
    }
}

#[test]
fn progress_view_is_shown_on_a_terminal() {
    let place = TestEnv::new();
    project(&place, "ctx", &[("Dockerfile", FILE), ("greeting", "hi\n")]);
    project(&place, "broken", &[("Dockerfile", "FROM busybox\nRUN echo why; exit 3\n")]);
    let (code, seen) = Person::starts(&place, &["build", "-t", "seen", "ctx"]).sees_the_end();
    assert_eq!(code, 0, "{seen}");
    // The last frame contains every step exactly once.
    let last = seen.rsplit("[+] Building ").next().unwrap();
    for part in [
        "FINISHED",
        " => [1/3] FROM docker.io/library/busybox",
        " => [3/3] RUN cat /all/greeting",
        "exporting to image",
    ] {
        assert!(last.matches(part).count() == 1, "{part}: {seen:?}");
    }
    assert!(!seen.contains("#1 "), "{seen:?}");
    let (code, seen) = Person::starts(&place, &["build", "ctx"]).sees_the_end();
    assert!(code == 0 && seen.contains(" => CACHED [2/3] COPY . /all"), "{seen:?}");
    let (code, seen) = Person::starts(&place, &["build", "broken"]).sees_the_end();
    assert!(code == 1 && seen.contains(" => ERROR [2/2] RUN echo why; exit 3"), "{seen:?}");
    let behind = seen.rsplit("------\n > [2/2] RUN echo why; exit 3:\n").next().unwrap();
    assert!(behind.contains(" why\n------\n") && behind.contains("Dockerfile:2:1"), "{seen:?}");
    let (_, seen) = Person::starts(&place, &["build", "--progress", "plain", "ctx"]).sees_the_end();
    assert!(seen.contains("#1 [internal] load build definition") && !seen.contains("[+] Building"), "{seen:?}");
    let answer = refuse(&place, &["--progress", "tty", "ctx"]);
    assert!(answer.stderr.contains("stderr is not a terminal"), "{}", answer.stderr);
    assert!(!build(&place, &["ctx"]).contains("[+] Building"));
    fs::remove_dir_all(place.path("ctx")).unwrap();
}

/// E93. A `RUN` reads from its own null device and writes to one pipe. The host's null device keeps its mode.
#[test]
fn run_has_its_own_streams() {
    let Some(place) = TestEnv::seeded_root() else { return };
    let script = "stat -Lc '%F %t:%T %d' /proc/self/fd/0; stat -Lc '%F %i' /proc/self/fd/1 /proc/self/fd/2; \
                  chmod 600 /proc/self/fd/0; chmod 4755 /proc/self/fd/1";
    let null = fs::metadata("/dev/null").unwrap();
    project(&place, "ctx", &[("Dockerfile", &format!("FROM busybox\nRUN {{ {script}; }} > /made\nRUN {script}\n"))]);
    let printed = build(&place, &["--no-cache", "--progress", "plain", "-t", "streams", "ctx"]);
    assert_eq!(fs::metadata("/dev/null").unwrap().permissions().mode(), null.permissions().mode());
    let made = say(&place, "streams", "cat /made");
    assert!(made.starts_with("character special file 1:3 "), "{made}");
    assert!(!made.starts_with(&format!("character special file 1:3 {}\n", null.dev())), "{made}");
    let pipes: Vec<&str> =
        printed.lines().filter_map(|line| line.split_once("fifo ")).map(|(_, inode)| inode).collect();
    assert!(pipes.len() == 2 && pipes[0] == pipes[1], "{printed}");
    // The control: a program that a shell starts has the host's null device.
    let shell = place.program("sh", &["-c", "stat -Lc '%F %t:%T %d' /proc/self/fd/0"]).output().unwrap();
    let expected = format!("character special file 1:3 {}\n", null.dev());
    assert_eq!(String::from_utf8(shell.stdout).unwrap(), expected);
}
