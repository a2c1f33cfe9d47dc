//! The help of every command.

use minicontainer::core::{
    options::{Profile, RunOptions},
    spec::{DEFAULT_CAPABILITIES, DEFAULT_PIDS, UNTRUSTED_MEMORY, UNTRUSTED_NANO_CPUS, UNTRUSTED_PIDS},
};

use crate::test_env::TestEnv;

#[test]
fn help_of_every_command_is_unchanged() {
    let place = TestEnv::new();
    let commands = [
        "",
        "run",
        "ps",
        "rm",
        "inspect",
        "diff",
        "explain",
        "spec",
        "judge",
        "images",
        "rmi",
        "pull",
        "push",
        "login",
        "logout",
        "load",
        "save",
        "import",
        "export",
        "commit",
        "build",
        "builder",
        "builder du",
        "builder prune",
        "tag",
        "history",
        "container",
        "image",
        "image seed",
        "image prune",
        "image check-layer",
        "image verify",
        "system",
        "system check",
        "system df",
        "system prune",
        "demo",
        "doctor",
        "version",
        "completions",
    ];
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        insta::assert_snapshot!(format!("help_{}", command.replace(' ', "_")), place.succeed(&words));
        for width in [60, 80] {
            let mut command = place.command(&words);
            let help = place.answer(command.env("COLUMNS", width.to_string()).output().unwrap()).stdout;
            check_wrapping(&help, width);
        }
    }
}

/// Checks that a paragraph is wrapped where the terminal ends, and not somewhere before as well.
fn check_wrapping(help: &str, width: usize) {
    let is_text = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':');
    let lines: Vec<&str> = help.lines().collect();
    for pair in lines.windows(2) {
        let [line, next] = pair else { continue };
        if is_text(line) && is_text(next) {
            let word = next.split_whitespace().next().unwrap().chars().count();
            assert!(line.chars().count() + 1 + word > width, "wrapped too early at {width}: {line}\n{next}\n{help}");
        }
    }
    for line in lines {
        // clap does not wrap the usage, and a single word cannot be wrapped.
        let can_be_wrapped = line.contains(' ') && !line.starts_with("Usage: ");
        assert!(line.chars().count() <= width || !can_be_wrapped, "too long for {width}: {line}");
    }
}

#[test]
fn help_of_run_states_the_defaults() {
    let place = TestEnv::new();
    let help = place.succeed(&["run", "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    let untrusted = "with --profile=untrusted]";
    let bounds = RunOptions::with(|options| options.profile = Profile::Untrusted).bounds();
    let capabilities = DEFAULT_CAPABILITIES.map(|name| name.trim_start_matches("CAP_")).join(", ");
    for default in [
        format!("[default: {DEFAULT_PIDS}; {UNTRUSTED_PIDS} {untrusted}"),
        format!("[default: unlimited; {}m {untrusted}", UNTRUSTED_MEMORY >> 20),
        format!("[default: unlimited; {} {untrusted}", UNTRUSTED_NANO_CPUS / 1_000_000_000),
        format!("[default: none; {}m {untrusted}", bounds.wall_time.unwrap().as_secs() / 60),
        format!("[default: none; {}m {untrusted}", bounds.output.unwrap().bytes() >> 20),
        format!("[default: {capabilities}]"),
    ] {
        assert!(help.contains(&default), "{default}: {help}");
    }
    for heading in ["Limits:", "Files and mounts:", "Network and names:", "Isolation and privileges:"] {
        assert!(help.contains(heading), "{heading}");
    }
}

#[test]
fn object_commands_match_the_short_ones() {
    let place = TestEnv::new();
    let pairs = [
        ("run", "container run"),
        ("ps", "container ls"),
        ("rm", "container rm"),
        ("diff", "container diff"),
        ("images", "image ls"),
        ("rmi", "image rm"),
        ("pull", "image pull"),
        ("push", "image push"),
        ("load", "image load"),
        ("save", "image save"),
        ("import", "image import"),
        ("commit", "container commit"),
        ("export", "container export"),
    ];
    for (short, object) in pairs {
        let help = |command: &str| {
            let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
            // The name of the command differs, so the lines that contain it are skipped.
            let text = place.succeed(&words);
            text.lines().filter(|line| !line.starts_with("Usage:")).skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(help(short), help(object), "the help of {short} and of {object} differ");
    }
}

#[test]
fn completions_contain_the_commands() {
    let place = TestEnv::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.succeed(&["completions", shell]);
        assert!(script.contains("pids-limit") && script.contains("doctor"), "{shell}");
    }
}

#[test]
fn version_is_printed() {
    let place = TestEnv::new();
    let output = place.succeed(&["version", "--format", "{{.Version}} {{.Os}}"]);
    assert_eq!(output, format!("{} linux\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(place.succeed(&["--version"]), format!("minicontainer {}\n", env!("CARGO_PKG_VERSION")));
}
