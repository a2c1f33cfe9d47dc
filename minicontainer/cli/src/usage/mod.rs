//! Errors of the command line, and Docker's words that do not exist here.
//!
//! Most readers know Docker, and try its commands first. clap answers a word that it does not have with the nearest
//! one in spelling: `history` for `stop`. So a word of Docker's is looked up in a table instead, which says what to
//! use here: [`commands`] for commands, [`flags`] for flags. The flags of `run` and `build` have tables of their own,
//! because these commands accept some of their values.

pub mod commands;
pub mod flags;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{
    Command, CommandFactory,
    error::{ContextKind, ContextValue},
};
use minicontainer_dockerfile::suggest::nearest;

use crate::{
    args::Arguments,
    error::{ENGINE_FAILED, Failure, print_error},
    output::{printed, say},
};

/// The exit code after an error of usage.
const USAGE: u8 = 2;

/// Prints an error of the command line. `run` reserves the small exit codes for the program.
pub fn print(error: &clap::Error, words: impl Iterator<Item = OsString>) -> ExitCode {
    if !error.use_stderr() {
        // The error is a request for help or the version.
        let result = printed(error.print().and_then(|()| io::stdout().flush()));
        return result.map_or_else(|failure| failure.print(), |()| ExitCode::SUCCESS);
    }
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["help", "-h" | "--help"] = words[..] {
        let result = printed(Arguments::command().print_help());
        return result.map_or_else(|failure| failure.print(), |()| ExitCode::SUCCESS);
    }
    let code = if is_of_run(&words) { ENGINE_FAILED } else { USAGE };
    let failure = match error.kind() {
        clap::error::ErrorKind::InvalidSubcommand => {
            commands::refusal(&words).or_else(|| Some(unknown_command(error, &words).with_code(code)))
        }
        clap::error::ErrorKind::UnknownArgument => unknown_flag(error, &words).map(|failure| failure.with_code(code)),
        _ => None,
    };
    if let Some(failure) = failure {
        return failure.print();
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        say(&error.render().to_string());
        return ExitCode::from(code);
    }
    // Words that look like flags are never values here, so this tip is misleading.
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("tip: to pass '-")).collect();
    let text = lines.join("\n").replace("\n\n\n", "\n\n");
    print_error(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
    ExitCode::from(code)
}

/// Whether the command runs programs.
fn is_of_run(words: &[&str]) -> bool {
    let runs = |word: &str| matches!(word, "run" | "judge" | "explain" | "spec");
    match words {
        ["container", command, ..] | [command, ..] => runs(command),
        [] => false,
    }
}

/// The error for a command that neither this program nor Docker has. Another one is only suggested if it differs in
/// one or two letters.
fn unknown_command(error: &clap::Error, words: &[&str]) -> Failure {
    let unknown = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    let words = words.strip_prefix(&["help"]).unwrap_or(words);
    let path: Vec<&str> = words.iter().copied().take_while(|word| *word != unknown).collect();
    let grammar = Arguments::command();
    let parent = path.iter().try_fold(&grammar, |command, word| command.find_subcommand(word));
    let hint = match parent.and_then(|parent| nearest(unknown, names(parent))) {
        Some(similar) => format!("did you mean `{}`?", written(&path, similar)),
        None => format!("`{}` lists the commands", written(&path, "--help")),
    };
    Failure::new(format!("unknown command: {}", written(&path, unknown))).hint(hint)
}

/// The names of the visible subcommands, with their aliases.
fn names(command: &Command) -> impl Iterator<Item = &str> {
    command
        .get_subcommands()
        .flat_map(|command| [command.get_name()].into_iter().chain(command.get_visible_aliases()))
}

/// A command as it is typed.
fn written(path: &[&str], last: &str) -> String {
    [&["minicontainer"], path, &[last]].concat().join(" ")
}

/// The error for a flag that does not exist: for one of Docker's, what to use instead, and otherwise Docker's words.
/// A similar flag is only suggested if it differs in one or two letters; clap suggests flags that have hardly a
/// letter in common.
fn unknown_flag(error: &clap::Error, words: &[&str]) -> Option<Failure> {
    let flag = text(error, ContextKind::InvalidArg).filter(|word| word.starts_with('-'))?;
    let name = flag.split('=').next().unwrap_or(flag);
    let command = command_of(words);
    if let Some(refusal) = flags::refusal(&command, name) {
        return Some(refusal);
    }
    let similar = text(error, ContextKind::SuggestedArg).and_then(|suggested| nearest(name, [suggested]));
    let hint = match similar {
        Some(similar) => format!("did you mean {similar}?"),
        None => format!("`{}` lists the flags", written(&command, "--help")),
    };
    Some(Failure::new(format!("unknown flag: {flag}")).hint(hint))
}

/// The words that choose the command: nothing, one word, or an object and its command.
fn command_of<'words>(words: &[&'words str]) -> Vec<&'words str> {
    let depth = match words.first() {
        Some(&("container" | "image" | "system" | "builder" | "buildx")) => 2,
        _ => 1,
    };
    words.iter().copied().take(depth).take_while(|word| !word.starts_with('-')).collect()
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    }
}
