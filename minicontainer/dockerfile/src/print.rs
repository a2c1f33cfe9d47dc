//! Prints a parsed file as text: one line for each instruction, upper case, no comments. Parsing that text gives the
//! same instructions, at other positions. (The one exception is an escape character at the very end of a file that
//! ends within a continued line, which cannot be written on one line.)

use std::fmt::{self, Display, Formatter};

use crate::{
    instruction::{Command, Copy, Dockerfile, Healthcheck, Heredoc, Instruction, Kind, Network, Pair},
    position::Word,
};

impl Display for Dockerfile {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        if self.directives.escape != '\\' {
            writeln!(formatter, "# escape={}", self.directives.escape)?;
        }
        let escape = self.directives.escape;
        let mut instructions = self.instructions.iter().map(|instruction| written(instruction, escape));
        instructions.try_for_each(|instruction| writeln!(formatter, "{instruction}"))
    }
}

impl Display for Instruction {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&written(self, '\\'))
    }
}

/// One instruction in a file with this escape character.
fn written(instruction: &Instruction, escape: char) -> String {
    let (flags, arguments) = (flags(&instruction.kind, escape), arguments(&instruction.kind, escape));
    // Two dashes prevent an argument that looks like a flag from being parsed as one.
    let end_of_flags = if arguments.starts_with("--") { " --" } else { "" };
    format!("{}{flags}{end_of_flags} {arguments}", instruction.kind.keyword())
}

/// The flags, each as ` --name=value`. Values are quoted, so that blanks and quotes in them are not interpreted as
/// syntax.
fn flags(kind: &Kind, escape: char) -> String {
    let flag = |(name, value): (&'static str, String)| {
        let mut escaped = String::new();
        for character in value.chars() {
            escaped.extend((matches!(character, '"' | '\'') || character == escape).then_some(escape));
            escaped.push(character);
        }
        let quote = if value.is_empty() || value.contains(char::is_whitespace) { "\"" } else { "" };
        format!(" --{name}={quote}{escaped}{quote}")
    };
    let with_values = match kind {
        Kind::Add(copy) | Kind::Copy(copy) => copy_values(copy),
        Kind::From(from) => from.platform.iter().map(|platform| ("platform", platform.text.clone())).collect(),
        Kind::Healthcheck(healthcheck) => health_values(healthcheck),
        Kind::Run(run) => {
            let network = run.network.map(|network| ("network", network.name().to_owned()));
            run.mounts.iter().map(|mount| ("mount", mount.text.clone())).chain(network).collect()
        }
        _ => Vec::new(),
    };
    let alone = match kind {
        Kind::Add(copy) | Kind::Copy(copy) => copy_switches(copy),
        _ => String::new(),
    };
    with_values.into_iter().map(flag).collect::<String>() + &alone
}

fn arguments(kind: &Kind, escape: char) -> String {
    match kind {
        Kind::Add(copy) | Kind::Copy(copy) => copy_arguments(copy),
        Kind::Arg(arguments) => joined(arguments.iter().map(|argument| match &argument.default {
            Some(default) => format!("{}={default}", argument.name),
            None => argument.name.text.clone(),
        })),
        Kind::Cmd(command) | Kind::Entrypoint(command) => command.to_string(),
        Kind::Env(pairs) | Kind::Label(pairs) => joined(pairs.iter().map(Pair::to_string)),
        Kind::Expose(words) => joined(words.iter().map(Word::to_string)),
        Kind::From(from) => {
            joined([from.base.text.clone()].into_iter().chain(from.name.iter().map(|name| format!("AS {name}"))))
        }
        Kind::Healthcheck(Healthcheck { probe: Some(command), .. }) => format!("CMD {command}"),
        Kind::Healthcheck(_) => "NONE".to_owned(),
        Kind::Maintainer(word) | Kind::Stopsignal(word) | Kind::User(word) | Kind::Workdir(word) => word.text.clone(),
        Kind::Onbuild(trigger) => written(&trigger.instruction, escape),
        Kind::Run(run) => run.command.to_string() + &bodies(&run.heredocs),
        Kind::Shell(words) | Kind::Volume(words) => array(words),
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// The words as a JSON array.
fn array(words: &[Word]) -> String {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    serde_json::to_string(&texts).unwrap_or_default()
}

fn bodies(heredocs: &[Heredoc]) -> String {
    heredocs.iter().map(|heredoc| format!("\n{}{}", heredoc.content, heredoc.name)).collect()
}

impl Display for Command {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Command::Exec(words) => write!(formatter, "{}", array(words)),
            Command::Shell(text) => write!(formatter, "{text}"),
        }
    }
}

impl Display for Pair {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        // An escape character at the end of the name would escape a single blank.
        let separator = match self.legacy {
            true if self.name.text.ends_with(['\\', '`']) => "  ",
            true => " ",
            false => "=",
        };
        write!(formatter, "{}{separator}{}", self.name, self.value)
    }
}

fn copy_values(copy: &Copy) -> Vec<(&'static str, String)> {
    let texts = [("from", &copy.from), ("chown", &copy.chown), ("chmod", &copy.chmod), ("checksum", &copy.checksum)];
    let texts = texts.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?.text.clone())));
    texts.chain(copy.exclude.iter().map(|value| ("exclude", value.text.clone()))).collect()
}

fn copy_switches(copy: &Copy) -> String {
    let switches = [("link", copy.link), ("parents", copy.parents), ("keep-git-dir", copy.keep_git_dir)];
    let set = switches.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| format!(" --{name}"));
    let unpack = copy.unpack.map(|unpack| if unpack { " --unpack" } else { " --unpack=false" }.to_owned());
    set.chain(unpack).collect()
}

fn copy_arguments(copy: &Copy) -> String {
    if copy.json {
        return array(&[copy.sources.as_slice(), std::slice::from_ref(&copy.destination)].concat());
    }
    let mark = |heredoc: &Heredoc| {
        let (dash, quote) = (if heredoc.strip_tabs { "-" } else { "" }, if heredoc.expand { "" } else { "\"" });
        format!("<<{dash}{quote}{}{quote}", heredoc.name)
    };
    let sources = copy.sources.iter().map(Word::to_string).chain(copy.heredocs.iter().map(mark));
    let words: Vec<String> = sources.chain([copy.destination.text.clone()]).collect();
    // If the first word begins with `[`, words separated by blanks could be parsed as a JSON array. A form feed
    // separates words too, but cannot be in a JSON array.
    let blank = if words.first().is_some_and(|word| word.starts_with('[')) { "\u{c}" } else { " " };
    words.join(blank) + &bodies(&copy.heredocs)
}

impl Network {
    /// The value of `--network=`.
    pub fn name(self) -> &'static str {
        match self {
            Network::Default => "default",
            Network::None => "none",
            Network::Host => "host",
        }
    }
}

fn health_values(healthcheck: &Healthcheck) -> Vec<(&'static str, String)> {
    let times = [
        ("interval", healthcheck.interval),
        ("timeout", healthcheck.timeout),
        ("start-period", healthcheck.start_period),
        ("start-interval", healthcheck.start_interval),
    ];
    let times = times.into_iter().filter(|(_, time)| *time > 0).map(|(name, time)| (name, duration(time)));
    times.chain((healthcheck.retries > 0).then(|| ("retries", healthcheck.retries.to_string()))).collect()
}

/// A duration of at least a millisecond in Go's format: `1m30s`, `1h0m0s`, `1.5s`, `500ms`.
pub(crate) fn duration(nanoseconds: u64) -> String {
    let decimal = |unit: u64| {
        let digits = format!(
            "{}.{:0width$}",
            nanoseconds % 60_000_000_000 / unit,
            nanoseconds % unit,
            width = unit.ilog10() as usize
        );
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let minutes = nanoseconds / 60_000_000_000;
    match (minutes / 60, minutes % 60) {
        _ if nanoseconds == 0 => "0s".to_owned(),
        _ if nanoseconds < 1_000_000_000 => decimal(1_000_000) + "ms",
        (0, 0) => decimal(1_000_000_000) + "s",
        (0, minutes) => format!("{minutes}m{}s", decimal(1_000_000_000)),
        (hours, minutes) => format!("{hours}h{minutes}m{}s", decimal(1_000_000_000)),
    }
}
