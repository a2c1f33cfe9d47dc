//! Streams that cannot be written. Messages on stderr are best effort, so the exit code does not depend on them. The
//! output on stdout is the purpose of a command, so it fails if stdout cannot be written. It does not fail if the
//! reader has closed the pipe, because the reader may have enough. No command may end by a panic or a signal.

mod cases;

use std::{
    collections::BTreeSet,
    env, fs,
    io::{Read, pipe},
    os::unix::{
        fs::PermissionsExt,
        process::{CommandExt, ExitStatusExt},
    },
    process::{Command, ExitStatus, Stdio},
};

use nix::sys::resource::{Resource, setrlimit};

use crate::test_env::TestEnv;
use cases::{CASES, Case};

/// Commands that write an archive to stdout. A truncated archive is useless, so they fail even if the reader stops.
const ARCHIVES: [&str; 2] = ["save", "export"];

/// A stream that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// `/dev/full`: no space is left on the device.
    Full,
    /// A pipe without a reader.
    Unread,
}

impl Broken {
    fn open(self) -> Stdio {
        match self {
            Broken::Full => fs::File::options().write(true).open("/dev/full").unwrap().into(),
            Broken::Unread => pipe().unwrap().1.into(),
        }
    }
}

/// Creates the files that the cases use.
fn prepare(place: &TestEnv) {
    place.succeed(&["save", "-o", "saved.tar", "busybox"]);
    place.succeed(&["run", "--name", "first", "busybox", "true"]);
    place.succeed(&["export", "-o", "files.tar", "first"]);
    place.succeed(&["rm", "first"]);
    let write = |name: &str, text: &str| {
        let path = place.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("context/Dockerfile", "FROM busybox\nCOPY Dockerfile /\nLABEL a=b\n");
    write("wrong/Dockerfile", "FROM busybox\nRNU true\n");
    write("failing/Dockerfile", "FROM busybox\nRUN echo no >&2; false\n");
    write("homework/judge.toml", "");
    write("homework/tests/one.in", "1\n");
    write("homework/tests/one.out", "1\n");
    write("homework/programs/wrong", "#!/bin/sh\necho 2\n");
    fs::set_permissions(place.path("homework/programs/wrong"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// What a command printed.
struct Printed {
    /// Whether anything was written to stdout.
    something: bool,
    stderr: String,
}

/// Runs a case after the commands that must run before it.
fn run(place: &TestEnv, case: &Case, set: impl FnOnce(&mut Command)) -> (ExitStatus, Printed) {
    for words in case.before {
        place.run(words);
    }
    // `spec` refuses to overwrite a bundle.
    place.program("rm", &["-rf", "bundle"]).status().unwrap();
    let mut command = place.command(case.words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    set(&mut command);
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status, Printed { something: !output.stdout.is_empty(), stderr })
}

#[test]
fn exit_codes_do_not_depend_on_writable_streams() {
    let place = TestEnv::new();
    prepare(&place);
    let mut wrong = Vec::new();
    for case in CASES {
        let (status, healthy) = run(&place, case, |_| {});
        if status.code() != Some(case.code) {
            wrong.push(format!("{:?}: {status} instead of {}: {}", case.words, case.code, healthy.stderr));
            continue;
        }
        for broken in [Broken::Full, Broken::Unread] {
            let (status, _) = run(&place, case, |command| _ = command.stderr(broken.open()));
            if status.code() != Some(case.code) {
                wrong.push(format!("{:?} with stderr {broken:?}: {status} instead of {}", case.words, case.code));
            }
            let (status, answer) = run(&place, case, |command| _ = command.stdout(broken.open()));
            // If the program in the container cannot write, the command itself does not fail.
            let lost = match broken {
                _ if !healthy.something || case.words.contains(&"--output-limit") => false,
                Broken::Full => true,
                Broken::Unread => ARCHIVES.iter().any(|word| case.words.contains(word)),
            };
            let printed = ["cannot write to stdout", "cannot write the archive", "Connection refused"];
            // Without a reader no output is copied, so it does not count against the limit.
            let is_uncounted = case.words.contains(&"--output-limit") && matches!(broken, Broken::Unread);
            let expected = match status.code() {
                Some(0) if is_uncounted => true,
                Some(1 | 125) if lost => printed.iter().any(|text| answer.stderr.contains(text)),
                code => code == Some(case.code) && !lost,
            };
            if !expected {
                wrong.push(format!("{:?} with stdout {broken:?}: {status}: {}", case.words, answer.stderr));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same for the containers of an ordinary user.
#[test]
fn rootless_exit_codes_do_not_depend_on_stderr() {
    let Some(place) = TestEnv::seeded_user() else { return };
    for case in CASES.iter().filter(|case| case.words.starts_with(&["run", "--rm"])) {
        let code = |broken: Option<Broken>| {
            let set = |command: &mut Command| _ = broken.map(|broken| command.stderr(broken.open()));
            run(&place, case, set).0.code()
        };
        let healthy = code(None);
        assert_eq!(healthy, Some(case.code), "{:?}", case.words);
        for broken in [Broken::Full, Broken::Unread] {
            assert_eq!(code(Some(broken)), healthy, "{:?} with stderr {broken:?}", case.words);
        }
    }
}

/// `std::thread::spawn` panics if the kernel refuses another thread. The engine must use fewer threads, or report an
/// error.
#[test]
fn process_limit_does_not_cause_a_panic() {
    let Some(place) = TestEnv::seeded_user() else { return };
    prepare(&place);
    for (words, codes) in [
        (&["load", "-i", "saved.tar"][..], &[0][..]),
        (&["image", "verify", "busybox"], &[0]),
        (&["save", "-o", "other.tar", "busybox"], &[0]),
        (&["build", "--no-cache", "context"], &[0, 1]),
        (&["judge", "homework"], &[1, 125]),
    ] {
        let mut command = place.command(words);
        let one = || Ok(setrlimit(Resource::RLIMIT_NPROC, 1, 1)?);
        // SAFETY: makes one system call and allocates nothing.
        unsafe { command.pre_exec(one) };
        let output = command.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        assert!(code.is_some_and(|code| codes.contains(&code)), "{words:?}: {}: {printed}", output.status);
        assert!(!printed.contains("internal error"), "{words:?}: {printed}");
    }
    // The control: this many processes are too few for a thread.
    let mut shell = place.program("sh", &["-c", "(true)& wait"]);
    // SAFETY: makes one system call and allocates nothing.
    unsafe { shell.pre_exec(|| Ok(setrlimit(Resource::RLIMIT_NPROC, 1, 1)?)) };
    let printed = shell.output().unwrap();
    assert!(!printed.status.success() || !printed.stderr.is_empty(), "{printed:?}");
}

/// All commands below `words` that have no subcommands, found through the help texts.
fn listed(place: &TestEnv, words: &[String]) -> Vec<Vec<String>> {
    let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
    let help = place.succeed(&arguments);
    let Some((_, commands)) = help.split_once("\nCommands:\n") else { return vec![words.to_vec()] };
    let names = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        let name = line.strip_prefix("  ")?;
        name.starts_with(|letter: char| letter.is_ascii_lowercase()).then(|| name.split(' ').next())?
    });
    // `help` prints the help of another command.
    let names = names.filter(|name| *name != "help");
    names.flat_map(|name| listed(place, &[words, &[name.to_owned()]].concat())).collect()
}

#[test]
fn every_command_has_a_case() {
    let place = TestEnv::new();
    let all = listed(&place, &[]);
    assert!(all.len() > 40, "{all:?}");
    let tried: BTreeSet<&[&str]> = CASES.iter().map(|case| case.words).collect();
    let is_tried = |words: &Vec<String>| {
        tried.iter().any(|tried| tried.starts_with(&words.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    let missing: Vec<_> = all.iter().filter(|words| !is_tried(words)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The positive control: a program that prints with Rust's macros. The test below runs it.
#[test]
#[ignore = "the test below starts it"]
fn prints_to_stderr() {
    eprintln!("to whom it may concern");
}

#[test]
fn print_macros_panic_on_unwritable_stream() {
    for (broken, code) in [(None, 0), (Some(Broken::Full), 101), (Some(Broken::Unread), 101)] {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "--ignored", "--nocapture", "unwritable_streams::prints_to_stderr"])
            .stdout(Stdio::null());
        command.stderr(broken.map_or_else(Stdio::null, Broken::open));
        assert_eq!(command.status().unwrap().code(), Some(code), "{broken:?}");
    }
}

/// The reader closes the pipe after the first byte, as in `minicontainer … | head -1`.
#[test]
fn reader_that_closes_early_is_not_an_error() {
    let place = TestEnv::new();
    for words in
        [&["completions", "bash"][..], &["run", "--help"], &["inspect", "busybox"], &["explain", "busybox", "sh"]]
    {
        let (mut reader, writer) = pipe().unwrap();
        let mut child = place.command(words).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0];
        reader.read_exact(&mut first).unwrap();
        drop(reader);
        let status = child.wait().unwrap();
        let mut printed = String::new();
        child.stderr.take().unwrap().read_to_string(&mut printed).unwrap();
        assert!(status.success() && printed.is_empty(), "{words:?}: {status}: {printed}");
    }
}

/// The control for the archives above: if stdout is writable, they are complete.
#[test]
fn archive_on_stdout_is_complete() {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "kept", "busybox", "true"]);
    for words in [["save", "busybox"], ["export", "kept"]] {
        let file = fs::File::create(place.path("archive")).unwrap();
        assert!(place.command(&words).stdout(file).status().unwrap().success());
        assert!(place.program("tar", &["-tf", "archive"]).output().unwrap().status.success(), "{words:?}");
    }
}

/// If the caller has closed a standard stream, no file that the engine opens may get its number. Otherwise, the
/// container would inherit that file as its stream.
#[test]
fn closed_standard_streams_are_not_reused() {
    let place = TestEnv::new();
    let script = "for fd in 0 1 2; do echo $(readlink /proc/$$/fd/$fd) >> /out/seen; done; exit 7";
    for closed in ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"] {
        let out = place.path("out");
        fs::create_dir_all(&out).unwrap();
        fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).unwrap();
        let run = format!("exec \"$ENGINE\" run --rm -i -v {}:/out busybox sh -c '{script}' {closed}", out.display());
        let mut shell = place.program("sh", &["-c", &run]);
        let status = shell.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(7), None), "{closed}");
        let seen = fs::read_to_string(out.join("seen")).unwrap();
        let harmless = |line: &str| line == "/dev/null" || line.starts_with("pipe:") || line.starts_with("socket:");
        assert!(seen.lines().count() == 3 && seen.lines().all(harmless), "{closed}: {seen}");
        fs::remove_file(out.join("seen")).unwrap();
        // `image verify` opens files of the store itself, and must not print into them.
        let version = format!("exec \"$ENGINE\" image verify busybox {closed}");
        assert!(place.program("sh", &["-c", &version]).status().unwrap().success(), "{closed}");
    }
    place.succeed(&["system", "check"]);
}

/// If the report cannot be written, the exit code is 125 and not the program's, but everything else is still done.
#[test]
fn unwritable_report_is_an_error() {
    let place = TestEnv::new();
    let script = "sleep 30";
    let words = [
        "run",
        "--rm",
        "--report",
        "/dev/full",
        "--meta",
        "meta",
        "--timeout",
        "0.1s",
        "busybox",
        "sh",
        "-c",
        script,
    ];
    let answer = place.run(&words);
    assert_eq!(answer.code, 125, "{}", answer.stderr);
    assert!(
        answer.stderr.contains("killed after 100ms") && answer.stderr.contains("cannot write /dev/full"),
        "{}",
        answer.stderr
    );
    assert!(fs::read_to_string(place.path("meta")).unwrap().contains("status:TO"));
    assert_eq!(place.containers(), 0);
    // If both files cannot be written, both errors are reported.
    let words = ["run", "--rm", "--report", "/dev/full", "--meta", "/dev/full", "busybox", "sh", "-c", "exit 3"];
    let answer = place.run(&words);
    assert_eq!((answer.code, answer.stderr.matches("cannot write /dev/full").count()), (125, 2), "{}", answer.stderr);
    // The control: if they can be written, the exit code is the program's.
    let words = ["run", "--rm", "--report", "report", "--meta", "meta", "busybox", "sh", "-c", "exit 3"];
    assert_eq!(place.run(&words).code, 3);
}
