//! Hostile images, names and callers: the engine answers at once, clearly, and without control characters for the
//! terminal.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::attacks::Ground;
use crate::fixture::Fixture;

/// The time limit for an answer that requires no computation.
const AT_ONCE: Duration = Duration::from_secs(60);

/// The output of a command that must exit soon. Otherwise it is killed, and the test fails.
#[track_caller]
fn answer(mut running: Child, what: &str) -> Output {
    let deadline = Instant::now() + AT_ONCE;
    while running.try_wait().expect("its state").is_none() {
        if Instant::now() > deadline {
            running.kill().expect("it runs");
            running.wait().expect("its end");
            panic!("{what}: no answer after {AT_ONCE:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    running.wait_with_output().expect("its output")
}

/// The directory of the image's only layer in the store.
pub fn layer(fixture: &Fixture) -> PathBuf {
    let layers = fs::read_dir(fixture.store().join("layers")).expect("the layers").flatten();
    let layer = layers.map(|entry| entry.path().join("fs")).find(|path| path.join("etc/passwd").exists());
    layer.expect("the layer with the accounts")
}

/// The file in the image in place of its list of accounts.
type Lie<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

/// To resolve `root`, the engine reads the image's accounts, on the host and before any isolation.
#[test]
fn hostile_accounts_do_not_block_or_fill_the_engine() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let etc = layer(&fixture).join("etc");
    let secret = fixture.canary().join("secret");
    let lies: [Lie<'_>; 7] = [
        ("a pipe", &|path| mkfifo(path, Mode::from_bits_truncate(0o666)).expect("a pipe"), "not a regular file"),
        ("endless", &|path| symlink("/dev/zero", path).expect("a link"), ""),
        (
            "huge",
            &|path| fs::File::create(path).and_then(|file| file.set_len(10 << 30)).expect("a sparse file"),
            "larger than",
        ),
        (
            "a socket",
            &|path| {
                // A socket address has a short maximum length.
                let short = fixture.directory().join("socket");
                drop(UnixListener::bind(&short).expect("a socket"));
                fs::rename(short, path).expect("it can be moved");
            },
            "not a regular file",
        ),
        ("a link to the host's", &|path| symlink(&secret, path).expect("a link"), ""),
        ("a link to itself", &|path| symlink("passwd", path).expect("a link"), ""),
        ("a directory", &|path| fs::create_dir(path).expect("a directory"), "not a regular file"),
    ];
    for name in ["passwd", "group"] {
        let (place, kept) = (etc.join(name), etc.join("kept"));
        for (what, tell, expect) in &lies {
            fs::rename(&place, &kept).expect("it can be put away");
            tell(&place);
            let mut run = ground.run(&["-u", "daemon:daemon"], &["/probe", "posture"]);
            let running = run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let output = answer(running.expect("the command starts"), what);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            if place.is_dir() && !place.is_symlink() {
                fs::remove_dir(&place).expect("it can be removed");
            } else {
                fs::remove_file(&place).expect("it can be removed");
            }
            fs::rename(&kept, &place).expect("it can be put back");
            assert_eq!(output.status.code(), Some(125), "{name} is {what}: {stderr}");
            assert!(stderr.starts_with("minicontainer: ") && stderr.contains(expect), "{name} is {what}: {stderr}");
            assert!(!stderr.contains("not for containers"), "{stderr}");
        }
    }
}

/// Control characters for a terminal: colour, clear, a title, backspace, carriage return and newline.
const OBEYED: &str = "\u{1b}[31m\u{1b}[2J\u{1b}]0;title\u{7}\u{8}\r\nminicontainer: all is well";

#[test]
fn untrusted_text_is_escaped_on_terminals() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let script = format!(": '{OBEYED}'; touch '/tmp/{OBEYED}'");
    let mut kept = fixture.command();
    kept.args(["run", "--name", "untrusted", "busybox", "sh", "-c", &script]);
    crate::attacks::text(&kept.output().expect("the command starts"));
    let mut commands = vec![
        vec!["ps", "-a"],
        vec!["ps", "-a", "--no-trunc"],
        vec!["ps", "-a", "--format", "{{.Command}}"],
        vec!["ps", "-a", "--format", "json"],
        vec!["diff", "untrusted"],
        vec!["inspect", "untrusted"],
        vec!["inspect", "--format", "{{.Args}}", "untrusted"],
        vec!["history", "busybox"],
        vec!["images"],
        vec!["run", "--rm", OBEYED],
        vec!["inspect", OBEYED],
        vec!["rm", OBEYED],
        vec!["load", "-i", OBEYED],
    ];
    for option in ["-u", "-w", "-h", "-e", "-v", "--name", "--memory"] {
        commands.push(vec!["run", "--rm", option, OBEYED, "busybox", "true"]);
    }
    for words in &commands {
        let output = fixture.command().args(words).output().expect("the command starts");
        check_harmless(&output.stdout, words);
        check_harmless(&output.stderr, words);
    }
    // A missing program, named by the image or the user.
    let output = ground.run(&[], &[OBEYED]).output().expect("the command starts");
    assert_eq!(output.status.code(), Some(127));
    check_harmless(&output.stderr, &["run", OBEYED]);
    // The program's own output is forwarded unchanged: the engine does not filter it.
    assert!(ground.text(&[], &["printf", "\\033[1m"]).contains('\u{1b}'));
    let removed = fixture.command().args(["rm", "untrusted"]).output().expect("the command starts");
    assert!(removed.status.success());
}

#[track_caller]
fn check_harmless(written: &[u8], words: &[&str]) {
    let text = String::from_utf8_lossy(written);
    let obeyed: Vec<char> = text.chars().filter(|character| character.is_control() && *character != '\n').collect();
    assert!(obeyed.is_empty(), "{words:?}: {obeyed:?} in {text}");
    assert!(!text.lines().any(|line| line.starts_with("minicontainer: all is well")), "{words:?}: {text}");
}

/// Of fifty containers with the same name one is created, and the others get an error.
#[test]
fn name_goes_to_one_of_many_containers() {
    let fixture = Fixture::any();
    let _ground = Ground::new(&fixture);
    let started: Vec<Child> = (0..50)
        .map(|_| {
            let mut run = fixture.command();
            run.args(["run", "--name", "wanted", "busybox", "true"]).stdin(Stdio::null());
            run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts")
        })
        .collect();
    let ended: Vec<Output> =
        started.into_iter().map(|running| running.wait_with_output().expect("its end")).collect();
    let won = ended.iter().filter(|output| output.status.success()).count();
    let refused = ended.iter().filter(|output| {
        output.status.code() == Some(125) && String::from_utf8_lossy(&output.stderr).contains("already in use")
    });
    let words: BTreeSet<_> =
        ended.iter().map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).collect();
    assert_eq!((won, refused.count()), (1, 49), "{words:#?}");
    let list = fixture.command().args(["ps", "-aq"]).output().expect("the command starts");
    assert_eq!(crate::attacks::text(&list).lines().count(), 1);
    assert!(fixture.command().args(["rm", "wanted"]).output().expect("the command starts").status.success());
}
