//! Each check accepts the solution, and refuses the untouched exercise and three wrong solutions, each with a message
//! that has the observed and the expected result.
#![cfg(target_os = "linux")]

use std::fs;

use lessons::{Language, Outcome, lesson};

/// The check's answer in both languages, with random and machine-specific parts replaced by words.
fn answer(number: u8, file: &str) -> String {
    let lesson = lesson::find(number).unwrap();
    let path = lesson::lessons_folder().join(lesson.folder).join(file);
    match lessons::check::check(lesson, &path).unwrap() {
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Refused(refused) => {
            let hostname = nix::sys::utsname::uname().unwrap().nodename().to_string_lossy().into_owned();
            let both = [refused.message(Language::English), refused.message(Language::Portuguese)].join("\n");
            let init = fs::read_to_string("/proc/1/cmdline").unwrap();
            let init = init.split(['\0', ' ']).next().unwrap();
            let both = both.replace(&format!("\"{hostname}\""), "\"HOST\"").replace(&format!("`{init}`"), "`INIT`");
            without_chance(&both)
        }
    }
}

/// Replaces random words and runs of digits by placeholders.
fn without_chance(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let word = ["task-", "house-", "word-"].into_iter().find(|start| rest.starts_with(start));
        let length = match word {
            Some(start) => start.len() + 6,
            None if next.is_ascii_digit() => rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len(),
            None => next.len_utf8(),
        };
        match word {
            Some(start) => plain += &format!("{start}RANDOM"),
            None if next.is_ascii_digit() && length > 1 => plain.push('N'),
            None => plain.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    plain
}

/// Compares the answer with the snapshot named after the file.
fn check(number: u8, file: &str, variant: &str) {
    let name = format!("{number}-{}{variant}", file.rsplit('/').next().unwrap());
    insta::assert_snapshot!(name, answer(number, file));
}

#[test]
fn process_solution() {
    check(1, "solution.rs", "");
}

#[test]
fn process_exercise() {
    check(1, "exercise.rs", "");
}

#[test]
fn process_without_container() {
    check(1, "wrong/no-container.rs", "");
}

#[test]
fn process_with_pid_inside_container() {
    check(1, "wrong/inside-pid.rs", "");
}

#[test]
fn process_with_invented_exit_code() {
    check(1, "wrong/invented-exit.rs", "");
}

#[test]
fn uts_solution() {
    check(4, "solution.rs", "");
}

#[test]
fn uts_exercise() {
    check(4, "exercise.rs", "");
}

#[test]
fn uts_with_hostname_not_set() {
    check(4, "wrong/name-not-set.rs", "");
}

#[test]
fn uts_with_an_environment_variable() {
    check(4, "wrong/environment-variable.rs", "");
}

#[test]
fn two_containers_solution() {
    check(9, "solution.sh", "");
}

#[test]
fn two_containers_exercise() {
    check(9, "exercise.sh", "");
}

#[test]
fn two_containers_removed() {
    check(9, "wrong/removed.sh", "");
}

#[test]
fn two_containers_in_one() {
    check(9, "wrong/one-container.sh", "");
}

#[test]
fn two_containers_with_a_shared_folder() {
    check(9, "wrong/shared-folder.sh", "");
}

/// Without a namespace root renames the machine (in a copy of its UTS namespace); an ordinary user may not.
#[test]
fn uts_without_namespace() {
    check(4, "wrong/no-namespace.rs", if nix::unistd::geteuid().is_root() { "" } else { "-as-ordinary-user" });
}

#[test]
fn stderr_of_a_failed_program_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("exercise.sh");
    fs::write(&script, "echo the reason >&2\nexit 3\n").unwrap();
    let outcome = lessons::check::check(lesson::find(9).unwrap(), &script).unwrap();
    let Outcome::Refused(refused) = outcome else { panic!("the script has created no container") };
    let message = refused.message(Language::English);
    assert!(message.starts_with("Seen:     your program ended too early, with exit code 3\n"), "{message}");
    assert!(message.ends_with("\nYour program wrote to stderr:\n  the reason"), "{message}");
}

#[test]
fn every_lesson_has_a_solution_and_three_wrong_answers() {
    let tests = include_str!("checks.rs");
    for lesson in &lesson::LESSONS {
        let folder = lesson::lessons_folder().join(lesson.folder);
        let wrong: Vec<_> =
            fs::read_dir(folder.join("wrong")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(wrong.len(), 3, "{}: {wrong:?}", lesson.folder);
        let end = lesson.exercise.trim_start_matches("exercise");
        let wrong = wrong.iter().map(|name| format!("wrong/{}", name.to_string_lossy()));
        for file in wrong.chain([lesson.exercise.to_owned(), format!("solution{end}")]) {
            assert!(
                tests.contains(&format!("check({}, \"{file}\"", lesson.number)),
                "no test tries {}/{file}",
                lesson.folder
            );
        }
    }
}
