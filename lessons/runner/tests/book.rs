//! Checks that the output in the book is right: each command of each page, in both languages, is run and its output
//! compared.
//!
//! A fence ```` ```console ```` has lines `$ command`, and under each its output, stderr included. `[..]` stands for
//! anything within a line, and so does a number of four or more digits (a process, an inode); a line `...` stands for
//! any lines. The commands of one page share one store, created for the test, and run in the order of the page.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

#[path = "../../../tests/console.rs"]
mod console;

use console::{Example, line_matches};

/// The commands of a page, in order.
fn examples(page: &str) -> Vec<Example> {
    let mut examples = console::examples(page);
    for line in examples.iter_mut().flat_map(|example| &mut example.output) {
        *line = without_numbers(line);
    }
    examples
}

/// Replaces numbers of four or more digits by the wildcard: on the page they are examples.
fn without_numbers(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = start + rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        plain += &rest[..start];
        plain += if end - start >= 4 { "[..]" } else { &rest[start..end] };
        rest = &rest[end..];
    }
    plain + rest
}

/// Whether lines match patterns, where a pattern `...` stands for any number of lines.
fn lines_match(patterns: &[String], lines: &[&str]) -> bool {
    match (patterns.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((pattern, rest)), _) if pattern == "..." => {
            (0..=lines.len()).any(|skipped| lines_match(rest, &lines[skipped..]))
        }
        (Some((pattern, patterns)), Some((line, lines))) => {
            line_matches(pattern, line) && lines_match(patterns, lines)
        }
        _ => false,
    }
}

/// A shell that finds the commands of a page and changes nothing but the given store.
fn shell(command: &str, locale: &str, store: &Path, programs: &[&Path]) -> String {
    let own = programs.iter().map(|program| program.parent().unwrap().to_path_buf());
    let path = env::join_paths(own.chain(env::split_paths(&env::var_os("PATH").unwrap()))).unwrap();
    // Only the program's output is compared, not cargo's messages.
    let command = if command.starts_with("cargo ") { command.to_owned() } else { format!("exec 2>&1; {command}") };
    let mut shell = Command::new("sh");
    lessons::check::package_variables().for_each(|variable| {
        shell.env_remove(variable);
    });
    let output = shell
        .args(["-c", &command])
        .env("PATH", path)
        .env("MINICONTAINER_ROOT", store)
        .env("LC_ALL", locale)
        .current_dir(lessons::lesson::lessons_folder().join(".."))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn check_page(page: &str) {
    let source = PathBuf::from(format!("{}/../../book/{page}", env!("CARGO_MANIFEST_DIR")));
    let examples = examples(&fs::read_to_string(&source).unwrap());
    assert!(!examples.is_empty(), "{page} shows no command");
    let locale = if page.starts_with("pt-BR/") { "pt_BR.UTF-8" } else { "C.UTF-8" };
    let store = tempfile::tempdir().unwrap();
    let minicontainer = lessons::check::minicontainer().unwrap().path;
    let programs = [minicontainer.as_path(), Path::new(env!("CARGO_BIN_EXE_lessons"))];
    shell("minicontainer image seed", locale, store.path(), &programs);
    let mut wrong = String::new();
    for example in examples {
        let output = shell(&example.command, locale, store.path(), &programs);
        if !lines_match(&example.output, &output.lines().collect::<Vec<_>>()) {
            let expected = example.output.join("\n");
            wrong += &format!(
                "book/{page}:{}: $ {}\nthe page says:\n{expected}\nit printed:\n{output}\n",
                example.line, example.command
            );
        }
    }
    shell("minicontainer rm -f $(minicontainer ps -aq)", locale, store.path(), &programs);
    store.close().expect("the store can be removed");
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn english_introduction() {
    check_page("en/src/introduction.md");
}

#[test]
fn english_lesson_1() {
    check_page("en/src/lesson-01.md");
}

#[test]
fn english_lesson_4() {
    check_page("en/src/lesson-04.md");
}

#[test]
fn english_lesson_9() {
    check_page("en/src/lesson-09.md");
}

#[test]
fn english_images() {
    check_page("en/src/images.md");
}

#[test]
fn english_profile() {
    check_page("en/src/profile.md");
}

#[test]
fn english_judging() {
    check_page("en/src/judging.md");
}

#[test]
fn english_rootless() {
    check_page("en/src/rootless.md");
}

#[test]
fn portuguese_introduction() {
    check_page("pt-BR/src/introduction.md");
}

#[test]
fn portuguese_lesson_1() {
    check_page("pt-BR/src/lesson-01.md");
}

#[test]
fn portuguese_lesson_4() {
    check_page("pt-BR/src/lesson-04.md");
}

#[test]
fn portuguese_lesson_9() {
    check_page("pt-BR/src/lesson-09.md");
}

#[test]
fn portuguese_images() {
    check_page("pt-BR/src/images.md");
}

#[test]
fn portuguese_profile() {
    check_page("pt-BR/src/profile.md");
}

#[test]
fn portuguese_judging() {
    check_page("pt-BR/src/judging.md");
}

#[test]
fn portuguese_rootless() {
    check_page("pt-BR/src/rootless.md");
}

#[test]
fn every_page_is_checked() {
    let tests = include_str!("book.rs");
    for language in ["en", "pt-BR"] {
        for page in fs::read_dir(format!("{}/../../book/{language}/src", env!("CARGO_MANIFEST_DIR"))).unwrap() {
            let name = page.unwrap().file_name().into_string().unwrap();
            let called = tests.contains(&format!("check_page(\"{language}/src/{name}\")"));
            assert!(called || name == "SUMMARY.md", "no test runs the commands of {language}/src/{name}");
        }
    }
}

/// The pinned ids, the included files with their anchors, and the number of commands of a page.
fn shape(language: &str, page: &str) -> (Vec<String>, Vec<String>, usize) {
    let path = format!("{}/../../book/{language}/src/{page}", env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(&path).unwrap();
    let between = |start: &str, end: &str| -> Vec<String> {
        source.split(start).skip(1).filter_map(|rest| Some(rest.split_once(end)?.0.to_owned())).collect()
    };
    let includes = between("{{#include ", "}}");
    for include in &includes {
        let (file, anchor) =
            include.split_once(':').map_or((include.as_str(), None), |(file, anchor)| (file, Some(anchor)));
        let included = fs::read_to_string(Path::new(&path).with_file_name("").join(file)).expect(include);
        let found = anchor.is_none_or(|anchor| included.contains(&format!("ANCHOR: {anchor}")));
        assert!(found, "{language}/src/{page} includes {include}, but there is no such anchor");
    }
    (between(" {#", "}\n"), includes, examples(&source).len())
}

#[test]
fn both_books_have_the_same_structure_and_anchors() {
    for page in fs::read_dir(format!("{}/../../book/en/src", env!("CARGO_MANIFEST_DIR"))).unwrap() {
        let page = page.unwrap().file_name().into_string().unwrap();
        let (ids, includes, commands) = shape("en", &page);
        let includes: Vec<String> = includes.iter().map(|include| include.replace("/en.md", "/pt-BR.md")).collect();
        assert_eq!((ids, includes, commands), shape("pt-BR", &page), "{page}");
    }
}

#[test]
fn examples_are_parsed_and_wildcards_match() {
    let page = "```sh\n$ not this\n```\n```console\n$ one\na\nb\n$ two\n```\ntext\n";
    let example = |line, command: &str, output: &[&str]| Example {
        line,
        command: command.into(),
        output: output.iter().map(|line| line.to_string()).collect(),
    };
    assert_eq!(examples(page), [example(5, "one", &["a", "b"]), example(8, "two", &[])]);

    assert_eq!(without_numbers("pid 48211, exit 127, uts:[4026531838]"), "pid [..], exit 127, uts:[[..]]");

    let check = |patterns: &[&str], lines: &[&str], expected: bool| {
        let patterns: Vec<String> = patterns.iter().map(|pattern| pattern.to_string()).collect();
        assert_eq!(lines_match(&patterns, lines), expected, "{patterns:?} {lines:?}");
    };
    check(&["a[..]c"], &["abc"], true);
    check(&["a[..]c"], &["abcd"], false);
    check(&["[..]é[..]"], &["olé, olé"], true);
    check(&["a", "...", "d"], &["a", "b", "c", "d"], true);
    check(&["a", "..."], &["a"], true);
    check(&["a"], &["a", "b"], false);
    check(&[], &["a"], false);
}
