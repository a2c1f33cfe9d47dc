//! Boolean flags with Docker's syntax: `--rm`, `--rm=true`, `--rm=false`, `-i=0`.
//!
//! Docker is written in Go, whose package `strconv` defines the accepted values in [`ParseBool`][1]. A value must
//! follow an `=`: in `--rm false`, the word `false` is the next argument. If a flag is repeated, the last one
//! applies.
//!
//! The grammar ([`args`](crate::args)) declares these flags as usual. [`with_values`] then adds values to all of
//! them, in every command. Help is printed from the grammar without values, because `--rm` is easier to read than
//! `--rm[=<BOOL>]`.
//!
//! [1]: https://pkg.go.dev/strconv#ParseBool

use clap::{Arg, ArgAction, Command, builder::ValueParser};
use minicontainer::core::options::parse_bool;

/// Adds values to all boolean flags of a command and its subcommands.
pub fn with_values(command: Command) -> Command {
    let command = command.args_override_self(true).mut_args(with_value);
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.iter().fold(command, |command, name| command.mut_subcommand(name, with_values))
}

fn with_value(flag: Arg) -> Arg {
    match flag.get_action() {
        ArgAction::SetTrue => flag
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .value_name("BOOL")
            .default_value("false")
            .default_missing_value("true")
            .value_parser(ValueParser::new(parse)),
        _ => flag,
    }
}

/// Parses the value of a boolean flag.
pub fn parse(text: &str) -> Result<bool, String> {
    parse_bool(text).ok_or_else(|| "must be true or false".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], expect: Result<[bool; 2], ()>) {
        let flag = |id: &'static str| Arg::new(id).short(id.chars().next()).action(ArgAction::SetTrue);
        let rest = Arg::new("rest").num_args(0..).trailing_var_arg(true);
        let command = with_values(Command::new("run").arg(flag("i")).arg(flag("t").long("tty")).arg(rest));
        let matches = command.try_get_matches_from([&["run"], words].concat());
        let given = matches.map(|matches| ["i", "t"].map(|id| matches.get_flag(id)));
        assert_eq!(given.map_err(drop), expect, "{words:?}");
    }

    /// The values are those of `ParseBool`'s documentation. Combined short flags (`-it=false`) follow the rules of
    /// Go's package pflag.
    #[test]
    fn flags_take_the_values_of_go() {
        check(&[], Ok([false, false]));
        check(&["-it"], Ok([true, true]));
        check(&["-it=false", "image"], Ok([true, false]));
        check(&["-i=0", "--tty=T"], Ok([false, true]));
        check(&["-i", "false"], Ok([true, false]));
        check(&["-i", "-i=false"], Ok([false, false]));
        check(&["--tty=false", "--tty", "-i", "-i"], Ok([true, true]));
        for on in ["1", "t", "T", "true", "TRUE", "True"] {
            check(&[&format!("--tty={on}")], Ok([false, true]));
        }
        for off in ["0", "f", "F", "false", "FALSE", "False"] {
            check(&[&format!("--tty={off}")], Ok([false, false]));
        }
        for wrong in ["yes", "on", "2", "tRUE", "", " true"] {
            check(&[&format!("--tty={wrong}")], Err(()));
        }
    }
}
