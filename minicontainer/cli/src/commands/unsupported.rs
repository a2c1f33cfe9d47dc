//! Flags of `docker run` that are not supported. Each is refused by its name, with a hint what to use instead. A
//! value that requests the usual behaviour, such as `--restart no`, is accepted.
//!
//! The flags are a table, [`FLAGS`]. So clap's derive, which generates the grammar of the other structs, cannot be
//! used here, and [`Args`] is implemented by hand. The flags are those of [docker container run][1] that have no
//! field in another struct.
//!
//! [1]: https://docs.docker.com/reference/cli/docker/container/run/

mod table;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, parser::ValueSource};

use crate::error::Failure;
use table::FLAGS;

/// A flag that is not supported.
struct Flag {
    /// The long name.
    name: &'static str,
    short: Option<char>,
    takes: FlagValue,
    /// Why it is not supported.
    reason: &'static str,
    hint: &'static str,
}

/// The kind of value that a flag takes.
#[derive(Clone, Copy)]
enum FlagValue {
    /// A value. The listed ones are accepted.
    Value(&'static [&'static str]),
    /// No value, or a boolean. `false` is accepted.
    Boolean,
    /// No value, or a boolean. Both values are accepted, because neither has an effect.
    AnyBoolean,
}

/// The first flag that was given and is not supported.
#[derive(Debug, Default)]
pub struct UnsupportedFlags {
    refused: Option<(String, &'static str)>,
}

impl UnsupportedFlags {
    /// Returns an error for the first unsupported flag.
    pub fn check(&self) -> Result<(), Failure> {
        match &self.refused {
            Some((message, hint)) => Err(Failure::new(message).hint(*hint)),
            None => Ok(()),
        }
    }
}

impl Flag {
    fn argument(&self) -> Arg {
        let flag = Arg::new(self.name).long(self.name).short(self.short).hide(true);
        match self.takes {
            FlagValue::Value(_) => flag.action(ArgAction::Append).allow_hyphen_values(true),
            FlagValue::Boolean | FlagValue::AnyBoolean => flag.action(ArgAction::SetTrue),
        }
    }

    /// Whether this flag was given with a value that is not accepted.
    fn is_refused(&self, matches: &ArgMatches) -> bool {
        if matches.value_source(self.name) != Some(ValueSource::CommandLine) {
            return false;
        }
        match self.takes {
            FlagValue::Value(accepted) => {
                let mut given = matches.get_many::<String>(self.name).into_iter().flatten();
                !given.all(|value| accepted.contains(&value.as_str()))
            }
            FlagValue::Boolean => matches.get_flag(self.name),
            FlagValue::AnyBoolean => false,
        }
    }

    /// The names, as in `-d, --detach`.
    fn names(&self) -> String {
        let short = self.short.map_or(String::new(), |short| format!("-{short}, "));
        format!("{short}--{}", self.name)
    }
}

impl Args for UnsupportedFlags {
    fn augment_args(command: Command) -> Command {
        command.args(FLAGS.iter().map(Flag::argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        UnsupportedFlags::augment_args(command)
    }
}

impl FromArgMatches for UnsupportedFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<UnsupportedFlags, clap::Error> {
        let refused = FLAGS.iter().find(|flag| flag.is_refused(matches));
        let refused = refused.map(|flag| (format!("{}: {}", flag.names(), flag.reason), flag.hint));
        Ok(UnsupportedFlags { refused })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = UnsupportedFlags::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booleans;

    #[track_caller]
    fn check(words: &[&str], expect: Option<&str>) {
        let grammar = booleans::with_values(UnsupportedFlags::augment_args(Command::new("run")));
        let matches = grammar.try_get_matches_from([&["run"], words].concat()).expect("valid flags");
        let flags = UnsupportedFlags::from_arg_matches(&matches).expect("flags");
        let names = flags.refused.map(|(message, _)| message.split_once(": ").expect("a reason").0.to_owned());
        assert_eq!(names.as_deref(), expect, "{words:?}");
    }

    #[test]
    fn values_that_change_nothing_are_accepted() {
        check(&[], None);
        check(&["-d"], Some("-d, --detach"));
        check(&["-d=false", "--detach=0"], None);
        check(&["--restart", "no"], None);
        check(&["--restart", "no", "--restart=always"], Some("--restart"));
        check(&["--memory-swappiness", "-1", "--oom-score-adj=0", "-c", "0"], None);
        check(&["--oom-score-adj", "-500"], Some("--oom-score-adj"));
        check(&["--no-healthcheck", "--no-healthcheck=false"], None);
        check(&["-p", "80:80", "-P"], Some("-p, --publish"));
    }

    #[test]
    fn every_flag_has_a_reason_and_a_hint() {
        for flag in FLAGS {
            assert!(!flag.reason.ends_with('.') && !flag.hint.is_empty(), "{}", flag.names());
        }
    }
}
