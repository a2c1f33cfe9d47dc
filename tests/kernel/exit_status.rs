//! The reported exit status of a program equals that of a plain shell on the host, whichever way it ended: in a
//! sandbox of the library, in `judge`, and with `run --init`. In `run` without an init the program is process 1; the
//! table lists the differences.

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
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::Value;

use Verdict::{CpuTimeLimit, Exited, MemoryLimit, OutputLimit, Signalled, TimeLimit};

use crate::attacks::Ground;
use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run};

/// A way to exit, by its name in the probe: its verdict, its verdict as process 1, and the judge's verdict.
type Ending = (&'static str, Verdict, Verdict, &'static str);

/// `Exited(0)` as process 1 usually means that the signal was dropped and the program continued to its end.
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

/// Ends by a limit that only a container has.
const LIMITED: [Ending; 3] = [
    ("busy", CpuTimeLimit, CpuTimeLimit, "TLE processor time limit exceeded"),
    ("flood", OutputLimit, OutputLimit, "OLE output limit exceeded"),
    ("memory", MemoryLimit, MemoryLimit, "MLE memory limit exceeded"),
];

/// Enough for `cpu-time`, which the kernel ends after a second.
const CPU_TIME: Duration = Duration::from_millis(2500);
const OUTPUT: u64 = 1 << 20;

/// The time limit of a program: short if it should be exceeded, otherwise longer than any slow machine needs.
fn seconds(verdict: Verdict) -> u64 {
    if verdict == TimeLimit { 4 } else { 200 }
}

/// The ways to exit that are possible here: there may be no control group for the memory limit.
fn endings(limits_memory: bool) -> impl Iterator<Item = &'static Ending> {
    ENDINGS.iter().chain(&LIMITED).filter(move |(_, verdict, ..)| limits_memory || *verdict != MemoryLimit)
}

/// Runs a function for each of them, several in parallel, because many of them wait.
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
    let is_own_end = |verdict: &Verdict| matches!(verdict, Exited(_) | Signalled(_));
    for_each(ENDINGS.iter().filter(|(_, verdict, ..)| is_own_end(verdict)), |(name, verdict, ..)| {
        // With another command after the program, the shell does not replace itself with the program.
        let script = format!("ulimit -c 0; '{}' end {name}; exit $?", ground.probe().display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = shell.spawn().expect("a shell");
        let status = shell.wait().expect("its end");
        // If the program left processes behind, they are in the shell's group.
        let _gone = killpg(Pid::from_raw(shell.id().cast_signed()), Signal::SIGKILL);
        assert_eq!(status.code(), Some(verdict.exit_code()), "{name}");
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

/// Without a PID namespace no process is process 1, and orphans would belong to the host.
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
    // The program can kill its init there, and ends with it.
    let kill = Sandbox::from_image(&image).command("sh").args(["-c", "kill -9 $PPID; sleep 100"]);
    assert_eq!(run(&kill.without(Isolation::Pid)).report.verdict, Signalled(9));
}

/// Runs `run` with these flags, a sufficient time limit, and a report; returns the report's verdict and the exit
/// code.
fn verdict_and_code(
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
        let with = verdict_and_code(&ground, fixture, &[memory, &["--init"]].concat(), name, *verdict);
        assert_eq!(with, (*verdict, Some(verdict.exit_code())), "{name} with an init");
        let without = verdict_and_code(&ground, fixture, memory, name, *as_first);
        assert_eq!(without, (*as_first, Some(as_first.exit_code())), "{name} as process 1");
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

/// Judges the programs that end by themselves or by another limit, or those whose time runs out.
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

/// Ways in which a program could try to forge its verdict: taking the init's descriptors, tracing it, reading or
/// writing its memory, killing it.
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
        // The init receives every signal and forwards it, so this does not end it.
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
    // The control: with CAP_SYS_PTRACE the descriptor can be taken, but data written to it is not accepted as the
    // init's.
    let flags = ["--cap-add", "SYS_PTRACE"];
    assert_eq!(
        ground.answers(&[&["--init"], &flags[..]].concat(), ["take-descriptors,1"])["take-descriptors,1"],
        "done"
    );
    assert_eq!(report(&flags, &["sh", "-c", "/probe take-descriptors 1; exit 3"]), Exited(3));
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
