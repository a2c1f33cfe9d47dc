//! A parsed Dockerfile: instructions with their words and positions, without expanded variables.
//!
//! The structure follows [Docker's reference][1]. The parser checks everything that does not depend on variables; the
//! rest (a port, a user, a stage) is checked by the plan, which has the values.
//!
//! [`Dockerfile::dump`] returns it as JSON, for `build --dump`. `Display` prints it as a Dockerfile, with
//! instructions in upper case, without comments and continuation lines.
//!
//! [1]: https://docs.docker.com/reference/dockerfile/

use serde::Serialize;

use crate::{
    keyword::Keyword,
    position::{Position, Span, Word},
};

/// A whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dockerfile {
    /// The parser directives at its top.
    pub directives: Directives,
    /// The instructions in their order.
    pub instructions: Vec<Instruction>,
    /// Empty lines within continued ones, about which Docker warns.
    pub empty_continuations: Vec<Position>,
}

impl Dockerfile {
    /// The file as JSON, for people and programs.
    ///
    /// ```
    /// let file = minicontainer_dockerfile::parse(b"FROM busybox AS base\n").unwrap();
    /// let json = file.dump();
    /// assert_eq!(json["instructions"][0]["instruction"], "FROM");
    /// assert_eq!(json["instructions"][0]["arguments"]["name"]["text"], "base");
    /// assert_eq!(json["instructions"][0]["arguments"]["name"]["span"]["start"]["column"], 17);
    /// ```
    pub fn dump(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("plain values of this crate, which JSON can hold")
    }
}

/// The parser directives, `# name=value` lines before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Directives {
    /// The character that escapes and continues lines: `\`, or `` ` `` for Windows paths.
    pub escape: char,
    /// The requested frontend. Only Docker's own names are accepted, and the frontend is not executed.
    pub syntax: Option<String>,
    /// Which checks to leave out: `skip=Name,Name` or `skip=all`, and `error=true`.
    pub check: Option<String>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instruction {
    /// Its name as written, in any case.
    pub keyword: Word,
    /// Name and arguments.
    #[serde(flatten)]
    pub kind: Kind,
    /// From its name to its last word.
    pub span: Span,
}

/// An instruction with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "instruction", content = "arguments", rename_all = "UPPERCASE")]
pub enum Kind {
    /// Copies, and unpacks archives.
    Add(Copy),
    /// Declares variables of the build.
    Arg(Vec<Argument>),
    /// Sets the default command.
    Cmd(Command),
    /// Copies files into the image.
    Copy(Copy),
    /// Sets the entrypoint.
    Entrypoint(Command),
    /// Sets variables.
    Env(Vec<Pair>),
    /// Documents the ports that the program listens on.
    Expose(Vec<Word>),
    /// Begins a stage.
    From(From),
    /// Sets the health check.
    Healthcheck(Healthcheck),
    /// Adds labels.
    Label(Vec<Pair>),
    /// Sets the author (deprecated).
    Maintainer(Word),
    /// Adds a trigger for builds based on this image.
    Onbuild(Trigger),
    /// Runs a command.
    Run(Run),
    /// Sets the shell for commands in shell form.
    Shell(Vec<Word>),
    /// Sets the signal that stops the program.
    Stopsignal(Word),
    /// Sets the user.
    User(Word),
    /// Declares volumes.
    Volume(Vec<Word>),
    /// Sets the working directory.
    Workdir(Word),
}

impl Kind {
    /// Which instruction it is.
    pub fn keyword(&self) -> Keyword {
        match self {
            Kind::Add(_) => Keyword::Add,
            Kind::Arg(_) => Keyword::Arg,
            Kind::Cmd(_) => Keyword::Cmd,
            Kind::Copy(_) => Keyword::Copy,
            Kind::Entrypoint(_) => Keyword::Entrypoint,
            Kind::Env(_) => Keyword::Env,
            Kind::Expose(_) => Keyword::Expose,
            Kind::From(_) => Keyword::From,
            Kind::Healthcheck(_) => Keyword::Healthcheck,
            Kind::Label(_) => Keyword::Label,
            Kind::Maintainer(_) => Keyword::Maintainer,
            Kind::Onbuild(_) => Keyword::Onbuild,
            Kind::Run(_) => Keyword::Run,
            Kind::Shell(_) => Keyword::Shell,
            Kind::Stopsignal(_) => Keyword::Stopsignal,
            Kind::User(_) => Keyword::User,
            Kind::Volume(_) => Keyword::Volume,
            Kind::Workdir(_) => Keyword::Workdir,
        }
    }
}

/// `FROM [--platform=…] base [AS name]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct From {
    /// The platform of the base.
    pub platform: Option<Word>,
    /// An image, an earlier stage, or `scratch`, the empty base.
    pub base: Word,
    /// The word `AS`, in any case.
    pub as_word: Option<Word>,
    /// The stage's name, as it was written.
    pub name: Option<Word>,
}

/// `name[=default]` of an `ARG`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Argument {
    /// The variable.
    pub name: Word,
    /// Its default value.
    pub default: Option<Word>,
}

/// `name=value` of an `ENV` or `LABEL`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The variable's or label's name.
    pub name: Word,
    /// Its value, quotes and all.
    pub value: Word,
    /// Whether the old syntax `name value` is used.
    pub legacy: bool,
}

/// A command, in one of its two forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// `["program", "argument"]`, executed directly.
    Exec(Vec<Word>),
    /// Text for the shell.
    Shell(Word),
}

/// `COPY` and `ADD`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// A stage or an image to copy from, instead of the context.
    pub from: Option<Word>,
    /// The owner of the copies: `user[:group]`.
    pub chown: Option<Word>,
    /// Their permissions.
    pub chmod: Option<Word>,
    /// Patterns of excluded files, as in `.dockerignore`.
    pub exclude: Vec<Word>,
    /// Whether `--link` was given. The files are copied in the same way, but the build prints a note.
    pub link: bool,
    /// Whether the directories of the sources are created too.
    pub parents: bool,
    /// The digest of a source that is downloaded.
    pub checksum: Option<Word>,
    /// Whether the directory `.git` of a cloned repository is kept.
    pub keep_git_dir: bool,
    /// The value of `--unpack`. Without it, `ADD` unpacks local archives and `COPY` does not.
    pub unpack: Option<bool>,
    /// Whether the words were written as a JSON array.
    pub json: bool,
    /// Files and directories.
    pub sources: Vec<Word>,
    /// Files whose content is in the Dockerfile.
    pub heredocs: Vec<Heredoc>,
    /// The destination.
    pub destination: Word,
}

/// `<<NAME` and the lines up to `NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heredoc {
    /// The name, without quotes.
    pub name: Word,
    /// Whether variables are expanded: not if the name is quoted.
    pub expand: bool,
    /// Whether leading tabs are removed: `<<-`.
    pub strip_tabs: bool,
    /// The lines as in the file.
    pub content: String,
}

impl Heredoc {
    /// The lines, without leading tabs if requested.
    pub fn text(&self) -> String {
        match self.strip_tabs {
            true => self.content.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect(),
            false => self.content.clone(),
        }
    }
}

/// `RUN`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// What to run.
    pub command: Command,
    /// `--mount`, as written; see [`Mount`](crate::mount::Mount).
    pub mounts: Vec<Word>,
    /// The network of the command.
    pub network: Option<Network>,
    /// The here-documents of the command.
    pub heredocs: Vec<Heredoc>,
}

/// `RUN --network`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The build's own.
    #[default]
    Default,
    /// None but the loopback.
    None,
    /// The host's.
    Host,
}

/// `HEALTHCHECK`. Times are in nanoseconds as Docker keeps them; 0 is the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Healthcheck {
    /// The probe; `None` removes the base image's (`NONE`).
    pub probe: Option<Command>,
    /// The time between two probes.
    pub interval: u64,
    /// The time after which a probe has failed.
    pub timeout: u64,
    /// The time after the start in which failures are ignored.
    pub start_period: u64,
    /// The time between two probes during that time.
    pub start_interval: u64,
    /// The number of failures after which the container is unhealthy.
    pub retries: u32,
}

/// `ONBUILD instruction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// The instruction.
    pub instruction: Box<Instruction>,
    /// Its text, as stored in the image's config.
    pub text: String,
}
