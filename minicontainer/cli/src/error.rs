//! What a person sees when something went wrong: what was tried and why it failed in one line, how to fix it in
//! another, and an exit code that tells scripts whose fault it was.
//!
//! | Exit code | Meaning, as in docker-run(1) |
//! |---|---|
//! | the program's own | it ran and ended |
//! | 125 | the engine could not do its part |
//! | 126 | the program is there but cannot be executed |
//! | 127 | the program is not there |
//! | 128 + n | signal n ended it |
//!
//! Commands that run nothing end with 1. The codes do not depend on whether stderr can be written.
//!
//! If several things fail, the first error decides. An error of the engine goes before the program's own exit code:
//! where a report was asked for (`run --report`) and cannot be written, 125 says that it is missing, whatever the
//! program returned. The remaining work is done all the same, and each error is printed.

use std::{
    borrow::Cow,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::anyhow;
use minicontainer::{Diagnostic, ErrorKind};

use crate::{
    format::template::TemplateError,
    output::{printed, say, visible, visible_lines},
};

/// The engine could not do its part.
pub const ENGINE_FAILED: u8 = 125;

/// Why a command ends without having done what it was asked for.
#[derive(Debug)]
pub struct Failure {
    /// What it ends with.
    pub code: u8,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    /// A failure that only this crate knows of.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { code: 1, error: anyhow!(message.into()), hint: None }
    }

    /// A failure of the engine's.
    pub fn of(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
        Failure { code: 1, error: error.into(), hint: None }
    }

    /// What stands behind a flag makes no sense.
    pub fn of_argument(flag: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
        Failure::of(error).context(format!("invalid argument for {flag}"))
    }

    /// The same with what was tried before the message.
    pub fn context(self, tried: impl Into<String>) -> Failure {
        Failure { error: self.error.context(tried.into()), ..self }
    }

    /// The same with a hint that says how to fix it.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self
    }

    /// The same with one more way to fix it.
    pub fn or_hint(mut self, other: &str) -> Failure {
        self.hint = Some(self.hint.map_or_else(|| other.to_owned(), |hint| format!("{hint}; or {other}")));
        self
    }

    /// A command that runs a program keeps 1 for the program.
    pub fn of_run(mut self) -> Failure {
        if self.code == 1 {
            self.code = ENGINE_FAILED;
        }
        self
    }

    /// What was tried, and why it failed.
    pub fn message(&self) -> String {
        let mut message = self.error.to_string();
        for source in self.error.chain().skip(1) {
            let source = source.to_string();
            // Some errors tell their source in their own words already.
            if !message.contains(&source) {
                message += &format!(": {source}");
            }
        }
        message
    }

    /// How to fix it.
    pub fn fix(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Prints it.
    pub fn print(&self) -> ExitCode {
        match self.error.downcast_ref::<TemplateError>() {
            Some(error) => complain(&visible_lines(&error.render())),
            None => complain(&shortened(&visible(&self.message()))),
        }
        if let Some(hint) = &self.hint {
            say(&format!("  hint: {}\n", visible(hint)));
        }
        ExitCode::from(self.code)
    }
}

/// Reports every error of pieces of work that do not depend on each other. The first is returned, for its exit code.
pub fn first_of(results: impl IntoIterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
    let mut failures = results.into_iter().filter_map(Result::err);
    let first = failures.next();
    failures.for_each(|failure| _ = failure.print());
    first.map_or(Ok(()), Err)
}

/// A message that quotes a stranger's megabytes keeps its beginning and its end, where the reason stands.
pub fn shortened(message: &str) -> String {
    match (message.char_indices().nth(2000), message.char_indices().nth_back(999)) {
        (Some((end, _)), Some((start, _))) if end < start => {
            format!("{}[... {} bytes ...]{}", &message[..end], start - end, &message[start..])
        }
        _ => message.to_owned(),
    }
}

/// One line on stderr.
pub fn complain(message: &str) {
    say(&format!("{} {message}\n", paint("1;31", "minicontainer:")));
}

/// One line on stderr about something that goes on nevertheless.
pub fn warn(message: &str) {
    say(&format!("{} {}\n", paint("1;33", "warning:"), visible_lines(message)));
}

/// Colours what goes to stderr if that is a terminal whose owner has not asked for plain text (no-color.org).
fn paint(colour: &str, text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match io::stderr().is_terminal() && !plain {
        true => format!("\x1b[{colour}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// Tells what is wrong with the words typed. `run` keeps the small exit codes for the program.
pub fn usage(error: &clap::Error, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    if !error.use_stderr() {
        // Help or the version was asked for.
        let result = printed(error.print().and_then(|()| io::stdout().flush()));
        return result.map_or_else(|failure| failure.print(), |()| ExitCode::SUCCESS);
    }
    // A word that looks like a flag is never meant as a value here.
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("tip: to pass '-")).collect();
    let text = lines.join("\n").replace("\n\n\n", "\n\n");
    complain(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
    let words: Vec<OsString> = arguments.take(2).collect();
    let runs = |word: &OsString| word == "run" || word == "judge" || word == "explain" || word == "spec";
    let is_run = match words.first() {
        Some(first) if first == "container" => words.get(1).is_some_and(runs),
        Some(first) => runs(first),
        None => false,
    };
    ExitCode::from(if is_run { ENGINE_FAILED } else { 2 })
}

/// The command's exit code for each kind of error.
fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::CommandNotFound => 127,
        ErrorKind::CommandNotExecutable => 126,
        ErrorKind::InvalidInput
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Denied
        | ErrorKind::Unavailable
        | ErrorKind::Failed => 1,
    }
}

impl<E: Diagnostic + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let (kind, hint) = (error.kind(), error.hint().map(Cow::into_owned));
        let error = anyhow::Error::new(error);
        let error = match kind {
            ErrorKind::CommandNotFound => error.context("command not found in the container"),
            ErrorKind::CommandNotExecutable => error.context("command cannot be executed"),
            _ => error,
        };
        Failure { code: exit_code(kind), error, hint }
    }
}

/// Says what was tried when an error of another library ends the command.
pub trait Context<T> {
    /// With a fixed text, such as "cannot write JSON".
    fn context(self, tried: &str) -> Result<T, Failure>;

    /// With a text that is made only when it is needed.
    fn with_context<S: Into<String>>(self, tried: impl FnOnce() -> S) -> Result<T, Failure>;
}

impl<T, E: std::error::Error + Send + Sync + 'static> Context<T> for Result<T, E> {
    fn context(self, tried: &str) -> Result<T, Failure> {
        self.with_context(|| tried)
    }

    fn with_context<S: Into<String>>(self, tried: impl FnOnce() -> S) -> Result<T, Failure> {
        self.map_err(|error| Failure::of(error).context(tried()))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, tried: &str) -> Result<T, Failure> {
        self.with_context(|| tried)
    }

    fn with_context<S: Into<String>>(self, tried: impl FnOnce() -> S) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::new(tried()))
    }
}
