//! The library from the point of view of its users: streams, verdicts, errors, threads, and cleaning up.

use std::fs;
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

use minicontainer::core::plan::Step;
use minicontainer::{Diagnostic, Errno, Error, ErrorKind, Sandbox, StartError, Stdio, Verdict};

use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run, shell, text};

#[test]
fn exit_codes_and_signals_are_reported() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    for code in [0, 1, 2, 42, 125, 126, 127, 128, 255] {
        assert_eq!(run(&shell(&image, &format!("exit {code}"))).report.verdict, Verdict::Exited(code));
    }
    for signal in [1, 2, 9, 15] {
        let sandbox = Sandbox::from_image(&image).command("sleep").arg("100").without_init();
        let mut running = sandbox.spawn().expect("it starts");
        running.signaller().expect("a signaller").send(signal).expect("a signal");
        // The first process of a PID namespace ignores signals without a handler; only SIGKILL has an effect.
        if signal != 9 {
            running.kill().expect("a kill");
        }
        assert_eq!(running.wait().expect("its end").verdict, Verdict::Signalled(9));
    }
}

#[test]
fn streams_pass_large_binary_data() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let bytes: Vec<u8> = (0..=255).cycle().take(3 * 1024 * 1024).collect();
    let sandbox = Sandbox::from_image(&image).command("cat").stdin(Stdio::Piped).stdout(Stdio::Piped);
    let mut running = sandbox.spawn().expect("it starts");
    let mut stdin = running.stdin.take().expect("a pipe");
    let written = bytes.clone();
    let writer = thread::spawn(move || stdin.write_all(&written));
    let mut read = Vec::new();
    running.stdout.take().expect("a pipe").read_to_end(&mut read).expect("its output");
    writer.join().expect("no panic").expect("its input");
    assert_eq!(running.wait().expect("its end").verdict, Verdict::Exited(0));
    assert!(read == bytes, "every byte comes back as it was");
    // Both streams at once, each with more than a pipe can hold.
    let output =
        run(&shell(&image, "i=0; while [ $i -lt 20000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"));
    assert_eq!((output.stdout.len(), output.stderr.len()), (188_890, 188_890));
}

#[test]
fn not_found_and_not_executable_are_distinguished() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    for (command, kind, word) in [
        ("nosuchprogram", ErrorKind::CommandNotFound, "No such file"),
        ("/no/such/program", ErrorKind::CommandNotFound, "No such file"),
        ("/etc/passwd/x", ErrorKind::CommandNotFound, "Not a directory"),
        ("/etc", ErrorKind::CommandNotExecutable, "Permission denied"),
        ("/etc/passwd", ErrorKind::CommandNotExecutable, "Permission denied"),
    ] {
        let error = Sandbox::from_image(&image).command(command).output().expect_err("no program");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word) && error.to_string().contains(command), "{error}");
        assert!(error.hint().is_some(), "{error}");
        fixture.snapshot().check();
    }
}

#[test]
fn failed_step_names_its_system_call() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let error = shell(&image, "true").bind("/no/such/directory", "/x").output().expect_err("no source");
    let Error::Start(StartError::Step { step, call, errno, .. }) = &error else { panic!("{error:?}") };
    assert!(matches!(**step, Step::BindMount { .. }));
    assert_eq!((*call, *errno), ("open_tree", Errno(libc::ENOENT)));
    fixture.snapshot().check();
}

#[test]
fn traced_start_measures_every_step() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let mut running = shell(&image, "true").traced().spawn().expect("it starts");
    let steps = &running.plan().steps;
    let inside = steps.iter().filter(|step| step.actor() == minicontainer::core::plan::Actor::Container).count();
    // Every step in the container except the last, after which no process of the engine is left to measure it.
    assert_eq!(running.times().len(), inside - 1);
    running.wait().expect("its end");
}

#[test]
fn drop_kills_and_removes_the_container() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let running = shell(&image, "sleep 100 & sleep 100").spawn().expect("it starts");
    let pid = running.id();
    assert!(fs::exists(format!("/proc/{pid}")).expect("procfs"));
    drop(running);
    assert!(!fs::exists(format!("/proc/{pid}")).expect("procfs"));
    assert_eq!(fs::read_dir(fixture.store().join("containers")).expect("the directory").count(), 0);
    fixture.snapshot().check();
}

#[test]
fn processes_are_killed_without_pid_namespace() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let sandbox =
        shell(&image, "sleep 100 & sleep 100 & echo done").without(minicontainer::core::options::Isolation::Pid);
    assert_eq!(text(&sandbox), "done");
    fixture.snapshot().check();
}

#[test]
fn many_threads_run_containers_at_once() {
    let fixture = Fixture::any();
    let image = Arc::new(busybox(&fixture));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let image = Arc::clone(&image);
            thread::spawn(move || {
                for round in 0..12 {
                    let word = format!("{thread}-{round}");
                    assert_eq!(text(&shell(&image, "echo $WORD > /x; cat /x").env("WORD", &word)), word);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

#[test]
fn sandbox_can_be_run_again() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let sandbox = shell(&image, "test ! -e /x && touch /x && echo fresh");
    assert_eq!([text(&sandbox), text(&sandbox)], ["fresh", "fresh"]);
}

#[test]
fn invalid_values_are_reported_on_use() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let error = shell(&image, "true").hostname("not a name").output().expect_err("no hostname");
    assert!(matches!(error, Error::Invalid { .. }) && error.to_string().contains("not a name"), "{error}");
}
