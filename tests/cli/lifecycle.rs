//! Containers from creation to removal.

use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{skip, test_env::TestEnv};

#[test]
fn arguments_and_exit_code_are_passed_through() {
    let place = TestEnv::new();
    assert_eq!(place.succeed(&["run", "--rm", "busybox", "echo", "hi", "--rm", "-it"]), "hi --rm -it\n");
    let answer = place.run(&["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((answer.code, answer.stdout.as_str(), answer.stderr.as_str()), (7, "out\n", "err\n"));
    assert_eq!(
        place.run(&["run", "--rm", "--without", "pid", "busybox", "sh", "-c", "kill -TERM $$"]).code,
        128 + 15
    );
    assert_eq!(place.containers(), 0);
}

#[test]
fn exceeded_limits_are_in_report_and_meta_file() {
    let place = TestEnv::new();
    let check = |flags: &[&str], script: &str, code: i32, stdout: &str, verdict: &str, meta: &[&str]| {
        let files = ["--report", "report.json", "--meta", "meta"];
        let arguments = [&["run", "--rm"], flags, &files, &["busybox", "sh", "-c", script]].concat();
        let answer = place.run(&arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (code, stdout), "{flags:?} {}", answer.stderr);
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(place.path("report.json")).unwrap()).unwrap();
        assert_eq!(report["verdict"].to_string(), verdict, "{flags:?}");
        let text = fs::read_to_string(place.path("meta")).unwrap();
        let missing: Vec<_> = meta.iter().filter(|wanted| !text.lines().any(|line| line == **wanted)).collect();
        assert!(missing.is_empty(), "{flags:?} {missing:?} {text}");
    };
    check(
        &[],
        "exit 3",
        3,
        "",
        r#"{"exited":3}"#,
        &["exitcode:3", "status:RE", "message:Exited with error status 3"],
    );
    let busy = "while :; do :; done";
    let over = ["killed:1", "status:TO", "message:Time limit exceeded"];
    check(&["--cpu-time", "300ms"], busy, 137, "", r#""cpu-time-limit""#, &over);
    let over = ["killed:1", "status:SG", "message:Output limit exceeded"];
    check(&["--output-limit", "6"], "exec yes", 137, "y\ny\ny\n", r#""output-limit""#, &over);
    check(&["--output-limit", "6"], "echo short", 0, "short\n", r#"{"exited":0}"#, &["exitcode:0"]);
    let fill = "dd if=/dev/zero of=/x bs=64k count=32 2>/dev/null; exit $?";
    check(&["--storage-opt", "size=1m"], fill, 1, "", r#"{"exited":1}"#, &["status:RE"]);
    check(&[], fill, 0, "", r#"{"exited":0}"#, &["exitcode:0"]);
    // A failed start is not a verdict on the program.
    let answer = place.run(&["run", "--rm", "--meta", "meta", "busybox", "no-such-program"]);
    assert_eq!(answer.code, 127);
    assert!(fs::read_to_string(place.path("meta")).unwrap().starts_with("status:XX\nmessage:"));
}

#[test]
fn options_reach_the_program() {
    let place = TestEnv::new();
    let check = |flags: &[&str], script: &str, expect: &str| {
        let arguments = [&["run", "--rm"], flags, &["busybox", "sh", "-c", script]].concat();
        assert_eq!(place.succeed(&arguments), expect, "{flags:?}");
    };
    check(&["-e", "A=b", "-e", "LANG"], "echo $A $LANG", "b C.UTF-8\n");
    check(&["-w", "/made/for/it"], "pwd", "/made/for/it\n");
    check(&["-h", "attic"], "uname -n; echo $HOSTNAME", "attic\nattic\n");
    check(&["--hostname", "attic"], "uname -n", "attic\n");
    check(&["--tmpfs", "/dev"], "echo lost >/dev/null && df -P /dev | tail -n 1 | cut -d' ' -f1", "tmpfs\n");
    check(&["--read-only", "--tmpfs", "/t"], "touch /x 2>/dev/null || echo no; touch /t/x && echo yes", "no\nyes\n");
    fs::write(place.path("note"), "from the host").unwrap();
    check(
        &["-v", "./note:/note:ro"],
        "cat /note; echo x 2>/dev/null > /note || echo; echo ro",
        "from the host\nro\n",
    );
    check(&["--mount", "type=bind,source=./note,target=/n"], "cat /n", "from the host");
    check(&["--driver", "copy"], "echo copied", "copied\n");
    assert_eq!(place.succeed(&["run", "--rm", "--entrypoint", "echo", "busybox", "hi"]), "hi\n");
}

#[test]
fn stdin_is_read_only_with_interactive_flag() {
    let place = TestEnv::new();
    assert_eq!(place.run_with_input(&["run", "-i", "--rm", "busybox", "cat"], b"typed").stdout, "typed");
    assert_eq!(place.run_with_input(&["run", "--rm", "busybox", "cat"], b"typed").stdout, "");
}

#[test]
fn container_is_listed_inspected_diffed_and_removed() {
    let place = TestEnv::new();
    let script = "echo hello > /root/note; rm /etc/group; exit 3";
    assert_eq!(place.run(&["run", "--name", "one", "busybox", "sh", "-c", script]).code, 3);
    insta::assert_snapshot!(place.succeed(&[
        "ps",
        "-a",
        "--format",
        "table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.State}}\\t{{.Names}}"
    ]));
    assert!(place.succeed(&["ps", "-a"]).contains("Exited (3) "));
    assert_eq!(place.succeed(&["ps", "-q"]), "");
    assert_eq!(place.succeed(&["diff", "one"]), "C /etc\nD /etc/group\nC /root\nA /root/note\n");
    let upper = place.succeed(&["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "one"]);
    assert_eq!(upper, "[DIR]/store/containers/[ID]/upper\n");
    let document: serde_json::Value = serde_json::from_str(&place.succeed(&["inspect", "one"])).unwrap();
    assert_eq!(document.pointer("/0/State/ExitCode"), Some(&3.into()));
    assert_eq!(document.pointer("/0/Name"), Some(&"/one".into()));
    assert_eq!(document.pointer("/0/Config/Hostname"), Some(&"[SHORT ID]".into()));
    assert_eq!(document.pointer("/0/Path"), Some(&"sh".into()));
    let refused = place.run(&["rmi", "busybox"]);
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert_eq!(place.succeed(&["rm", "one"]), "one\n");
    assert_eq!(place.containers(), 0);
    assert!(place.succeed(&["rmi", "busybox"]).starts_with("Untagged: busybox:latest\nDeleted: sha256:[ID]\n"));
}

#[test]
fn diff_works_with_the_copy_driver() {
    let place = TestEnv::new();
    let script = "echo hello > /root/note; rm /etc/group";
    place.succeed(&["run", "--driver", "copy", "--name", "one", "busybox", "sh", "-c", script]);
    assert_eq!(place.succeed(&["diff", "one"]), "C /etc\nD /etc/group\nC /root\nA /root/note\n");
    place.succeed(&["rm", "one"]);
    assert_eq!(place.containers(), 0);
}

#[test]
fn without_is_warned_about_and_recorded() {
    let place = TestEnv::new();
    let answer = place.run(&["run", "--name", "weak", "--without", "pid,net", "busybox", "true"]);
    assert_eq!(answer.code, 0);
    insta::assert_snapshot!(answer.stderr);
    assert_eq!(place.succeed(&["inspect", "-f", "{{json .Without}}", "weak"]), "[\"pid\",\"net\"]\n");
    place.succeed(&["rm", "weak"]);
}

#[test]
fn every_weakened_protection_is_warned_about() {
    let place = TestEnv::new();
    let flags = ["--cap-add NET_ADMIN", "--privileged", "--security-opt no-new-privileges=false", "--network host"];
    let words = flags.iter().flat_map(|flag| flag.split(' '));
    let arguments: Vec<&str> =
        ["run", "--name", "open"].into_iter().chain(words).chain(["busybox", "true"]).collect();
    let answer = place.run(&arguments);
    insta::assert_snapshot!(answer.show());
    assert_eq!(
        place.succeed(&[
            "inspect",
            "--format",
            "{{json .Weakened}}{{json .HostConfig.CapAdd}}{{.HostConfig.Privileged}}",
            "open"
        ]),
        concat!(
            r#"["--privileged","--cap-add CAP_NET_ADMIN","--security-opt no-new-privileges=false","--network host"]"#,
            "[\"CAP_NET_ADMIN\"]true\n"
        )
    );
    place.succeed(&["rm", "open"]);
}

#[test]
fn custom_seccomp_profile_is_applied() {
    let place = TestEnv::new();
    let run = |rules: &str| {
        fs::write(place.path("rules.json"), rules).unwrap();
        let script = "mkdir /x; unshare -U true; grep ^Seccomp: /proc/self/status";
        place.run(&["run", "--rm", "--security-opt", "seccomp=rules.json", "busybox", "sh", "-c", script])
    };
    let rule = r#"{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": []"#;
    let answer = run(&format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rule}}}]}}"#));
    assert_eq!(answer.stderr, "mkdir: can't create directory '/x': No space left on device\n");
    assert_eq!(answer.stdout, "Seccomp:\t2\n");
    // An unsupported condition is an error, because ignoring it could weaken the profile.
    let answer = run(&format!(
        r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rule}, "includes": {{"caps": ["CAP_CHOWN"]}}}}]}}"#
    ));
    assert_eq!(answer.code, 125);
    assert!(answer.stderr.contains("has a rule with a condition"), "{}", answer.stderr);
    assert!(run("no JSON").stderr.contains("no rules as in linux.seccomp of config.json"));
}

#[test]
fn timeout_kills_the_container() {
    let place = TestEnv::new();
    let answer = place.run(&[
        "run",
        "--rm",
        "--timeout",
        "300ms",
        "--meta",
        "meta",
        "--report",
        "report",
        "busybox",
        "sleep",
        "60",
    ]);
    insta::assert_snapshot!(answer.show());
    assert_eq!(place.containers(), 0);
    let meta = fs::read_to_string(place.path("meta")).unwrap();
    let keys: Vec<&str> = meta.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert!(keys.starts_with(&["time", "time-wall", "max-rss"]), "{meta}");
    assert!(meta.ends_with("killed:1\nstatus:TO\nmessage:Time limit exceeded (wall clock)\n"), "{meta}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("report")).unwrap()).unwrap();
    assert_eq!(report["verdict"], "time-limit");
    assert_eq!(
        fs::read_dir(place.path("."))
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().contains(".new"))
            .count(),
        0
    );
}

#[test]
fn failed_start_is_not_a_verdict() {
    let place = TestEnv::new();
    let answer = place.run(&["run", "--rm", "--meta", "meta", "--report", "report", "busybox", "no-such-program"]);
    assert_eq!(answer.code, 127);
    let meta = fs::read_to_string(place.path("meta")).unwrap();
    assert!(meta.starts_with("status:XX\nmessage:command not found"), "{meta}");
    assert!(!place.path("report").exists());
}

#[test]
fn out_of_memory_kill_is_reported() {
    let Some(place) = TestEnv::seeded_root() else { return };
    let script = "x=x; while :; do x=$x$x; done";
    let answer = place.run(&["run", "--rm", "--memory", "16m", "--meta", "meta", "busybox", "sh", "-c", script]);
    insta::assert_snapshot!(answer.show());
    let meta = fs::read_to_string(place.path("meta")).unwrap();
    assert!(meta.contains("cg-oom-killed:1\nexitsig:9\nstatus:SG\n"), "{meta}");
}

/// Waits for an event. Only a hang exceeds the time limit.
#[track_caller]
fn wait_for(what: &str, mut has_happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !has_happened() {
        assert!(begin.elapsed() < Duration::from_secs(240), "waited too long for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Starts a container, waits until its program is `runs` and has created the file `ready`, and sends a signal to the
/// engine.
#[track_caller]
fn signalled(script: &str, runs: &str, signal: Signal) -> (i32, String) {
    let place = TestEnv::new();
    let arguments = ["run", "--rm", "--name", "one", "-v", ".:/shared", "busybox", "sh", "-c", script];
    let child = place.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    wait_for("the program", || {
        // The shell may still be about to execute the program, and it handles signals differently.
        let pid = || place.succeed(&["inspect", "--format", "{{.State.Pid}}", "one"]);
        let name = |pid: String| fs::read_to_string(format!("/proc/{}/comm", pid.trim())).unwrap_or_default();
        place.path("ready").exists() && name(pid()).trim() == runs
    });
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    let answer = place.answer(child.wait_with_output().unwrap());
    assert_eq!(place.containers(), 0);
    (answer.code, answer.stdout)
}

#[test]
fn signal_reaches_a_program_that_handles_it() {
    let script = "trap 'echo handled; exit 5' TERM; touch /shared/ready; while :; do sleep 0.01; done";
    assert_eq!(signalled(script, "sh", Signal::SIGTERM), (5, "handled\n".to_owned()));
}

#[test]
fn signal_ends_a_program_without_handler() {
    assert_eq!(signalled("touch /shared/ready; exec sleep 60", "sleep", Signal::SIGINT), (137, String::new()));
}

#[test]
fn exit_is_noticed_while_sigchld_is_ignored() {
    let place = TestEnv::new();
    let command = place.command(&["run", "--rm", "busybox", "sh", "-c", "exit 3"]);
    let program = command.get_program().to_string_lossy().into_owned();
    let arguments: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> =
        ["--ignore-signal=CHLD", &program].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let answer = place.answer(place.program("env", &words).output().expect("env runs"));
    assert_eq!((answer.code, answer.stderr.as_str()), (3, ""));
}

/// Starts a container in the foreground and kills the engine, whose container must end too.
#[track_caller]
fn orphan(place: &TestEnv, flags: &[&str]) {
    let script = ["busybox", "sh", "-c", "trap '' HUP TERM; sleep 600 & touch /shared/ready; wait"];
    let arguments = [&["run", "--name", "orphan", "-v", ".:/shared"], flags, &script].concat();
    let mut engine = place.command(&arguments).spawn().unwrap();
    // The program may be ready before the engine has recorded its process id.
    let (mut pid, begin) = (String::new(), Instant::now());
    while !place.path("ready").exists() || pid.trim().parse::<u32>().unwrap_or_default() == 0 {
        assert!(begin.elapsed() < Duration::from_secs(240), "the program does not start");
        thread::sleep(Duration::from_millis(10));
        pid = place.run(&["inspect", "-f", "{{.State.Pid}}", "orphan"]).stdout;
    }
    let process = format!("/proc/{}/cmdline", pid.trim());
    assert!(fs::read_to_string(&process).unwrap().contains("sleep 600"), "the program does not run");
    engine.kill().unwrap();
    engine.wait().unwrap();
    let begin = Instant::now();
    while !place.succeed(&["ps", "-q"]).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(240), "the container still runs after its engine was killed");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(fs::read_to_string(&process).unwrap_or_default().is_empty(), "the container's process still exists");
    fs::remove_file(place.path("ready")).unwrap();
}

#[test]
fn container_dies_with_its_engine_and_is_recorded_as_exited() {
    let place = TestEnv::new();
    orphan(&place, &[]);
    assert_eq!(place.succeed(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]), "orphan exited\n");
    assert_eq!(place.succeed(&["rm", "orphan"]), "orphan\n");
    assert_eq!(place.containers(), 0);
    // A container with --rm is removed by a clean-up command, or when another container needs its name.
    let ways: [(&[&str], &[&str]); 3] = [
        (&["--rm"], &["system", "prune", "-f"]),
        (&["--rm", "--init"], &["rm", "-f", "missing"]),
        (&["--rm", "--init", "--without", "pid"], &["run", "--rm", "--name", "orphan", "busybox", "true"]),
    ];
    for (flags, sweep) in ways {
        orphan(&place, flags);
        place.succeed(&["run", "--rm", "busybox", "true"]);
        assert_eq!(place.containers(), 1, "{flags:?}");
        place.succeed(sweep);
        assert_eq!(place.containers(), 0, "{flags:?}");
    }
    orphan(&place, &["--rm"]);
    let printed = place.succeed(&["system", "check"]);
    assert!(printed.contains("a container that was to be removed when its process exits"), "{printed}");
    place.succeed(&["system", "check", "--repair"]);
    assert_eq!(place.containers(), 0);
}

#[test]
fn sighup_ends_the_container() {
    assert_eq!(signalled("touch /shared/ready; exec sleep 60", "sleep", Signal::SIGHUP), (137, String::new()));
}

#[test]
fn explain_prints_the_plan_without_running_it() {
    let place = TestEnv::new();
    let english = place.succeed(&["run", "--explain=en", "-v", ".:/shared", "busybox", "touch", "/shared/made"]);
    assert!(english.contains(" steps from an ordinary process to a container.\n"), "{english}");
    assert!(english.contains("pivot_root(\".\", \".\")") && english.contains("/shared/made"), "{english}");
    let portuguese = place.succeed(&["explain", "--lang", "pt", "busybox", "true"]);
    assert!(portuguese.contains(" passos de um processo comum a um contêiner.\n"), "{portuguese}");
    let by_locale = place.command(&["run", "--explain", "busybox"]).env("LC_ALL", "pt_BR.UTF-8").output().unwrap();
    assert!(place.answer(by_locale).stdout.contains(" passos de "));
    let plan: serde_json::Value =
        serde_json::from_str(&place.succeed(&["explain", "--format", "json", "busybox", "true"])).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["kind"], "execute");
    let without = place.succeed(&["explain", "--without", "mount", "--lang", "en", "busybox", "true"]);
    assert!(without.contains("chroot(") && !without.contains("pivot_root(\".\""), "{without}");
    assert!(!place.path("made").exists());
    assert_eq!(place.containers(), 0);
}

#[test]
fn trace_prints_steps_and_their_times() {
    let place = TestEnv::new();
    let answer = place.run(&["run", "--rm", "--trace", "busybox", "true"]);
    let lines: Vec<&str> = answer.stderr.lines().collect();
    assert!(lines.len() > 20, "{}", answer.stderr);
    assert!(lines.iter().all(|line| line.contains(" µs ")), "{}", answer.stderr);
}

#[test]
fn images_are_listed_tagged_and_removed() {
    let place = TestEnv::new();
    place.succeed(&["tag", "busybox", "mine:1.0"]);
    insta::assert_snapshot!(place.succeed(&["images", "--format", "table {{.Repository}}\\t{{.Tag}}\\t{{.ID}}"]));
    assert_eq!(place.succeed(&["rmi", "mine:1.0"]), "Untagged: mine:1.0\n");
    let document: serde_json::Value = serde_json::from_str(&place.succeed(&["image", "inspect", "busybox"])).unwrap();
    assert_eq!(document.pointer("/0/RepoTags/0"), Some(&"busybox:latest".into()));
    assert!(place.succeed(&["history", "busybox"]).contains("minicontainer image seed"));
    let garbage = place.run_with_input(&["load"], b"no archive");
    insta::assert_snapshot!(garbage.show());
}

/// The output of a command on a terminal, which script(1) provides. None if script(1) is not installed.
pub fn at_a_terminal(place: &TestEnv, command: &str, plain: bool) -> Option<String> {
    let there = place.program("script", &["--version"]).output().is_ok_and(|output| output.status.success());
    if !skip::require(there, "script(1) of util-linux") {
        return None;
    }
    let mut script = place.program("script", &["-qec", &format!("\"$ENGINE\" {command}"), "/dev/null"]);
    script.env("SHELL", "/bin/sh").env("TERM", "xterm").env("NO_COLOR", if plain { "1" } else { "" });
    Some(place.answer(script.output().unwrap()).stdout)
}

#[test]
fn missing_network_is_noted_once() {
    let place = TestEnv::new();
    assert_eq!(place.run(&["run", "--rm", "busybox", "true"]).stderr, "", "the note is for terminals only");
    let Some(first) = at_a_terminal(&place, "run --rm busybox true", true) else { return };
    assert!(first.starts_with("note: containers have only a loopback network (--network none)"), "{first}");
    assert_eq!(at_a_terminal(&place, "run --rm busybox true", true).unwrap(), "");
}

#[test]
fn colours_are_used_only_on_terminals() {
    let place = TestEnv::new();
    let Some(coloured) = at_a_terminal(&place, "rm missing", false) else { return };
    assert!(coloured.starts_with("\u{1b}[1;31mminicontainer:\u{1b}[0m No such container"), "{coloured:?}");
    let plain = at_a_terminal(&place, "rm missing", true).unwrap();
    assert!(plain.starts_with("minicontainer: No such container"), "{plain:?}");
}

#[test]
fn name_goes_to_one_of_many_concurrent_runs() {
    let place = TestEnv::new();
    let commands: Vec<_> = (0..8)
        .map(|_| place.command(&["run", "--name", "race", "busybox", "true"]).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    let codes: Vec<i32> =
        commands.into_iter().map(|child| place.answer(child.wait_with_output().unwrap()).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 125).count(), 7, "{codes:?}");
    assert_eq!(place.containers(), 1);
}
