//! The variables that a stage sees, and the expansion of words with them.
//!
//! There are two kinds. `ENV` belongs to the image: it is in the config and visible in everything that follows. `ARG`
//! belongs to the build: it is visible to what follows in its stage (and in stages based on it), but is not in the
//! config. Both are in one scope; of two with the same name the later one applies. An `ARG` before the first `FROM`
//! is visible only in `FROM`, until a stage declares it again without a value.
//!
//! Some exist without a declaration: the platforms (`TARGETPLATFORM`, `BUILDARCH` and so on, which a stage declares
//! like any global one), and the proxies (`HTTP_PROXY` …), which a `RUN` sees if they are passed. Proxies may contain
//! passwords, so they are neither in the history nor in cache keys.

use std::collections::{BTreeMap, BTreeSet};

use minicontainer_core::explain::Message;

use super::{BuildOptions, Warning};
use crate::{
    check::Check,
    error::{DockerfileError, DockerfileErrorKind},
    expand::{Expansion, Quotes, expand},
    explain::message,
    instruction::Argument,
    position::{Span, Word},
    suggest::nearest,
};

const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"];
/// The maximum size of all variables and history of a plan, in bytes.
const MOST_BYTES: usize = 32 << 20;
/// More warnings are not useful.
const MOST_WARNINGS: usize = 1000;
/// The maximum number of variables in an environment.
const MOST_VARIABLES: usize = 1000;

/// The variables of the whole build.
pub(super) struct Build<'a> {
    pub(super) options: &'a BuildOptions,
    pub(super) escape: char,
    /// The variables of `FROM`.
    pub(super) globals: BTreeMap<String, String>,
    /// The global variables that are declared, with or without a value.
    pub(super) declared: BTreeSet<String>,
    pub(super) used_args: BTreeSet<String>,
    pub(super) warnings: Vec<Warning>,
    /// The position for errors about a trigger of an image, which is not in a file.
    pub(super) place: Option<Span>,
    bytes: usize,
}

impl<'a> Build<'a> {
    pub(super) fn new(options: &'a BuildOptions, escape: char, target: &str) -> Build<'a> {
        let mut globals = BTreeMap::from([("TARGETSTAGE".to_owned(), target.to_owned())]);
        let mut used_args = BTreeSet::new();
        for (prefix, platform) in [("TARGET", &options.platform), ("BUILD", &options.build_platform)] {
            let whole = platform.to_string();
            let parts = [
                ("PLATFORM", whole.as_str()),
                ("OS", platform.os()),
                ("ARCH", platform.architecture()),
                ("VARIANT", platform.variant()),
            ];
            for (name, value) in parts {
                let name = format!("{prefix}{name}");
                let value = options.build_args.get(&name).cloned().unwrap_or_else(|| value.to_owned());
                used_args.insert(name.clone());
                globals.insert(name, value);
            }
        }
        Build {
            options,
            escape,
            globals,
            declared: BTreeSet::new(),
            used_args,
            warnings: Vec::new(),
            place: None,
            bytes: 0,
        }
    }

    /// An `ARG` before the first `FROM`.
    pub(super) fn declare_global(&mut self, argument: &Argument) -> Result<(), DockerfileError> {
        let name = &argument.name.text;
        let value = match (self.options.build_args.get(name), &argument.default) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(default)) => Some(expanded(default, self.escape, &self.globals)?.text),
            (None, None) => None,
        };
        self.declared.insert(name.clone());
        self.globals.extend(value.map(|value| (name.clone(), value)));
        Ok(())
    }

    /// Expands a word of a `FROM`.
    pub(super) fn expand_global(&mut self, word: &Word) -> Result<Expansion, DockerfileError> {
        let found = expanded(word, self.escape, &self.globals)?;
        let undeclared = found.unmatched.iter().filter(|name| !self.declared.contains(*name)).take(MOST_WARNINGS);
        let message = |name: &String| {
            let known = self.declared.iter().chain(self.globals.keys()).map(String::as_str).take(MOST_VARIABLES);
            about_variable(
                ["check-undeclared-argument", "check-undeclared-argument-near"],
                name,
                nearest(name, known),
            )
        };
        let messages: Vec<Message> = undeclared.map(message).collect();
        messages.into_iter().for_each(|message| self.warn(Check::UndefinedArgInFrom, word.span, message));
        Ok(found)
    }

    pub(super) fn warn(&mut self, check: Check, span: Span, message: Message) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(Warning::new(check, self.place.unwrap_or(span), message));
        }
    }

    /// Adds to the size of the plan, so that a small file cannot result in a huge plan.
    pub(super) fn add_size(&mut self, bytes: usize, span: Span) -> Result<(), DockerfileError> {
        self.bytes += bytes;
        match self.bytes > MOST_BYTES {
            true => Err(DockerfileErrorKind::TooMuch { limit: MOST_BYTES }.at(span)),
            false => Ok(()),
        }
    }

    /// The proxies that were passed, for commands.
    pub(super) fn proxies(&self) -> Vec<String> {
        let passed = self.options.build_args.iter().filter(|(name, _)| is_proxy(name));
        passed.map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// The build arguments that were passed but are not declared.
    pub(super) fn unused(&self) -> Vec<String> {
        let is_known = |name: &str| {
            is_proxy(name)
                || name.starts_with("BUILDKIT_")
                || name == "SOURCE_DATE_EPOCH"
                || self.used_args.contains(name)
        };
        self.options.build_args.keys().filter(|name| !is_known(name)).cloned().collect()
    }
}

fn is_proxy(name: &str) -> bool {
    PROXIES.contains(&name) || PROXIES.contains(&name.to_lowercase().as_str()) && name == name.to_uppercase()
}

/// Expands a word; an error has its position.
pub(super) fn expanded(
    word: &Word,
    escape: char,
    variables: &BTreeMap<String, String>,
) -> Result<Expansion, DockerfileError> {
    expand(&word.text, escape, Quotes::Remove, variables).map_err(|source| unexpandable(word, source))
}

fn unexpandable(word: &Word, source: crate::expand::ExpandError) -> DockerfileError {
    let text: String = word.text.chars().take(200).collect();
    DockerfileErrorKind::Expand { word: text, source }.at(word.span)
}

/// The variables of one stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) variables: BTreeMap<String, String>,
    /// The arguments in the order of their declaration, for the history of `RUN`.
    pub(super) arguments: Vec<String>,
}

impl Scope {
    /// Expands a word, and warns about unset variables.
    pub(super) fn expand(&self, word: &Word, build: &mut Build) -> Result<Expansion, DockerfileError> {
        let found = expanded(word, build.escape, &self.variables)?;
        self.warn_of(&found, word.span, build);
        Ok(found)
    }

    pub(super) fn text(&self, word: &Word, build: &mut Build) -> Result<String, DockerfileError> {
        Ok(self.expand(word, build)?.text)
    }

    /// Expands the lines of a here-document, in which quotes have no meaning.
    pub(super) fn lines(&self, word: &Word, lines: &str, build: &mut Build) -> Result<String, DockerfileError> {
        let found =
            expand(lines, '\\', Quotes::Literal, &self.variables).map_err(|source| unexpandable(word, source))?;
        self.warn_of(&found, word.span, build);
        Ok(found.text)
    }

    fn warn_of(&self, found: &Expansion, span: Span, build: &mut Build) {
        for name in found.unmatched.iter().filter(|name| !self.arguments.contains(name)) {
            if build.warnings.len() == MOST_WARNINGS {
                return;
            }
            let near = nearest(name, self.variables.keys().map(String::as_str));
            let message = about_variable(["check-undefined-variable", "check-undefined-variable-near"], name, near);
            build.warn(Check::UndefinedVar, span, message);
        }
    }

    /// Declares an `ARG`; returns its text for the history.
    pub(super) fn declare(&mut self, argument: &Argument, build: &mut Build) -> Result<String, DockerfileError> {
        let name = self.text(&argument.name, build)?;
        let value = match (build.options.build_args.get(&name), &argument.default) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(default)) => Some(self.text(default, build)?),
            (None, None) => build.globals.get(&name).cloned(),
        };
        if !self.arguments.contains(&name) {
            self.arguments.push(name.clone());
        }
        build.used_args.insert(name.clone());
        let Some(value) = value else { return Ok(name) };
        let written = format!("{name}={value}");
        self.set(name, value, argument.name.span)?;
        Ok(written)
    }

    /// Sets a variable.
    pub(super) fn set(&mut self, name: String, value: String, span: Span) -> Result<(), DockerfileError> {
        self.variables.insert(name, value);
        match self.variables.len().max(self.arguments.len()) > MOST_VARIABLES {
            true => Err(DockerfileErrorKind::TooManyVariables { limit: MOST_VARIABLES }.at(span)),
            false => Ok(()),
        }
    }
}

/// The message about a variable, which is the first one, or the second one if there is a similar name.
fn about_variable([alone, with_near]: [&'static str; 2], name: &str, near: Option<&str>) -> Message {
    match near {
        Some(near) => message(with_near, [("name", name.into()), ("near", near.into())]),
        None => message(alone, [("name", name.into())]),
    }
}
