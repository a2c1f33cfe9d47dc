//! How a program ended is told as a plain shell on the host tells it, whichever way it ended: in a sandbox of the
//! library's, in `judge`, and with `run --init`. In `run` without an init the program is process 1, and the table
//! says what is different there.

use std::{
    collections::BTreeMap,
    fs, iter,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::Duration,
};

use minicontainer::{
    MIB, Report, Sandbox, Verdict,
    core::{options::Isolation, plan::Availability},
    host,
};
use minicontainer_engine::container::exit_code;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::Value;

use Verdict::{CpuTimeLimit, Exited, MemoryLimit, OutputLimit, Signalled, TimeLimit};

use crate::attacks::Ground;
use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run};

/// A way to end, by the probe's name for it: how it ends, how it ends as process 1, and what the judge says of it.
type Ending = (&'static str, Verdict, Verdict, &'static str);

/// `Exited(0)` as process 1 mostly means that the signal was dropped and the program went on to its end.
const ENDINGS: [Ending; 20] = [
    ("exit-0", Exited(0), Exited(0), "AC"),
    ("exit-3", Exited(3), Exited(3), "RE exit code 3"),
    ("exit-137", Exited(137), Exited(137), "RE exit code 137"),
    ("raise-fpe", Signalled(8), Exited(0), "RE signal 8 (SIGFPE)"),
    ("kill-segv", Signalled(11), Exited(0), "RE signal 11 (SIGSEGV)"),
    ("kill-term", Signalled(15), Exited(0), "RE signal 15 (SIGTERM)"),
    ("kill-kill", Signalled(9), Exited(0), "RE signal 9 (SIGKILL)"),
    ("abort", Signalled(6), Signalled(11), "RE signal 6 (SIGABRT)"),
    ("alarm", Signalled(14), TimeLimit, "RE signal 14 (SIGALRM)"),
    ("file-size", Signalled(25), Exited(0), "RE signal 25 (SIGXFSZ)"),
    ("cpu-time", Signalled(24), CpuTimeLimit, "RE signal 24 (SIGXCPU)"),
    ("pipe", Signalled(13), Exited(0), "RE signal 13 (SIGPIPE)"),
    ("killed-by-child", Signalled(9), TimeLimit, "RE signal 9 (SIGKILL)"),
    ("null-pointer", Signalled(11), Signalled(11), "RE signal 11 (SIGSEGV)"),
    ("stack-overflow", Signalled(11), Signalled(11), "RE signal 11 (SIGSEGV)"),
    ("child-left", Exited(0), Exited(0), "AC"),
    ("child-left-by-signal", Signalled(8), Exited(0), "RE signal 8 (SIGFPE)"),
    ("thread-exits", Exited(5), Exited(5), "RE exit code 5"),
    ("stop", TimeLimit, Exited(0), "TLE wall time limit exceeded"),
    ("sleep", TimeLimit, TimeLimit, "TLE wall time limit exceeded"),
];

/// Those that a limit ends which only a container has.
const LIMITED: [Ending; 3] = [
    ("busy", CpuTimeLimit, CpuTimeLimit, "TLE processor time limit exceeded"),
    ("flood", OutputLimit, OutputLimit, "OLE output limit exceeded"),
    ("memory", MemoryLimit, MemoryLimit, "MLE memory limit exceeded"),
];

/// Processor time must suffice for `cpu-time`, which the kernel ends after a second.
const CPU_TIME: Duration = Duration::from_millis(2500);
const OUTPUT: u64 = 1 << 20;

/// The seconds that a program may take: few where the time is to run out, else more than any machine is slow.
fn seconds(verdict: Verdict) -> u64 {
    if verdict == TimeLimit { 4 } else { 200 }
}

/// The endings that can be seen here: there may be no group that limits memory.
fn endings(limits_memory: bool) -> impl Iterator<Item = &'static Ending> {
    ENDINGS.iter().chain(&LIMITED).filter(move |(_, verdict, ..)| limits_memory || *verdict != MemoryLimit)
}

/// Does this for all of them, some at a time: many of them wait.
fn for_each<'a>(endings: impl Iterator<Item = &'a Ending> + Send, check: impl Fn(&Ending) + Sync) {
    let endings = Mutex::new(endings);
    let next = || endings.lock().expect("no check panics with the lock").next();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| iter::from_fn(next).for_each(&check));
        }
    });
}

#[test]
fn host_shell_reports_the_same_exit_status() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let told = |verdict: &Verdict| matches!(verdict, Exited(_) | Signalled(_));
    for_each(ENDINGS.iter().filter(|(_, verdict, ..)| told(verdict)), |(name, verdict, ..)| {
        // One more command stands behind the program, or the shell would become the program.
        let script = format!("ulimit -c 0; '{}' end {name}; exit $?", ground.probe().display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = shell.spawn().expect("a shell");
        let status = shell.wait().expect("its end");
        // What the program left behind is in the shell's group, if anything is.
        let _gone = killpg(Pid::from_raw(shell.id().cast_signed()), Signal::SIGKILL);
        assert_eq!(status.code(), Some(exit_code(*verdict)), "{name}");
    });
}

#[test]
fn sandbox_reports_every_exit_status() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let ground = Ground::new(&fixture);
    let limits_memory = host::cgroups(host::identity()).access == Availability::Available;
    for_each(endings(limits_memory), |(name, verdict, as_first, _)| {
        let sandbox = |verdict| {
            let sandbox = Sandbox::from_image(&image).bind_ro(ground.probe(), "/probe").command("/probe");
            let sandbox = sandbox.args(["end", name]).cpu_time(CPU_TIME).output_limit(OUTPUT);
            let sandbox = sandbox.wall_time(Duration::from_secs(seconds(verdict)));
            if limits_memory { sandbox.memory(32 * MIB) } else { sandbox }
        };
        let output = run(&sandbox(*verdict));
        assert_eq!(output.report.verdict, *verdict, "{name}: {output:?}");
        assert!(output.stdout.starts_with(b"answer\n"), "{name}");
        let first = run(&sandbox(*as_first).without_init());
        assert_eq!(
            first.report.verdict,
            *as_first,
            "{name} as process 1: {:?}",
            String::from_utf8_lossy(&first.stderr)
        );
    });
}

/// Without a pid namespace nothing is process 1, and orphans would be the host's.
#[test]
fn init_reports_exit_status_without_pid_namespace() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let ground = Ground::new(&fixture);
    for name in ["exit-137", "raise-fpe", "abort", "child-left", "killed-by-child"] {
        let sandbox = Sandbox::from_image(&image).bind_ro(ground.probe(), "/probe").command("/probe");
        let report = run(&sandbox.args(["end", name]).without(Isolation::Pid)).report;
        let (_, verdict, ..) = ENDINGS.iter().find(|ending| ending.0 == name).expect("it is in the table");
        assert_eq!((report.verdict, report.init), (*verdict, true), "{name}");
    }
    // The program can kill its init there, and ends by that.
    let kill = Sandbox::from_image(&image).command("sh").args(["-c", "kill -9 $PPID; sleep 100"]);
    assert_eq!(run(&kill.without(Isolation::Pid)).report.verdict, Signalled(9));
}

/// `run` with these flags, time for such an ending, and a report: the report's verdict and the exit code.
fn told(
    ground: &Ground<'_>,
    fixture: &Fixture,
    flags: &[&str],
    name: &str,
    expect: Verdict,
) -> (Verdict, Option<i32>) {
    let path = fixture.directory().join("home").join(format!("{name}-{}.json", flags.contains(&"--init")));
    let time = format!("{}s", seconds(expect));
    let limits = ["--timeout", &time, "--cpu-time", "2500ms", "--output-limit", "1m"];
    let report = ["--report", path.to_str().expect("UTF-8")];
    let mut run = ground.run(&[&limits[..], &report, flags].concat(), &["/probe", "end", name]);
    let status = run.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the command starts");
    let report: Report = serde_json::from_slice(&fs::read(&path).expect("a report")).expect("JSON");
    (report.verdict, status.code())
}

#[track_caller]
fn check_command(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    for_each(endings(fixture.is_of_root()), |(name, verdict, as_first, _)| {
        let memory: &[&str] = if *verdict == MemoryLimit { &["--memory", "32m"] } else { &[] };
        let with = told(&ground, fixture, &[memory, &["--init"]].concat(), name, *verdict);
        assert_eq!(with, (*verdict, Some(exit_code(*verdict))), "{name} with an init");
        let without = told(&ground, fixture, memory, name, *as_first);
        assert_eq!(without, (*as_first, Some(exit_code(*as_first))), "{name} as process 1");
    });
}

#[test]
fn root_run_reports_every_exit_status() {
    let Some(fixture) = Fixture::root() else { return };
    check_command(&fixture);
}

#[test]
fn rootless_run_reports_every_exit_status() {
    let Some(fixture) = Fixture::user() else { return };
    check_command(&fixture);
}

#[track_caller]
fn check_judge(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    for in_time in [true, false] {
        check_judge_of(fixture, &ground, in_time);
    }
}

/// Judges those that end by themselves or by another limit, or those whose time runs out.
fn check_judge_of(fixture: &Fixture, ground: &Ground<'_>, in_time: bool) {
    let folder = fixture.directory().join(format!("endings-{in_time}"));
    fs::create_dir_all(folder.join("tests")).expect("a directory");
    let time = seconds(if in_time { Exited(0) } else { TimeLimit });
    let settings = format!("time = '{time}s'\ncpu-time = '2500ms'\noutput = '1m'\n");
    let memory = if fixture.is_of_root() { "memory = '32m'\n" } else { "" };
    fs::write(folder.join("judge.toml"), format!("{settings}{memory}")).expect("settings");
    fs::write(folder.join("tests/one.in"), "").expect("an input");
    fs::write(folder.join("tests/one.out"), "answer\n").expect("an answer");
    let mut expect = BTreeMap::new();
    for (name, verdict, _, judged) in endings(fixture.is_of_root()) {
        if in_time != (*verdict != TimeLimit) {
            continue;
        }
        let program = folder.join("programs").join(name);
        fs::create_dir_all(&program).expect("a directory");
        fs::hard_link(ground.probe(), program.join("probe")).expect("a second name");
        fs::write(program.join("run"), format!("#!/bin/sh\nexec /program/probe end {name}\n")).expect("a script");
        fs::set_permissions(program.join("run"), fs::Permissions::from_mode(0o755)).expect("the mode is set");
        expect.insert((*name).to_owned(), (*judged).to_owned());
    }
    let judged = fixture.command().arg("judge").arg(&folder).args(["--format", "json"]).output().expect("it starts");
    let results: Vec<Value> = serde_json::from_slice(&judged.stdout).expect("JSON");
    let line = |one: &Value| {
        let message = one["message"].as_str().map(|message| format!(" {message}")).unwrap_or_default();
        let word = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        (word("program"), word("verdict") + &message)
    };
    assert_eq!(results.iter().map(line).collect::<BTreeMap<_, _>>(), expect);
}

#[test]
fn root_judge_reports_every_exit_status() {
    let Some(fixture) = Fixture::root() else { return };
    check_judge(&fixture);
}

#[test]
fn rootless_judge_reports_every_exit_status() {
    let Some(fixture) = Fixture::user() else { return };
    check_judge(&fixture);
}

/// What a program could try in order to write its own verdict: to take the init's descriptors, to trace it, to read
/// or write its memory, to end it.
const FORGERIES: [&str; 7] =
    ["take-descriptors,1", "ptrace,1", "process-vm-read,1", "proc-mem,1", "proc-root,1", "pidfd-getfd,1", "kill,1"];

#[track_caller]
fn check_forgery(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    for flags in [&["--init"][..], &["--init", "--user", "0"]] {
        let answers = ground.answers(flags, FORGERIES);
        for attack in &FORGERIES[..6] {
            assert!(
                ["refused EPERM", "refused EACCES"].contains(&answers[*attack].as_str()),
                "{attack}: {answers:?}"
            );
        }
        // The init hears every signal and passes it on, so this is no way to end it.
        assert_eq!(answers["kill,1"], "done");
    }
    let path = fixture.directory().join("home").join("report.json");
    let report = |flags: &[&str], command: &[&str]| -> Verdict {
        let flags = [&["--init", "--report", path.to_str().expect("UTF-8")], flags].concat();
        let status = ground.run(&flags, command).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.expect("the command starts");
        serde_json::from_slice::<Report>(&fs::read(&path).expect("a report")).expect("JSON").verdict
    };
    assert_eq!(report(&[], &["sh", "-c", "kill -KILL 1; kill -STOP 1; kill -9 -1; exit 3"]), Exited(3));
    // The control: with CAP_SYS_PTRACE the descriptor can be taken, and what is written to it is not the init's word.
    let powers = ["--cap-add", "SYS_PTRACE"];
    assert_eq!(
        ground.answers(&[&["--init"], &powers[..]].concat(), ["take-descriptors,1"])["take-descriptors,1"],
        "done"
    );
    assert_eq!(report(&powers, &["sh", "-c", "/probe take-descriptors 1; exit 3"]), Exited(3));
}

#[test]
fn root_program_cannot_forge_its_verdict() {
    let Some(fixture) = Fixture::root() else { return };
    check_forgery(&fixture);
}

#[test]
fn rootless_program_cannot_forge_its_verdict() {
    let Some(fixture) = Fixture::user() else { return };
    check_forgery(&fixture);
}
