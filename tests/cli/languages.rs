//! One language at a time: with a Portuguese locale, what is translated is wholly Portuguese, and what is English as in
//! Docker (errors, `--help`) is wholly English. No line mixes both.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use crate::test_env::TestEnv;

/// Words that exist in one of the languages only, and are in nearly every sentence of it.
const ENGLISH: [&str; 22] = [
    "the", "is", "are", "was", "were", "be", "of", "and", "with", "without", "not", "cannot", "which", "has", "it",
    "its", "by", "from", "this", "that", "failed", "warning",
];
const PORTUGUESE: [&str; 24] = [
    "o", "os", "um", "uma", "de", "da", "dos", "das", "não", "com", "é", "são", "foi", "que", "para", "em", "na",
    "nos", "por", "ao", "sem", "pode", "aviso", "está",
];

/// The words of a line that are sentences: not commands in backticks, and not paths, options or quoted names.
fn words(line: &str) -> Vec<String> {
    let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let is_name = |word: &&str| word.contains(['/', '"', '\'', '=', '_', '$']) || word.starts_with('-');
    plain
        .split_whitespace()
        .filter(|word| !is_name(word))
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphabetic()).to_lowercase())
        .collect()
}

fn has(line: &str, language: &[&str]) -> bool {
    words(line).iter().any(|word| language.contains(&word.as_str()))
}

fn is_mixed(line: &str) -> bool {
    has(line, &ENGLISH) && has(line, &PORTUGUESE)
}

/// Runs a command with a Portuguese locale. Returns the lines of both its streams, none of which is mixed.
#[track_caller]
fn lines(place: &TestEnv, arguments: &[&str]) -> Vec<String> {
    let output = place.command(arguments).env("LANG", "pt_BR.UTF-8").output().unwrap();
    let answer = place.answer(output);
    let lines: Vec<String> = answer.stdout.lines().chain(answer.stderr.lines()).map(str::to_owned).collect();
    for line in &lines {
        assert!(!is_mixed(line), "{arguments:?}: {line}");
    }
    lines
}

/// Checks that a command speaks only Portuguese, and prints a line with each of these texts.
#[track_caller]
fn check(place: &TestEnv, arguments: &[&str], expected: &[&str]) {
    let lines = lines(place, arguments);
    for line in &lines {
        assert!(!has(line, &ENGLISH), "{arguments:?}: {line}");
    }
    for text in expected {
        assert!(lines.iter().any(|line| line.contains(text)), "{arguments:?}: no line has {text:?}: {lines:#?}");
    }
}

#[test]
fn sentences_are_recognized_by_their_words() {
    assert!(is_mixed("warning: --privileged: Desliga quase todo o isolamento"));
    assert!(is_mixed("minicontainer: cannot read the file: não é um arquivo"));
    assert!(!is_mixed("aviso: --privileged: Desliga quase todo o isolamento"));
    assert!(!is_mixed("como resolver: `have the administrator run it`, com /etc/the/file"));
    assert!(!is_mixed("minicontainer: cannot read /tmp/o/de/um"));
}

#[test]
fn explanations_are_in_the_language_of_the_locale() {
    let place = TestEnv::new();
    check(&place, &["demo"], &["Dois contêineres de uma imagem"]);
    check(&place, &["doctor"], &["funciona  identidade", "`minicontainer run` funciona aqui."]);
    check(&place, &["explain", "--memory", "64m", "busybox", "sh"], &["Leia mais: "]);
    check(&place, &["run", "--explain", "busybox", "sh"], &["Leia mais: "]);
    check(&place, &["run", "--rm", "--trace-denied", "busybox", "true"], &["o filtro seccomp não recusou"]);
}

#[test]
fn warnings_and_verdicts_are_in_the_language_of_the_locale() {
    let place = TestEnv::new();
    let run = |options: &[&str], command: &[&str], expected: &[&str]| {
        check(&place, &[&["run", "--rm"], options, &["busybox"], command].concat(), expected);
    };
    run(&["--without", "uts"], &["true"], &["aviso: --without uts: "]);
    run(&["--privileged"], &["true"], &["aviso: --privileged: "]);
    run(&["--timeout", "200ms"], &["sleep", "9"], &["minicontainer: encerrado depois de 200ms: o limite de tempo"]);
    run(&["--output-limit", "6b"], &["echo", "1234567"], &["minicontainer: encerrado: o limite de saída de 6B"]);
    fs::set_permissions(place.path("store"), fs::Permissions::from_mode(0o755)).unwrap();
    check(&place, &["images", "-q"], &["aviso: ", " foi fechado para outros usuários"]);
}

/// The progress of a build is BuildKit's and English, but each line has one language.
#[test]
fn warnings_of_builds_are_in_the_language_of_the_locale() {
    let place = TestEnv::new();
    fs::create_dir(place.path("context")).unwrap();
    let dockerfile =
        "FROM busybox AS Build\nENV API_KEY=1\nWORKDIR rel\nCOPY nothing* /x/\nRUN touch /.wh.x\nCMD a\n";
    fs::write(place.path("context/Dockerfile"), dockerfile).unwrap();
    let lines = lines(&place, &["build", "--build-arg", "unused=1", "context"]);
    for text in [
        "aviso: StageNameCasing: O nome de estágio 'Build' deveria estar em minúsculas",
        "aviso: SecretsUsedInArgOrEnv: Não use as instruções ARG ou ENV para dados sigilosos",
        "aviso: WorkdirRelativePath: O WORKDIR relativo \"rel\"",
        "aviso: JSONArgsRecommended: Recomenda-se um array JSON para CMD",
        "aviso: nada corresponde a /nothing*",
        "aviso: .wh.x ficou de fora: nomes que começam com .wh.",
        "aviso: um ou mais build-args não foram usados: [unused]",
    ] {
        assert!(lines.iter().any(|line| line.contains(text)), "no line has {text:?}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("warning")), "{lines:#?}");
}

#[test]
fn reasons_of_the_judge_are_in_the_language_of_the_locale() {
    let place = TestEnv::new();
    for directory in ["tests", "programs"] {
        fs::create_dir_all(place.path("homework").join(directory)).unwrap();
    }
    fs::write(place.path("homework/tests/one.in"), "").unwrap();
    fs::write(place.path("homework/tests/one.out"), "42\n").unwrap();
    for (name, script) in [("ada", "echo 42"), ("ben", "echo 41"), ("cid", "exit 3")] {
        let path = place.path("homework/programs").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink("/etc/shadow", place.path("homework/programs/link")).unwrap();
    let reasons = [
        "PROGRAMA",
        "ben one: WA linha 1: esperava-se \"42\", e não \"41\"",
        "cid one: RE código de saída 3",
        "link one: RE não pode ser avaliado: não é um arquivo nem um diretório",
    ];
    check(&place, &["judge", "homework"], &reasons);
    // Documents are for programs, so they do not depend on the locale.
    let document = lines(&place, &["judge", "homework", "--format", "json"]).join("\n");
    assert!(document.contains("exit code 3"), "{document}");
    let english = place.run(&["judge", "homework", "--lang", "en"]).stdout;
    assert!(english.contains("cid one: RE exit code 3"), "{english}");
}

/// An error behind a warning follows on a line of its own.
#[test]
fn error_is_not_mixed_into_a_warning() {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "kept", "busybox", "true"]);
    let containers = fs::read_dir(place.path("store/containers")).unwrap().map(|entry| entry.unwrap().path());
    let record = containers.map(|path| path.join("state.json")).find(|path| path.exists()).unwrap();
    fs::write(record, "garbage").unwrap();
    let lines = lines(&place, &["ps", "-a"]);
    let warning = lines.iter().position(|line| line.starts_with("aviso: o contêiner ")).expect("a warning");
    assert!(lines[warning].ends_with(" está danificado"), "{lines:#?}");
    assert!(lines[warning + 1].starts_with("  cannot "), "{lines:#?}");
}

#[test]
fn help_and_errors_do_not_depend_on_the_locale() {
    let place = TestEnv::any();
    for arguments in [&["run", "--help"][..], &["run", "nosuchimage!"], &["run", "--memory", "x", "a"], &["rm", "x"]]
    {
        let output = place.command(arguments).env("LANG", "pt_BR.UTF-8").output().unwrap();
        let (portuguese, english) = (place.answer(output), place.run(arguments));
        assert_eq!((portuguese.stdout, portuguese.stderr), (english.stdout, english.stderr), "{arguments:?}");
    }
}
