//! The help of every command.

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
