//! Failing system calls at every step of the supervision: the start, each wait, each kill, and the record of the
//! exit.
//!
//! The command runs under ptrace(2) (`tests/cli/tracer.rs`), and one of its system calls fails. All users of the
//! engine's supervision are tested: `run`, the creation of a container, the demo, the judge, a build's `RUN`. The
//! containers would sleep much longer than the test takes, so the snapshot detects processes that are left behind,
//! and control groups.

use std::{
    fs,
    io::{PipeReader, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::PermissionsExt,
    },
    path::Path,
};

use minicontainer::{Hooks, Running, StandardStream, Stdio, Verdict};
use minicontainer_engine::supervise::{Control, Io, supervise};

use crate::{
    fixture::Fixture,
    sandboxes::{busybox, shell},
    tracer::{Decision, Ended, Kind, traced},
};

/// The calls of a start and of a supervision.
const SUPERVISION: [Kind; 4] = [Kind::Start, Kind::Poll, Kind::Wait, Kind::Signal];
/// The calls that write a record and its directory, and those that remove them.
const RECORD: [Kind; 2] = [Kind::Change, Kind::Remove];

/// The errno with which a call of this kind fails, and its name.
fn errno(kind: Kind) -> (i32, &'static str) {
    match kind {
        Kind::Start => (libc::EAGAIN, "EAGAIN"),
        Kind::Poll => (libc::ENOMEM, "ENOMEM"),
        Kind::Wait => (libc::ECHILD, "ECHILD"),
        Kind::Signal => (libc::EPERM, "EPERM"),
        _ => (libc::EIO, "Input/output error"),
    }
}

/// A command whose system calls fail.
struct Faulty<'a> {
    fixture: &'a Fixture,
    arguments: &'a [&'a str],
    kinds: &'a [Kind],
    /// Its exit code without a fault.
    code: i32,
}

impl Faulty<'_> {
    fn run(&self, decide: impl FnMut(Kind) -> Decision) -> Ended {
        traced(self.fixture.command().args(self.arguments), decide)
    }

    /// Runs the command repeatedly. Each time another call fails: the first of a kind, the second, until there are no
    /// more. After each run `check` gets the result. Returns the kinds whose failures had an effect.
    fn with_each_fault(&self, mut check: impl FnMut(usize, Kind, &Ended)) -> Vec<Kind> {
        let without = self.run(|_| Decision::Execute);
        assert_eq!(without.status.code(), Some(self.code), "without a fault: {}", without.stderr);
        let mut felt = Vec::new();
        for kind in self.kinds {
            // The number of polls depends on the machine, so each kind is counted separately.
            for at in 0.. {
                let mut calls = 0;
                let ended = self.run(|called| {
                    calls += usize::from(called == *kind);
                    if called == *kind && calls == at + 1 {
                        Decision::Fail(errno(*kind).0)
                    } else {
                        Decision::Execute
                    }
                });
                if calls <= at {
                    break;
                }
                if ended.status.code() != Some(self.code) && !felt.contains(kind) {
                    felt.push(*kind);
                }
                check(at, *kind, &ended);
                // Processes and control groups no longer exist.
                self.fixture.snapshot().check();
            }
        }
        felt
    }
}

fn entries(fixture: &Fixture, directory: &str) -> Vec<String> {
    let entries = fs::read_dir(fixture.store().join(directory)).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

#[track_caller]
fn assert_nothing_left(fixture: &Fixture, at: usize, kind: Kind, ended: &Ended) {
    let left = [entries(fixture, "containers"), entries(fixture, "names")].concat();
    assert!(left.is_empty(), "call {at} ({kind:?}) failed and left {left:?}: {}", ended.stderr);
}

#[track_caller]
fn assert_felt(felt: &[Kind], expect: &[Kind]) {
    let missing: Vec<_> = expect.iter().filter(|kind| !felt.contains(kind)).collect();
    assert!(missing.is_empty(), "no fault of {missing:?} was felt");
}

fn succeed(fixture: &Fixture, arguments: &[&str]) -> String {
    let output = fixture.command().args(arguments).output().expect("the command starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The failure is reported as an error of the engine, and nothing of the container is left behind.
fn check_run(fixture: &Fixture) {
    succeed(fixture, &["image", "seed"]);
    let arguments = ["run", "--rm", "--timeout", "200ms", "busybox", "sleep", "1000"];
    let run = Faulty { fixture, arguments: &arguments, kinds: &SUPERVISION, code: 137 };
    let felt = run.with_each_fault(|at, kind, ended| {
        if ended.status.code() != Some(137) {
            assert_eq!(ended.status.code(), Some(125), "call {at} ({kind:?}): {}", ended.stderr);
            assert!(ended.stderr.contains(errno(kind).1), "call {at} ({kind:?}): {}", ended.stderr);
        }
        assert_nothing_left(fixture, at, kind, ended);
    });
    assert_felt(&felt, &SUPERVISION);
}

#[test]
fn failed_supervision_of_root_run_leaves_nothing() {
    let Some(fixture) = Fixture::root() else { return };
    check_run(&fixture);
}

#[test]
fn failed_supervision_of_rootless_run_leaves_nothing() {
    let Some(fixture) = Fixture::user() else { return };
    check_run(&fixture);
}

#[test]
fn kept_container_is_exited_after_failed_supervision() {
    let Some(fixture) = Fixture::root() else { return };
    succeed(&fixture, &["image", "seed"]);
    let arguments = ["run", "--name", "kept", "--timeout", "200ms", "busybox", "sleep", "1000"];
    // Without a failure it exists too, so this run removes it first.
    let states = |ended: &Ended| {
        let state = succeed(&fixture, &["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "kept"]);
        succeed(&fixture, &["rm", "kept"]);
        (ended.status.code(), state.trim_end().to_owned())
    };
    for kind in SUPERVISION {
        // The first such call after the start has begun: Rust's own runtime polls before main.
        let (mut has_begun, mut calls) = (false, 0);
        let ended = traced(fixture.command().args(arguments), |called| {
            has_begun |= called == Kind::Start;
            calls += usize::from(has_begun && called == kind);
            if has_begun && called == kind && calls == 1 { Decision::Fail(errno(kind).0) } else { Decision::Execute }
        });
        let (code, state) = states(&ended);
        let expect = if kind == Kind::Start { "created 125" } else { "exited <no value>" };
        assert_eq!((code, state.as_str()), (Some(125), expect), "{kind:?}: {}", ended.stderr);
        assert_nothing_left(&fixture, 0, kind, &ended);
        fixture.snapshot().check();
    }
    let ended = traced(fixture.command().args(arguments), |_| Decision::Execute);
    assert_eq!(states(&ended), (Some(137), "exited 137".to_owned()), "{}", ended.stderr);
}

/// The disk fails at any step of a container's creation, of the record of its start or exit, or of its removal. What
/// a removal could not remove, a later one does.
#[test]
fn container_ends_when_its_record_cannot_be_written_or_removed() {
    let Some(fixture) = Fixture::root() else { return };
    succeed(&fixture, &["image", "seed"]);
    succeed(&fixture, &["run", "--rm", "busybox", "true"]);
    let arguments = ["run", "--rm", "busybox", "true"];
    let run = Faulty { fixture: &fixture, arguments: &arguments, kinds: &RECORD, code: 0 };
    let felt = run.with_each_fault(|at, kind, ended| {
        if ended.status.code() != Some(0) {
            assert!(matches!(ended.status.code(), Some(1 | 125)), "call {at} ({kind:?}): {:?}", ended.status);
            let is_told = ended.stderr.contains(errno(kind).1) || ended.stderr.contains("EIO");
            assert!(is_told, "call {at} ({kind:?}): {}", ended.stderr);
        }
        succeed(&fixture, &["rm", "-f", "nothing"]);
        // The parent group of all containers is removed with the last of them, so the next container removes it.
        succeed(&fixture, &["run", "--rm", "busybox", "true"]);
        assert_nothing_left(&fixture, at, kind, ended);
    });
    assert_felt(&felt, &RECORD);
}

#[test]
fn failed_supervision_of_demo_leaves_nothing() {
    let Some(fixture) = Fixture::root() else { return };
    succeed(&fixture, &["image", "seed"]);
    let demo = Faulty { fixture: &fixture, arguments: &["demo"], kinds: &SUPERVISION, code: 0 };
    let felt = demo.with_each_fault(|at, kind, ended| {
        if ended.status.code() != Some(0) {
            assert!(ended.stderr.contains(errno(kind).1), "call {at} ({kind:?}): {}", ended.stderr);
        }
        assert_nothing_left(&fixture, at, kind, ended);
    });
    assert_felt(&felt, &[Kind::Start, Kind::Poll, Kind::Wait]);
}

#[test]
fn failed_supervision_of_build_step_leaves_nothing() {
    let Some(fixture) = Fixture::root() else { return };
    succeed(&fixture, &["image", "seed"]);
    fs::create_dir(fixture.directory().join("context")).expect("a directory");
    fs::write(fixture.directory().join("context/Dockerfile"), "FROM busybox\nRUN sleep 0.1\n").expect("a file");
    let arguments = ["build", "--no-cache", "context"];
    let build = Faulty { fixture: &fixture, arguments: &arguments, kinds: &SUPERVISION, code: 0 };
    let felt = build.with_each_fault(|at, kind, ended| {
        if ended.status.code() != Some(0) {
            assert_eq!(ended.status.code(), Some(1), "call {at} ({kind:?}): {}", ended.stderr);
            assert!(ended.stderr.contains(errno(kind).1), "call {at} ({kind:?}): {}", ended.stderr);
        }
        assert_nothing_left(&fixture, at, kind, ended);
    });
    assert_felt(&felt, &[Kind::Start, Kind::Poll, Kind::Wait]);
}

#[test]
fn failed_supervision_of_judged_program_leaves_nothing() {
    let Some(fixture) = Fixture::root() else { return };
    succeed(&fixture, &["image", "seed"]);
    let file = |name: &str, content: &str| {
        let path = fixture.directory().join("homework").join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a directory");
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the mode is set");
    };
    file("judge.toml", "time = \"100ms\"\n");
    file("tests/one.in", "");
    file("tests/one.out", "");
    file("programs/sleeper", "#!/bin/sh\nsleep 1000\n");
    let judge = Faulty { fixture: &fixture, arguments: &["judge", "homework"], kinds: &SUPERVISION, code: 1 };
    let felt = judge.with_each_fault(|at, kind, ended| {
        // The results, with the reason, are written to stdout.
        assert!(matches!(ended.status.code(), Some(1 | 125)), "call {at} ({kind:?}): {:?}", ended.status);
        assert_nothing_left(&fixture, at, kind, ended);
    });
    assert_felt(&felt, &SUPERVISION);
}

/// A control that kills the container when its pipe becomes readable.
struct KillOnByte(PipeReader);

impl Control for KillOnByte {
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.0.as_fd()]
    }

    fn ready(&mut self, running: &mut Running) {
        self.0.read_exact(&mut [0]).expect("the byte");
        running.kill().expect("it is killed");
    }
}

#[test]
fn output_is_forwarded_while_waiting_for_control() {
    let fixture = Fixture::any();
    let sandbox = shell(&busybox(&fixture), "echo ready; sleep 1000").stdout(Stdio::Piped).stderr(Stdio::Piped);
    let mut running = sandbox.launch().expect("a launch").start(Hooks::none()).expect("it starts");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let mut written = Vec::new();
    let mut output = |stream, bytes: &[u8]| {
        assert_eq!(stream, StandardStream::Stdout);
        written.extend_from_slice(bytes);
        // The control pipe becomes readable as soon as the program has written a line.
        writer.write_all(b"x").expect("a byte");
    };
    let supervised = supervise(&mut running, Io::Callback(&mut output), &mut KillOnByte(reader)).expect("its end");
    let report = supervised.complete().expect("nothing is lost");
    assert_eq!((report.verdict, written.as_slice()), (Verdict::Signalled(libc::SIGKILL), b"ready\n".as_slice()));
}
