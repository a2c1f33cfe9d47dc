//! Docker's commands that do not exist here, and what to use instead.
//!
//! The commands are those of [Docker's reference][1], version 28, with its plugins buildx and compose. `docker
//! container stop` and `docker stop` are the same command, so [`CONTAINER`] has its second word only.
//!
//! [1]: https://docs.docker.com/reference/cli/docker/

mod table;

use crate::error::Failure;
use table::{CONTAINER, OTHERS};

/// A command that does not exist here.
struct Absent {
    words: &'static str,
    /// The commands below it, for which the same is true.
    below: &'static str,
    plan: Plan,
    /// Why it does not exist.
    reason: &'static str,
    hint: &'static str,
}

/// Whether a command will exist some day.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    Later,
    Never,
}

/// The error for one of Docker's commands that does not exist here; `None` if it is not Docker's.
pub fn refusal(words: &[&str]) -> Option<Failure> {
    let words = words.strip_prefix(&["help"]).unwrap_or(words);
    let typed: Vec<&str> = words.iter().copied().take_while(|word| !word.starts_with('-')).collect();
    let (absent, length) = find(&typed)?;
    let name = format!("minicontainer {}", typed[..length].join(" "));
    let message = match absent.plan {
        Plan::Later => format!("there is no `{name}` yet: {}", absent.reason),
        Plan::Never => format!("there will be no `{name}`: {}", absent.reason),
    };
    Some(Failure::new(message).hint(absent.hint))
}

/// The command with the most words that match, and how many words its name has as it was typed.
fn find(typed: &[&str]) -> Option<(&'static Absent, usize)> {
    match typed {
        ["container", command, ..] => Some((of(CONTAINER, &[command])?, 2)),
        ["system", command @ ("events" | "info"), ..] => Some((of(OTHERS, &[command])?, 2)),
        // Of Docker's commands, only this one has no short form.
        ["prune", ..] | [] => None,
        [command, ..] => of(CONTAINER, &[command]).map(|absent| (absent, 1)).or_else(|| {
            let mut lengths = (1..=typed.len()).rev();
            let (absent, length) = lengths.find_map(|length| Some((of(OTHERS, &typed[..length])?, length)))?;
            let is_below = |word: &&str| absent.below.split(' ').any(|below| below == *word);
            match typed.get(length).is_some_and(is_below) {
                true => Some((absent, length + 1)),
                // Itself it exists here, as another name of `builder`.
                false if absent.words == "buildx" => None,
                false => Some((absent, length)),
            }
        }),
    }
}

fn of(table: &'static [Absent], words: &[&str]) -> Option<&'static Absent> {
    // `docker builder` is another name of `docker buildx`.
    let words = || words.iter().map(|word| if *word == "builder" { "buildx" } else { word });
    table.iter().find(|absent| absent.words.split(' ').eq(words()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Arguments;

    #[track_caller]
    fn check(words: &str, expect: Option<&str>) {
        let words: Vec<&str> = words.split_whitespace().collect();
        let message = refusal(&words).map(|failure| failure.message());
        let name = message.as_deref().map(|message| message.split('`').nth(1).expect("a name in quotes"));
        assert_eq!(name, expect, "{words:?}");
    }

    #[test]
    fn command_is_named_as_it_was_typed() {
        check("stop web", Some("minicontainer stop"));
        check("container stop web", Some("minicontainer container stop"));
        check("help stop", Some("minicontainer stop"));
        check("stop --help", Some("minicontainer stop"));
        check("compose -f compose.yaml up", Some("minicontainer compose"));
        check("compose up -d", Some("minicontainer compose up"));
        check("volume", Some("minicontainer volume"));
        check("volume create data", Some("minicontainer volume create"));
        check("swarm join-token worker", Some("minicontainer swarm join-token"));
        check("trust key generate me", Some("minicontainer trust key generate"));
        check("builder ls", Some("minicontainer builder ls"));
        check("buildx imagetools inspect alpine", Some("minicontainer buildx imagetools inspect"));
        check("search nginx", Some("minicontainer search"));
        check("system events", Some("minicontainer system events"));
        for other in ["", "prune", "sotp", "container sotp", "container volume", "image stop", "builder sotp", "-D"] {
            check(other, None);
        }
    }

    #[test]
    fn every_command_has_a_reason_and_a_hint() {
        for absent in CONTAINER.iter().chain(OTHERS) {
            assert!(!absent.reason.ends_with('.') && !absent.hint.ends_with('.'), "{}", absent.words);
            assert!(!absent.reason.is_empty() && !absent.hint.is_empty(), "{}", absent.words);
        }
    }

    /// A hint must not lead to the next error.
    #[test]
    fn hints_name_existing_commands() {
        let grammar = Arguments::command();
        for absent in CONTAINER.iter().chain(OTHERS) {
            for (place, _) in absent.hint.match_indices("minicontainer ") {
                let rest = &absent.hint[place + "minicontainer ".len()..];
                let mut command = &grammar;
                for word in rest.split(|character: char| !character.is_ascii_lowercase()).take(2) {
                    command = command.find_subcommand(word).unwrap_or(command);
                }
                assert!(rest.starts_with("--help") || command.get_name() != grammar.get_name(), "{}", absent.hint);
            }
        }
    }
}
