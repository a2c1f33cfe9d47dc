//! The working directory of an image, which the engine creates if it is missing.

use std::{fs, os::fd::AsRawFd, path::Path};

use crate::fixture::Fixture;
use crate::homework::Homework;

/// The name of every directory that these images create.
const MADE: &str = "made-by-the-image";

/// Whether a directory with that name exists anywhere below, except in the store.
fn is_made(directory: &Path, store: &Path) -> bool {
    fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry")).any(|entry| {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        entry.file_name() == MADE || is_directory && path != store && is_made(&path, store)
    })
}

fn succeed(fixture: &Fixture, arguments: &[&str]) {
    let output = fixture.command().args(arguments).output().expect("the command starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A descriptor that the engine holds open while it starts a container, such as that of a judged program's folder,
/// leads to the host's tree, and `..` leads upwards (CVE-2024-21626).
#[track_caller]
fn check(fixture: &Fixture) {
    let homework = Homework::new(fixture, "");
    homework.test("one", "", "1\n");
    fs::create_dir(homework.path("programs/folder")).expect("a directory");
    homework.give(&homework.path("programs/folder"));
    homework.script("folder/run", "echo 1", 0o755);
    homework.script("single", "echo 1", 0o755);
    // The control: such a path leads to the host for a process that creates directories by path.
    let folder = fs::File::open(homework.path("programs/folder")).expect("a directory");
    let through = |number: i32| format!("/proc/self/fd/{number}/../{MADE}");
    fs::create_dir(through(folder.as_raw_fd())).expect("it is made by path");
    assert!(is_made(fixture.directory(), &fixture.store()));
    fs::remove_dir(homework.path("programs").join(MADE)).expect("it is there");
    drop(folder);

    succeed(fixture, &["run", "--name", "base", "busybox", "ln", "-s", "/proc/self/fd", "/descriptors"]);
    for number in 3..24 {
        for directory in [format!("{}/x", through(number)), format!("/descriptors/{number}/../{MADE}")] {
            succeed(fixture, &["commit", "-c", &format!("WORKDIR {directory}"), "base", "wanderer"]);
            homework.file("judge.toml", "image = 'wanderer'\n", 0o644);
            let judged = homework.judge(&[]).output().expect("the command starts");
            assert_ne!(judged.status.code(), Some(0), "{directory}: {judged:?}");
            let run =
                fixture.command().args(["run", "--rm", "wanderer", "pwd"]).output().expect("the command starts");
            assert_eq!(run.status.code(), Some(125), "{directory}: {run:?}");
            assert!(!is_made(fixture.directory(), &fixture.store()), "{directory}");
        }
    }
}

#[test]
fn root_creates_no_workdir_on_the_host() {
    let Some(fixture) = Fixture::root() else { return };
    check(&fixture);
}

#[test]
fn rootless_creates_no_workdir_on_the_host() {
    let Some(fixture) = Fixture::user() else { return };
    check(&fixture);
}

/// A missing working directory is created inside, even through links of the image.
#[test]
fn missing_workdir_is_created_inside() {
    let fixture = Fixture::any();
    succeed(&fixture, &["image", "seed"]);
    succeed(&fixture, &["run", "--name", "linked", "busybox", "ln", "-s", "/usr", "/link"]);
    succeed(&fixture, &["commit", "linked", "linked"]);
    for (directory, expect) in [("/a/b/c", "/a/b/c\n"), ("/link/deep/er", "/usr/deep/er\n")] {
        let run = fixture.command().args(["run", "--rm", "-w", directory, "linked", "pwd", "-P"]).output();
        let run = run.expect("the command starts");
        assert_eq!(String::from_utf8_lossy(&run.stdout), expect, "{run:?}");
    }
}
