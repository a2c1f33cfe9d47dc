//! The command `minicontainer`.
//!
//! This crate parses the command line, calls the engine and shows the result. All decisions are in the libraries.
//! A command goes through it like this:
//!
//! ```text
//! command line ─ args ─▶ one struct per command ─ commands::… ─▶ engine, library ─ table, format ─▶ stdout
//!                                                             └─ error: message, hint, exit code ─▶ stderr
//! ```
//!
//! | Module | What it holds |
//! |---|---|
//! | [`args`] | the grammar: commands in their short and their object form |
//! | [`booleans`] | boolean flags, with the values that Docker accepts |
//! | [`commands`] | a file for each family of commands: its flags and what it does |
//! | [`mod@format`], [`table`], [`output`] | `--format` templates, tables, writing to stdout |
//! | [`progress`] | progress of a pull, a push or a load |
//! | [`error`] | messages, hints and Docker's exit codes |
//! | [`panic`] | the report of a bug in this command, in one line |
//! | [`usage`] | errors of the command line; Docker's commands and flags that do not exist here |
//! | [`language`], [`messages`] | English or Portuguese, from a flag or the locale; warnings and other messages in both |
//!
//! Decisions: `minicontainer/decisions/command.md`.

// `println!` and `eprintln!` panic if the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod args;
mod booleans;
mod commands;
mod error;
mod flags;
mod format;
mod language;
mod messages;
mod output;
mod panic;
mod progress;
mod table;
mod usage;

use std::process::ExitCode;

use args::Arguments;

fn main() -> ExitCode {
    panic::install();
    // The parent may have left SIGCHLD ignored, and then no exit status can be read. This cannot fail.
    let _heeded = minicontainer::reset_sigchld();
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => return usage::print(&error, std::env::args_os().skip(1)),
    };
    match arguments.command.execute() {
        Ok(code) => code,
        Err(failure) => failure.print(),
    }
}
