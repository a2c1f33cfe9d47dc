//! Docker's flags that do not exist here, and what to use instead, except those of `run` and `build`.

use crate::error::Failure;

/// A flag, or several that are the same.
struct Absent {
    /// The commands that have it in Docker. Empty: it stands before the command.
    commands: &'static [&'static str],
    names: &'static [&'static str],
    reason: &'static str,
    hint: &'static str,
}

const DAEMON: &str = "there is no daemon to connect to";
const STORE_HINT: &str = "leave it out; MINICONTAINER_ROOT=DIRECTORY chooses another store of images and containers";
const CACHE: &[&str] = &["builder prune", "builder du", "buildx prune", "buildx du"];

const FLAGS: &[Absent] = &[
    global(
        &["--config"],
        "settings come from the environment",
        "set DOCKER_CONFIG to the directory of the file with credentials",
    ),
    global(&["-c", "--context"], DAEMON, STORE_HINT),
    global(&["-D", "--debug"], "there is no daemon to debug", "leave it out; run --trace shows the steps of a start"),
    global(&["-H", "--host"], DAEMON, STORE_HINT),
    global(&["-l", "--log-level"], "there is no daemon with a log", "leave it out; errors and warnings go to stderr"),
    global(&["--tls", "--tlscacert", "--tlscert", "--tlskey", "--tlsverify"], DAEMON, STORE_HINT),
    of(&["images", "image ls"], &["--tree"], "images are listed as a table only", "use --sharing for shared layers"),
    of(
        &["rm", "container rm"],
        &["-l", "--link"],
        "containers have no links",
        "leave it out; `minicontainer rm CONTAINER` removes the container",
    ),
    of(
        &["rmi", "image rm", "push", "image push", "load", "image load", "save", "image save"],
        &["--platform"],
        "an image in the store is for one platform only",
        "leave it out; `minicontainer pull --platform` chooses the platform",
    ),
    of(
        &["history", "image history", "image inspect"],
        &["--platform"],
        "an image in the store is for one platform only",
        "leave it out; `minicontainer pull --platform` chooses the platform",
    ),
    of(
        &["import", "image import"],
        &["--platform"],
        "an imported image is for this machine's platform",
        "leave it out, or build the image on a machine of that platform",
    ),
    of(
        CACHE,
        &["--builder", "-D", "--debug"],
        "builds run in this program, so there are no builders to choose from",
        "leave it out",
    ),
    of(
        CACHE,
        &["--keep-storage", "--reserved-space", "--max-used-space", "--min-free-space"],
        "the build cache has no limits of size",
        "use --filter until=TIME (for example, --filter until=24h)",
    ),
];

/// The error for one of Docker's flags that does not exist here; `None` if it is not Docker's.
pub fn refusal(command: &[&str], flag: &str) -> Option<Failure> {
    let command = command.join(" ");
    let is_of = |absent: &&Absent| match absent.commands {
        [] => command.is_empty(),
        commands => commands.contains(&command.as_str()),
    };
    let absent = FLAGS.iter().filter(is_of).find(|absent| absent.names.contains(&flag))?;
    // Flags of several names are listed as in the help, and flags of one family are not.
    let names = match absent.names {
        [short, _] if !short.starts_with("--") => absent.names.join(", "),
        _ => flag.to_owned(),
    };
    Some(Failure::new(format!("{names}: {}", absent.reason)).hint(absent.hint))
}

const fn global(names: &'static [&'static str], reason: &'static str, hint: &'static str) -> Absent {
    of(&[], names, reason, hint)
}

const fn of(
    commands: &'static [&'static str],
    names: &'static [&'static str],
    reason: &'static str,
    hint: &'static str,
) -> Absent {
    Absent { commands, names, reason, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, flag: &str, expect: Option<&str>) {
        let command: Vec<&str> = command.split_whitespace().collect();
        let message = refusal(&command, flag).map(|failure| failure.message());
        let names = message.as_deref().map(|message| message.split_once(": ").expect("a reason").0);
        assert_eq!(names, expect, "{command:?} {flag}");
    }

    #[test]
    fn flags_are_those_of_the_command() {
        check("", "-H", Some("-H, --host"));
        check("", "--tlskey", Some("--tlskey"));
        check("ps", "-H", None);
        check("rm", "-l", Some("-l, --link"));
        check("ps", "-l", None);
        check("image load", "--platform", Some("--platform"));
        check("load", "--tree", None);
    }

    #[test]
    fn every_flag_has_a_reason_and_a_hint() {
        for absent in FLAGS {
            assert!(!absent.reason.ends_with('.') && !absent.hint.is_empty(), "{:?}", absent.names);
        }
    }
}
