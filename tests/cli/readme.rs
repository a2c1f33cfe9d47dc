//! Every command of the README, typed in a clean environment as root and as an ordinary user, in the order of the page.
//!
//! The commands run in a directory that has those files of the repository that the page mentions, and with a store and a
//! home of their own. Commands that take many minutes are not run here: [`ELSEWHERE`] says what checks them instead.

use std::{
    env,
    ffi::OsString,
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{
    console::{Example, code, examples},
    registry::{Access, Registry},
    terminal::Person,
    test_env::TestEnv,
};

const README: &str = include_str!("../../README.md");
const SCRIPT: &str = include_str!("../run");

/// The commands that this test does not run, with the reason and what checks them instead.
const ELSEWHERE: [(&str, &str); 3] = [
    (
        "cargo run --release --bin minicontainer -- demo",
        "compiles for minutes; the stage `demo` of tests/run runs that program, and here the tested one runs `demo`",
    ),
    (
        "cargo install --locked --profile dist --path minicontainer/cli",
        "compiles for minutes; here the package, its program, the profile and the lock file are checked",
    ),
    ("tests/run", "runs this test itself; here its help, its exit codes and the list of packages are checked"),
];

/// The commands that exit with another code than 0.
const EXIT_CODES: [(&str, i32); 2] = [("minicontainer judge", 1), ("minicontainer run --rm busybox cat /note", 1)];

/// What a person types.
const INPUTS: [(&str, &str); 1] = [("minicontainer system prune", "y\n")];

/// What an ordinary user without a delegated cgroup is told about a limit.
const NO_LIMIT: &str = "the memory limit cannot be applied";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// A user's environment: the command on the PATH, and a copy of what a clone has.
struct Newcomer {
    place: TestEnv,
    /// A registry that has the image `alpine`; `None` without the program for it.
    registry: Option<Registry>,
    /// The directory that the commands run in: `cd` changes it.
    directory: PathBuf,
}

impl Newcomer {
    fn new(place: TestEnv) -> Newcomer {
        fs::create_dir(place.path("bin")).unwrap();
        symlink(place.engine_file(), place.path("bin/minicontainer")).unwrap();
        let clone = place.path("clone");
        let copied = place.command_of("mkdir").arg("-p").arg(clone.join("book/examples")).status().unwrap();
        assert!(copied.success());
        copy(&place, &repository().join("book/examples/homework"), &clone.join("book/examples/homework"));
        let registry = Registry::start(Access::Everybody);
        if let Some(registry) = &registry {
            let name = registry.name("library/alpine");
            for words in [&["image", "seed"][..], &["tag", "busybox", &name], &["push", "-q", &name]] {
                let output =
                    place.command(words).env("MINICONTAINER_ROOT", place.path("other-store")).output().unwrap();
                assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
        Newcomer { place, registry, directory: clone }
    }

    /// Types a command of the page, and checks its exit code and its output.
    fn types(&mut self, example: &Example) {
        let command = example.command.as_str();
        if let Some(directory) = command.strip_prefix("cd ") {
            self.directory.push(directory);
            return;
        }
        let command = match &self.registry {
            // The default registry needs a network, so the test's own stands for it.
            Some(registry) if command.contains(" alpine ") => {
                command.replace(" alpine ", &format!(" {} ", registry.name("library/alpine")))
            }
            None if command.contains(" alpine ") => return,
            _ => command.to_owned(),
        };
        let (code, output) = match command.contains(" -it ") {
            true => self.types_at_a_terminal(&command),
            false => self.runs(&command, input(&command)),
        };
        let needs_limits = command.contains(" --memory ") || command.contains(" --profile=untrusted ");
        if !self.place.is_of_root() && needs_limits && output.contains(NO_LIMIT) {
            assert!(code == 125 && output.contains("\n  hint: "), "{command}: {output}");
            return;
        }
        let expected = EXIT_CODES.iter().find(|(begin, _)| command.starts_with(begin)).map_or(0, |(_, code)| *code);
        let shown = example.output.join("\n");
        assert_eq!(code, expected, "README.md:{}: $ {command}\nprinted: {output}", example.line);
        assert!(
            example.matches(&output),
            "README.md:{}: $ {command}\nshows: {shown}\nprinted: {output}",
            example.line
        );
    }

    fn runs(&self, command: &str, input: &str) -> (i32, String) {
        let path = format!("{}:{}", self.place.path("bin").display(), env::var("PATH").unwrap());
        let mut shell = self.place.command_of("sh");
        shell.args(["-c", &format!("exec 2>&1; {command}")]).env("PATH", path).current_dir(&self.directory);
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // A command may exit before it has read all of its input, so a broken pipe is not an error.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn types_at_a_terminal(&self, command: &str) -> (i32, String) {
        let words = command.split('#').next().unwrap().split_whitespace().skip(1).collect::<Vec<_>>();
        let mut person = Person::starts(&self.place, &words);
        person.types("id -u; exit\n");
        let (code, seen) = person.sees_the_end();
        assert!(code != 0 || seen.contains("\n0\n"), "{command}: {seen}");
        (code, seen)
    }
}

fn input(command: &str) -> &'static str {
    INPUTS.iter().find(|(begin, _)| command.starts_with(begin)).map_or("", |(_, input)| input)
}

/// Copies a directory; it then belongs to the user.
fn copy(place: &TestEnv, from: &Path, to: &Path) {
    let own = place.other_user().unwrap_or(nix::unistd::geteuid().as_raw()).to_string();
    for (program, arguments) in [("cp", vec!["-r"]), ("chown", vec!["-R", &own])] {
        let mut command = Command::new(program);
        command.args(arguments);
        if program == "cp" {
            command.arg(from);
        }
        assert!(command.arg(to).status().unwrap().success(), "{program} {}", to.display());
    }
}

/// The commands of the page except the last part, about a program of one's own.
fn commands() -> Vec<Example> {
    examples(README).into_iter().filter(|example| !is_elsewhere(example) && !is_of_cargo(example)).collect()
}

fn is_elsewhere(example: &Example) -> bool {
    ELSEWHERE.iter().any(|(command, _)| example.command == *command)
}

fn is_of_cargo(example: &Example) -> bool {
    example.command.starts_with("cargo ") || example.command == "cd grader"
}

fn check_as(place: TestEnv) {
    let mut newcomer = Newcomer::new(place);
    let (code, told) = newcomer.runs("minicontainer demo --lang en", "");
    assert_eq!(code, 0, "{told}");
    let commands = commands();
    assert!(commands.len() > 15, "the page has its commands");
    commands.iter().for_each(|example| newcomer.types(example));
}

#[test]
fn commands_work_as_root() {
    let Some(place) = TestEnv::seeded_root() else { return };
    check_as(place);
}

#[test]
fn commands_work_as_ordinary_user() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_as(place);
}

#[test]
fn commands_that_take_long_are_checked_otherwise() {
    let all = examples(README);
    for (command, reason) in ELSEWHERE {
        assert!(all.iter().any(|example| example.command == command), "{command} is listed, but not on the page");
        assert!(!reason.is_empty());
    }
    let manifest = |path: &str| -> toml::Table {
        fs::read_to_string(repository().join(path)).unwrap().parse().expect("a manifest")
    };
    assert!(manifest("Cargo.toml")["profile"].as_table().unwrap().contains_key("dist"));
    assert_eq!(manifest("minicontainer/cli/Cargo.toml")["bin"][0]["name"].as_str(), Some("minicontainer"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--package=minicontainer-cli"]).current_dir(repository());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let run = |argument: &str| Command::new(repository().join("tests/run")).arg(argument).output().unwrap();
    let help = run("--help");
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("tests/run --long"));
    let unknown = run("--frobnicate");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).starts_with("unknown option: --frobnicate\n"));
}

/// What `tests/run` installs as root is on the page, before anyone runs it.
#[test]
fn packages_that_the_tests_install_are_named() {
    let (_, rest) = SCRIPT.split_once("missing_packages() {").expect("the function");
    let function = rest.split_once("\n}").expect("its end").0;
    let packages: Vec<&str> = function
        .split("echo ")
        .skip(1)
        .map(|rest| rest.split(|end: char| end.is_whitespace() || end == ';').next().unwrap())
        .collect();
    assert!(packages.len() > 15, "{packages:?}");
    for package in packages {
        assert!(README.contains(&format!("`{package}`")), "README.md does not name the package {package}");
    }
}

/// The program of the section about the library, compiled by the commands of the page, and run by both users.
#[test]
fn program_that_uses_the_library_compiles_and_runs() {
    let place = TestEnv::new();
    symlink(repository(), place.path("minicontainer")).unwrap();
    let page: Vec<Example> = examples(README).into_iter().filter(is_of_cargo).collect();
    let commands: Vec<&Example> = page.iter().filter(|example| !is_elsewhere(example)).collect();
    let [new, enter, dependencies @ .., run] = &commands[..] else { panic!("{commands:?}") };
    let grader = place.path("grader");
    assert_eq!((enter.command.as_str(), dependencies.len()), ("cd grader", 2));
    cargo(&place, new, place.directory());
    // The versions that were downloaded for the workspace.
    fs::copy(repository().join("Cargo.lock"), grader.join("Cargo.lock")).unwrap();
    fs::write(grader.join("src/main.rs"), code(README, "rust")).unwrap();
    dependencies.iter().for_each(|example| drop(cargo(&place, example, &grader)));
    check_program(&place, run, cargo(&place, run, &grader));

    let Some(user) = TestEnv::user().filter(|user| user.other_user().is_some()) else { return };
    let program = user.path("grader");
    fs::copy(target().join("debug/grader"), &program).unwrap();
    copy(&user, &grader.join("src"), &user.path("src"));
    check_program(&user, run, user.command_of(&program).output().unwrap());
}

/// Where the program is compiled. The directory is kept, so that only the first run of the test takes long.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme")
}

/// Runs a command of cargo, without a network.
fn cargo(place: &TestEnv, example: &Example, directory: &Path) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    // The variables of the package whose test this is would make cargo compile everything again.
    let of_package =
        |name: &OsString| name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR";
    for name in env::vars_os().map(|(name, _)| name).filter(of_package) {
        cargo.env_remove(name);
    }
    cargo.args(example.command.split_whitespace().skip(1)).arg("--offline").current_dir(directory);
    cargo.env("CARGO_TARGET_DIR", target()).env("MINICONTAINER_ROOT", place.store());
    let output = cargo.output().unwrap();
    let is_run = example.command.starts_with("cargo run");
    assert!(is_run || output.status.success(), "{}: {}", example.command, String::from_utf8_lossy(&output.stderr));
    output
}

fn check_program(place: &TestEnv, example: &Example, output: Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    // Without a delegated cgroup, the error names the limit.
    if !place.is_of_root() && stderr.contains("memory") && stderr.contains("cgroup") {
        return;
    }
    assert!(output.status.success() && example.matches(&stdout), "{}: {stdout}{stderr}", example.command);
}
