//! Errors for the user: one line with what was tried and why it failed, one with a hint, and an exit code that tells
//! scripts what kind of failure it was.
//!
//! | Exit code | Meaning, as in docker-run(1) |
//! |---|---|
//! | the program's own | it ran and exited |
//! | 125 | the engine failed |
//! | 126 | the program exists but cannot be executed |
//! | 127 | the program was not found |
//! | 128 + n | killed by signal n |
//!
//! Other commands exit with 1, and after an error of usage with 2 (`spec` and `explain` with 125). The codes do not
//! depend on whether stderr can be written.
//!
//! If several things fail, the first error decides. An error of the engine takes precedence over the program's own
//! exit code: if a requested report (`run --report`) cannot be written, the exit code is 125, whatever the program
//! returned. The remaining work is still done, and each error is printed.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use anyhow::anyhow;
use minicontainer::{
    Diagnostic, ErrorKind,
    core::explain::{Language, Message},
};
use minicontainer_dockerfile::{Span, error::snippet};
use minicontainer_engine::judge::JudgeError;

use crate::{
    flags::with_flags,
    format::template::TemplateError,
    language,
    output::{say, visible, visible_lines},
};

/// The exit code if the engine failed.
pub const ENGINE_FAILED: u8 = 125;

/// The error that ends a command.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    error: anyhow::Error,
    hint: Option<String>,
    /// The language of message and hint: English, but that of its reader for an error of the demo.
    language: Language,
}

impl Failure {
    /// An error that this crate detects.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { code: 1, error: anyhow!(message.into()), hint: None, language: Language::English }
    }

    /// An error of a library.
    pub fn of(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
        Failure { code: 1, error: error.into(), hint: None, language: Language::English }
    }

    /// An invalid value of a flag.
    pub fn of_argument(flag: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
        Failure::of(error).context(format!("invalid argument for {flag}"))
    }

    /// Sets the exit code.
    pub fn with_code(self, code: u8) -> Failure {
        Failure { code, ..self }
    }

    /// Puts what was tried before the message.
    pub fn context(self, tried: impl Into<String>) -> Failure {
        Failure { error: self.error.context(tried.into()), ..self }
    }

    /// Says that message and hint are in this language.
    pub fn in_language(self, language: Language) -> Failure {
        Failure { language, ..self }
    }

    /// Sets the hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self
    }

    /// Adds an alternative to the hint.
    pub fn or_hint(mut self, other: &str) -> Failure {
        self.hint = Some(self.hint.map_or_else(|| other.to_owned(), |hint| format!("{hint}; or {other}")));
        self
    }

    /// A command that runs a program reserves 1 for the program.
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
            // Some errors already include the message of their source.
            if !message.contains(&source) {
                message += &format!(": {source}");
            }
        }
        with_flags(&message).into_owned()
    }

    /// The hint.
    pub fn fix(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The message with the line that it is about and a caret, for an error in a text of several lines.
    fn snippet(&self) -> Option<String> {
        if let Some(error) = self.error.downcast_ref::<TemplateError>() {
            return Some(error.render());
        }
        match self.error.downcast_ref::<JudgeError>() {
            Some(JudgeError::Settings { reason, text, span }) => {
                let span = Span::of_bytes(text, span);
                Some(snippet("judge.toml", text, span, reason, None).trim_end().to_owned())
            }
            _ => None,
        }
    }

    /// Prints message and hint to stderr.
    pub fn print(&self) -> ExitCode {
        match self.snippet() {
            Some(snippet) => print_error(&visible_lines(&snippet)),
            None => print_error(&shortened(&visible(&self.message()))),
        }
        if let Some(hint) = &self.hint {
            let label = Message::new("label-hint", []).text(self.language);
            say(&format!("  {label}: {}\n", visible(hint)));
        }
        ExitCode::from(self.code)
    }
}

/// Prints all errors of independent pieces of work but the first, which is returned for its exit code.
pub fn first_of(results: impl IntoIterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
    let mut failures = results.into_iter().filter_map(Result::err);
    let first = failures.next();
    failures.for_each(|failure| _ = failure.print());
    first.map_or(Ok(()), Err)
}

/// Shortens a message that quotes megabytes of untrusted input. The end stays, because the reason is there.
pub fn shortened(message: &str) -> String {
    match (message.char_indices().nth(2000), message.char_indices().nth_back(999)) {
        (Some((end, _)), Some((start, _))) if end < start => {
            format!("{}[... {} bytes ...]{}", &message[..end], start - end, &message[start..])
        }
        _ => message.to_owned(),
    }
}

/// Prints an error to stderr.
pub fn print_error(message: &str) {
    say(&format!("{} {message}\n", paint("1;31", "minicontainer:")));
}

/// Prints a warning to stderr, in the language of the environment.
pub fn warn(message: &Message) {
    say(&warning_line(message));
}

/// The line of a warning.
pub fn warning_line(message: &Message) -> String {
    let language = language::of_environment();
    let label = format!("{}:", Message::new("label-warning", []).text(language));
    format!("{} {}\n", paint("1;33", &label), visible_lines(&with_flags(&message.text(language))))
}

/// Colours a text for stderr if that is a terminal and NO_COLOR is not set (no-color.org).
fn paint(colour: &str, text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match io::stderr().is_terminal() && !plain {
        true => format!("\x1b[{colour}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// The command's exit code for each kind of error.
fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::CommandNotFound => 127,
        ErrorKind::CommandNotExecutable => 126,
        _ => 1,
    }
}

impl<E: Diagnostic + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let (kind, hint) = (error.kind(), error.hint().map(|hint| with_flags(&hint).into_owned()));
        let error = anyhow::Error::new(error);
        let error = match kind {
            ErrorKind::CommandNotFound => error.context("command not found in the container"),
            ErrorKind::CommandNotExecutable => error.context("command cannot be executed"),
            _ => error,
        };
        Failure { code: exit_code(kind), error, hint, language: Language::English }
    }
}

/// Adds what was tried to the error of another library.
pub trait Context<T> {
    /// With a fixed text, such as "cannot write JSON".
    fn context(self, tried: &str) -> Result<T, Failure>;

    /// With a text that is computed only if it is needed.
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
