//! The engine's own program cannot be reached by a container; a requested init does what an init must; and killing
//! the engine ends the container.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use minicontainer::{Sandbox, Verdict, core::options::Isolation};

use crate::fixture::{Fixture, is_root};
use crate::sandboxes::{busybox, run, shell, succeeds, text};

/// The launcher's message when a container executes it.
const NO_PROGRAM: &str = "minicontainer: cannot run /proc/self/exe: it is not a program of the container\n";

/// Files that execute the program of the process that executes them, in a directory for the container.
fn hostile_entrypoints() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    // Processes of every user may enter it.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("the mode is set");
    fs::write(path("script"), "#!/proc/self/exe --list\n").expect("a script");
    fs::set_permissions(path("script"), fs::Permissions::from_mode(0o755)).expect("the mode is set");
    symlink("/proc/self/exe", path("link")).expect("a link");
    symlink("/proc/1/exe", path("first")).expect("a link");
    directory
}

const ENTRYPOINTS: [&str; 5] =
    ["/hostile/script", "/hostile/link", "/hostile/first", "/proc/1/exe", "/proc/self/exe"];

#[test]
fn callers_program_is_not_executed_inside() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let hostile = hostile_entrypoints();
    // An ordinary child of this process executes this program itself, which lists its tests.
    let control = Command::new(hostile.path().join("script")).output().expect("it starts");
    assert!(String::from_utf8_lossy(&control.stdout).contains("0 tests, 0 benchmarks"), "{control:?}");
    for entrypoint in ENTRYPOINTS {
        let sandbox =
            Sandbox::from_image(&image).bind_ro(hostile.path(), "/hostile").command(entrypoint).arg("--list");
        if entrypoint == "/hostile/first" || entrypoint == "/proc/1/exe" {
            // Process 1 is the init, and no process inside may access its executable.
            let refused = sandbox.output().expect_err("it is not executed").to_string();
            assert!(refused.contains("EACCES"), "{entrypoint}: {refused}");
        }
        for sandbox in [sandbox.clone().without_init(), sandbox.without_init().without(Isolation::NoNewPrivileges)] {
            let output = run(&sandbox);
            let wrote = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            assert_eq!(wrote, [String::new(), NO_PROGRAM.to_owned()], "{entrypoint}");
            assert_eq!(output.report.verdict, Verdict::Exited(126), "{entrypoint}");
        }
    }
}

#[track_caller]
fn check_command(fixture: &Fixture) {
    seed(fixture);
    let hostile = hostile_entrypoints();
    let volume = format!("{}:/hostile:ro", hostile.path().display());
    for entrypoint in ENTRYPOINTS {
        for flags in [[].as_slice(), &["--init"]] {
            let output =
                engine(fixture, &[&["run", "--rm", "-v", &volume, "--entrypoint", entrypoint], flags].concat());
            assert_eq!(output.status.code(), Some(126), "{entrypoint}: {output:?}");
            // Process 1 is then the init, and no process inside may access its executable.
            let is_refused = !flags.is_empty() && ["/hostile/first", "/proc/1/exe"].contains(&entrypoint);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(
                if is_refused { stderr.contains("EACCES") } else { stderr == NO_PROGRAM },
                "{entrypoint}: {stderr}"
            );
            assert!(output.stdout.is_empty(), "{entrypoint}: {output:?}");
        }
    }
}

fn seed(fixture: &Fixture) {
    let seeded = fixture.command().args(["image", "seed"]).output().expect("the command starts");
    assert!(seeded.status.success(), "{}", String::from_utf8_lossy(&seeded.stderr));
}

/// Runs the command with these flags, the image and an argument that the command itself would answer.
fn engine(fixture: &Fixture, flags: &[&str]) -> Output {
    fixture.command().args(flags).args(["busybox", "version"]).output().expect("the command starts")
}

#[test]
fn root_command_is_not_executed_inside() {
    let Some(fixture) = Fixture::root() else { return };
    check_command(&fixture);
}

#[test]
fn rootless_command_is_not_executed_inside() {
    let Some(fixture) = Fixture::user() else { return };
    check_command(&fixture);
}

/// The state of a file: its content, and when it was last written.
fn state(path: &Path) -> (Vec<u8>, SystemTime) {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time");
    (fs::read(path).expect("its content"), modified)
}

/// While a hundred containers start, root with all capabilities looks for the program of this test in every visible
/// process, and tries to write to every program that it finds.
#[test]
fn callers_program_cannot_be_opened_from_inside() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let own = std::env::current_exe().expect("a program");
    let before = state(&own);
    let (device, inode) = fs::metadata(&own).map(|file| (file.dev(), file.ino())).expect("a file");
    let probe = format!(
        "until test -e /shared/over; do for program in /proc/[0-9]*/exe; do
            test \"$(stat -Lc %d:%i $program 2>/dev/null)\" != {device}:{inode} || echo $program is the caller\\'s
            (exec 3>>$program) 2>/dev/null && echo $program can be written
        done; touch /shared/ready; done"
    );
    let check = |left_out: &[Isolation], found: bool| {
        let shared = tempfile::tempdir().expect("a directory");
        let mut sandbox = shell(&image, &probe).bind(shared.path(), "/shared").stdout(minicontainer::Stdio::Piped);
        for isolation in left_out {
            sandbox = sandbox.without(*isolation);
        }
        let attacker = sandbox.spawn().expect("it starts");
        while !shared.path().join("ready").exists() {
            thread::sleep(Duration::from_millis(1));
        }
        for round in 0..if found { 1 } else { 100 } {
            let victim = Sandbox::from_image(&image).command("true");
            let victim = if round % 2 == 0 { victim } else { victim.without_init() };
            assert_eq!(run(&victim).report.verdict, Verdict::Exited(0));
        }
        fs::write(shared.path().join("over"), "").expect("a file");
        let output = attacker.wait_with_output().expect("its end");
        let wrote = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(!wrote.is_empty(), found, "{wrote}");
    };
    check(&[Isolation::Capabilities], false);
    // The control: with the processes of the host, the program is found.
    check(&[Isolation::Capabilities, Isolation::Pid], true);
    assert!(state(&own) == before, "the program is as it was");
}

#[test]
fn launcher_leaves_nothing_open_and_is_immutable() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    // Nothing is redirected, because a shell that creates a pipe or opens a file holds a descriptor of it for a
    // moment.
    assert_eq!(text(&shell(&image, "ls /proc/$$/fd; true")), "0\n1\n2");
    // The init holds only the status socket.
    assert_eq!(text(&shell(&image, "ls /proc/1/fd | wc -l")), "1");
    // Without an init the first process is the program.
    assert_eq!(text(&shell(&image, "ls /proc/1/fd; true").without_init()), "0\n1\n2");
    let write = "(exec 3>>/proc/1/exe) || (exec 3<>/proc/1/exe) || (: >/proc/1/exe)";
    assert!(!succeeds(&shell(&image, write)));
    assert!(!succeeds(&shell(&image, "readlink /proc/1/exe || readlink /proc/1/fd/* || cat /proc/1/environ")));
    let name = text(&shell(&image, "tr '\\0' ' ' < /proc/1/cmdline"));
    assert!(name.starts_with("minicontainer-init sh -c "), "{name}");
}

#[test]
fn init_exits_as_its_program() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let check = |script: &str, without: u8, with: Verdict| {
        let without = Verdict::Exited(i32::from(without));
        for (sandbox, verdict) in [(shell(&image, script).without_init(), without), (shell(&image, script), with)] {
            assert_eq!(run(&sandbox).report.verdict, verdict, "{script}");
        }
    };
    check("exit 7", 7, Verdict::Exited(7));
    // The kernel drops the first process's own signal, but not a child's.
    check("kill -TERM $$; exit 3", 3, Verdict::Signalled(15));
    check("kill -KILL $$; exit 3", 3, Verdict::Signalled(9));
    check("exit $$", 1, Verdict::Exited(2));
    let missing = Sandbox::from_image(&image).command("no-such-program").output().expect_err("it is not there");
    assert!(missing.to_string().contains("cannot execute no-such-program: No such file"), "{missing}");
}

#[test]
fn init_forwards_signals() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    for signal in [1, 2, 10, 15] {
        let mut running = Sandbox::from_image(&image).command("sleep").arg("100").spawn().expect("it starts");
        running.signaller().expect("a signaller").send(signal).expect("a signal");
        assert_eq!(running.wait().expect("its end").verdict, Verdict::Signalled(signal));
    }
}

/// The states of a process's children, one letter each, see proc_pid_stat(5).
fn children(parent: u32) -> Vec<String> {
    let stat = |process: fs::DirEntry| fs::read_to_string(process.path().join("stat")).ok();
    let stats = fs::read_dir("/proc").expect("procfs").flatten().filter_map(stat);
    let fields = |stat: String| stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').map(str::to_owned).collect());
    let fields = stats.filter_map(fields).filter(|fields: &Vec<String>| fields[1] == parent.to_string());
    fields.map(|fields| fields[0].clone()).collect()
}

fn wait_for(what: &str, reached: impl Fn() -> bool) {
    let begin = Instant::now();
    while !reached() {
        assert!(begin.elapsed() < Duration::from_secs(240), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Fifty times a shell leaves two hundred children behind, and the following program waits for none of them.
#[test]
fn init_reaps_ten_thousand_orphans() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let start = |rounds: usize, age: &str, init: bool| {
        // A shell that can no longer fork fails.
        let leave = format!("for child in $(seq 200); do sleep {age} & done");
        let script = format!(
            "for round in $(seq {rounds}); do sh -c '{leave}' || exit 9; done; touch /shared/over; exec sleep 1000"
        );
        let shared = tempfile::tempdir().expect("a directory");
        let sandbox = shell(&image, &script).bind(shared.path(), "/shared");
        // An ordinary user's containers have no limit here.
        let sandbox = if is_root() { sandbox.pids(8000) } else { sandbox };
        let running = if init { sandbox } else { sandbox.without_init() }.spawn().expect("it starts");
        wait_for("all are started", || shared.path().join("over").exists());
        running
    };
    // sleep(1) as the first process never waits for its adopted children.
    let without = start(1, "3", false);
    wait_for("no process reaps them", || children(without.id()).iter().filter(|state| *state == "Z").count() == 200);
    drop(without);
    let with = start(50, "0.1", true);
    wait_for("all have ended and are reaped", || children(with.first_process_id()).len() == 1);
}

/// Kills the engine at many moments of a container's start; no process may remain, and `system prune` removes the
/// rest.
#[track_caller]
fn check_killed(fixture: &Fixture) {
    seed(fixture);
    for round in 0..60 {
        let flags: &[&str] = if round % 2 == 0 { &["run", "--rm"] } else { &["run", "--rm", "--init"] };
        let mut command = fixture.command();
        command.args(flags).args(["busybox", "sleep", "1000"]).stdout(Stdio::null());
        let mut engine = command.spawn().expect("the command starts");
        thread::sleep(Duration::from_micros(round * 250));
        engine.kill().expect("it can be killed");
        engine.wait().expect("its end");
    }
    let prune = fixture.command().args(["system", "prune", "-f"]).output().expect("the command starts");
    assert!(prune.status.success(), "{prune:?}");
    assert_eq!(fs::read_dir(fixture.store().join("containers")).expect("a directory").count(), 0);
    fixture.snapshot().check();
}

#[test]
fn killing_root_engine_ends_its_containers() {
    let Some(fixture) = Fixture::root() else { return };
    check_killed(&fixture);
}

#[test]
fn killing_rootless_engine_ends_its_containers() {
    let Some(fixture) = Fixture::user() else { return };
    check_killed(&fixture);
}
