//! Builds, from the Dockerfile to a container of the built image.

mod cache;
mod copy_conflicts;
mod copy_flags;
mod dockerfiles;
pub mod errors;
mod faults;
mod file_metadata;
mod flags;
mod hostile;
mod interoperability;
mod mounts;
mod sample_projects;
mod streams;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::{answer::Answer, test_env::TestEnv};

/// Writes the files of a build context.
pub fn project(place: &TestEnv, name: &str, files: &[(&str, &str)]) {
    for (file, content) in files {
        let path = place.path(name).join(file);
        let parent = path.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        for directory in parent.ancestors().take_while(|directory| *directory != place.path("")) {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// Runs a build that must succeed, and returns its stderr.
#[track_caller]
pub fn build(place: &TestEnv, arguments: &[&str]) -> String {
    let answer = place.run(&[&["build"], arguments].concat());
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    check_clean(place);
    answer.stderr
}

/// Runs a build that must fail.
#[track_caller]
pub fn refuse(place: &TestEnv, arguments: &[&str]) -> Answer {
    let answer = place.run(&[&["build"], arguments].concat());
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    check_clean(place);
    answer
}

/// Checks that the store has no staged files and no containers.
#[track_caller]
pub fn check_clean(place: &TestEnv) {
    let staged = fs::read_dir(place.path("store/staging")).unwrap().count();
    assert_eq!((staged, place.containers()), (0, 0), "something is left behind");
}

/// Builds quietly and returns the image's id.
#[track_caller]
pub fn id_of(place: &TestEnv, arguments: &[&str]) -> String {
    let output = place.command(&[&["build", "-q"], arguments].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Runs a script in a container of the image and returns its output.
#[track_caller]
pub fn say(place: &TestEnv, image: &str, script: &str) -> String {
    place.succeed(&["run", "--rm", "--entrypoint", "", image, "sh", "-c", script])
}

/// Redacts the duration of each step.
pub fn timeless(text: &str) -> String {
    let is_time = |word: &str| {
        let number = word.strip_suffix('s').unwrap_or(word);
        number.contains('.') && number.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
    };
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let about_time = line.starts_with('#') && words.len() > 2;
        let at = if words.get(1) == Some(&"DONE") { 2 } else { 1 };
        let word = |(index, word): (usize, &&str)| match about_time && index == at && is_time(word) {
            true => "[TIME]".to_owned(),
            false => (*word).to_owned(),
        };
        words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The keyword and the result (DONE, CACHED or ERROR) of every step, in order.
pub fn step_results(printed: &str) -> Vec<String> {
    let steps: Vec<(&str, &str)> = printed
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once(' '))
        .filter(|(_, text)| text.starts_with('[') && !text.starts_with("[internal]"))
        .filter(|(_, text)| !text.contains("] FROM "))
        .collect();
    let result = |number: &str| {
        let mut lines = printed.lines().filter_map(|line| line.strip_prefix('#')?.split_once(' '));
        lines.find_map(|(other, text)| {
            let first = text.split([' ', ':']).next()?;
            (other == number && matches!(first, "DONE" | "CACHED" | "ERROR")).then(|| first.to_owned())
        })
    };
    let keyword =
        |text: &str| text.split("] ").nth(1).unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
    steps.iter().map(|(number, text)| format!("{} {}", keyword(text), result(number).unwrap_or_default())).collect()
}

/// Whether a word occurs in a directory, in the content or the name of a file.
pub fn is_in(directory: &Path, word: &str) -> bool {
    fs::read_dir(directory).unwrap().flatten().any(|entry| {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = || fs::read(&path).unwrap_or_default();
        let holds = || content().windows(word.len()).any(|piece| piece == word.as_bytes());
        entry.file_name().to_string_lossy().contains(word)
            || (metadata.is_dir() && is_in(&path, word))
            || (metadata.is_file() && holds())
    })
}
