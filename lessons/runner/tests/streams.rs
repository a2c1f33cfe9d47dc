//! Tests of the runner with streams that cannot be written: the exit code is right, and it never panics.
#![cfg(target_os = "linux")]

use std::{
    fs::File,
    io::pipe,
    process::{Command, Stdio},
};

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

fn unread() -> Stdio {
    pipe().unwrap().1.into()
}

#[track_caller]
fn check(words: &[&str], [healthy, full_stdout, unread_stdout]: [i32; 3]) {
    let code = |stdout: Stdio, stderr: Stdio| {
        let mut runner = Command::new(env!("CARGO_BIN_EXE_lessons"));
        runner.args(words).stdout(stdout).stderr(stderr).status().unwrap().code()
    };
    assert_eq!(code(Stdio::null(), Stdio::null()), Some(healthy), "{words:?}");
    assert_eq!(code(Stdio::null(), full()), Some(healthy), "{words:?} with stderr full");
    assert_eq!(code(Stdio::null(), unread()), Some(healthy), "{words:?} with stderr unread");
    assert_eq!(code(full(), full()), Some(full_stdout), "{words:?} with stdout full");
    assert_eq!(code(unread(), unread()), Some(unread_stdout), "{words:?} with stdout unread");
}

#[test]
fn exit_codes_do_not_depend_on_stderr() {
    check(&["list"], [0, 2, 0]);
    check(&["hint", "1"], [0, 2, 0]);
    check(&["hint", "1", "99"], [2, 2, 2]);
    check(&["hint", "99"], [2, 2, 2]);
    check(&["no-such-command"], [2, 2, 2]);
}
