//! Checks that the documents agree with the sources: the files and tests that they name exist.
//!
//! The checks of the README, ARCHITECTURE.md, CONTRIBUTING.md, the decision records, and the comments of all sources:
//!
//! - a path in backticks, from the root of the repository, exists. In a document, a file name without a directory is
//!   in the directory of the path before it;
//! - a relative link leads to a file;
//! - in "`function_name` in `path.rs`", such as the name of a test, the file has this function;
//! - a test in a table of ARCHITECTURE.md, such as `kernel::limits::memory_limit_is_enforced`, exists;
//! - the list of decisions has the headings of the decision records.

mod test_names;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use test_names::{files_of, is_in_sources, repository};

/// The directories that paths in documents begin with.
const TOP: [&str; 5] = ["book/", "lessons/", "minicontainer/", "tests/", "web-demo/"];
/// Files of users or of package managers, not of the repository.
const NOT_OURS: [&str; 3] = ["judge.toml", "src/main.rs", "tests/browser/node_modules"];
/// The crates and packages of tests in the tables of ARCHITECTURE.md.
const CRATES: [&str; 6] = ["kernel::", "command::", "library::", "images::", "build::", "engine::"];

/// A document without its code blocks.
fn without_code_blocks(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The words in backticks, and the text before each of them.
fn code_spans(text: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = text.split('`').collect();
    parts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

fn is_source(name: &str) -> bool {
    name.ends_with(".rs") && !name.starts_with('.') && !name.contains(char::is_whitespace)
}

/// The path that a code span names, and whether it is the path of a source file.
fn path_in(span: &str, directory: &Path) -> Option<PathBuf> {
    let word = span.split_whitespace().next()?;
    match word {
        _ if NOT_OURS.contains(&word) => None,
        _ if TOP.iter().any(|top| word.starts_with(top)) => Some(PathBuf::from(word)),
        _ if is_source(span) => Some(directory.join(word)),
        _ => None,
    }
}

/// Whether a code span may be the name of a function.
fn is_identifier(span: &str) -> bool {
    span.contains('_') && span.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The errors in the paths of a document, and in the functions that are said to be in a file.
fn faults(text: &str, exists: impl Fn(&Path) -> bool, has_function: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let text = without_code_blocks(text);
    let spans = code_spans(&text);
    let (mut faults, mut directory) = (Vec::new(), PathBuf::new());
    for (at, (before, span)) in spans.iter().enumerate() {
        let Some(path) = path_in(span, &directory) else { continue };
        if !exists(&path) {
            faults.push(format!("{} does not exist", path.display()));
            continue;
        }
        directory = path.parent().unwrap_or(Path::new("")).to_owned();
        if before.split_whitespace().ne(["in"]) {
            continue;
        }
        for (before, name) in spans[..at].iter().rev() {
            if is_identifier(name) && is_source(&path.to_string_lossy()) && !has_function(&path, name) {
                faults.push(format!("{} has no function {name}", path.display()));
            }
            let before: Vec<&str> = before.split_whitespace().collect();
            if before != ["and"] && before != [","] {
                break;
            }
        }
    }
    faults
}

/// The targets of the relative links of a document.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

/// Whether a test or a module exists: `kernel::walks`, `kernel::walks::*`, `kernel::walks::walk_changes_nothing`, or the
/// beginning of names, `kernel::walks::walk_*`.
fn is_known(test: &str) -> bool {
    let test = test.trim_end_matches("::tests"); // in the file that they test
    let Some((module, name)) = test.rsplit_once("::") else { return false };
    match name.strip_suffix('*') {
        Some("") => !files_of(module).is_empty(),
        Some(begin) => files_of(module).iter().any(|file| {
            fs::read_to_string(file).unwrap_or_default().lines().any(|line| line.starts_with(&format!("fn {begin}")))
        }),
        None => is_in_sources(test) || !files_of(test).is_empty(),
    }
}

/// The tests in the tables of a document.
fn tests_in_tables(text: &str) -> BTreeSet<&str> {
    let rows = text.lines().filter(|line| line.starts_with('|'));
    let is_of_path = |letter: char| letter.is_ascii_alphanumeric() || "_:*".contains(letter);
    let words = rows.flat_map(move |row| row.split(move |letter: char| !is_of_path(letter)));
    words.filter(|word| CRATES.iter().any(|name| word.starts_with(name))).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents() -> Vec<PathBuf> {
    let records = fs::read_dir(repository().join("minicontainer/decisions")).expect("the decision records");
    let records = records.map(|entry| entry.expect("an entry").path());
    records.chain(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| repository().join(name))).collect()
}

fn exists(path: &Path) -> bool {
    repository().join(path).exists()
}

fn has_function(path: &Path, name: &str) -> bool {
    read(&repository().join(path)).contains(&format!("fn {name}("))
}

#[test]
fn documents_name_existing_files_and_tests() {
    let mut found = Vec::new();
    for document in documents() {
        let text = read(&document);
        let name = document.file_name().expect("a name").to_string_lossy().into_owned();
        found.extend(faults(&text, exists, has_function).into_iter().map(|fault| format!("{name}: {fault}")));
        let parent = document.parent().expect("a directory");
        let broken = links(&text).into_iter().filter(|link| !parent.join(link).exists());
        found.extend(broken.map(|link| format!("{name}: the link {link} leads nowhere")));
    }
    let architecture = read(&repository().join("ARCHITECTURE.md"));
    let tests = tests_in_tables(&architecture);
    assert!(tests.len() > 40, "the tables name the tests");
    found.extend(tests.into_iter().filter(|test| !is_known(test)).map(|test| format!("there is no test {test}")));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn comments_name_existing_files() {
    let (mut found, mut ahead) = (Vec::new(), vec![repository()]);
    while let Some(directory) = ahead.pop() {
        for entry in fs::read_dir(directory).expect("a directory of the repository") {
            let path = entry.expect("an entry").path();
            let is_skipped = ["target", "node_modules", ".git"].iter().any(|name| path.ends_with(name));
            if path.is_dir() && !is_skipped {
                ahead.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = read(&path);
                let comments = source.lines().filter(|line| line.trim_start().starts_with("//"));
                let spans: Vec<&str> = comments.flat_map(code_spans).map(|(_, span)| span).collect();
                let words = spans.into_iter().filter_map(|span| span.split_whitespace().next());
                let paths = words.filter(|word| TOP.iter().any(|top| word.starts_with(top)));
                let missing = paths.filter(|path| !path.contains(['*', '…']) && !exists(Path::new(path)));
                found.extend(missing.map(|missing| format!("{}: {missing} does not exist", path.display())));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn list_of_decisions_has_all_headings() {
    let list = read(&repository().join("minicontainer/decisions/README.md"));
    for section in list.split("\n## [").skip(1) {
        let title = format!("[{section}");
        let page = links(&title)[0];
        let listed: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("- ")).collect();
        let text = read(&repository().join("minicontainer/decisions").join(page));
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(listed, headings, "minicontainer/decisions/README.md and {page}");
    }
}

#[test]
fn wrong_names_are_found() {
    let check = |text: &str, expect: &[&str]| {
        let exists = |path: &Path| ["tests/a.rs", "tests/b.rs"].contains(&&*path.to_string_lossy());
        assert_eq!(faults(text, exists, |_, name| name != "is_gone"), expect, "{text}");
    };
    check("`tests/a.rs` and `b.rs`, run `tests/a.rs --long`, `Name`, `x_y`", &[]);
    check("```\n`tests/gone.rs`\n``` `judge.toml`", &[]);
    check("`tests/gone.rs`", &["tests/gone.rs does not exist"]);
    check("`tests/a.rs`, `gone.rs`", &["tests/gone.rs does not exist"]);
    check("Tests: `is_there` and\n  `is_gone` in\n  `tests/a.rs`", &["tests/a.rs has no function is_gone"]);
    check("`is_gone`, `is_there` and `is_too` in `tests/b.rs`", &["tests/b.rs has no function is_gone"]);
    check("`is_gone` elsewhere, `is_there` in `tests/b.rs`", &[]);
    assert_eq!(links("[a](b.md) [c](https://d.test) [e](#f) [g](h.md#i)"), ["b.md", "h.md"]);
    assert!(is_known("kernel::walks") && is_known("kernel::walks::*") && is_known("kernel::walks::walk_*"));
    assert!(!is_known("kernel::gone") && !is_known("kernel::walks::gone_*") && !is_known("kernel::walks::gone"));
    let table = "kernel::prose\n| `kernel::a::b_*` | engine::c |";
    assert_eq!(tests_in_tables(table).into_iter().collect::<Vec<_>>(), ["engine::c", "kernel::a::b_*"]);
}
