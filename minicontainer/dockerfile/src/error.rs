//! Errors in a Dockerfile: the reason, with Docker's own message if it has one, and a hint how to fix it.
//!
//! A [`DockerfileErrorKind`] is the reason, a [`DockerfileError`] adds the position. [`DockerfileError::render`]
//! shows both with the line of the file and a caret under the word:
//!
//! ```
//! let source = "FROM busybox\nENTRYPIONT [\"sh\"]\n";
//! let error = minicontainer_dockerfile::parse(source.as_bytes()).unwrap_err();
//! let expect = "\
//! Dockerfile:2:1: unknown instruction: ENTRYPIONT
//!   |
//! 2 | ENTRYPIONT [\"sh\"]
//!   | ^^^^^^^^^^
//!   = did you mean `ENTRYPOINT`?
//! ";
//! assert_eq!(error.render("Dockerfile", source), expect);
//! ```

use crate::{expand::ExpandError, keyword::Keyword, position::Span};

/// Longer lines are truncated.
const WIDEST: usize = 160;

/// Longer quotations in messages are truncated, because they may be as long as the file.
const LONGEST_MESSAGE: usize = 600;

/// An error and its position.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {kind}{}", span.start.line, span.start.column, hint(kind))]
pub struct DockerfileError {
    /// The reason. It is boxed to keep the `Result` small.
    pub kind: Box<DockerfileErrorKind>,
    /// The instruction, if there is one.
    pub keyword: Option<Keyword>,
    /// The word it is about.
    pub span: Span,
}

minicontainer_core::plain_diagnostic!(DockerfileError: InvalidInput);

fn hint(kind: &DockerfileErrorKind) -> String {
    kind.hint().map(|hint| format!("; {hint}")).unwrap_or_default()
}

impl DockerfileError {
    pub(crate) fn of(self, keyword: Keyword) -> DockerfileError {
        DockerfileError { keyword: self.keyword.or(Some(keyword)), ..self }
    }

    /// The error with its line of the file and a caret, for a terminal.
    pub fn render(&self, file: &str, source: &str) -> String {
        let mut message = self.kind.to_string();
        if let Some(keyword) = self.keyword.filter(|keyword| !message.contains(keyword.name())) {
            message = format!("{keyword}: {message}");
        }
        snippet(file, source, self.span, &message, self.kind.hint().as_deref())
    }
}

/// A message with its position, line and a caret. Control characters of the file are escaped, so that a Dockerfile
/// cannot send commands to the terminal.
pub fn snippet(file: &str, source: &str, span: Span, message: &str, hint: Option<&str>) -> String {
    let Span { start, end } = span;
    let mut text = format!("{file}:{}:{}: {}\n", start.line, start.column, visible(message));
    let margin = start.line.to_string().len();
    if let Some(line) = source.split('\n').nth(start.line.saturating_sub(1)) {
        let line: Vec<char> = line.trim_start_matches('\u{feff}').trim_end_matches('\r').chars().collect();
        let (from, column) = match line.len() > WIDEST && start.column > WIDEST / 2 {
            true => (start.column - WIDEST / 2, WIDEST / 2),
            false => (0, start.column),
        };
        let shown: String = line.iter().skip(from).take(WIDEST).map(|character| plain(*character)).collect();
        let last = if end.line == start.line { end.column } else { line.len() + 1 };
        let carets = last.saturating_sub(start.column).clamp(1, (WIDEST + 1).saturating_sub(column).max(1));
        text += &format!("{:margin$} |\n{} | {shown}\n", "", start.line);
        text += &format!("{:margin$} | {}{}\n", "", " ".repeat(column.saturating_sub(1)), "^".repeat(carets));
    }
    if let Some(hint) = hint {
        text += &format!("{:margin$} = {}\n", "", visible(hint));
    }
    text
}

fn plain(character: char) -> char {
    match character {
        '\t' => ' ',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

fn visible(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).map(plain).collect()
}

impl DockerfileErrorKind {
    /// The error at its position.
    pub(crate) fn at(self, span: Span) -> DockerfileError {
        DockerfileError { kind: Box::new(self), keyword: None, span }
    }
}

/// The reason of an error.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum DockerfileErrorKind {
    // The file as a whole.
    #[error("the Dockerfile cannot be empty")]
    Empty,
    #[error("file with no instructions")]
    NoInstructions,
    #[error("dockerfile contains no stages to build")]
    NoStages,
    #[error("the file has {size} bytes, more than the limit of {limit}")]
    TooLarge { size: usize, limit: usize },
    #[error("the file has more than {limit} instructions")]
    TooManyInstructions { limit: usize },
    #[error("the file is not text: this byte is not valid UTF-8")]
    NotText,
    #[error("the file contains a NUL character, where the kernel would truncate an argument")]
    Nul,
    #[error("only one {name} parser directive can be used")]
    DirectiveTwice { name: String },
    #[error("invalid escape token '{given}' does not match ` or \\")]
    EscapeToken { given: String },
    #[error("invalid check option {given:?}")]
    CheckOption { given: String },
    #[error("cannot use the syntax {given:?}: frontends from images are not supported")]
    Frontend { given: String },

    // Instructions and their arguments.
    #[error("unknown instruction: {given}")]
    UnknownInstruction { given: String },
    #[error("no build stage in current context")]
    NoStage,
    #[error("{keyword} requires at least one argument")]
    AtLeastOneArgument { keyword: Keyword },
    #[error("{keyword} requires exactly one argument")]
    ExactlyOneArgument { keyword: Keyword },
    #[error(
        "{keyword} requires at least two arguments, but only one was provided. Destination could not be determined"
    )]
    NoDestination { keyword: Keyword },
    #[error("FROM requires either one or three arguments")]
    FromArguments,
    #[error("invalid name for build stage: {given:?}, name can't start with a number or contain symbols")]
    StageName { given: String },
    #[error("{keyword} must have two arguments")]
    TwoArguments { keyword: Keyword },
    #[error("Syntax error - can't find = in {given:?}. Must be of the form: name=value")]
    NoEquals { given: String },
    #[error("{keyword} names can not be blank")]
    BlankName { keyword: Keyword },
    #[error("when using JSON array syntax, arrays must be comprised of strings only")]
    JsonStrings,
    #[error("SHELL requires the arguments to be in JSON form")]
    ShellForm,
    #[error("VOLUME specified can not be an empty string")]
    EmptyVolume,
    #[error("{keyword} isn't allowed as an ONBUILD trigger")]
    Trigger { keyword: Keyword },
    #[error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")]
    TriggerOfTrigger,
    #[error("the base image's ONBUILD trigger {given:?} is not one instruction: {reason}")]
    BrokenTrigger { given: String, reason: String },

    // Options.
    #[error("Unknown flag: {given}")]
    UnknownFlag { given: String, known: Vec<&'static str> },
    #[error("Duplicate flag specified: {given}")]
    FlagTwice { given: String },
    #[error("Missing a value on flag: {given}")]
    FlagWithoutValue { given: String },
    #[error("Expecting boolean value for flag {name}, not: {given}")]
    FlagBoolean { name: String, given: String },
    #[error("{what} is not supported")]
    Unsupported { what: String, instead: &'static str },
    #[error("invalid value {given:?} for --{flag}")]
    FlagValue { flag: &'static str, given: String, allowed: &'static str },

    // Here-documents.
    #[error("unterminated heredoc")]
    UnterminatedHeredoc { name: String },
    #[error("{keyword} cannot accept a heredoc with a blank after <<")]
    HeredocBlank { keyword: Keyword },
    #[error("{keyword} cannot accept a heredoc as a destination")]
    HeredocDestination { keyword: Keyword },
    #[error("invalid heredoc name {given:?}: it becomes a file name here")]
    HeredocName { given: String },

    // HEALTHCHECK.
    #[error("HEALTHCHECK NONE takes no arguments")]
    HealthNone,
    #[error("Missing command after HEALTHCHECK CMD")]
    HealthCommand,
    #[error("Unknown type {given:?} in HEALTHCHECK (try CMD)")]
    HealthType { given: String },
    #[error("invalid duration {given:?} for --{flag}")]
    Duration { flag: &'static str, given: String },
    #[error("invalid value {given:?} for --retries: must be a number, at least 0")]
    Retries { given: String },

    // RUN --mount.
    #[error("unsupported mount type {given:?}")]
    MountType { given: String },
    #[error("unexpected key '{key}' in '{field}'")]
    MountKey { key: String, field: String },
    #[error("unexpected key '{key}' for mount type '{kind}'")]
    MountKeyOfType { key: String, kind: String },
    #[error("invalid field '{field}' must be a key=value pair")]
    MountField { field: String },
    #[error("invalid value for {key}: {given}")]
    MountValue { key: String, given: String },
    #[error("'{key}' doesn't support variable expansion, define alias stage instead")]
    MountFrom { key: String },
    #[error("invalid mount target {given:?}")]
    MountTarget { given: String },
    #[error("invalid secret mount. one of source, target required")]
    MountSecret,
    #[error("both source and id can't be set")]
    MountSecretTwice,
    #[error("failed to parse csv mounts: {reason}")]
    MountFields { reason: &'static str },

    // Words and their meaning, once expanded.
    #[error("failed to process {word:?}: {source}")]
    Expand { word: String, source: ExpandError },
    #[error("base name ({given}) should not be blank")]
    BlankBase { given: String },
    #[error("failed to parse stage name {given:?}: {reason}")]
    BaseName { given: String, reason: String },
    #[error("invalid platform {given:?}")]
    Platform { given: String },
    #[error("target stage {given:?} could not be found")]
    NoTarget { given: String, known: Vec<String> },
    #[error("invalid stage index {given}")]
    StageIndex { given: String },
    #[error("cannot copy from stage {given:?}, it needs to be defined before current stage {current:?}")]
    StageOrder { given: String, current: String },
    #[error("circular dependency detected on stage: {given}")]
    Circular { given: String },
    #[error(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround"
    )]
    FromVariable,
    #[error(
        "When using {keyword} with more than one source file, the destination must be a directory and end with a /"
    )]
    ManySources { keyword: Keyword },
    #[error("source can't be a {what} for COPY")]
    RemoteCopy { what: &'static str },
    #[error("ADD from a {what} is not supported: {given}")]
    RemoteAdd { what: &'static str, given: String },
    #[error("invalid chmod parameter: '{given}'. it should be octal string and between 0 and 07777, or symbolic")]
    Chmod { given: String },
    #[error("cannot use {given:?} as a user: {reason}")]
    User { given: String, reason: String },
    #[error("checksum can't be specified for multiple sources")]
    ChecksumSources,
    #[error("checksum requires HTTP(S) or Git sources")]
    ChecksumLocal,
    #[error("invalid {part}: {given}")]
    Port { part: &'static str, given: String },
    #[error("no port specified: {given}<empty>")]
    NoPort { given: String },
    #[error("invalid proto: {given}")]
    Protocol { given: String },
    #[error("Invalid signal: {given}")]
    Signal { given: String },
    #[error("{word:?} expanded to nothing, which would mean all files")]
    BlankSource { word: String },
    #[error("cannot use {given:?} as a pattern: {reason}")]
    Pattern { given: String, reason: crate::ignore::PatternError },
    #[error("more than {limit} variables are set")]
    TooManyVariables { limit: usize },
    #[error("the image's config would have more than {limit} bytes")]
    TooMuch { limit: usize },
}

minicontainer_core::plain_diagnostic!(DockerfileErrorKind: InvalidInput);
