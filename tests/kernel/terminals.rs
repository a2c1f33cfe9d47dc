//! The user's terminal: no process in a container can type into it (CVE-2017-5226), or make it show the machine's
//! console.
//!
//! A shell executes whatever is typed, so a process that can insert characters into its terminal escapes from the
//! container with the shell's privileges, as soon as the container has exited. There are three protections, and each
//! is sufficient:
//!
//! - the command gives the container a pipe, or a terminal of its own, in place of the user's;
//! - the container is a session of its own, and TIOCSTI works only on the terminal of the caller's own session, or
//!   with CAP_SYS_ADMIN;
//! - the filter refuses TIOCSTI and TIOCLINUX, whatever the upper half of the argument holds (CVE-2019-10063,
//!   CVE-2023-28100).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use minicontainer::core::options::Isolation;
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};

use crate::attacks::{Ground, without_protections};
use crate::fixture::Fixture;
use crate::positive_controls::has;
use crate::sandboxes::{busybox, run};
use crate::swapper::not_live;

const ATTACKS: [&str; 5] =
    ["terminal-push", "terminal-push-high", "terminal-linux", "terminal-linux-high", "terminal-console"];

/// A terminal: the user's side, and the programs' side.
struct Terminal {
    _screen: PtyMaster,
    programs: File,
}

impl Terminal {
    fn new() -> Terminal {
        let screen = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).expect("a terminal");
        grantpt(&screen).and_then(|()| unlockpt(&screen)).expect("its other side may be opened");
        let name = ptsname_r(&screen).expect("its name");
        let flags = (OFlag::O_NOCTTY | OFlag::O_CLOEXEC).bits();
        let programs = File::options().read(true).write(true).custom_flags(flags).open(name).expect("its other side");
        Terminal { _screen: screen, programs }
    }

    fn stdio(&self) -> Stdio {
        Stdio::from(self.programs.try_clone().expect("a descriptor"))
    }
}

/// The output of a command on a terminal: each attack's answer, and how many characters were typed.
#[track_caller]
fn at_a_terminal(ground: &Ground, fixture: &Fixture, command: &Command) -> BTreeMap<String, String> {
    let terminal = Terminal::new();
    let mut owner = fixture.command_of(ground.probe());
    owner.arg("owner").arg(command.get_program()).args(command.get_args());
    owner.stdin(terminal.stdio()).stdout(Stdio::piped()).stderr(terminal.stdio());
    let mut running = owner.spawn().expect("the probe starts");
    let mut printed = String::new();
    running.stdout.take().expect("a pipe").read_to_string(&mut printed).expect("text");
    assert!(running.wait().expect("its end").success(), "{printed}");
    let answers: BTreeMap<String, String> = printed
        .lines()
        .filter_map(|line| line.trim_end().split_once(": "))
        .map(|(words, answer)| (words.to_owned(), answer.to_owned()))
        .collect();
    assert!(answers.contains_key("typed"), "{printed}");
    answers
}

/// The attacks in a container that was started on a terminal.
#[track_caller]
fn ours(ground: &Ground, fixture: &Fixture, flags: &[&str]) -> BTreeMap<String, String> {
    let words = [&["/probe", "batch"], &ATTACKS[..]].concat();
    let answers = at_a_terminal(ground, fixture, &ground.run(flags, &words));
    assert_eq!(answers["ended"], "exit status: 0", "{flags:?}: {answers:?}");
    assert_eq!(answers["typed"], "0", "{flags:?}: something was typed at the user's terminal: {answers:?}");
    answers
}

/// The filter's answer: that of kernels on which no process can push characters, and missing permission.
fn by_filter(attack: &str) -> &'static str {
    if attack.starts_with("terminal-push") { "refused EIO" } else { "refused EPERM" }
}

#[track_caller]
fn check(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let naive = without_protections();
    // The control: the probe on the terminal, without a container.
    let mut bare = fixture.command_of(ground.probe());
    let bare = at_a_terminal(&ground, fixture, bare.args(["batch", "terminal-push", "terminal-push-high"]));
    if bare["typed"] != "2" {
        not_live(&format!(
            "this kernel lets no process type into terminals (sysctl dev.tty.legacy_tiocsti): {bare:?}"
        ));
    }
    // Its own terminal, or none; and none even without other protections.
    let everywhere: [&[&str]; 2] = [&["-it"], &["-i"]];
    for flags in everywhere {
        let answers = ours(&ground, fixture, flags);
        let open: Vec<_> = ATTACKS.iter().filter(|name| answers[**name] != by_filter(name)).collect();
        // Before the kernel checks permission for the console, it checks that the file is a terminal.
        let no_terminal = !flags.contains(&"-it");
        assert!(open.is_empty() || no_terminal && open == [&"terminal-console"], "{flags:?}: {answers:?}");
        let answers = ours(&ground, fixture, &[flags, &["--without", &naive]].concat());
        match no_terminal {
            // None of its streams is a terminal.
            true => assert!(ATTACKS.iter().all(|name| answers[*name] == "refused ENOTTY"), "{flags:?}: {answers:?}"),
            // It can type into its own terminal, which is the control of the filter.
            false => assert_eq!(answers["terminal-push-high"], bare["terminal-push-high"], "{flags:?}: {answers:?}"),
        }
    }
}

#[test]
fn root_container_cannot_type_into_callers_terminal() {
    let Some(fixture) = Fixture::root() else { return };
    check(&fixture);
}

#[test]
fn rootless_container_cannot_type_into_callers_terminal() {
    let Some(fixture) = Fixture::user() else { return };
    check(&fixture);
}

/// A caller of the library may pass its own terminal. Then the session and the filter protect it.
#[test]
fn handed_over_terminal_is_not_typed_into() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let image = busybox(&fixture);
    let answers = |without: &[Isolation]| {
        let terminal = Terminal::new();
        let mut sandbox = minicontainer::Sandbox::from_image(&image).command("/probe").arg("batch").args(ATTACKS);
        let given = minicontainer::Stdio::raw_fd(terminal.programs.try_clone().expect("a descriptor"));
        sandbox = sandbox.bind_ro(ground.probe(), "/probe").stdin(given);
        let sandbox = without.iter().fold(sandbox, |sandbox, isolation| sandbox.without(*isolation));
        let text = String::from_utf8(run(&sandbox).stdout).expect("text");
        let programs = terminal.programs.as_raw_fd();
        let mut waiting = 0i32;
        // SAFETY: the call writes the number of readable bytes to a valid variable.
        let result = unsafe { nix::libc::ioctl(programs, nix::libc::FIONREAD, &raw mut waiting) };
        assert_eq!(result, 0);
        (text, waiting)
    };
    let refused = |names: &[&str]| names.iter().map(|name| format!("{name}: refused EPERM\n")).collect::<String>();
    let by_filter: String = ATTACKS.iter().map(|name| format!("{name}: {}\n", by_filter(name))).collect();
    assert_eq!(answers(&[]), (by_filter, 0));
    // With the session alone. For TIOCLINUX on such a terminal the kernel answers only that it is not a console.
    let (text, typed) = answers(&[Isolation::Seccomp]);
    assert!(text.starts_with(&refused(&ATTACKS[..2])) && text.ends_with(&refused(&ATTACKS[4..])), "{text}");
    assert!(text.contains("terminal-linux: refused ENOTTY"), "{text}");
    assert_eq!(typed, 0);
    // With neither, CAP_SYS_ADMIN in the initial user namespace is sufficient for the attack.
    if fixture.is_of_root() {
        let (text, typed) = answers(&[Isolation::Seccomp, Isolation::Capabilities]);
        assert!(text.starts_with("terminal-push: done\nterminal-push-high: done\n"), "{text}");
        assert_eq!(typed, 2);
    }
}

/// Bubblewrap leaves this protection to its caller.
#[track_caller]
fn check_bubblewrap(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    if !has("bwrap", "0.8.0") {
        return;
    }
    let typed = |flags: &[&str]| {
        let mut bubblewrap = fixture.command_of("bwrap");
        bubblewrap.args(["--ro-bind", "/", "/", "--dev", "/dev"]).args(flags);
        let answers =
            at_a_terminal(&ground, fixture, bubblewrap.arg(ground.probe()).args(["batch", "terminal-push"]));
        answers["typed"].clone()
    };
    assert_eq!(typed(&["--unshare-all"]), "1", "bubblewrap withstood");
    // A new session is not enough for a process that keeps root's capabilities.
    if fixture.is_of_root() {
        assert_eq!(
            typed(&["--new-session", "--cap-add", "CAP_SYS_ADMIN"]),
            "1",
            "bubblewrap withstood with a session"
        );
    }
}

#[test]
fn bubblewrap_types_into_the_terminal_as_root() {
    let Some(fixture) = Fixture::root() else { return };
    check_bubblewrap(&fixture);
}

#[test]
fn bubblewrap_types_into_the_terminal_rootless() {
    let Some(fixture) = Fixture::user() else { return };
    check_bubblewrap(&fixture);
}
