//! The command `minicontainer`.
//!
//! Nothing is decided here that the libraries could decide: this crate reads what was typed, asks the engine, and
//! shows the answer. A command goes through it like this:
//!
//! ```text
//! words typed ─ args ─▶ one struct per command ─ commands::… ─▶ engine, library ─ table, format ─▶ stdout
//!                                                             └─ error: message, hint, exit code ─▶ stderr
//! ```
//!
//! | Module | What it holds |
//! |---|---|
//! | [`args`] | the grammar: commands, their short and their object forms |
//! | [`commands`] | a file for each family of commands: its flags, what it does |
//! | [`mod@format`], [`table`], [`output`] | `--format` templates, tables, writing to stdout |
//! | [`progress`] | a pull, a push or a load, shown while it happens |
//! | [`error`] | messages, hints and Docker's exit codes |
//! | [`panic`] | a bug in this command, reported in one line |
//! | [`language`] | English or Portuguese, from a flag or the locale |

// `println!` and `eprintln!` panic where the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod args;
mod commands;
mod error;
mod format;
mod language;
mod output;
mod panic;
mod progress;
mod table;

use std::process::ExitCode;

use args::Arguments;

fn main() -> ExitCode {
    panic::install();
    // Whoever started the command may have left it to ignore the end of children. It cannot fail.
    let _heeded = minicontainer::reset_sigchld();
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => return error::usage(&error, std::env::args_os().skip(1)),
    };
    match arguments.command.execute() {
        Ok(code) => code,
        Err(failure) => failure.print(),
    }
}
