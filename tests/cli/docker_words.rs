//! Every command of Docker's: it exists here, or it is refused by its name with what to use instead.

use crate::test_env::TestEnv;

/// The commands of Docker's reference, version 28.2 (docs/reference/commandline of docker/cli), and of its plugins
/// buildx 0.24 and compose 2.36 (docs/reference of both), that exist here.
const HERE: &str = "\
    build builder commit container diff export history image images import inspect load login logout \
    ps pull push rm rmi run save system tag version";

/// The commands below these that exist here.
const HERE_BELOW: &[(&str, &str)] = &[
    ("container", "commit diff export inspect list ls ps remove rm run"),
    ("image", "build history import inspect list load ls prune pull push remove rm save tag"),
    ("system", "df prune"),
    ("builder", "build du prune"),
    ("buildx", "build du prune"),
];

/// The commands that do not exist here.
const ABSENT: &str = "\
    attach bake checkpoint compose config context cp create debug desktop events exec extension info init kill logs \
    manifest mcp model network node offload pause plugin port rename restart sbom scout search secret service stack \
    start stats stop swarm top trust unpause update volume wait ai";

/// The commands below these that do not exist here.
const ABSENT_BELOW: &[(&str, &str)] = &[
    (
        "container",
        "attach cp create exec kill logs pause port prune rename restart start stats stop top unpause update wait",
    ),
    ("system", "dial-stdio events info"),
    (
        "builder",
        "bake create dap debug dial-stdio history imagetools inspect install ls policy rm stop uninstall use version",
    ),
    (
        "buildx",
        "bake create dap debug dial-stdio history imagetools inspect install ls policy rm stop uninstall use version",
    ),
    ("buildx history", "export import inspect logs ls open rm trace"),
    ("buildx imagetools", "create inspect"),
    ("checkpoint", "create ls rm"),
    (
        "compose",
        "attach bridge build commit config convert cp create down events exec export images kill logs ls pause port ps \
         publish pull push restart rm run scale start stats stop top unpause up version volumes wait watch",
    ),
    ("config", "create inspect ls rm"),
    ("context", "create export import inspect ls rm show update use"),
    ("manifest", "annotate create inspect push rm"),
    ("network", "connect create disconnect inspect ls prune rm"),
    ("node", "demote inspect ls promote ps rm update"),
    ("plugin", "create disable enable inspect install ls push rm set upgrade"),
    ("secret", "create inspect ls rm"),
    ("service", "create inspect logs ls ps rm rollback scale update"),
    ("stack", "config deploy ps rm services"),
    ("swarm", "ca init join join-token leave unlock unlock-key update"),
    ("trust", "inspect key revoke sign signer"),
    ("trust key", "generate load"),
    ("trust signer", "add remove"),
    ("volume", "create inspect ls prune rm update"),
];

fn commands(single: &str, below: &[(&str, &str)]) -> Vec<String> {
    let single = single.split_whitespace().map(str::to_owned);
    let below = below
        .iter()
        .flat_map(|(family, commands)| commands.split_whitespace().map(move |command| format!("{family} {command}")));
    single.chain(below).collect()
}

#[test]
fn every_command_of_docker_exists_or_is_refused_by_name() {
    let place = TestEnv::new();
    for command in commands(HERE, HERE_BELOW) {
        let words: Vec<&str> = command.split(' ').collect();
        let help = place.succeed(&[&words[..], &["--help"]].concat());
        assert!(help.contains("Usage: minicontainer"), "{command}: {help}");
        assert_eq!(help, place.succeed(&[&["help"], &words[..]].concat()), "help {command}");
    }
    let mut refusals = String::new();
    for command in commands(ABSENT, ABSENT_BELOW) {
        let words: Vec<&str> = command.split(' ').collect();
        let answer = place.run(&[&words[..], &["--flag", "value"]].concat());
        let named =
            ["is no", "will be no"].map(|form| format!("minicontainer: there {form} `minicontainer {command}`"));
        let is_named = named.iter().any(|named| answer.stderr.starts_with(named));
        assert!(is_named && answer.stderr.contains("\n  hint: ") && answer.code == 1, "{command}: {}", answer.show());
        assert!(!answer.stderr.contains("did you mean"), "{command}: {}", answer.show());
        for other in [[&words[..], &["--help"]].concat(), [&["help"], &words[..]].concat()] {
            assert_eq!(place.run(&other).stderr, answer.stderr, "{other:?}");
        }
        refusals += &answer.stderr;
    }
    insta::assert_snapshot!(refusals);
}

#[test]
fn command_that_nobody_has_is_unknown() {
    let place = TestEnv::new();
    for object in ["", "container", "image", "system", "builder"] {
        let words: Vec<&str> = object.split_whitespace().collect();
        let help = place.succeed(&[&words[..], &["--help"]].concat());
        let answer = place.run(&words);
        assert_eq!((answer.code, answer.stderr), (2, help), "without a command, the help is shown");
    }
    for (words, told) in [
        (&["imgaes"][..], "unknown command: minicontainer imgaes\n  hint: did you mean `minicontainer images`?\n"),
        (
            &["frobnicate"],
            "unknown command: minicontainer frobnicate\n  hint: `minicontainer --help` lists the commands\n",
        ),
        (
            &["container", "lss"],
            "unknown command: minicontainer container lss\n  hint: did you mean `minicontainer container ls`?\n",
        ),
        (
            &["help", "image", "frobnicate"],
            "unknown command: minicontainer image frobnicate\n  hint: `minicontainer image --help` lists the commands\n",
        ),
    ] {
        let answer = place.run(words);
        assert_eq!((answer.code, answer.stderr), (2, format!("minicontainer: {told}")), "{words:?}");
    }
}

/// The flags before the command of `docker --help`, and those of the commands that exist here.
#[test]
fn every_flag_of_docker_works_or_is_refused_by_name() {
    let place = TestEnv::new();
    assert_eq!(place.succeed(&["-v"]), place.succeed(&["--version"]));
    let mut refusals = String::new();
    for words in [
        "--config /tmp ps",
        "-c remote ps",
        "--context=remote ps",
        "-D ps",
        "--debug ps",
        "-H tcp://192.0.2.1 ps",
        "--host=tcp://192.0.2.1 ps",
        "-l debug ps",
        "--log-level debug ps",
        "--tls ps",
        "--tlscacert ca.pem ps",
        "--tlscert cert.pem ps",
        "--tlskey key.pem ps",
        "--tlsverify ps",
        "images --tree",
        "image ls --tree",
        "rm -l web",
        "container rm --link web",
        "rmi --platform linux/arm64 busybox",
        "push --platform linux/arm64 busybox",
        "load --platform linux/arm64",
        "save --platform linux/arm64 busybox",
        "history --platform linux/arm64 busybox",
        "image inspect --platform linux/arm64 busybox",
        "import --platform linux/arm64 files.tar",
        "builder prune --keep-storage 1g",
        "buildx du --builder other",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let answer = place.run(&words);
        let flag = words.iter().find(|word| word.starts_with('-')).unwrap().split('=').next().unwrap();
        let first = answer.stderr.lines().next().unwrap_or_default();
        let is_named = first.starts_with("minicontainer: -") && first.contains(flag) && first.contains(": ");
        assert!(answer.code == 2 && is_named && answer.stderr.contains("\n  hint: "), "{words:?}: {}", answer.show());
        refusals += &answer.stderr;
    }
    insta::assert_snapshot!(refusals);
}
