//! The instructions that change only the config: their changes, and their lines in the history.

use minicontainer_core::{
    image::{Config, HealthConfig, Member},
    options::UserSpec,
};

use super::{apply::Stage, port, scope::Build, signal};
use crate::{
    check::Check,
    error::{DockerfileError, DockerfileErrorKind},
    explain::message,
    instruction::{Command, Healthcheck, Kind, Pair},
    keyword::Keyword,
    position::Word,
    print::duration,
};

const DEFAULT_SHELL: [&str; 2] = ["/bin/sh", "-c"];

impl Stage {
    /// Applies an instruction that changes only the config.
    pub(super) fn configure(&mut self, kind: &Kind, build: &mut Build) -> Result<String, DockerfileError> {
        Ok(match kind {
            Kind::Arg(arguments) => {
                let declare = |argument| self.scope.declare(argument, build);
                format!("ARG {}", arguments.iter().map(declare).collect::<Result<Vec<_>, _>>()?.join(" "))
            }
            Kind::Env(given) => {
                let pairs = self.pairs(given, build)?;
                let written = written("ENV", &pairs);
                for (name, value) in pairs {
                    set(&mut self.image.config.env, &name, &value);
                    self.scope.set(name, value, given[0].name.span)?;
                }
                written
            }
            Kind::Label(pairs) => {
                let pairs = self.pairs(pairs, build)?;
                self.image.config.labels.extend(pairs.iter().cloned());
                written("LABEL", &pairs)
            }
            Kind::Cmd(command) => {
                self.image.config.cmd = self.command_line(command, Keyword::Cmd, build);
                self.cmd_is_own = true;
                format!("CMD {}", quoted(&self.image.config.cmd))
            }
            Kind::Entrypoint(command) => {
                self.image.config.entrypoint = self.command_line(command, Keyword::Entrypoint, build);
                // The base's CMD was meant for the base's ENTRYPOINT.
                if !self.cmd_is_own {
                    self.image.config.cmd.clear();
                }
                format!("ENTRYPOINT {}", quoted(&self.image.config.entrypoint))
            }
            Kind::Expose(words) => self.expose(words, build)?,
            Kind::Healthcheck(check) => self.healthcheck(check),
            Kind::Maintainer(word) => {
                self.image.author = Some(word.text.clone());
                format!("MAINTAINER {word}")
            }
            Kind::Shell(words) => {
                self.image.config.shell = texts(words);
                format!("SHELL [{}]", self.image.config.shell.join(" "))
            }
            Kind::Stopsignal(word) => {
                let signal = signal::check(self.scope.text(word, build)?, word.span)?;
                self.image.config.stop_signal = Some(signal.clone());
                format!("STOPSIGNAL {signal}")
            }
            Kind::User(word) => {
                self.image.config.user = user(self.scope.text(word, build)?, word)?;
                format!("USER {}", self.image.config.user)
            }
            Kind::Volume(words) => self.volumes(words, build)?,
            Kind::Add(_) | Kind::Copy(_) | Kind::From(_) | Kind::Onbuild(_) | Kind::Run(_) | Kind::Workdir(_) => {
                String::new()
            }
        })
    }

    fn expose(&mut self, words: &[Word], build: &mut Build) -> Result<String, DockerfileError> {
        let mut sorted: Vec<&Word> = words.iter().collect();
        sorted.sort_by_key(|word| &word.text);
        let mut ports = Vec::new();
        for word in sorted {
            for text in self.scope.expand(word, build)?.words {
                let (found, odd_case) = port::ports(&text, word.span)?;
                if odd_case {
                    let message = message("check-protocol-casing", [("port", text.as_str().into())]);
                    build.warn(Check::ExposeProtoCasing, word.span, message);
                }
                build.add_size(found.len() * 16, word.span)?;
                ports.extend(found);
            }
        }
        self.image.config.exposed_ports.extend(ports.iter().map(|port| (port.clone(), Member {})));
        Ok(format!("EXPOSE [{}]", ports.join(" ")))
    }

    fn volumes(&mut self, words: &[Word], build: &mut Build) -> Result<String, DockerfileError> {
        let mut volumes = Vec::new();
        for word in words {
            let volume = self.scope.text(word, build)?;
            if volume.trim().is_empty() {
                return Err(DockerfileErrorKind::EmptyVolume.at(word.span));
            }
            volumes.push(volume.trim().to_owned());
        }
        self.image.config.volumes.extend(volumes.iter().map(|volume| (volume.clone(), Member {})));
        Ok(format!("VOLUME [{}]", volumes.join(" ")))
    }

    fn healthcheck(&mut self, check: &Healthcheck) -> String {
        let test = match &check.probe {
            None => vec!["NONE".to_owned()],
            Some(Command::Exec(words)) => [vec!["CMD".to_owned()], texts(words)].concat(),
            Some(Command::Shell(text)) => vec!["CMD-SHELL".to_owned(), text.text.clone()],
        };
        let Healthcheck { interval, timeout, start_period, start_interval, retries, .. } = *check;
        let written = format!(
            "HEALTHCHECK {{Test:[{}] Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{retries}}}",
            test.join(" "),
            duration(interval),
            duration(timeout),
            duration(start_period),
            duration(start_interval)
        );
        let retries = u64::from(retries);
        self.image.config.healthcheck =
            Some(HealthConfig { test, interval, timeout, start_period, start_interval, retries });
        written
    }

    fn pairs(&self, pairs: &[Pair], build: &mut Build) -> Result<Vec<(String, String)>, DockerfileError> {
        let mut found = Vec::new();
        for pair in pairs {
            let (name, value) = (self.scope.text(&pair.name, build)?, self.scope.text(&pair.value, build)?);
            build.add_size(name.len() + value.len(), pair.name.span)?;
            found.push((name, value));
        }
        Ok(found)
    }

    fn command_line(&self, command: &Command, keyword: Keyword, build: &mut Build) -> Vec<String> {
        if let Command::Shell(text) = command
            && self.image.config.shell.is_empty()
        {
            let message = message("check-json-recommended", [("keyword", keyword.name().into())]);
            build.warn(Check::JSONArgsRecommended, text.span, message);
        }
        in_shell(&self.image.config, command)
    }
}

/// A command in the form in which it is run: shell form becomes an argument of the shell.
pub(super) fn in_shell(config: &Config, command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => texts(words),
        Command::Shell(text) => with_shell(config, text.text.clone()),
    }
}

pub(super) fn with_shell(config: &Config, text: String) -> Vec<String> {
    let mut line = match config.shell.is_empty() {
        true => DEFAULT_SHELL.map(str::to_owned).to_vec(),
        false => config.shell.clone(),
    };
    line.push(text);
    line
}

/// Checks that the user has a valid syntax.
pub(super) fn user(given: String, word: &Word) -> Result<String, DockerfileError> {
    match given.parse::<UserSpec>() {
        Ok(_) => Ok(given),
        Err(error) => Err(DockerfileErrorKind::User { given, reason: error.to_string() }.at(word.span)),
    }
}

fn texts(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.text.clone()).collect()
}

/// Sets a variable in a list of `NAME=value`, replacing an earlier one with that name.
fn set(env: &mut Vec<String>, name: &str, value: &str) {
    let entry = format!("{name}={value}");
    let has_name = |entry: &&mut String| entry.split_once('=').map_or(entry.as_str(), |(name, _)| name) == name;
    match env.iter_mut().find(has_name) {
        Some(before) => *before = entry,
        None => env.push(entry),
    }
}

fn written(keyword: &str, pairs: &[(String, String)]) -> String {
    let pairs: String = pairs.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{keyword}{pairs}")
}

/// A list in the format of Go's `%q`.
fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| serde_json::to_string(word).unwrap_or_default()).collect();
    format!("[{}]", words.join(" "))
}
