//! Checks `tests/hostile.toml`: no row is missing, every status is valid, and every named test exists and is run.
//!
//! The corpus lists the attacks that minicontainer must withstand. It could lose its value in small steps: a row is
//! deleted, a test is renamed, or a row waits for a feature that is not planned. Each of these fails here.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// The number of rows in each part of the corpus. A new attack adds a row. Rows are never removed.
const PARTS: [(char, usize); 3] = [('E', 108), ('H', 58), ('F', 49)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    row: Vec<Row>,
}

/// The status of a row determines its further field. Other fields are errors.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case", deny_unknown_fields)]
enum Row {
    Tested {
        id: String,
        attack: String,
        test: Tests,
    },
    Waits {
        id: String,
        attack: String,
        #[expect(dead_code, reason = "parsing it is the check")]
        waits_for: Capability,
    },
    NotLive {
        id: String,
        attack: String,
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Tests {
    One(String),
    Several(Vec<String>),
}

/// The features that a row may wait for, because they are not implemented or not complete yet.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Capability {
    Copy,
    Exec,
    Lifecycle,
    Networks,
    Volumes,
}

/// All errors in a corpus, one sentence each.
fn faults(corpus: &str, test_exists: impl Fn(&str) -> bool) -> Vec<String> {
    let corpus: Corpus = match toml::from_str(corpus) {
        Ok(corpus) => corpus,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = Vec::new();
    let mut missing: BTreeSet<String> =
        PARTS.iter().flat_map(|(part, rows)| (1..=*rows).map(move |number| format!("{part}{number:02}"))).collect();
    for row in &corpus.row {
        let (Row::Tested { id, attack, .. } | Row::Waits { id, attack, .. } | Row::NotLive { id, attack, .. }) = row;
        if !missing.remove(id) {
            faults.push(format!("{id} is duplicated, or is not a row of the corpus"));
        }
        if attack.trim().is_empty() {
            faults.push(format!("{id} does not say what the attack is"));
        }
        match row {
            Row::Tested { test, .. } => {
                let tests = match test {
                    Tests::One(test) => std::slice::from_ref(test),
                    Tests::Several(tests) => tests,
                };
                if tests.is_empty() {
                    faults.push(format!("{id} has the status tested, but names no test"));
                }
                let absent = tests.iter().filter(|test| !test_exists(test));
                faults.extend(
                    absent.map(|test| format!("{id} names the test {test}, which does not exist or is ignored")),
                );
            }
            Row::NotLive { why, .. } if why.trim().is_empty() => faults.push(format!("{id} does not say why")),
            Row::NotLive { .. } | Row::Waits { .. } => {}
        }
    }
    faults.extend(missing.into_iter().map(|id| format!("{id} is missing")));
    faults
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether a test with this path, such as `kernel::limits::memory_limit_is_enforced`, exists and is run: it has
/// `#[test]` and no `#[ignore]`.
fn is_in_sources(test: &str) -> bool {
    let Some((path, name)) = test.rsplit_once("::") else { return false };
    // A module `tests` is in the file that it tests, or in its own file.
    [path.replace("::tests", ""), path.to_owned()].iter().any(|path| is_in_module(path, name))
}

fn is_in_module(path: &str, name: &str) -> bool {
    let segments: Vec<&str> = path.split("::").collect();
    let [root, modules @ ..] = segments.as_slice() else { return false };
    let root = repository().join(match *root {
        "kernel" => "tests/kernel",
        "command" => "tests/cli",
        "core" => "minicontainer/core/src",
        "layers" => "minicontainer/layers/src",
        "library" => "minicontainer/src",
        "images" => "minicontainer/images/src",
        "registry" => "minicontainer/registry/src",
        "build" => "minicontainer/build/src",
        "engine" => "minicontainer/engine/src",
        "cli" => "minicontainer/cli/src",
        _ => return false,
    });
    let module = root.join(modules.join("/"));
    let files = [module.with_extension("rs"), module.join("mod.rs"), module.join("tests.rs"), module.join("main.rs")];
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).any(|source| runs_test(&source, name))
}

fn runs_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declaration = format!("fn {name}(");
    let Some(at) = lines.iter().position(|line| line.starts_with(&declaration)) else { return false };
    let above: Vec<&&str> = lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/'])).collect();
    above.iter().any(|line| line.starts_with("#[test]")) && !above.iter().any(|line| line.starts_with("#[ignore"))
}

fn corpus() -> String {
    fs::read_to_string(repository().join("tests/hostile.toml")).expect("tests/hostile.toml can be read")
}

#[test]
fn corpus_is_complete_and_names_existing_tests() {
    let faults = faults(&corpus(), is_in_sources);
    assert!(faults.is_empty(), "tests/hostile.toml:\n  {}", faults.join("\n  "));
}

/// Checks that an error in the corpus is found. `spoil` adds the error to the real corpus.
#[track_caller]
fn check_refused(spoil: impl FnOnce(String) -> String, expect: &str) {
    let faults = faults(&spoil(corpus()), |test| test == "kernel::exists");
    assert!(faults.iter().any(|fault| fault.contains(expect)), "expected \"{expect}\" among {faults:?}");
}

#[test]
fn invalid_corpus_is_refused() {
    let row = |fields: &str| format!("[[row]]\nattack = \"an attack\"\n{fields}\n");
    let without_first =
        |corpus: String| corpus.split_inclusive("[[row]]").skip(2).fold("[[row]]".into(), |a, b| a + b);
    check_refused(without_first, "E01 is missing");
    check_refused(|corpus| corpus.replace("\"F45\"", "\"F44\""), "F44 is duplicated");
    check_refused(|corpus| corpus.replace("\"F45\"", "\"F44\""), "F45 is missing");
    check_refused(|corpus| corpus.replace("\"F45\"", "\"F46\""), "F46 is duplicated, or is not a row");
    check_refused(
        |corpus| corpus.replacen("\nstatus = \"waits\"", "\nstatus = \"done\"", 1),
        "unknown variant `done`",
    );
    check_refused(|corpus| corpus.replacen("\nwaits_for = \"", "\nwaits_for = \"some-", 1), "unknown variant `some-");
    check_refused(|corpus| corpus.replacen("\nwaits_for", "\nwhy", 1), "unknown field `why`");
    check_refused(
        |_| row("id = \"E01\"\nstatus = \"tested\"\ntest = \"kernel::gone\""),
        "E01 names the test kernel::gone",
    );
    check_refused(
        |_| row("id = \"E01\"\nstatus = \"tested\"\ntest = []"),
        "E01 has the status tested, but names no test",
    );
    check_refused(|_| row("id = \"E01\"\nstatus = \"not-live\"\nwhy = \" \""), "E01 does not say why");
}

#[test]
fn missing_or_ignored_tests_do_not_count() {
    assert!(runs_test("#[test]\nfn holds() {}", "holds"));
    assert!(runs_test("    /// Why.\n    #[test]\n    fn holds(a in 0..9) {}", "holds"));
    assert!(!runs_test("fn holds() {}", "holds"));
    assert!(!runs_test("#[test]\n#[ignore]\nfn holds() {}", "holds"));
    assert!(!runs_test("#[test]\nfn holds_more() {}", "holds"));
}
