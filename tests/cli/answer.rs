//! Helpers that run the command and capture its output and exit code.

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, chown},
    process::{Command, Output, Stdio},
};

use crate::test_env::TestEnv;

/// The exit code and the output of a command.
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl TestEnv {
    /// An environment with the image busybox, for the user that runs the tests.
    pub fn new() -> TestEnv {
        TestEnv::any().seeded()
    }

    /// An environment with the image busybox, for root.
    pub fn seeded_root() -> Option<TestEnv> {
        TestEnv::root().map(TestEnv::seeded)
    }

    /// An environment with the image busybox, for an ordinary user.
    pub fn seeded_user() -> Option<TestEnv> {
        TestEnv::user().map(TestEnv::seeded)
    }

    /// Seeds the image. The user gets the directory, because commands write files into it.
    fn seeded(self) -> TestEnv {
        fs::set_permissions(self.directory(), fs::Permissions::from_mode(0o755)).unwrap();
        chown(self.directory(), self.other_user(), self.other_user()).unwrap();
        self.succeed(&["image", "seed"]);
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.engine();
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Any program, run by the same user and in the same environment as the command.
    pub fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.command_of(program);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.answer(self.command(arguments).output().unwrap())
    }

    /// Runs the command with this input on stdin.
    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Answer {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command may exit before it has read all of its input, so a broken pipe is not an error.
        let _ = child.stdin.take().unwrap().write_all(input);
        self.answer(child.wait_with_output().unwrap())
    }

    /// Runs the command, which must succeed, and returns its stdout.
    #[track_caller]
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let Answer { code, stdout, stderr } = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        stdout
    }

    pub fn answer(&self, output: Output) -> Answer {
        let text = |bytes: Vec<u8>| self.redact(&String::from_utf8(bytes).unwrap());
        // None means that a signal ended the command itself.
        Answer { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Replaces the directory, ids and step numbers, because they differ from run to run.
    fn redact(&self, text: &str) -> String {
        let text = text.replace(&self.directory().display().to_string(), "[DIR]");
        let mut redacted = String::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find(is_hex) {
            redacted += &rest[..start];
            let length = rest[start..].find(|character| !is_hex(character)).unwrap_or(rest.len() - start);
            let word = &rest[start..start + length];
            redacted += match length {
                64 => "[ID]",
                12 if word.contains(|digit: char| digit.is_ascii_digit()) => "[SHORT ID]",
                _ => word,
            };
            rest = &rest[start + length..];
        }
        stepless(&(redacted + rest))
    }

    /// The number of containers that have a directory in the store.
    pub fn containers(&self) -> usize {
        fs::read_dir(self.path("store/containers")).map_or(0, Iterator::count)
    }
}

/// Redacts the numbers of steps, because they depend on the machine's cgroups and on the user.
fn stepless(text: &str) -> String {
    let mut pieces = text.split("step ");
    let mut redacted = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let behind = piece.trim_start_matches(|digit: char| digit.is_ascii_digit());
        redacted += if behind.len() < piece.len() { "step [N]" } else { "step " };
        redacted += behind;
    }
    redacted
}

fn is_hex(character: char) -> bool {
    matches!(character, '0'..='9' | 'a'..='f')
}

impl Answer {
    /// Stdout, stderr and the exit code as one text.
    pub fn show(&self) -> String {
        format!("{}{}exit code {}\n", self.stdout, self.stderr, self.code)
    }
}
