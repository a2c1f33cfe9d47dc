//! The judge with untrusted programs and untrusted owners of programs: the files and the user of a program, the state
//! after a killed judge, and the memory for an answer.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown, symlink},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use minicontainer::{
    Diagnostic, Error, Sandbox, StartError, Verdict,
    core::options::{Access, Profile},
};

use crate::fixture::Fixture;
use crate::homework::{Homework, lines};
use crate::sandboxes::{busybox, run, text};
use crate::swapper::{Swapper, control_is_vulnerable};

fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !reached() {
        assert!(begin.elapsed() < Duration::from_secs(240), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// While the first program sleeps, the second one's folder is exchanged with a link to `tests`, once or continuously.
#[track_caller]
fn check_swapped(fixture: &Fixture, swapped_all_the_time: bool) {
    let homework = Homework::new(fixture, "command = ['sh', '-c', '. {program}; cat /program/* 2>&1']");
    // The program prints everything in `tests`, or in the program's folder. The expected answer must not be part of
    // it.
    let tests = 1..=if swapped_all_the_time { 20 } else { 2 };
    tests.for_each(|number| homework.test(&format!("t{number}"), "", "hidden answer\n"));
    homework.script("a-sleeper", "sleep 1", 0o755);
    let folder = homework.path("programs/eve");
    fs::create_dir(&folder).expect("a directory");
    homework.give(&folder);
    homework.file("programs/eve/run", "# mine", 0o644);
    let link = homework.path("programs/.link");
    symlink("../tests", &link).expect("a link");

    let format = "{{.program}} {{.verdict}} {{.message}}";
    let judge = homework.judge(&["--jobs", "1", "--format", format]).stdout(Stdio::piped()).spawn();
    let judge = judge.expect("the command starts");
    wait_for("the first container", || homework.containers() > 0);
    let swapper = swapped_all_the_time.then(|| Swapper::of(&folder, &link));
    if !swapped_all_the_time {
        fs::rename(&folder, homework.path("programs/.mine")).expect("a new name");
        fs::rename(&link, &folder).expect("a link in its place");
    }
    let judged = lines(&judge.wait_with_output().expect("its end"));
    drop(swapper);
    let eves: Vec<&String> = judged.iter().filter(|line| line.starts_with("eve ")).collect();
    assert!(!eves.is_empty());
    // Only its own file is there.
    assert!(eves.iter().all(|line| *line == "eve WA line 1: expected \"hidden answer\", not \"# mine\""), "{eves:?}");
}

#[test]
fn root_judge_does_not_show_a_swapped_folder() {
    let Some(fixture) = Fixture::root() else { return };
    check_swapped(&fixture, false);
}

#[test]
fn root_judge_does_not_show_a_folder_during_swaps() {
    let Some(fixture) = Fixture::root() else { return };
    check_swapped(&fixture, true);
}

#[test]
fn rootless_judge_does_not_show_a_swapped_folder() {
    let Some(fixture) = Fixture::user() else { return };
    check_swapped(&fixture, false);
}

#[test]
fn rootless_judge_does_not_show_a_folder_during_swaps() {
    let Some(fixture) = Fixture::user() else { return };
    check_swapped(&fixture, true);
}

/// A descriptor shows the file that was opened, while a bind mount by path, the naive way, shows the file that is
/// there now.
#[test]
fn bind_of_descriptor_follows_no_path() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let place = tempfile::tempdir().expect("a directory");
    let at = |name: &str| place.path().join(name);
    for (directory, content) in [("mine", "mine"), ("hidden", "hidden")] {
        fs::create_dir(at(directory)).expect("a directory");
        fs::write(at(directory).join("file"), content).expect("a file");
    }
    symlink("hidden", at("link")).expect("a link");
    let held = Arc::new(nix::fcntl::open(&at("mine"), O_PATH, nix::sys::stat::Mode::empty()).expect("open").into());
    let cat = || Sandbox::from_image(&image).command("cat").arg("/shown/file");
    let by_descriptor = |target: &str| cat().bind_open(Arc::clone(&held), &at("mine"), target, Access::ReadOnly);
    let by_path = || cat().bind_ro(at("mine"), "/shown");
    assert_eq!([text(&by_descriptor("/shown")), text(&by_path())], ["mine", "mine"]);
    {
        let _swapper = Swapper::of(&at("mine"), &at("link"));
        for _ in 0..50 {
            assert_eq!(text(&by_descriptor("/shown")), "mine");
        }
        control_is_vulnerable("a bind by path", || text(&by_path()) == "hidden");
    }
    fs::rename(at("mine"), at("other")).expect("a new name");
    fs::rename(at("link"), at("mine")).expect("a link in its place");
    assert_eq!([text(&by_descriptor("/shown")), text(&by_path())], ["mine", "hidden"]);
    // It is read-only, and the plan contains its name.
    let write = by_descriptor("/shown").command("sh").args(["-c", "echo x > /shown/file"]);
    assert_ne!(run(&write).report.verdict, Verdict::Exited(0));
    assert!(
        format!("{:?}", by_descriptor("/shown").plan().expect("a plan")).contains(&at("mine").display().to_string())
    );
    // A removed directory can no longer be mounted, see open_tree(2).
    fs::remove_dir_all(at("other")).expect("it is removed");
    let gone = Sandbox::from_image(&image).command("true").bind_open(held, &at("mine"), "/shown", Access::ReadOnly);
    match gone.output() {
        Err(Error::Start(StartError::Step { errno: minicontainer::Errno(libc::ENOENT | libc::ESTALE), .. })) => {}
        other => panic!("{other:?}"),
    }
}

const O_PATH: nix::fcntl::OFlag = nix::fcntl::OFlag::O_PATH.union(nix::fcntl::OFlag::O_CLOEXEC);

/// Files that only their owner may read appear as the program's own, and the program is not root of the host.
#[test]
fn root_judge_runs_programs_as_untrusted() {
    let Some(fixture) = Fixture::root() else { return };
    let homework = Homework::new(&fixture, "");
    homework.test("one", "", "0 0 0000\n");
    let look = "echo $(id -u) $(stat -c %u /program/run) $(sed -n 's/CapEff:.*\\(....\\)$/\\1/p' /proc/self/status)";
    // Root's files of the host have no mapped owner here, except the program's own file.
    let look = format!("{look}; test $(cut -c12-22 /proc/self/uid_map | tr -d ' ') != 0");
    let of = |name: &str, mode: u32, owner: u32| {
        homework.script(name, &look, mode);
        chown(homework.path(&format!("programs/{name}")), Some(owner), Some(owner)).expect("an owner");
    };
    of("roots", 0o700, 0);
    of("students", 0o700, 1000);
    // Accounts of a directory service have ids beyond the usual ranges.
    of("somebodys", 0o700, 1_234_567_890);
    let verdicts = homework.verdicts(&[]);
    let caps = verdicts[0].split('"').nth(3).unwrap_or_default().split(' ').nth(2).unwrap_or_default().to_owned();
    let expect = ["roots", "somebodys", "students"]
        .map(|name| format!("{name} one WA line 1: expected \"0 0 0000\", not \"0 0 {caps}\""));
    assert_eq!(verdicts, expect);
    // The control: root of the host, or a program's file that keeps its owner, cannot do this.
    let default = homework.verdicts(&["--profile", "default"]);
    assert!(default.iter().all(|line| line.contains("RE exit code 1")), "{default:?}");
    let image = busybox(&fixture);
    let naive = Sandbox::from_image(&image).profile(Profile::Untrusted).command("/program");
    let naive = naive.bind_ro(homework.path("programs/roots"), "/program").output();
    assert!(naive.is_err_and(|error| error.to_string().contains("EACCES")));
}

/// A program on a file system without id mapping gets no wrong verdict; the error contains the reason and the fix.
#[test]
fn missing_idmapped_mount_support_is_reported() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    // procfs can never be idmapped.
    let file = Arc::new(fs::File::open("/proc/version").expect("a file"));
    let sandbox = Sandbox::from_image(&image).profile(Profile::Untrusted).command("true");
    let refused = sandbox.bind_open(file, Path::new("/proc/version"), "/x", Access::ReadOnly).output();
    let error = refused.expect_err("it is refused");
    assert!(error.to_string().contains("mount_setattr"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("idmapped")), "{error}");
}

#[test]
fn tests_are_regular_files_and_read_once() {
    let fixture = Fixture::any();
    let homework = Homework::new(&fixture, "");
    homework.test("one", "", "");
    homework.script("ada", "true", 0o755);
    let refused = |path: PathBuf, expect: &str| {
        let output = homework.judge(&[]).output().expect("the command starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(125) && stderr.contains(expect), "{stderr}");
        fs::remove_file(path).expect("it is removed");
    };
    let fifo = |name: &str| nix::unistd::mkfifo(&homework.path(name), nix::sys::stat::Mode::from_bits_retain(0o644));
    for name in ["tests/two.in", "tests/two.out"] {
        symlink("/etc/hostname", homework.path(name)).expect("a link");
        refused(homework.path(name), "links are not followed");
        fifo(name).expect("a FIFO");
        refused(homework.path(name), "it is not a file");
    }
    // A student's invalid file affects only that student's verdict.
    symlink("/etc/hostname", homework.path("programs/eve")).expect("a link");
    fifo("programs/mallory").expect("a FIFO");
    let reason = "RE it cannot be judged: it is not a file or directory, and links are not followed";
    let expected = ["ada one AC <no value>".to_owned(), format!("eve one {reason}"), format!("mallory one {reason}")];
    assert_eq!(homework.verdicts(&[]), expected);
}

/// Removing a program while it is judged affects the verdict of that program only.
#[test]
fn removed_program_is_not_an_engine_fault() {
    let fixture = Fixture::any();
    let homework = Homework::new(&fixture, "");
    homework.test("one", "", "");
    homework.script("a-sleeper", "sleep 1", 0o755);
    for name in ["eve", "zoe"] {
        fs::create_dir(homework.path(&format!("programs/{name}"))).expect("a directory");
        homework.script(&format!("{name}/run"), "true", 0o755);
    }
    let format = "{{.program}} {{.verdict}} {{.message}}";
    let judge = homework.judge(&["--jobs", "1", "--format", format]).stdout(Stdio::piped()).spawn();
    let judge = judge.expect("the command starts");
    wait_for("the first container", || homework.containers() > 0);
    fs::remove_dir_all(homework.path("programs/eve")).expect("it is removed");
    let output = judge.wait_with_output().expect("its end");
    let gone = "eve RE it was removed or renamed while it was judged";
    assert_eq!(lines(&output), ["a-sleeper AC <no value>", gone, "zoe AC <no value>"]);
    assert_eq!(output.status.code(), Some(1));
}

/// Kills the judge at many moments; its programs end with it, and `system prune` removes the rest.
#[track_caller]
fn check_killed(fixture: &Fixture) {
    let homework = Homework::new(fixture, "time = '100s'");
    (0..4).for_each(|number| homework.test(&format!("t{number}"), "", ""));
    homework.script("daemon", "sleep 1000 & (sleep 1000 &) ; sleep 1000", 0o755);
    let mut left = 0;
    for round in 0..20 {
        let mut judge = homework.judge(&["--jobs", "4"]);
        let mut judge = judge.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts");
        thread::sleep(Duration::from_millis(round * 4));
        if round % 4 == 3 {
            wait_for("containers", || homework.containers() > 0);
        }
        judge.kill().expect("it can be killed");
        judge.wait().expect("its end");
        left = left.max(homework.containers());
    }
    // The control: something was left behind, and `system check` reports it as soon as the judge's processes, which
    // may have copies of its locks, have exited.
    assert!(left > 0, "no judge was killed in time");
    wait_for("system check sees all that is left", || {
        let check = fixture.command().args(["system", "check", "--quick"]).output().expect("the command starts");
        String::from_utf8_lossy(&check.stdout).matches("dead container").count() == homework.containers()
    });
    let prune = fixture.command().args(["system", "prune", "-f"]).output().expect("the command starts");
    assert!(prune.status.success(), "{prune:?}");
    assert_eq!(homework.containers(), 0);
    fixture.snapshot().check();
}

#[test]
fn killed_root_judge_leaves_nothing() {
    let Some(fixture) = Fixture::root() else { return };
    check_killed(&fixture);
}

#[test]
fn killed_rootless_judge_leaves_nothing() {
    let Some(fixture) = Fixture::user() else { return };
    check_killed(&fixture);
}

/// Other users cannot enter the directory of a judged program's container.
#[test]
fn judged_container_directory_is_private() {
    let fixture = Fixture::any();
    let homework = Homework::new(&fixture, "time = '100s'");
    homework.test("one", "", "");
    homework.script("sleeper", "sleep 1000", 0o755);
    let mut judge = homework.judge(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_for("a container", || homework.containers() > 0);
    for entry in fs::read_dir(fixture.store().join("containers")).expect("a directory").flatten() {
        let metadata = entry.metadata().expect("a directory");
        assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (0o700, nix::unistd::geteuid().as_raw()));
    }
    judge.kill().expect("it can be killed");
    judge.wait().expect("its end");
    let prune = fixture.command().args(["system", "prune", "-f"]).output().expect("the command starts");
    assert!(prune.status.success(), "{prune:?}");
}
