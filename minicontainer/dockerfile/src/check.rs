//! Warnings about valid code that is likely to be wrong. The names and messages are those of BuildKit's build checks.
//!
//! A [`Warning`] is a value; nothing here prints. `# check=skip=Name` at the top of a file turns off some of them.

use std::fmt;

use minicontainer_core::explain::{Language, Message, Value};
use serde::Serialize;

use crate::{
    boolean::boolean,
    explain::message,
    instruction::{Command, Dockerfile, Instruction, Kind},
    keyword::Keyword,
    position::{Span, Word},
};

/// The check that produced a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[allow(missing_docs, reason = "each is explained at https://docs.docker.com/reference/build-checks/")]
pub enum Check {
    ConsistentInstructionCasing,
    CopyIgnoredFile,
    DuplicateStageName,
    ExposeProtoCasing,
    FromAsCasing,
    FromPlatformFlagConstDisallowed,
    InvalidBaseImagePlatform,
    InvalidDefaultArgInFrom,
    JSONArgsRecommended,
    LegacyKeyValueFormat,
    MaintainerDeprecated,
    MultipleInstructionsDisallowed,
    NoEmptyContinuation,
    RedundantTargetPlatform,
    ReservedStageName,
    SecretsUsedInArgOrEnv,
    StageNameCasing,
    UndefinedArgInFrom,
    UndefinedVar,
    WorkdirRelativePath,
    /// This check is our own: a `[` that does not begin a JSON array, usually because of single quotes.
    NotQuiteJSON,
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Warning {
    /// Its position.
    pub span: Span,
    /// The check that produced it.
    pub check: Check,
    /// The message.
    pub message: Message,
}

impl Warning {
    pub(crate) fn new(check: Check, span: Span, message: Message) -> Warning {
        Warning { span, check, message }
    }

    /// The warning with its line of the file and a caret, as a terminal shows it.
    pub fn render(&self, file: &str, source: &str, language: Language) -> String {
        let label = Message::new("label-warning", []).text(language);
        let message = format!("{label}: {}: {}", self.check, self.message.text(language));
        crate::error::snippet(file, source, self.span, &message, None)
    }
}

impl Dockerfile {
    /// The warnings that do not depend on values. The plan's warnings include these and those that do.
    ///
    /// ```
    /// let file = minicontainer_dockerfile::parse(b"FROM a\nENV API_KEY=x\n").unwrap();
    /// assert_eq!(file.warnings()[0].message.to_string(), r#"Do not use ARG or ENV instructions for sensitive data (ENV "API_KEY")"#);
    /// ```
    pub fn warnings(&self) -> Vec<Warning> {
        let mut found: Vec<Warning> = Vec::new();
        let empty = |place| {
            let message = message("check-empty-continuation", []);
            Warning::new(Check::NoEmptyContinuation, Span { start: place, end: place }, message)
        };
        found.extend(self.empty_continuations.iter().copied().map(empty));
        casing(&self.instructions, &mut found);
        stage_names(&self.instructions, &mut found);
        for instruction in &self.instructions {
            one(instruction, &mut found);
        }
        only_once(&self.instructions, &mut found);
        found.sort();
        self.unskipped(found)
    }

    /// Whether a build with warnings must fail: `# check=error=true`.
    pub fn warnings_are_errors(&self) -> bool {
        self.check_values("error").any(|value| boolean(value) == Some(true))
    }

    /// The values of one option of the directive `check`.
    fn check_values(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let options = options(self.directives.check.as_deref().unwrap_or_default()).flatten();
        options.filter(move |(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Removes the warnings that `# check=skip=…` turns off.
    pub(crate) fn unskipped(&self, found: Vec<Warning>) -> Vec<Warning> {
        let skipped: Vec<&str> =
            self.check_values("skip").flat_map(|names| names.split(',')).map(str::trim).collect();
        let is_skipped =
            |warning: &Warning| skipped.iter().any(|name| *name == "all" || *name == warning.check.to_string());
        found.into_iter().filter(|warning| !is_skipped(warning)).collect()
    }
}

/// The options of a directive `check` such as `skip=NAME,NAME;error=true`: name and value, or the text of an invalid
/// option as the error. The option `experimental` has no effect, because BuildKit's experimental checks do not exist
/// here.
pub(crate) fn options(text: &str) -> impl Iterator<Item = Result<(&str, &str), String>> {
    let parts = text.splitn(3, ';').filter(|_| !text.trim().is_empty());
    parts.map(|part| match part.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
        Some(("error", value)) if boolean(value).is_none() => Err(part.trim().to_owned()),
        Some((key @ ("error" | "experimental" | "skip"), value)) => Ok((key, value)),
        _ => Err(part.trim().to_owned()),
    })
}

fn casing(instructions: &[Instruction], found: &mut Vec<Warning>) {
    let is_lower = |word: &Word| word.text == word.text.to_lowercase();
    let is_upper = |word: &Word| word.text == word.text.to_uppercase();
    let lower = instructions.iter().filter(|instruction| is_lower(&instruction.keyword)).count();
    let upper = instructions.iter().filter(|instruction| is_upper(&instruction.keyword)).count();
    let majority = if lower > upper { "lower" } else { "upper" };
    for Instruction { keyword, kind, .. } in instructions {
        if !(if lower > upper { is_lower(keyword) } else { is_upper(keyword) }) {
            let arguments = [("command", keyword.text.as_str().into()), ("majority", majority.into())];
            let message = message("check-casing", arguments);
            found.push(Warning::new(Check::ConsistentInstructionCasing, keyword.span, message));
        }
        if let Kind::From(from) = kind
            && let Some(as_word) = &from.as_word
            && ((is_lower(keyword) && !is_lower(as_word)) || (is_upper(keyword) && !is_upper(as_word)))
        {
            let arguments = [("as", as_word.text.as_str().into()), ("from", keyword.text.as_str().into())];
            let message = message("check-from-as-casing", arguments);
            found.push(Warning::new(Check::FromAsCasing, as_word.span, message));
        }
    }
}

fn stage_names(instructions: &[Instruction], found: &mut Vec<Warning>) {
    let mut seen = Vec::new();
    for name in instructions.iter().filter_map(|instruction| match &instruction.kind {
        Kind::From(from) => from.name.as_ref(),
        _ => None,
    }) {
        let lower = name.text.to_lowercase();
        let mut warn = |check, message| found.push(Warning::new(check, name.span, message));
        if lower != name.text {
            warn(Check::StageNameCasing, message("check-stage-name-casing", [("name", name.text.as_str().into())]));
        }
        if matches!(lower.as_str(), "scratch" | "context") {
            let message = message("check-reserved-stage-name", [("name", lower.as_str().into())]);
            warn(Check::ReservedStageName, message);
        }
        if seen.contains(&lower) {
            let message = message("check-duplicate-stage-name", [("name", lower.as_str().into())]);
            warn(Check::DuplicateStageName, message);
        }
        seen.push(lower);
    }
}

/// The warnings about a single instruction.
fn one(instruction: &Instruction, found: &mut Vec<Warning>) {
    let keyword = instruction.kind.keyword();
    let mut warn = |check, span, message: Message| found.push(Warning::new(check, span, message));
    let mut secret = |keyword: &str, name: &Word| {
        if is_secret(&name.text) {
            let arguments = [("keyword", Value::from(keyword)), ("name", format!("{:?}", name.text).into())];
            let message = message("check-secret", arguments);
            warn(Check::SecretsUsedInArgOrEnv, name.span, message);
        }
    };
    match &instruction.kind {
        Kind::Arg(arguments) => arguments.iter().for_each(|argument| secret("ARG", &argument.name)),
        Kind::Env(pairs) => pairs.iter().for_each(|pair| secret("ENV", &pair.name)),
        Kind::Maintainer(_) => {
            warn(Check::MaintainerDeprecated, instruction.keyword.span, message("check-maintainer", []));
        }
        Kind::Onbuild(trigger) => return one(&trigger.instruction, found),
        Kind::Cmd(Command::Shell(text)) | Kind::Entrypoint(Command::Shell(text)) if is_nearly_json(&text.text) => {
            let message = message("check-not-quite-json", [("keyword", keyword.name().into())]);
            warn(Check::NotQuiteJSON, text.span, message);
        }
        _ => {}
    }
    if let Kind::Run(run) = &instruction.kind
        && let Command::Shell(text) = &run.command
        && is_nearly_json(&text.text)
    {
        let message = message("check-not-quite-json", [("keyword", keyword.name().into())]);
        warn(Check::NotQuiteJSON, text.span, message);
    }
    if let Kind::Env(pairs) | Kind::Label(pairs) = &instruction.kind
        && let Some(pair) = pairs.iter().find(|pair| pair.legacy)
    {
        let message = message("check-legacy-format", [("keyword", keyword.name().into())]);
        warn(Check::LegacyKeyValueFormat, pair.name.span, message);
    }
}

fn is_nearly_json(text: &str) -> bool {
    text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['"', '\'']))
}

/// Whether a variable's name suggests a secret value: one of its words does, and none suggests the opposite.
fn is_secret(name: &str) -> bool {
    const SECRETS: [&str; 10] =
        ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];
    const HARMLESS: [&str; 3] = ["public", "file", "version"];
    let lower = name.to_lowercase();
    let holds = |words: &[&str]| lower.split('_').any(|word| words.contains(&word));
    holds(&SECRETS) && !holds(&HARMLESS)
}

/// Only the last of these instructions in a stage has an effect. The warning is about the earlier one.
fn only_once(instructions: &[Instruction], found: &mut Vec<Warning>) {
    let mut last: Vec<(Keyword, Span)> = Vec::new();
    for instruction in instructions {
        let keyword = instruction.kind.keyword();
        match keyword {
            Keyword::From => last.clear(),
            Keyword::Cmd | Keyword::Entrypoint | Keyword::Healthcheck => {
                if let Some((_, span)) = last.iter().find(|(before, _)| *before == keyword) {
                    let message = message("check-only-once", [("keyword", keyword.name().into())]);
                    found.push(Warning::new(Check::MultipleInstructionsDisallowed, *span, message));
                }
                last.retain(|(before, _)| *before != keyword);
                last.push((keyword, instruction.span));
            }
            _ => {}
        }
    }
}
