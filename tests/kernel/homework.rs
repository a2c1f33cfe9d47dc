//! A folder with programs and tests for the judge, which belongs to the user who runs it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::fixture::{Fixture, ORDINARY_USER, is_root};

/// A folder for the judge, which belongs to the fixture's user.
pub struct Homework<'a> {
    fixture: &'a Fixture,
    folder: PathBuf,
}

impl Homework<'_> {
    /// An empty folder with these settings, and the image `busybox` in the store.
    pub fn new<'a>(fixture: &'a Fixture, settings: &str) -> Homework<'a> {
        let seeded = fixture.command().args(["image", "seed"]).output().expect("the command starts");
        assert!(seeded.status.success(), "{seeded:?}");
        let folder = fixture.directory().join("homework");
        let homework = Homework { fixture, folder };
        for directory in ["", "tests", "programs"] {
            fs::create_dir(homework.path(directory)).expect("a directory");
            homework.give(&homework.path(directory));
        }
        homework.file("judge.toml", settings, 0o644);
        homework
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the fixture's user the owner of a file.
    pub fn give(&self, path: &Path) {
        let owner = (is_root() && !self.fixture.is_of_root()).then_some(ORDINARY_USER);
        chown(path, owner, owner).expect("it can be given to the user");
    }

    /// Writes a file that belongs to the user.
    pub fn file(&self, name: &str, content: &str, mode: u32) {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("the mode is set");
        self.give(&path);
    }

    /// Adds a test that only the user may read.
    pub fn test(&self, name: &str, input: &str, expected: &str) {
        self.file(&format!("tests/{name}.in"), input, 0o600);
        self.file(&format!("tests/{name}.out"), expected, 0o600);
    }

    /// Adds a program that is a shell script.
    pub fn script(&self, name: &str, script: &str, mode: u32) {
        self.file(&format!("programs/{name}"), &format!("#!/bin/sh\n{script}\n"), mode);
    }

    /// `minicontainer judge FOLDER FLAGS`.
    pub fn judge(&self, flags: &[&str]) -> Command {
        let mut judge = self.fixture.command();
        judge.arg("judge").arg(&self.folder).args(flags);
        judge
    }

    /// Each program and test with its verdict and the reason.
    #[track_caller]
    pub fn verdicts(&self, flags: &[&str]) -> Vec<String> {
        let format = "{{.program}} {{.test}} {{.verdict}} {{.message}}";
        lines(&self.judge(&[flags, &["--format", format]].concat()).output().expect("the command starts"))
    }

    /// The number of containers in the store.
    pub fn containers(&self) -> usize {
        fs::read_dir(self.fixture.store().join("containers")).map_or(0, Iterator::count)
    }
}

/// The output of a command, which must not be empty.
#[track_caller]
pub fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(str::to_owned).collect()
}
