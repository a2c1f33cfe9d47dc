//! Tests of judging without containers.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, time::Duration};

use minicontainer::{Report, Verdict};

use super::{reason::reason, *};

fn report(verdict: Verdict) -> Report {
    let mut report = Report::new(verdict);
    report.init = true;
    (report.cpu_time, report.wall_time) = (Duration::from_millis(12), Duration::from_millis(34));
    (report.max_rss, report.voluntary_switches) = (4 << 20, 1);
    report
}

fn changed(mut report: Report, change: impl FnOnce(&mut Report)) -> Report {
    change(&mut report);
    report
}

#[track_caller]
fn check_difference(answer: &str, expected: &str, [exact, lines, tokens]: [Option<&str>; 3]) {
    for (comparison, wanted) in [(Comparison::Exact, exact), (Comparison::Lines, lines), (Comparison::Tokens, tokens)]
    {
        let found = difference(answer.as_bytes(), expected.as_bytes(), comparison);
        assert_eq!(found.map(|found| found.to_string()).as_deref(), wanted, "{comparison:?}");
    }
}

#[test]
fn outputs_are_compared_as_configured() {
    check_difference("", "", [None; 3]);
    check_difference("3\n", "3\n", [None; 3]);
    check_difference("3", "3\n", [Some("line 2 is missing: expected \"\""), None, None]);
    check_difference("3 \r\n\n\n", "3\n", [Some("line 1: expected \"3\", not \"3 \\r\""), None, None]);
    let first = Some("line 1: expected \"1 2\", not \"1  2\"");
    check_difference("1  2\n", "1 2\n", [first, first, None]);
    let second = Some("line 2: expected \"b\", not \"c\"");
    check_difference("a\nc\n", "a\nb\n", [second, second, Some("word 2: expected \"b\", not \"c\"")]);
    check_difference(
        "a\nb",
        "a",
        [
            Some("line 2 is not expected: \"b\""),
            Some("line 2 is not expected: \"b\""),
            Some("word 2 is not expected: \"b\""),
        ],
    );
    let missing = Some("line 1: expected \"a\", not \"\"");
    check_difference(
        "",
        "a",
        [missing, Some("line 1 is missing: expected \"a\""), Some("word 1 is missing: expected \"a\"")],
    );
}

#[test]
fn program_output_is_escaped_in_messages() {
    let found = difference(b"\x1b[2J\xff\x07", b"x", Comparison::Exact).unwrap().to_string();
    assert_eq!(found, "line 1: expected \"x\", not \"\\u{1b}[2J\u{fffd}\\u{7}\"");
    let long = difference(&vec![b'y'; 1_000_000], b"x", Comparison::Lines).unwrap().to_string();
    assert!(long.len() < 100, "{long}");
}

#[track_caller]
fn check(report: Report, answer: &str, expect: &str) {
    let difference = difference(answer.as_bytes(), b"42\n", Comparison::Lines);
    let Outcome { verdict, message } = outcome(&report, difference);
    let message = message.map_or_else(String::new, |message| message.to_string());
    assert_eq!(format!("{verdict} {message}").trim(), expect);
}

#[test]
fn every_exit_has_its_verdict() {
    let oom = |verdict| changed(report(verdict), |report| report.oom_kills = 1);
    let full = |verdict| changed(report(verdict), |report| report.disk_full = Some(true));
    let crowded = |verdict| changed(report(verdict), |report| report.pids_limit_hits = 7);
    check(report(Verdict::Exited(0)), "42", "AC");
    check(report(Verdict::Exited(0)), "41", "WA line 1: expected \"42\", not \"41\"");
    check(report(Verdict::Exited(3)), "42", "RE exit code 3");
    check(report(Verdict::Signalled(11)), "", "RE signal 11 (SIGSEGV)");
    check(report(Verdict::TimeLimit), "42", "TLE wall time limit exceeded");
    check(report(Verdict::CpuTimeLimit), "42", "TLE processor time limit exceeded");
    check(report(Verdict::OutputLimit), "42", "OLE output limit exceeded");
    check(oom(Verdict::MemoryLimit), "", "MLE memory limit exceeded");
    check(oom(Verdict::Exited(137)), "", "MLE exit code 137, after it ran out of memory");
    check(full(Verdict::Exited(1)), "", "DLE exit code 1, with a full disk");
    check(crowded(Verdict::Exited(1)), "", "RE exit code 1, after it reached its limit of processes");
    // A correct answer is accepted all the same.
    check(crowded(Verdict::Exited(0)), "42", "AC");
    check(oom(Verdict::Exited(0)), "42", "AC");
    check(full(Verdict::Exited(0)), "42", "AC");
}

#[test]
fn settings_are_parsed_or_rejected() {
    let settings = Settings::parse("").unwrap();
    assert_eq!((settings.memory, settings.cpu_time), (Bound::Default(256 << 20), Duration::from_secs(2)));
    let settings =
        Settings::parse("memory = '64m'\ntime = '1m'\ndisk = '1m'\npids = 5\ncomparison = 'exact'").unwrap();
    assert_eq!(
        (settings.memory, settings.pids, settings.comparison),
        (Bound::Requested(64 << 20), Bound::Requested(5), Comparison::Exact)
    );
    let table: Vec<String> = [
        "memry = '1'",
        "memory = 'much'",
        "time = '0'",
        "disk = '1k'",
        "pids = -1",
        "command = ['ls']",
        "comparison = 'near'",
    ]
    .iter()
    .map(|text| match Settings::parse(text).unwrap_err() {
        JudgeError::Settings { reason, text, span } => format!("{text}\n{reason}: {}", &text[span]),
        error => panic!("{error}"),
    })
    .collect();
    insta::assert_snapshot!(table.join("\n\n"));
}

#[test]
fn junit_escapes_any_program_output() {
    let judged = |program: &str, test: &str, verdict, message: &str| Judged {
        program: program.to_owned(),
        test: test.to_owned(),
        outcome: Outcome {
            verdict,
            message: (!message.is_empty()).then(|| reason("exit-code", [("code", message.into())])),
        },
        report: Some(report(Verdict::Exited(0))),
    };
    insta::assert_snapshot!(junit(&[
        judged("ada", "one", JudgeVerdict::Accepted, ""),
        judged("ada", "two", JudgeVerdict::WrongAnswer, "<a href=\"x\">&'\t\n\r\u{0}\u{1b}\u{fffe}\u{10ffff} ]]>"),
        judged("ben", "one", JudgeVerdict::TimeLimit, "too long"),
        judged("ben", "two", JudgeVerdict::EngineFault, "cannot start"),
    ]));
}

#[test]
fn folder_is_read_or_rejected() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let read = || Folder::read(place.path()).map_err(|error| error.to_string());
    assert!(read().unwrap_err().contains("tests"));
    fs::create_dir_all(at("tests")).unwrap();
    fs::create_dir_all(at("programs/ben")).unwrap();
    assert!(read().unwrap_err().contains("nothing to judge in"));
    fs::write(at("tests/one.in"), "1").unwrap();
    assert!(read().unwrap_err().contains("the test one has no one.out"));
    fs::write(at("tests/one.out"), "2").unwrap();
    fs::write(at("tests/README"), "no test").unwrap();
    fs::write(at("programs/.hidden"), "").unwrap();
    fs::write(at("programs/ada"), "").unwrap();
    let folder = read().unwrap();
    assert_eq!(folder.tests, [Test { name: "one".into(), input: b"1".as_slice().into(), expected: b"2".into() }]);
    let source = |number: usize| folder.programs[number].source.clone().unwrap();
    let names: Vec<_> = folder.programs.iter().map(|program| program.name.as_str()).collect();
    assert_eq!(names, ["ada", "ben"]);
    assert_eq!([source(0).is_folder, source(1).is_folder], [false, true]);
    let (place, command) = folder.settings.place_and_command(&source(0));
    assert_eq!((place.as_str(), command), ("/program/run", vec!["/program/run".to_owned()]));
    fs::write(at("secret"), "the teacher's").unwrap();
    std::os::unix::fs::symlink("secret", at("judge.toml")).unwrap();
    let refused = read().unwrap_err();
    assert!(refused.contains("links are not followed") && !refused.contains("teacher"), "{refused}");
    fs::remove_file(at("judge.toml")).unwrap();
    fs::write(at("tests/a:b.in"), "").unwrap();
    assert_eq!(
        read().unwrap_err(),
        "invalid test name \"a\\u{3a}b.in\": only letters, digits, spaces and . , _ - + @ ( ) ' = are allowed"
    );
}

#[test]
fn unusable_submission_does_not_stop_judging() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir_all(at("tests")).unwrap();
    fs::create_dir_all(at("programs")).unwrap();
    fs::write(at("tests/one.in"), "").unwrap();
    fs::write(at("tests/one.out"), "").unwrap();
    fs::write(at("programs/ada"), "").unwrap();
    std::os::unix::fs::symlink("/etc/shadow", at("programs/link")).unwrap();
    nix::unistd::mkfifo(&at("programs/fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    fs::write(at("programs/a:b"), "").unwrap();
    fs::write(at("programs/c\n\u{1b}[2J"), "").unwrap();
    fs::write(place.path().join("programs").join(<OsStr as OsStrExt>::from_bytes(b"d\xff")), "").unwrap();
    let folder = Folder::read(place.path()).unwrap();
    let found = folder.programs.iter().map(|program| {
        let fault = program.source.as_ref().err().map_or("judged".to_owned(), |fault| fault.message().to_string());
        format!("{}: {fault}", program.name)
    });
    insta::assert_snapshot!(found.collect::<Vec<_>>().join("\n"));
}
