//! Where a test of the command works: a store with the image busybox in a directory of its own, as whoever runs the
//! tests or as an ordinary user.

use std::{
    env, fs,
    io::Write,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::skip;

/// An ordinary user that owns nothing.
const ORDINARY_USER: u32 = 65534;

pub struct Place {
    directory: TempDir,
    user: Option<u32>,
    engine: PathBuf,
}

/// How a command ended.
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    /// For whoever runs the tests.
    pub fn new() -> Place {
        Place::of(None)
    }

    /// For root; None when the test must be skipped.
    pub fn root() -> Option<Place> {
        skip::require(nix::unistd::geteuid().is_root(), skip::ROOT).then(Place::new)
    }

    /// For an ordinary user: root becomes one for each command.
    pub fn user() -> Option<Place> {
        let can = fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|most| most != "0\n");
        skip::require(can, "user namespaces (sysctl user.max_user_namespaces)")
            .then(|| Place::of(nix::unistd::geteuid().is_root().then_some(ORDINARY_USER)))
    }

    fn of(user: Option<u32>) -> Place {
        let directory = tempfile::Builder::new().prefix("mc-cli-").tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut engine = PathBuf::from(env!("CARGO_BIN_EXE_minicontainer"));
        if user.is_some() {
            // The checkout may lie where others cannot read. Another process copies it: a program that this one had
            // open for writing could not be executed as long as some other test's child has the descriptor too.
            let copy = directory.path().join("minicontainer");
            let copied = Command::new("install").args(["-m", "755"]).args([&engine, &copy]).status().unwrap();
            assert!(copied.success());
            engine = copy;
        }
        chown(directory.path(), user, user).unwrap();
        let place = Place { directory, user, engine };
        place.succeed(&["image", "seed"]);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command with this place's store and hardly any environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.program(&self.engine.display().to_string(), arguments)
    }

    /// Any program with the same environment, as the same user.
    pub fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("MINICONTAINER_ROOT", self.path("store"))
            .env("ENGINE", &self.engine)
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.answer(self.command(arguments).output().unwrap())
    }

    /// Runs it with something to read.
    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Answer {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read its input to the end is as right.
        let _ = child.stdin.take().unwrap().write_all(input);
        self.answer(child.wait_with_output().unwrap())
    }

    /// Runs it and returns what it prints.
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

    /// Replaces what differs from run to run.
    fn redact(&self, text: &str) -> String {
        let text = text.replace(&self.directory.path().display().to_string(), "[DIR]");
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

    /// How many containers have a directory.
    pub fn containers(&self) -> usize {
        fs::read_dir(self.path("store/containers")).map_or(0, Iterator::count)
    }
}

/// How many steps come before one depends on the machine: on its cgroups, on who asks.
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
    /// All of it, as a person would see it.
    pub fn show(&self) -> String {
        format!("{}{}exit code {}\n", self.stdout, self.stderr, self.code)
    }
}
