//! `judge`: the verdicts on honest and hostile programs, and the formats of the results.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};

use crate::test_env::TestEnv;

const SUM: &str = "read a b; echo $((a+b))";

/// Writes a folder `homework` with two tests and these programs, readable for every user.
fn homework(place: &TestEnv, settings: &str, programs: &[(&str, &str)]) {
    let folder = place.path("homework");
    for directory in ["tests", "programs"] {
        fs::create_dir_all(folder.join(directory)).unwrap();
    }
    fs::write(folder.join("judge.toml"), settings).unwrap();
    for (name, input, expected) in [("large", "20 22\n", "42\n"), ("small", "2 3\n", "5\n")] {
        fs::write(folder.join("tests").join(name).with_extension("in"), input).unwrap();
        fs::write(folder.join("tests").join(name).with_extension("out"), expected).unwrap();
    }
    for (name, script) in programs {
        let path = folder.join("programs").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn verdicts(json: &str) -> Vec<String> {
    let results: serde_json::Value = serde_json::from_str(json).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let line = |one: &serde_json::Value| {
        format!("{} {} {}", text(&one["program"]), text(&one["test"]), text(&one["verdict"]))
    };
    results.as_array().unwrap().iter().map(line).collect()
}

/// Redacts times, because they differ from run to run.
fn timeless(text: &str) -> String {
    let digit = |letter: char| letter.is_ascii_digit();
    let mut pieces = text.split('.');
    let mut result = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let behind = piece.trim_start_matches(digit);
        match piece.len() - behind.len() {
            3 => result = result.trim_end_matches(digit).to_owned() + "[TIME]",
            _ => result = result + "." + &piece[..piece.len() - behind.len()],
        }
        result += behind;
    }
    result
}

#[test]
fn outputs_are_judged_and_reported() {
    let place = TestEnv::new();
    let programs =
        [("ada", SUM), ("ben", "read a b; echo $((a*b))"), ("eve", "exit 3"), ("fay", "printf '\\033[2J<&\\000'")];
    homework(&place, "", &programs);
    let answer = place.run(&["judge", "homework", "--jobs", "2"]);
    insta::assert_snapshot!(timeless(&format!("{}exit code {}\n", answer.stdout, answer.code)));
    let junit = place.run(&["judge", "homework", "--format", "junit"]);
    insta::assert_snapshot!(timeless(&junit.stdout));
    let json = place.run(&["judge", "homework", "--format", "json"]);
    assert_eq!((json.code, junit.code), (1, 1));
    let results: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&results[0]["verdict"], &results[0]["report"]["verdict"]["exited"]), (&"AC".into(), &0.into()));
    insta::assert_json_snapshot!(results[2], { ".report" => "[REPORT]" });
    fs::remove_file(place.path("homework/programs/ben")).unwrap();
    fs::remove_file(place.path("homework/programs/eve")).unwrap();
    fs::remove_file(place.path("homework/programs/fay")).unwrap();
    assert!(place.succeed(&["judge", "homework"]).contains("2/2"));
    assert_eq!(place.containers(), 0);
}

#[test]
fn hostile_program_does_not_affect_other_verdicts() {
    let Some(place) = TestEnv::seeded_root() else { return };
    let settings = "time = '8s'\ncpu-time = '2s'\nmemory = '48m'\noutput = '1m'\ndisk = '8m'\npids = 32";
    let spy = "read a b; echo evil 2>/dev/null > /proc/self/fd/0; echo evil 2>/dev/null > /program/run; \
               find / -name '*.out' -o -name ada 2>/dev/null; echo $((a+b))";
    let hostile = [
        // The first shell starts one process, and only that one fails to start more: a shell that cannot fork exits.
        ("bomb", "f() { f | f & }; (f) & while :; do :; done", "TLE"),
        ("busy", "while :; do :; done", "TLE"),
        ("disk", "dd if=/dev/zero of=/x bs=1048576 count=100 2>/dev/null || exit 1", "DLE"),
        ("files", "i=0; while touch /f$i 2>/dev/null; do i=$((i+1)); done; exit 1", "DLE"),
        ("flood", "exec yes", "OLE"),
        ("killer", "kill -9 -1; kill -9 1; exit 4", "RE"),
        ("memory", "exec dd if=/dev/zero of=/dev/shm/x bs=1048576 count=60 2>/dev/null", "MLE"),
        ("sleeper", "sleep 1000", "TLE"),
        ("spy", spy, "AC"),
    ];
    let honest = [("ada", SUM, "AC"), ("kim", SUM, "AC"), ("zoe", "echo 5", "-")];
    let mut all = [&hostile[..], &honest[..]].concat();
    all.sort_unstable();
    homework(&place, settings, &all.iter().map(|(name, script, _)| (*name, *script)).collect::<Vec<_>>());
    let answer = place.run(&["judge", "homework", "--jobs", "4", "--format", "json"]);
    let expect: Vec<String> = all
        .iter()
        .flat_map(|(name, _, verdict)| {
            let each = if *verdict == "-" { ["WA", "AC"] } else { [*verdict; 2] };
            [format!("{name} large {}", each[0]), format!("{name} small {}", each[1])]
        })
        .collect();
    assert_eq!(verdicts(&answer.stdout), expect, "{}", answer.stdout);
    assert_eq!((answer.code, place.containers()), (1, 0));
    assert_eq!(fs::read_to_string(place.path("homework/tests/small.in")).unwrap(), "2 3\n");
    assert!(fs::read_to_string(place.path("homework/programs/spy")).unwrap().contains("find"));
    // The controls: with the folder mounted, `find` does find the outputs. And if stdin is the test's input file, as
    // for a program that a shell starts, the program can overwrite the file.
    let folder = format!("{}:/folder", place.path("homework").display());
    let found = place.succeed(&[
        "run",
        "--rm",
        "-v",
        &folder,
        "busybox",
        "sh",
        "-c",
        "find / -name '*.out' 2>/dev/null; true",
    ]);
    assert!(found.contains("small.out"), "{found}");
    let mut open = place.program("sh", &["-c", "echo evil > /proc/self/fd/0"]);
    open.stdin(fs::File::open(place.path("homework/tests/small.in")).unwrap());
    assert!(open.status().unwrap().success());
    assert_eq!(fs::read_to_string(place.path("homework/tests/small.in")).unwrap(), "evil\n");
}

/// If memory cannot be limited, `judge` warns. If the settings ask for a memory limit, it fails without any verdict.
#[test]
fn rootless_judge_works_without_memory_limit() {
    let Some(place) = TestEnv::seeded_user() else { return };
    homework(&place, "cpu-time = '500ms'", &[("ada", SUM), ("busy", "while :; do :; done")]);
    let answer = place.run(&["judge", "homework", "--format", "json"]);
    assert_eq!(
        verdicts(&answer.stdout),
        ["ada large AC", "ada small AC", "busy large TLE", "busy small TLE"],
        "{}",
        answer.stderr
    );
    assert!(answer.stderr.contains("limits not available on this machine: memory, pids"), "{}", answer.stderr);
    homework(&place, "memory = '64m'", &[]);
    let answer = place.run(&["judge", "homework"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (125, ""));
    assert!(answer.stderr.contains("the memory limit cannot be applied"), "{}", answer.stderr);
}

#[test]
fn engine_faults_are_not_blamed_on_programs() {
    let place = TestEnv::new();
    homework(&place, "image = 'nowhere'", &[("ada", SUM)]);
    let answer = place.run(&["judge", "homework"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (125, ""), "{}", answer.stderr);
    homework(&place, "", &[]);
    // The store loses the image's files while the engine uses them.
    for layer in fs::read_dir(place.path("store/layers")).unwrap() {
        let files = layer.unwrap().path().join("fs");
        fs::rename(&files, files.with_extension("hidden")).unwrap();
    }
    let answer = place.run(&["judge", "homework", "--format", "json"]);
    assert_eq!(answer.code, 125, "{} {}", answer.stdout, answer.stderr);
    assert_eq!(verdicts(&answer.stdout), ["ada large IE", "ada small IE"]);
}

#[test]
fn names_can_have_blanks_and_accents() {
    let place = TestEnv::new();
    let folder = place.path("homework");
    // The second name has an accented letter in the form that macOS uses: a letter and a separate accent.
    let names = ["Ana (copy 2)", "joa\u{303}o, d'arc", "zoe"];
    homework(&place, "", &names.map(|name| (name, SUM)));
    fs::rename(folder.join("tests/small.in"), folder.join("tests/a small one.in")).unwrap();
    fs::rename(folder.join("tests/small.out"), folder.join("tests/a small one.out")).unwrap();
    let table = place.succeed(&["judge", "homework"]);
    assert!(
        table.starts_with("PROGRAM        a small one   large   ACCEPTED   TIME\nAna (copy 2)   AC            AC"),
        "{table}"
    );
    let fields = place.succeed(&["judge", "homework", "--format", "{{.program}}|{{.test}}|{{.verdict}}"]);
    assert_eq!(fields.lines().next(), Some("Ana (copy 2)|a small one|AC"));
    assert!(place.succeed(&["judge", "homework", "--format", "junit"]).contains("d'arc"));
}

#[test]
fn settings_errors_show_the_line_with_a_caret() {
    let place = TestEnv::new();
    let message = |settings: &str| {
        homework(&place, settings, &[("ada", SUM)]);
        let answer = place.run(&["judge", "homework"]);
        assert_eq!((answer.code, answer.stdout.as_str()), (125, ""));
        answer.stderr
    };
    insta::assert_snapshot!(
        [
            "# limits\nmemory = 'much'\n",
            "memry = '1m'",
            "time = \"1s\"\npids = \"many\"",
            "command = ['ls']",
            "a = [",
            "\u{1b}"
        ]
        .map(message)
        .join("\n")
    );
}

#[test]
fn number_of_jobs_is_bounded() {
    let place = TestEnv::new();
    homework(&place, "", &[("ada", SUM)]);
    for jobs in ["0", "257", "99999999999999999999", "-1", "many"] {
        let answer = place.run(&["judge", "homework", &format!("--jobs={jobs}")]);
        assert!(answer.code == 125 && answer.stderr.contains("must be a number from 1 to 256"), "{}", answer.show());
    }
    place.succeed(&["judge", "homework", "--jobs", "256"]);
}

/// No failure of one program stops the others, whenever it happens.
#[test]
fn one_bad_program_never_stops_the_others() {
    let place = TestEnv::new();
    homework(&place, "", &[("ada", SUM), ("empty", SUM), ("zoe", SUM)]);
    let programs = place.path("homework/programs");
    fs::write(programs.join("empty"), "").unwrap();
    fs::write(programs.join("binary"), b"\x7fELF\x02garbage").unwrap();
    fs::write(programs.join("no-interpreter"), "#!/no/such/program\n").unwrap();
    fs::write(programs.join("not-executable"), SUM).unwrap();
    fs::write(programs.join("new\nline"), SUM).unwrap();
    fs::create_dir(programs.join("empty folder")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", programs.join("link")).unwrap();
    nix::unistd::mkfifo(&programs.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for program in ["binary", "no-interpreter"] {
        fs::set_permissions(programs.join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let answer = place.run(&["judge", "homework", "--format", "json"]);
    assert_eq!((answer.code, place.containers()), (1, 0), "{}", answer.stderr);
    let verdicts = verdicts(&answer.stdout);
    assert_eq!(verdicts.len(), 10 * 2);
    for line in verdicts {
        let is_good = line.starts_with("ada ") || line.starts_with("zoe ");
        let expected = if is_good { " AC" } else { " RE" };
        assert!(line.ends_with(expected), "{line}");
    }
}

#[test]
fn interrupted_judge_leaves_nothing_running() {
    let place = TestEnv::new();
    homework(&place, "time = '60s'", &[("sleeper", "sleep 1000")]);
    let mut command = place.command(&["judge", "homework", "--jobs", "2"]);
    let judge = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while place.containers() < 2 {
        assert!(began.elapsed() < Duration::from_secs(20), "the containers did not start in time");
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(200));
    kill(Pid::from_raw(judge.id() as i32), Signal::SIGINT).unwrap();
    let answer = place.answer(judge.wait_with_output().unwrap());
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!((answer.code, place.containers()), (125, 0), "{}", answer.stderr);
    assert!(answer.stderr.contains("interrupted"), "{} as {}", answer.stderr, geteuid());
}

/// E92. The program's stdin is a pipe, and the engine writes the input to it. No file of the folder is open inside.
fn check_streams(place: &TestEnv, user: Option<u32>) {
    let sum = "read a b; test \"$(stat -Lc %F /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 | sort -u)\" = fifo && \
               chmod 4755 /proc/self/fd/0 && echo evil > /proc/self/fd/0 && echo $((a+b))";
    homework(place, "", &[("ada", sum)]);
    let answer = place.run(&["judge", "homework", "--format", "json"]);
    assert_eq!(verdicts(&answer.stdout), ["ada large AC", "ada small AC"], "{}{}", answer.stdout, answer.stderr);
    let input = place.path("homework/tests/small.in");
    assert_eq!(fs::read_to_string(&input).unwrap(), "2 3\n");
    // The control: the same program, with the test's input file as its stdin.
    std::os::unix::fs::chown(&input, user, user).unwrap();
    let mut open = place.program("sh", &["-c", &sum.replace(" = fifo", " != fifo")]);
    open.stdin(fs::File::open(&input).unwrap());
    let printed = open.output().unwrap();
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), "5\n");
    assert_eq!(fs::read_to_string(&input).unwrap(), "evil\n");
    // A write clears the set-user-id bit unless root writes, so it is not compared.
    assert_eq!(fs::metadata(&input).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn judge_input_is_a_pipe_as_root() {
    let Some(place) = TestEnv::seeded_root() else { return };
    check_streams(&place, None);
}

#[test]
fn judge_input_is_a_pipe_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_streams(&place, geteuid().is_root().then_some(65534));
}
