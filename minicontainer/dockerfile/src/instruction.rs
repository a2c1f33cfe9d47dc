//! A parsed Dockerfile: instructions with their words, each with its place, nothing expanded yet.
//!
//! The form follows [Docker's reference][1]. What can be checked without values is checked when these are made; what
//! depends on variables (a port, a user, a stage) is checked by the plan, which has the values.
//!
//! As JSON ([`Dockerfile::dump`]) it is what `build --dump` prints; as text (`Display`) it
//! is a Dockerfile again, in upper case, without comments and continuations.
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
    /// The comments at its top that speak to the parser.
    pub directives: Directives,
    /// The instructions in their order.
    pub instructions: Vec<Instruction>,
    /// Empty lines within continued ones, which Docker warns of.
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
    /// The character that escapes and continues lines: `\`, or `` ` `` for those who write paths of Windows.
    pub escape: char,
    /// The frontend that was asked for. It is noted; none but Docker's own names are accepted, and none is run.
    pub syntax: Option<String>,
    /// Which checks to leave out: `skip=Name,Name` or `skip=all`, and `error=true`.
    pub check: Option<String>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instruction {
    /// Its name as it was written, in whatever case.
    pub keyword: Word,
    /// Name and arguments.
    #[serde(flatten)]
    pub kind: Kind,
    /// From its name to its last word.
    pub span: Span,
}

/// What an instruction says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "instruction", content = "arguments", rename_all = "UPPERCASE")]
pub enum Kind {
    /// Copies, and unpacks archives.
    Add(Copy),
    /// Declares variables of the build.
    Arg(Vec<Argument>),
    /// What runs by default.
    Cmd(Command),
    /// Copies files into the image.
    Copy(Copy),
    /// What runs in any case.
    Entrypoint(Command),
    /// Sets variables.
    Env(Vec<Pair>),
    /// Says which ports the program listens at.
    Expose(Vec<Word>),
    /// Begins a stage.
    From(From),
    /// How to see whether the program is well.
    Healthcheck(Healthcheck),
    /// Notes on the image.
    Label(Vec<Pair>),
    /// The author, in the old way.
    Maintainer(Word),
    /// What is to be done by whoever builds upon this image.
    Onbuild(Trigger),
    /// Runs a command.
    Run(Run),
    /// The shell of commands in shell form.
    Shell(Vec<Word>),
    /// The signal that stops the program.
    Stopsignal(Word),
    /// Who runs what follows.
    User(Word),
    /// Directories that outlive containers.
    Volume(Vec<Word>),
    /// The working directory.
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
    /// For which machine the base is wanted.
    pub platform: Option<Word>,
    /// An image, an earlier stage, or `scratch`, which is nothing.
    pub base: Word,
    /// The word `AS`, in whatever case.
    pub as_word: Option<Word>,
    /// The stage's name, as it was written.
    pub name: Option<Word>,
}

/// `name[=default]` of an `ARG`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Argument {
    /// The variable.
    pub name: Word,
    /// Its value when nobody passes another.
    pub default: Option<Word>,
}

/// `name=value` of an `ENV` or `LABEL`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The variable's or label's name.
    pub name: Word,
    /// Its value, quotes and all.
    pub value: Word,
    /// Whether it was written in the old way, `name value`.
    pub legacy: bool,
}

/// A command, in one of its two forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// `["program", "argument"]`, run as it is.
    Exec(Vec<Word>),
    /// Text for the shell.
    Shell(Word),
}

/// `COPY` and `ADD`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// A stage or an image to copy from, instead of the context.
    pub from: Option<Word>,
    /// Whose the copies are: `user[:group]`.
    pub chown: Option<Word>,
    /// Their permissions.
    pub chmod: Option<Word>,
    /// What is left out, as in `.dockerignore`.
    pub exclude: Vec<Word>,
    /// Whether the layer may be made without knowing what lies below.
    pub link: bool,
    /// Whether the words were written as a JSON array.
    pub json: bool,
    /// Files and directories.
    pub sources: Vec<Word>,
    /// Files whose content stands in the Dockerfile.
    pub heredocs: Vec<Heredoc>,
    /// Where to.
    pub destination: Word,
}

/// `<<NAME` and the lines up to `NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heredoc {
    /// The name, without quotes.
    pub name: Word,
    /// Whether variables are replaced: not if the name was quoted.
    pub expand: bool,
    /// Whether tabs at the beginning of lines are taken away: `<<-`.
    pub strip_tabs: bool,
    /// The lines as they stand in the file.
    pub content: String,
}

impl Heredoc {
    /// The lines, without leading tabs where that was asked for.
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
    /// Which network it sees.
    pub network: Option<Network>,
    /// The here-documents that the command names.
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
    /// The probe; none takes the base image's away (`NONE`).
    pub probe: Option<Command>,
    /// Between two probes.
    pub interval: u64,
    /// After which a probe has failed.
    pub timeout: u64,
    /// How long failures do not count at first.
    pub start_period: u64,
    /// Between two probes during that time.
    pub start_interval: u64,
    /// After how many failures it is unhealthy.
    pub retries: u32,
}

/// `ONBUILD instruction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// The instruction.
    pub instruction: Box<Instruction>,
    /// Its text, as the image's config keeps it.
    pub text: String,
}
