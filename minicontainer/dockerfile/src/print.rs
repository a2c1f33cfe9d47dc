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
        self.instructions.iter().try_for_each(|instruction| writeln!(formatter, "{instruction}"))
    }
}

impl Display for Instruction {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (flags, arguments) = (flags(&self.kind), arguments(&self.kind));
        // Two dashes prevent an argument that looks like a flag from being parsed as one.
        let end_of_flags = if arguments.starts_with("--") { " --" } else { "" };
        write!(formatter, "{}{flags}{end_of_flags} {arguments}", self.kind.keyword())
    }
}

fn flags(kind: &Kind) -> String {
    match kind {
        Kind::Add(copy) | Kind::Copy(copy) => copy_flags(copy),
        Kind::From(from) => from.platform.iter().map(|platform| flag("platform", &platform.text)).collect(),
        Kind::Healthcheck(healthcheck) => health_flags(healthcheck),
        Kind::Run(run) => {
            let network = run.network.map(|network| flag("network", network.name()));
            run.mounts.iter().map(|mount| flag("mount", &mount.text)).chain(network).collect()
        }
        _ => String::new(),
    }
}

fn arguments(kind: &Kind) -> String {
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
        Kind::Onbuild(trigger) => trigger.instruction.to_string(),
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

/// ` --name=value`, quoted so that no blank or quote in it is one of the line's.
fn flag(name: &str, value: &str) -> String {
    let mut escaped = String::new();
    for character in value.chars() {
        escaped.extend(matches!(character, '"' | '\'' | '\\').then_some('\\'));
        escaped.push(character);
    }
    let quote = if value.is_empty() || value.contains(char::is_whitespace) { "\"" } else { "" };
    format!(" --{name}={quote}{escaped}{quote}")
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
        // Two blanks where one would be escaped by the name.
        let separator = match self.legacy {
            true if self.name.text.ends_with(['\\', '`']) => "  ",
            true => " ",
            false => "=",
        };
        write!(formatter, "{}{separator}{}", self.name, self.value)
    }
}

fn copy_flags(copy: &Copy) -> String {
    let mut flags = String::new();
    for (name, value) in [("from", &copy.from), ("chown", &copy.chown), ("chmod", &copy.chmod)] {
        flags.extend(value.iter().map(|value| flag(name, &value.text)));
    }
    flags.extend(copy.exclude.iter().map(|value| flag("exclude", &value.text)));
    flags + if copy.link { " --link" } else { "" }
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
    // Words may make up an array that they were not, since what parted them, such as a carriage return, may be in
    // none. Nor may a form feed.
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

fn health_flags(healthcheck: &Healthcheck) -> String {
    let times = [
        ("interval", healthcheck.interval),
        ("timeout", healthcheck.timeout),
        ("start-period", healthcheck.start_period),
        ("start-interval", healthcheck.start_interval),
    ];
    let times = times.into_iter().filter(|(_, time)| *time > 0).map(|(name, time)| flag(name, &duration(time)));
    let retries = (healthcheck.retries > 0).then(|| flag("retries", &healthcheck.retries.to_string()));
    times.chain(retries).collect()
}

/// Nanoseconds as Go writes them, at least a millisecond: `1m30s`, `1h0m0s`, `1.5s`, `500ms`.
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
