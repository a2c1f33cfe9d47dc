//! Containers with a terminal (`-t`, `-it`): the program gets its own pseudo-terminal in place of the user's.
//!
//! The test acts as the user. It opens a pseudo-terminal, gives the command the terminal side, and reads and writes
//! on the controlling side.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    fcntl::OFlag,
    pty::{grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::{
        signal::{Signal, kill},
        termios::{LocalFlags, Termios, tcgetattr},
    },
    unistd::Pid,
};

use crate::test_env::TestEnv;

/// A user at a terminal who has started a command.
pub struct Person {
    screen: File,
    /// The command's side, kept open so that its settings can be read.
    keyboard: File,
    command: Child,
    pub seen: String,
}

/// The time limit for every wait, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

impl Person {
    /// The command does not start a new session, so this terminal is not its controlling terminal and cannot send it
    /// signals. The tests send them with kill(2).
    pub fn starts(place: &TestEnv, arguments: &[&str]) -> Person {
        // Close-on-exec, because a process that another test starts must not keep this terminal open.
        let screen = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname_r(&screen).unwrap();
        let keyboard =
            File::options().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(name).unwrap();
        set_size(&keyboard, 30, 100);
        let side = || Stdio::from(keyboard.try_clone().unwrap());
        let mut command = place.command(arguments);
        let command = command.env("NO_COLOR", "1").stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let screen = File::from(screen.as_fd().try_clone_to_owned().unwrap());
        Person { screen, keyboard, command, seen: String::new() }
    }

    pub fn types(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    fn settings(&self) -> Termios {
        tcgetattr(self.keyboard.as_fd()).unwrap()
    }

    /// Whether the user's terminal has its normal settings: line mode, echo and signal keys.
    fn terminal_is_usable(&self) -> bool {
        self.settings().local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    fn looks(&mut self) {
        let mut bytes = [0; 65536];
        loop {
            match self.screen.read(&mut bytes) {
                Ok(count) => self.seen += &String::from_utf8_lossy(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[track_caller]
    fn waits_until(&mut self, what: &str, mut condition: impl FnMut(&mut Person) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.looks();
            if condition(self) {
                return;
            }
            assert!(Instant::now() < deadline, "{what} did not happen in time; seen: {:?}", self.seen);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    pub fn waits_for(&mut self, text: &str) {
        self.waits_until(text, |person| person.seen.contains(text));
    }

    pub fn sends(&self, signal: Signal) {
        kill(Pid::from_raw(self.command.id().cast_signed()), signal).unwrap();
    }

    /// Waits for the command to exit. Returns its exit code and all output.
    #[track_caller]
    pub fn sees_the_end(mut self) -> (i32, String) {
        let mut status = None;
        self.waits_until("the end", |person| {
            status = person.command.try_wait().unwrap();
            status.is_some()
        });
        self.looks();
        assert!(self.terminal_is_usable(), "the user's terminal is left raw");
        (status.unwrap().code().unwrap_or(-1), self.seen.replace('\r', ""))
    }

    /// Waits for the command to exit after the terminal has been closed.
    #[track_caller]
    fn waits_until_gone(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.command.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the command still runs after its terminal was closed");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn resizes(&self, rows: u16, columns: u16) {
        set_size(&self.keyboard, rows, columns);
        self.sends(Signal::SIGWINCH);
    }
}

fn set_size(terminal: &File, rows: u16, columns: u16) {
    let words = ["rows".to_owned(), rows.to_string(), "columns".to_owned(), columns.to_string()];
    let set = Command::new("stty").args(words).stdin(terminal.try_clone().unwrap()).status();
    assert!(set.unwrap().success());
}

impl Drop for Person {
    fn drop(&mut self) {
        // The command still runs only if the test has failed.
        let _ = self.command.kill();
        let _ = self.command.wait();
    }
}

/// A store in which the note about the missing network has already been printed. It would appear on a terminal.
fn place() -> TestEnv {
    let place = TestEnv::new();
    std::fs::write(place.path("store/network-told"), "").unwrap();
    place
}

#[track_caller]
fn check(place: &TestEnv, flags: &[&str], script: &str, expect: (i32, &str)) {
    let arguments = [&["run", "--rm"], flags, &["busybox", "sh", "-c", script]].concat();
    let (code, seen) = Person::starts(place, &arguments).sees_the_end();
    assert_eq!((code, seen.as_str()), expect, "{arguments:?}");
    assert_eq!(place.containers(), 0);
}

#[test]
fn container_has_its_own_terminal() {
    let places = [Some(place()), TestEnv::seeded_user()];
    for place in places.into_iter().flatten() {
        std::fs::write(place.path("store/network-told"), "").unwrap();
        check(&place, &["-it"], "tty; stty size; exit 7", (7, "/dev/pts/0\n30 100\n"));
        check(&place, &["-it"], "test -t 0 && test -t 1 && test -t 2 && echo $TERM", (0, "xterm\n"));
        check(&place, &["-it", "-e", "TERM=dumb"], "echo $TERM", (0, "dumb\n"));
        // The terminal has three names, and /dev/pts contains nothing else.
        let script =
            "echo one >/dev/console; echo two >/dev/tty; ls -1 /dev/pts; stat -c %t:%T /dev/console /dev/pts/0";
        check(&place, &["-it"], script, (0, "one\ntwo\n0\nptmx\n88:0\n88:0\n"));
        // Without -t no descriptor of the program is the user's terminal.
        let none =
            "for n in 0 1 2; do test -t $n && echo terminal $n; done; ls -1 /dev/pts; true </dev/tty || echo none";
        check(&place, &["-i"], &format!("({none}) 2>/dev/null"), (0, "ptmx\nnone\n"));
    }
}

#[test]
fn init_passes_the_terminal_to_the_program() {
    let place = place();
    let script = "tty; stty size; test -t 0 && test -t 1 && test -t 2 && exit 7";
    check(&place, &["-it", "--init"], script, (7, "/dev/pts/0\n30 100\n"));
    // It is the program's controlling terminal: Ctrl-C signals the program, and closing it hangs up.
    let arguments =
        ["run", "--rm", "-it", "--init", "busybox", "sh", "-c", "trap 'exit 5' INT; echo ready; read line"];
    let mut person = Person::starts(&place, &arguments);
    person.waits_for("ready");
    person.types("\x03");
    assert_eq!(person.sees_the_end().0, 5);
    let mut person = Person::starts(&place, &arguments);
    person.waits_for("ready");
    person.screen = File::open("/dev/null").unwrap();
    person.waits_until_gone();
    assert_eq!(place.containers(), 0);
}

#[test]
fn terminal_belongs_to_the_containers_user() {
    let Some(place) = TestEnv::seeded_root() else { return };
    std::fs::write(place.path("store/network-told"), "").unwrap();
    // This also holds if the user has another id on the host. The user can also open more terminals in /dev/pts.
    let script = "stat -c %u:%a $(tty); stty size; test -t 0 && echo $((1+1)) >/dev/console; ls -1 /dev/pts";
    check(&place, &["-it", "--userns", "auto"], script, (0, "0:620\n30 100\n2\n0\nptmx\n"));
    check(&place, &["-it", "--profile", "untrusted"], "tty; stty size", (0, "/dev/pts/0\n30 100\n"));
    check(&place, &["-it", "-u", "1000:1000"], "stat -c %u:%g:%a $(tty); echo >/dev/console", (0, "1000:5:620\n\n"));
}

#[test]
fn terminal_keys_signal_the_foreground_process() {
    let place = place();
    let mut person = Person::starts(&place, &["run", "--rm", "-it", "busybox", "sh"]);
    person.waits_for("# ");
    person.types("echo a$((1+1))b\r");
    person.waits_for("a2b");
    // Ctrl-C goes to the container's own terminal, so it ends the foreground process and not the shell.
    person.types("trap '' TERM; (echo began; exec sleep 600); echo code $?\r");
    person.waits_for("\r\nbegan");
    person.types("\x03");
    person.waits_until("the prompt", |person| person.seen.ends_with("# \u{1b}[6n"));
    person.types("echo code $?\r");
    person.waits_for("code 130");
    // Ctrl-Z stops the foreground process, which requires a shell with job control.
    person.types("sh -c 'echo paused; exec sleep 600'\r");
    person.waits_for("\r\npaused");
    person.types("\x1a");
    person.waits_for("Stopped");
    person.types("exit 3\rexit 3\r");
    let (code, seen) = person.sees_the_end();
    assert_eq!(code, 3, "{seen}");
    assert!(!seen.contains("can't access tty"), "{seen}");
}

#[test]
fn raw_keys_are_passed_unchanged() {
    let script = "stty raw -echo; echo ready; head -c 6 | od -An -tx1";
    let place = place();
    let mut person = Person::starts(&place, &["run", "--rm", "-it", "busybox", "sh", "-c", script]);
    person.waits_for("ready");
    // These include Ctrl-P and Ctrl-Q, which detach from a container in Docker.
    person.types("\x03\x04\x10\x11\x1a\r");
    let (code, seen) = person.sees_the_end();
    assert_eq!(code, 0);
    assert!(seen.contains(" 03 04 10 11 1a 0d"), "{seen}");
}

#[test]
fn window_size_is_followed_under_signal_storm() {
    let script = "echo ready; until test \"$(stty size)\" = '17 71'; do sleep 0.05; done; echo followed";
    let place = place();
    let mut person = Person::starts(&place, &["run", "--rm", "-it", "busybox", "sh", "-c", script]);
    person.waits_for("ready");
    for _ in 0..10_000 {
        person.sends(Signal::SIGWINCH);
    }
    person.resizes(40, 120);
    person.resizes(17, 71);
    let (code, seen) = person.sees_the_end();
    assert_eq!((code, seen.contains("followed")), (0, true), "{seen}");
}

#[test]
fn callers_terminal_is_raw_only_during_run() {
    let place = place();
    // `cat` never installs a signal handler.
    let starts = |place: &TestEnv| {
        let mut person = Person::starts(place, &["run", "--rm", "--name", "typed", "-it", "busybox", "cat"]);
        person.waits_until("raw mode", |person| !person.terminal_is_usable());
        person.types("ready\r");
        person.waits_for("ready\r\nready\r\n");
        person
    };
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        let person = starts(&place);
        person.sends(signal);
        assert_eq!(person.sees_the_end(), (137, "ready\nready\n".to_owned()), "{signal}");
    }
    // Another process kills the container.
    let person = starts(&place);
    let pid = place.succeed(&["inspect", "-f", "{{.State.Pid}}", "typed"]);
    kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(person.sees_the_end().0, 137);
    // The program crashes.
    check(&place, &["-it", "--init"], "stty raw -echo; kill -SEGV $$", (139, ""));
    // The time limit is reached, or the program cannot be started.
    check(&place, &["-it", "--timeout", "1s"], "sleep 600", (137, TIME_IS_UP));
    let (code, _) = Person::starts(&place, &["run", "--rm", "-it", "busybox", "no-such-program"]).sees_the_end();
    assert_eq!(code, 127);
    assert_eq!(place.containers(), 0);
}

const TIME_IS_UP: &str = "minicontainer: killed after 1s: the time limit (--timeout) was reached\n";

#[test]
fn output_arrives_in_order() {
    let place = place();
    let lines: String = (1..=50_000).map(|number| format!("{number}\n")).collect();
    for flags in [&["-t"][..], &["-it"], &["-i"], &[]] {
        check(&place, flags, "seq 50000", (0, &lines));
    }
    // With -t and output to a pipe, lines end with \r\n as on a terminal.
    let piped = place.run(&["run", "--rm", "-t", "busybox", "seq", "50000"]);
    assert!(piped.stdout == lines.replace('\n', "\r\n"), "{} bytes", piped.stdout.len());
}

#[test]
fn closed_terminal_can_be_reopened() {
    let script = "exec >/dev/null 2>&1 </dev/null; sleep 0.3; echo back >/dev/console";
    let place = place();
    check(&place, &["-it"], script, (0, "back\n"));
}

#[test]
fn closed_window_ends_the_container() {
    let place = place();
    let mut person = Person::starts(&place, &["run", "--rm", "-it", "busybox", "sh", "-c", "echo ready; sleep 600"]);
    person.waits_for("ready");
    person.screen = File::open("/dev/null").unwrap();
    person.waits_until_gone();
    assert_eq!(place.containers(), 0);
}

#[test]
fn closed_output_ends_the_container() {
    let place = place();
    let mut command = place.command(&["run", "--rm", "-t", "busybox", "yes"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut some = [0; 3];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(&some, b"y\r\n");
    child.wait().unwrap();
    assert_eq!(place.containers(), 0);
}
