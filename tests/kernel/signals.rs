//! Signals: `run` forwards to the program every signal that is meant for it.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::attacks::Ground;
use crate::fixture::Fixture;

/// A timeout that is sufficient on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Signals that are not forwarded: those that no process can catch, those about this command's own children, streams
/// and faults, and two that the C library reserves.
const NOT_PASSED_ON: [Signal; 11] = [
    Signal::SIGKILL,
    Signal::SIGSTOP,
    Signal::SIGCHLD,
    Signal::SIGPIPE,
    Signal::SIGURG,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGTRAP,
    Signal::SIGSYS,
];

/// All forwarded signals, by number, with SIGTERM as the last one. The first real-time signal that a program may use
/// is 34 or 35.
fn passed_on() -> Vec<i32> {
    let last = libc::SIGTERM;
    let known = (1..=31).chain(libc::SIGRTMIN().max(35)..=libc::SIGRTMAX());
    let passed = known.filter(|number| !NOT_PASSED_ON.iter().any(|signal| *signal as i32 == *number));
    passed.filter(|number| *number != last).chain([last]).collect()
}

/// A running command, and the lines that its program writes.
struct Running {
    command: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        // On a terminal the command would be stopped by job control signals.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut command = command.spawn().expect("the command starts");
        let lines = BufReader::new(command.stdout.take().expect("a pipe")).lines();
        Running { command, lines }
    }

    /// The next line, or `None` if there are no more.
    fn reads(&mut self) -> String {
        self.lines.next().map_or_else(String::new, |line| line.expect("text"))
    }

    fn sends(&self, signal: i32) {
        // SAFETY: passes two numbers; nix does not support real-time signals.
        assert_eq!(unsafe { libc::kill(self.command.id() as i32, signal) }, 0);
    }

    #[track_caller]
    fn ends(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.command.try_wait().expect("its state") {
                return status;
            }
            if Instant::now() > deadline {
                self.command.kill().expect("it runs");
                self.command.wait().expect("its end");
                panic!("it does not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A script that prints every signal, and exits with 9 after SIGTERM.
fn telling() -> String {
    let traps: String = passed_on().iter().map(|number| format!("trap 'echo got {number}' {number}; ")).collect();
    let traps = traps.replace("got 15", "got 15; exit 9");
    format!("{traps} echo ready; while :; do sleep 0.01; done")
}

#[test]
fn every_forwarded_signal_reaches_the_program() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    for flags in [&[][..], &["--init"], &["--sig-proxy"], &["--without", "pid"]] {
        let mut running = Running::start(ground.run(flags, &["sh", "-c", &telling()]));
        assert_eq!(running.reads(), "ready");
        for number in passed_on() {
            running.sends(number);
            assert_eq!(running.reads(), format!("got {number}"), "{flags:?}");
        }
        assert_eq!(running.ends().code(), Some(9), "{flags:?}");
    }
}

/// A program without signal handlers: as the first process of a PID namespace it would ignore a request to exit. It
/// is not started by a shell, which has handlers until it executes the program: signals in that moment would be lost.
fn deaf(ground: &Ground<'_>, flags: &[&str]) -> Running {
    let mut running = Running::start(ground.run(flags, &["yes", "ready"]));
    assert_eq!(running.reads(), "ready");
    running
}

#[test]
fn program_without_signal_handler_is_ended() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    for (signal, code) in [(libc::SIGTERM, 143), (libc::SIGINT, 130), (libc::SIGHUP, 129), (libc::SIGQUIT, 131)] {
        for flags in [&[][..], &["--init"]] {
            let running = deaf(&ground, flags);
            running.sends(signal);
            let ended = running.ends().code();
            assert!(ended == Some(code) || ended == Some(137), "{signal}: {ended:?}");
        }
    }
    // With an init the program is not the first process, and signals have their default action.
    let mut running = deaf(&ground, &["--init"]);
    running.sends(libc::SIGUSR1);
    // The command exits when all output has been read.
    while !running.reads().is_empty() {}
    assert_eq!(running.ends().code(), Some(128 + libc::SIGUSR1));
}

#[test]
fn signals_are_not_forwarded_without_sig_proxy() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        let mut running = Running::start(ground.run(&["--sig-proxy=false"], &["sh", "-c", &telling()]));
        assert_eq!(running.reads(), "ready");
        running.sends(libc::SIGWINCH);
        running.sends(signal);
        // The program has not received it.
        assert!(running.lines.next().is_none());
        assert_eq!(running.ends().code(), Some(137), "{signal}");
    }
    let running = deaf(&ground, &["--sig-proxy=false"]);
    running.sends(libc::SIGUSR1);
    let ended = running.ends();
    assert_eq!((ended.signal(), ended.code()), (Some(libc::SIGUSR1), None));
    // The container exits with the command, and `system prune` removes what is left of it.
    let deadline = Instant::now() + PATIENCE;
    while std::fs::read_dir(fixture.store().join("containers")).expect("a directory").count() > 0 {
        assert!(Instant::now() < deadline, "the container outlives its command");
        let pruned = fixture.command().args(["system", "prune", "-f"]).output().expect("the command starts");
        assert!(pruned.status.success(), "{}", String::from_utf8_lossy(&pruned.stderr));
    }
}
