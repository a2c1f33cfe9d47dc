//! The caller's open files do not come inside: whatever a program does to its standard streams, the host's files stay
//! unchanged.
//!
//! The rows of tests/hostile.toml that are tested here:
//!
//! | Row | Attack |
//! |---|---|
//! | E91 | the file behind stdout or stderr is made set-user-id, read back, overwritten, truncated or locked |
//! | E92 | the file behind stdin is rewritten; a directory as stdin leads to the host's root |
//! | E93 | a null stream is the host's `/dev/null`, whose mode root of the container changes |
//!
//! The control is always the same program with the file itself as its stream.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use minicontainer::{Hooks, Sandbox, Verdict};
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::pty::openpty;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::attacks::{Answers, Ground, text, without_protections};
use crate::fixture::{Fixture, ORDINARY_USER, is_root};
use crate::sandboxes::busybox;
use crate::swapper::not_live;

const CONTENT: &str = "of the host, and more than the program may see\n";

/// The attacks, in an order in which none changes the result of a later one.
const ATTACKS: [&str; 10] =
    ["mode", "owner", "read-again", "seek", "lock", "attribute", "write-again", "truncate", "truncate-again", "time"];

/// How a shell would have opened the file.
#[derive(Clone, Copy, Debug)]
enum Opened {
    /// `2> FILE`, but without truncating it.
    Written,
    /// `2>> FILE`
    Appended,
    /// `2<> FILE`
    Both,
    /// `< FILE`
    Read,
    /// `<> FILE`
    Input,
}

impl Opened {
    fn descriptor(self) -> usize {
        if matches!(self, Opened::Read | Opened::Input) { 0 } else { 2 }
    }

    /// The expected content of the file: what a program writes into its own pipe is written at the file's offset.
    fn expected(self) -> String {
        match self {
            Opened::Written | Opened::Both => format!("evil{}", &CONTENT[4..]),
            Opened::Appended => format!("{CONTENT}evil"),
            Opened::Read | Opened::Input => CONTENT.to_owned(),
        }
    }

    fn open(self, path: &Path) -> File {
        let mut options = OpenOptions::new();
        match self {
            Opened::Written => options.write(true),
            Opened::Appended => options.append(true),
            Opened::Both | Opened::Input => options.read(true).write(true),
            Opened::Read => options.read(true),
        };
        options.open(path).expect("the file opens")
    }
}

/// All properties of a file that a program could change, except its access time.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    attributes: usize,
    content: Vec<u8>,
}

impl Seen {
    fn of(path: &Path) -> Seen {
        let metadata = fs::metadata(path).expect("the file is there");
        Seen {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            attributes: xattr::list(path).map_or(0, Iterator::count),
            content: if metadata.is_file() { fs::read(path).expect("its content") } else { Vec::new() },
        }
    }
}

/// A file that only its owner, the user who starts the container, may read.
fn private_file(fixture: &Fixture) -> PathBuf {
    let path = fixture.directory().join("private");
    // The file of the previous round may belong to another user by now.
    let _removed = fs::remove_file(&path);
    fs::write(&path, CONTENT).expect("a file");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("the mode is set");
    give_to_user(fixture, &path);
    path
}

fn give_to_user(fixture: &Fixture, path: &Path) {
    if is_root() && !fixture.is_of_root() {
        chown(path, Some(ORDINARY_USER), Some(ORDINARY_USER)).expect("the file can be given to the user");
    }
}

/// The probe's arguments for all attacks on this descriptor.
fn words(descriptor: usize) -> Vec<String> {
    ATTACKS.iter().map(|attack| format!("stream,{attack},{descriptor}")).collect()
}

/// Makes all attacks on the file behind one of the program's streams, while another process holds a lock on it.
#[track_caller]
fn attacked(mut command: Command, opened: Opened, path: &Path) -> (Answers, [Seen; 2]) {
    let before = Seen::of(path);
    let locked = Flock::lock(File::open(path).expect("the file"), FlockArg::LockExclusiveNonblock);
    let locked = locked.map_err(|(_, errno)| errno).expect("no other process has it locked");
    let file = opened.open(path);
    let command = match opened.descriptor() {
        0 => command.stdin(file),
        _ => command.stdin(Stdio::null()).stderr(file),
    };
    let output = command.output().expect("the command starts");
    let answers = text(&output);
    drop(locked);
    let answers = answers.lines().filter_map(|line| line.split_once(": ")).map(|(attack, answer)| {
        let attack = attack.trim_start_matches("stream,").trim_end_matches(|sign: char| !sign.is_alphabetic());
        (attack.to_owned(), answer.to_owned())
    });
    (answers.collect(), [before, Seen::of(path)])
}

/// If the file itself is the stream, every attack succeeds that the program's ids and its descriptor allow.
#[track_caller]
fn check_control(fixture: &Fixture, answers: &Answers, [before, after]: &[Seen; 2], opened: Opened) {
    let reads = !matches!(opened, Opened::Read);
    for attack in ["mode", "read-again", "seek", "write-again", "truncate-again", "time"] {
        assert_eq!(answers[attack], "done", "{opened:?}: {answers:?}");
    }
    assert!(!reads || answers["truncate"] == "done", "{opened:?}: {answers:?}");
    assert_eq!(answers["lock"], "refused EAGAIN", "{opened:?}: {answers:?}");
    assert_eq!(answers["owner"] == "done", fixture.is_of_root(), "{opened:?}: {answers:?}");
    // A change of the owner or the content clears the set-user-id bit.
    assert_eq!(after.mode & 0o777, 0o755, "{opened:?}");
    assert!(after.content != before.content && after.modified == (0, 0), "{opened:?}: {after:?}");
}

#[track_caller]
fn check_files(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let naive = without_protections();
    let unprotected = ["--without", &naive, "--cap-add", "ALL"];
    let mut flags = vec![&[][..], &["--init"], &["--read-only"], &unprotected];
    // The profile's limits need control groups, which an ordinary user may not have.
    flags.extend(fixture.is_of_root().then_some(&["--profile=untrusted"][..]));
    for opened in [Opened::Written, Opened::Appended, Opened::Both, Opened::Read, Opened::Input] {
        let attacks = words(opened.descriptor());
        let path = private_file(fixture);
        let mut bare = fixture.command_of(ground.probe());
        bare.arg("batch").args(&attacks);
        let (answers, seen) = attacked(bare, opened, &path);
        check_control(fixture, &answers, &seen, opened);
        for flags in flags.iter().copied() {
            let path = private_file(fixture);
            let is_input = opened.descriptor() == 0;
            let interactive: &[&str] = if is_input { &["-i"] } else { &[] };
            let command = [vec!["/probe", "batch"], attacks.iter().map(String::as_str).collect()].concat();
            let run = ground.run(&[interactive, flags].concat(), &command);
            let (answers, [before, after]) = attacked(run, opened, &path);
            assert_eq!(answers["seek"], "refused ESPIPE", "{opened:?} {flags:?}: {answers:?}");
            assert_eq!(answers["lock"], "done", "{opened:?} {flags:?}: {answers:?}");
            assert!(is_input || answers["read-again"] != "done", "{opened:?} {flags:?}: {answers:?}");
            assert_eq!((before.mode, before.owner), (after.mode, after.owner), "{opened:?} {flags:?}");
            assert!(after.modified.0 > 0 && after.attributes == before.attributes, "{opened:?} {flags:?}: {after:?}");
            // The engine prints warnings about what was left out on the same stderr.
            let is_warned = flags.first() == Some(&"--without") && !is_input;
            let content = String::from_utf8_lossy(&after.content);
            assert!(is_warned || content == opened.expected(), "{opened:?} {flags:?}: {content}");
        }
    }
}

/// E91, E92.
#[test]
fn root_container_cannot_change_stream_files() {
    let Some(fixture) = Fixture::root() else { return };
    check_files(&fixture);
}

/// E91, E92.
#[test]
fn rootless_container_cannot_change_stream_files() {
    let Some(fixture) = Fixture::user() else { return };
    check_files(&fixture);
}

/// What is appended to existing content stays after it, whatever the program does meanwhile.
#[track_caller]
fn check_log(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    // Reading from its own pipe would take back what it wrote.
    let attacks: Vec<String> = words(1).into_iter().filter(|attack| !attack.contains("read-again")).collect();
    let command = [vec!["/probe", "batch"], attacks.iter().map(String::as_str).collect()].concat();
    for opened in [Opened::Appended, Opened::Both] {
        let path = private_file(fixture);
        let mut log = opened.open(&path);
        std::io::Seek::seek(&mut log, std::io::SeekFrom::End(0)).expect("a file");
        let run = ground.run(&[], &command).stdin(Stdio::null()).stdout(log).status().expect("the command starts");
        assert!(run.success());
        let content = fs::read_to_string(&path).expect("text");
        let answers = content.strip_prefix(CONTENT).expect("what was there before is there still");
        assert_eq!(answers.lines().count(), attacks.len(), "{answers}");
        assert_eq!(fs::metadata(&path).expect("the file").mode() & 0o7777, 0o600);
    }
}

/// E91.
#[test]
fn root_container_can_only_append_to_logs() {
    let Some(fixture) = Fixture::root() else { return };
    check_log(&fixture);
}

/// E91.
#[test]
fn rootless_container_can_only_append_to_logs() {
    let Some(fixture) = Fixture::user() else { return };
    check_log(&fixture);
}

/// E91. A caller of the library passes the file itself only with the variant for it, which is the control.
#[test]
fn library_copies_unless_file_is_handed_over() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let image = busybox(&fixture);
    let attack = |stderr: minicontainer::Stdio| {
        let sandbox = Sandbox::from_image(&image).bind_ro(ground.probe(), "/probe").stderr(stderr);
        let report =
            sandbox.command("/probe").args(["stream", "mode", "2"]).stdout(minicontainer::Stdio::Null).status();
        assert_eq!(report.expect("it runs").verdict, Verdict::Exited(0));
    };
    let path = private_file(&fixture);
    let open = || OpenOptions::new().append(true).open(&path).expect("the file opens");
    let before = Seen::of(&path);
    attack(open().into());
    assert_eq!(Seen::of(&path), before);
    attack(minicontainer::Stdio::raw_fd(open()));
    assert_eq!(Seen::of(&path).mode & 0o7777, 0o4755);
}

/// The kind of one of the three streams inside, if the caller's stream is this.
#[track_caller]
fn seen_inside(mut run: Command, place: usize, stream: &OwnedFd) -> String {
    let stream = Stdio::from(stream.try_clone().expect("a descriptor"));
    run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match place {
        0 => run.stdin(stream),
        1 => run.stdout(stream),
        _ => run.stderr(stream),
    };
    let output = run.output().expect("the command starts");
    assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
    let kinds = String::from_utf8(if place == 1 { output.stderr } else { output.stdout }).expect("text");
    kinds.lines().nth(place).expect("a line for each stream").to_owned()
}

/// Whatever the caller's stream is, inside it is a pipe that is not the caller's.
#[track_caller]
fn check_kinds(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let fifo = fixture.directory().join("fifo");
    nix::unistd::mkfifo(&fifo, Mode::from_bits_truncate(0o666)).expect("a FIFO");
    let both = |path: &Path| OwnedFd::from(File::options().read(true).write(true).open(path).expect("it opens"));
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    let (socket, _other_side) = UnixStream::pair().expect("sockets");
    let terminal = openpty(None, None).expect("a terminal");
    let (socket, fifo_both, zeros) = (OwnedFd::from(socket), both(&fifo), both(Path::new("/dev/zero")));
    for (name, stream, places) in [
        ("pipe to read", &reader, &[0][..]),
        ("pipe to write", &writer, &[1, 2]),
        ("socket", &socket, &[0, 1, 2]),
        ("FIFO", &fifo_both, &[0, 1, 2]),
        ("zeros", &zeros, &[0, 1, 2]),
        ("terminal", &terminal.slave, &[0, 1, 2]),
    ] {
        let metadata = File::from(stream.try_clone().expect("a descriptor")).metadata().expect("it is open");
        let outside = format!("{}:{}", metadata.dev(), metadata.ino());
        for place in places.iter().copied() {
            let mut bare = fixture.command_of(ground.probe());
            bare.arg("streams");
            assert!(seen_inside(bare, place, stream).ends_with(&outside), "the control: {name} as {place}");
            let seen = seen_inside(ground.run(&["-i"], &["/probe", "streams"]), place, stream);
            assert!(seen.starts_with(&format!("{place} pipe ")), "{name}: {seen}");
            assert!(!seen.ends_with(&outside), "{name}: {seen}");
        }
    }
    // Data in the FIFO, the sockets and the terminal is discarded with them.
    fs::remove_file(fifo).expect("it was there");
}

/// E91, E92.
#[test]
fn root_container_always_has_pipes() {
    let Some(fixture) = Fixture::root() else { return };
    check_kinds(&fixture);
}

/// E91, E92.
#[test]
fn rootless_container_always_has_pipes() {
    let Some(fixture) = Fixture::user() else { return };
    check_kinds(&fixture);
}

/// Programs open `/dev/stdout` again, such as a web server whose log is a link to it. Whatever user the program runs
/// as, the pipe belongs to that user. The control is the pipe of another user: the test's own, which the program in
/// the middle gets.
#[test]
fn program_can_reopen_its_output() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let script = "echo one > /dev/stdout; echo two > /proc/self/fd/2; cat /dev/stdin";
    let flags: [&[&str]; 4] =
        [&[], &["--user", "1000:1000"], &["--userns", "auto"], &["--profile=untrusted", "-u", "7"]];
    for flags in flags {
        let mut run = ground.run(&[&["-i"], flags].concat(), &["sh", "-c", script]);
        let input = fixture.directory().join("input");
        fs::write(&input, "three\n").expect("a file");
        let output = run.stdin(File::open(&input).expect("a file")).output().expect("the command starts");
        assert_eq!(text(&output), "one\nthree", "{flags:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "two\n", "{flags:?}");
    }
    let image = busybox(&fixture);
    let (_reader, writer) = nix::unistd::pipe().expect("a pipe");
    let sandbox = Sandbox::from_image(&image).command("sh").args(["-c", "echo one > /dev/stdout"]).user("1000:1000");
    let output = sandbox.stdout(minicontainer::Stdio::raw_fd(writer)).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("Permission denied"), "{output:?}");
}

/// A block device of the machine that can be read, if there is one.
fn block_device() -> Option<File> {
    let devices = fs::read_dir("/dev").expect("a directory").flatten();
    let is_block = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_block_device());
    devices.filter(is_block).find_map(|entry| File::open(entry.path()).ok())
}

/// What cannot be read as a stream is refused before the container starts.
#[track_caller]
fn check_refused(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let climb = ["/probe", "batch", "stream,climb,0"];
    let root = || File::open("/").expect("the root");
    // The control: a directory as stdin leads upwards to the host's files.
    let bare = fixture.command_of(ground.probe()).args(&climb[1..]).stdin(root()).output().expect("it starts");
    assert_eq!(text(&bare), "stream,climb,0: done");
    let path_only =
        File::options().read(true).custom_flags(OFlag::O_PATH.bits()).open("/etc/passwd").expect("a path");
    let write_only = File::options().write(true).open("/dev/zero").expect("a device");
    let mut refused =
        vec![("directory", root()), ("not open for reading", path_only), ("not open for reading", write_only)];
    match block_device() {
        Some(device) => refused.push(("block device", device)),
        None => not_live("this machine has no block device that can be read"),
    }
    // The other profile's limits need control groups, which an ordinary user may not have.
    let ways = if fixture.is_of_root() { 2 } else { 1 };
    for (reason, stream) in refused {
        for flags in [&["-i"][..], &["-i", "--profile=untrusted"]].into_iter().take(ways) {
            let stdin = stream.try_clone().expect("a descriptor");
            let output = ground.run(flags, &climb).stdin(stdin).output().expect("the command starts");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(125), "{reason}: {stderr}");
            assert!(stderr.contains("cannot copy the caller's stdin") && stderr.contains(reason), "{stderr}");
            assert!(stderr.contains("hint: ") && output.stdout.is_empty(), "{stderr}");
        }
        // Without `-i` the container does not get the input.
        let run = ground.run(&[], &climb).stdin(stream).output().expect("the command starts");
        assert_eq!(text(&run), "stream,climb,0: refused ENOTDIR");
    }
    fixture.snapshot().check();
}

/// E92.
#[test]
fn root_container_is_not_given_directories_or_devices() {
    let Some(fixture) = Fixture::root() else { return };
    check_refused(&fixture);
}

/// E92.
#[test]
fn rootless_container_is_not_given_directories_or_devices() {
    let Some(fixture) = Fixture::user() else { return };
    check_refused(&fixture);
}

/// A null device of the test, so that the attack on it does no harm.
fn null_device(fixture: &Fixture) -> PathBuf {
    let path = fixture.directory().join("null");
    mknod(&path, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 3)).expect("a device node");
    fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("the mode is set");
    give_to_user(fixture, &path);
    path
}

/// A null stream is the container's own null device, even if the caller has another one in its place.
#[track_caller]
fn check_null(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let streams = ["/probe", "streams"];
    let hosts = Seen::of(Path::new("/dev/null"));
    let device = fs::metadata("/dev/null").expect("the null device").dev();
    let seen = text(&ground.run(&[], &streams).stdin(Stdio::null()).output().expect("it starts"));
    let stdin = seen.lines().next().expect("a line");
    assert!(stdin.starts_with("0 device 1:3 "), "{stdin}");
    // An ordinary user cannot create device nodes: then the host's is mounted in the container.
    let own = !stdin.starts_with(&format!("0 device 1:3 {device}:"));
    assert_eq!(own, fixture.is_of_root(), "{stdin}");
    if fixture.is_of_root() {
        for flags in [&[][..], &["-i"], &["--read-only"], &["--profile=untrusted"], &["--init"]] {
            ground.text(flags, &["/probe", "batch", "stream,mode,0"]);
            assert_eq!(Seen::of(Path::new("/dev/null")).mode, hosts.mode, "{flags:?}");
        }
    }
    if !is_root() {
        return;
    }
    // The control: a program that a shell started with this device changes its mode; one in a container changes that
    // of its own.
    let path = null_device(fixture);
    let open = || File::options().read(true).write(true).open(&path).expect("it opens");
    let before = Seen::of(&path);
    let mode = ["/probe", "batch", "stream,mode,0"];
    ground.run(&["-i"], &mode).stdin(open()).output().expect("the command starts");
    assert_eq!(Seen::of(&path), before);
    fixture.command_of(ground.probe()).args(&mode[1..]).stdin(open()).output().expect("the probe starts");
    assert_eq!(Seen::of(&path).mode & 0o7777, 0o4755);
}

/// E93.
#[test]
fn root_container_has_its_own_null_streams() {
    let Some(fixture) = Fixture::root() else { return };
    check_null(&fixture);
}

/// E93.
#[test]
fn rootless_container_has_its_own_null_streams() {
    let Some(fixture) = Fixture::user() else { return };
    check_null(&fixture);
}

/// E93. Without its own `/dev`, a container's input is empty, and its output is discarded.
#[test]
fn null_streams_need_no_device() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let nothing = || minicontainer::Stdio::Null;
    for without in [None, Some(minicontainer::core::options::Isolation::Mount)] {
        let script = "read line && exit 9; head -c 3000000 /bin/busybox; head -c 3000000 /bin/busybox >&2; exit 4";
        let sandbox = Sandbox::from_image(&image).command("sh").args(["-c", script]);
        let sandbox = sandbox.stdin(nothing()).stdout(nothing()).stderr(nothing());
        let sandbox = without.map_or(sandbox.clone(), |isolation| sandbox.without(isolation));
        assert_eq!(sandbox.status().expect("it runs").verdict, Verdict::Exited(4), "{without:?}");
        let mut running = sandbox.spawn().expect("it starts");
        assert_eq!(running.wait().expect("its end").verdict, Verdict::Exited(4), "{without:?}");
    }
}

/// A caller who reads one stream to its end does not block forever if the program writes much to another.
#[test]
fn streams_are_copied_while_the_caller_is_busy() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let path = private_file(&fixture);
    let input = fixture.directory().join("input");
    fs::write(&input, vec![b'x'; 1 << 20]).expect("a file");
    let script = "cat >&2; head -c 1000000 /dev/zero >&2; echo done";
    let sandbox = Sandbox::from_image(&image).command("sh").args(["-c", script]);
    let sandbox = sandbox.stdin(File::open(&input).expect("a file")).stdout(minicontainer::Stdio::Piped);
    let mut running =
        sandbox.stderr(OpenOptions::new().append(true).open(&path).expect("a file")).spawn().expect("it starts");
    let mut text = String::new();
    running.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert_eq!(text, "done\n");
    assert_eq!(running.wait().expect("its end").verdict, Verdict::Exited(0));
    assert_eq!(fs::metadata(&path).expect("a file").len(), CONTENT.len() as u64 + (1 << 20) + 1_000_000);
    // Bytes in memory can also be an input.
    let sandbox = Sandbox::from_image(&image).command("wc").arg("-c").stdin(vec![b'y'; 3_000_000]);
    assert_eq!(sandbox.output().expect("it runs").stdout, b"3000000\n");
}

/// An output that cannot be written is an error of the call, but the report is available.
#[test]
fn lost_output_is_an_error() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let full = || File::options().write(true).open("/dev/full").expect("a device");
    let sandbox = Sandbox::from_image(&image).command("sh").args(["-c", "echo lost; exit 3"]).stdout(full());
    for mut running in
        [sandbox.spawn(), sandbox.launch().and_then(|launch| launch.start(Hooks::none()))].map(Result::unwrap)
    {
        let error = running.wait().expect_err("nothing fits into it");
        assert!(matches!(error, minicontainer::Error::Copy { .. }), "{error}");
        assert!(error.to_string().contains("cannot copy the container's stdout: No space left"), "{error}");
        assert_eq!(running.wait().expect("its end").verdict, Verdict::Exited(3));
    }
}
