//! `RUN`: the command with its environment, user and mounts.
//!
//! If the whole command is one here-document, it is a script. The shell executes its lines, unless they begin with
//! `#!`: then they are written to a file, which is executed. Other here-documents are interpreted by the shell, so
//! their lines stay in the command's text.

use serde::Serialize;

use super::{
    Source,
    apply::Stage,
    bases::{self, ResolvedStage},
    configure::{in_shell, with_shell},
    scope::{Build, expanded},
};
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::{Command, Heredoc, Network, Run},
    mount::Mount,
};

/// The directory for scripts with `#!`, as in BuildKit.
const SCRIPTS: &str = "/dev/pipes";

/// A command to run in a container whose layer becomes the image's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The environment, `NAME=value`, by name.
    pub env: Vec<String>,
    /// The user; empty for root.
    pub user: String,
    /// The working directory.
    pub workdir: String,
    /// The network.
    pub network: Network,
    /// The mounts, each with the source of its files.
    pub mounts: Vec<(Mount, Source)>,
    /// An executable file that is mounted for the command, and is not part of the layer.
    pub script: Option<Script>,
    /// The proxies that were passed. They are in the environment, but not in the history or the cache key, because
    /// they may contain passwords.
    #[serde(skip)]
    pub proxies: Vec<String>,
}

/// A script with an interpreter line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// Its path in the container.
    pub path: String,
    /// Its lines.
    pub content: String,
}

pub(super) fn run(
    run: &Run,
    stage: &Stage,
    stages: &[ResolvedStage],
    build: &mut Build,
) -> Result<(RunCommand, String), DockerfileError> {
    let config = &stage.image.config;
    let workdir = if config.working_dir.is_empty() { "/" } else { &config.working_dir };
    let (argv, script) = match (&run.command, run.heredocs.as_slice()) {
        (Command::Shell(text), [only, ..]) if only.name.span == text.span => script(stage, only),
        (Command::Shell(text), heredocs) => {
            let bodies = heredocs.iter().map(|heredoc| format!("\n{}{}", heredoc.content, heredoc.name));
            (with_shell(config, text.text.clone() + &bodies.collect::<String>()), None)
        }
        (command, _) => (in_shell(config, command), None),
    };
    let mut mounts = Vec::new();
    for word in &run.mounts {
        let mut expand = |text: &str| {
            let part = crate::Word { text: text.to_owned(), span: word.span };
            expanded(&part, build.escape, &stage.scope.variables).map(|found| found.text).map_err(|error| *error.kind)
        };
        let mount =
            Mount::parse(&word.text, workdir, &mut expand).map_err(|kind: DockerfileErrorKind| kind.at(word.span))?;
        let from = mount.from().map(|from| crate::Word { text: from.to_owned(), span: word.span });
        let source = match from {
            Some(from) => bases::source(&from, stage.index, stages, build.options)?,
            None => Source::Context,
        };
        mounts.push((mount, source));
    }
    let written = format!("RUN {}", written(stage, &argv));
    let variables = stage.scope.variables.iter();
    let command = RunCommand {
        argv,
        env: variables.map(|(name, value)| format!("{name}={value}")).collect(),
        user: config.user.clone(),
        workdir: workdir.to_owned(),
        network: run.network.unwrap_or_default(),
        mounts,
        script,
        proxies: build.proxies(),
    };
    Ok((command, written))
}

fn script(stage: &Stage, heredoc: &Heredoc) -> (Vec<String>, Option<Script>) {
    let content = heredoc.text();
    if !content.starts_with("#!") {
        return (with_shell(&stage.image.config, content), None);
    }
    let path = format!("{SCRIPTS}/{}", heredoc.name);
    (with_shell(&stage.image.config, path.clone()), Some(Script { path, content }))
}

/// In the format of the history: the number of arguments and their values come first.
fn written(stage: &Stage, argv: &[String]) -> String {
    let arguments = &stage.scope.arguments;
    let value = |name: &String| stage.scope.variables.get(name).map(String::as_str).unwrap_or_default();
    let mut words = Vec::new();
    if !arguments.is_empty() {
        words.push(format!("|{}", arguments.len()));
        words.extend(arguments.iter().map(|name| format!("{name}={}", value(name))));
    }
    words.extend(argv.iter().cloned());
    words.join(" ")
}
