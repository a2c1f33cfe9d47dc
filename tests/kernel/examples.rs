//! The examples of the small library (`minicontainer/examples`), run as their readers run them.

use std::path::PathBuf;
use std::process::Output;
use std::{env, fs, os::unix::fs::PermissionsExt};

use crate::attacks::built_example;
use crate::fixture::Fixture;
use crate::skip;

/// Runs an example, and returns what it printed.
#[track_caller]
fn run(fixture: &Fixture, name: &str) -> String {
    let Output { status, stdout, stderr } =
        fixture.command_of(program(fixture, name)).output().expect("the example starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{name} fails:\n{stdout}{stderr}");
    stdout.into_owned()
}

/// A copy of a built example, which every user may execute.
fn program(fixture: &Fixture, name: &str) -> PathBuf {
    let built = match env::var_os("MINICONTAINER_TEST_EXAMPLES") {
        Some(directory) => PathBuf::from(directory).join(name),
        None => built_example(name),
    };
    let copy = fixture.directory().join(name);
    fs::copy(built, &copy).expect("the example can be copied");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("the mode is set");
    copy
}

#[test]
fn hello_says_hello() {
    assert_eq!(run(&Fixture::any(), "hello"), "hello from a container\n");
}

#[test]
fn stdin_copies_in_both_directions() {
    let expect = "sort read 1400000 bytes and wrote 1400000\nfirst 000001, last 200000\n";
    assert_eq!(run(&Fixture::any(), "stdin"), expect);
}

#[test]
fn parallel_runs_fifty_containers() {
    let expect = "50 containers of 50 threads: 50 wrote /note and found nothing there before\n";
    assert_eq!(run(&Fixture::any(), "parallel"), expect);
}

#[test]
fn limits_shows_verdicts_and_usage() {
    let Some(fixture) = Fixture::limited() else { return };
    let printed = run(&fixture, "limits");
    let verdicts = printed.lines().filter(|line| !line.starts_with(' '));
    let verdicts: Vec<Vec<&str>> = verdicts.map(|line| line.split("  ").map(str::trim).collect()).collect();
    let verdict = |name: &str| {
        let line = verdicts.iter().find(|words| words[0] == name).unwrap_or_else(|| panic!("{printed}"));
        *line.last().expect("a verdict")
    };
    assert_eq!(
        ["memory", "wall time", "output", "nothing"].map(verdict),
        ["MemoryLimit", "TimeLimit", "OutputLimit", "Exited(0)"]
    );
    assert!(printed.contains("processes were refused"), "{printed}");
    assert!(printed.contains("memory: 100% of 33554432 bytes"), "{printed}");
    assert!(printed.contains("output: 100% of 1048576 bytes"), "{printed}");
}

#[test]
fn grader_prints_its_table() {
    let fixture = Fixture::any();
    if !skip::require(PathBuf::from("/usr/bin/gcc").exists(), skip::COMPILER) {
        return;
    }
    let expect = "\
        PROGRAM  1 2         20 22\n\
        right    ok          ok\n\
        wrong    ok          wrong: 21\n\
        endless  TimeLimit   TimeLimit\n\
        broken   does not compile\n";
    assert_eq!(run(&fixture, "grader"), expect);
}
