//! `judge.toml`: the settings of the judge. All of them are optional.
//!
//! ```toml
//! image = "busybox"           # the image that the programs run in
//! command = ["{program}"]     # or ["python3", "{program}"]; {program} is the program's path inside
//! time = "10s"                # wall time
//! cpu-time = "2s"             # processor time
//! memory = "256m"             # of all its processes, including the files that it writes
//! output = "16m"              # stdout and stderr together
//! pids = 64                   # processes and threads
//! disk = "64m"                # its own files
//! comparison = "lines"        # exact, lines (blanks at their ends ignored) or tokens (only the words count)
//! ```

use std::{fmt::Display, ops::Range, str::FromStr, time::Duration};

use minicontainer::{
    core::{
        Host,
        options::{ByteSize, StorageLimit, Timeout},
    },
    host::can_limit_layers,
};
use serde::Deserialize;
use toml::Spanned;

use super::{Comparison, JudgeError, Source};

/// The program's path in the container. It has its own directory, because a folder can contain more than the program.
pub(super) const PLACE: &str = "/program";

/// A limit, and whether it was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound<T> {
    /// It was requested: if it is not available, nothing is judged.
    Requested(T),
    /// A default limit: it applies if it is available.
    Default(T),
}

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The image's name.
    pub image: String,
    /// The command, which contains `{program}`.
    pub command: Vec<String>,
    /// Wall time.
    pub time: Duration,
    /// Processor time.
    pub cpu_time: Duration,
    /// Memory in bytes.
    pub memory: Bound<u64>,
    /// Bytes of stdout and stderr together.
    pub output: u64,
    /// Processes and threads.
    pub pids: Bound<u64>,
    /// The size of the files that it may write.
    pub disk: Bound<StorageLimit>,
    /// How answers are compared.
    pub comparison: Comparison,
}

/// The content of the file. Each value has its position, for errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Written {
    image: Option<String>,
    command: Option<Spanned<Vec<String>>>,
    time: Option<Spanned<String>>,
    cpu_time: Option<Spanned<String>>,
    memory: Option<Spanned<String>>,
    output: Option<Spanned<String>>,
    pids: Option<u32>,
    disk: Option<Spanned<String>>,
    comparison: Comparison,
}

/// The error of a value, with its position in the file.
type PositionedError = (String, Range<usize>);

/// Parses a value, if there is one.
fn parsed<T: FromStr<Err: Display>>(value: Option<&Spanned<String>>) -> Result<Option<T>, PositionedError> {
    let parse =
        |value: &Spanned<String>| value.get_ref().parse().map_err(|error: T::Err| (error.to_string(), value.span()));
    value.map(parse).transpose()
}

impl Settings {
    /// Parses the settings.
    ///
    /// # Errors
    /// If a key is unknown, or a value is invalid.
    pub fn parse(text: &str) -> Result<Settings, JudgeError> {
        let written = toml::from_str::<Written>(text)
            .map_err(|error| (error.message().to_owned(), error.span().unwrap_or_default()));
        written.and_then(Settings::of).map_err(|(reason, span)| JudgeError::Settings {
            reason,
            text: text.to_owned(),
            span,
        })
    }

    fn of(written: Written) -> Result<Settings, PositionedError> {
        let time = |value: &Option<Spanned<String>>, usual: u64| {
            let given = parsed::<Timeout>(value.as_ref())?;
            Ok(given.map_or(Duration::from_secs(usual), Timeout::duration))
        };
        let size = |value: &Option<Spanned<String>>| {
            Ok::<_, PositionedError>(parsed::<ByteSize>(value.as_ref())?.map(ByteSize::bytes))
        };
        let disk = match &written.disk {
            None => StorageLimit::of_bytes(64 << 20).map(Bound::Default),
            Some(value) => {
                let limit = StorageLimit::from_options(&[format!("size={}", value.get_ref())]);
                limit.map_err(|error| (error.to_string(), value.span()))?.map(Bound::Requested)
            }
        };
        let command = match written.command {
            None => vec!["{program}".to_owned()],
            Some(words) if words.get_ref().iter().any(|word| word.contains("{program}")) => words.into_inner(),
            Some(words) => return Err(("must contain {program}, or no program would run".to_owned(), words.span())),
        };
        Ok(Settings {
            image: written.image.unwrap_or_else(|| "busybox".to_owned()),
            command,
            time: time(&written.time, 10)?,
            cpu_time: time(&written.cpu_time, 2)?,
            memory: size(&written.memory)?.map_or(Bound::Default(256 << 20), Bound::Requested),
            output: size(&written.output)?.unwrap_or(16 << 20),
            pids: written.pids.map_or(Bound::Default(64), |count| Bound::Requested(count.into())),
            disk: disk.ok_or_else(|| ("no limit".to_owned(), 0..0))?,
            comparison: written.comparison,
        })
    }

    /// The program's path in the container, and the command that runs it.
    pub fn place_and_command(&self, program: &Source) -> (String, Vec<String>) {
        let file = format!("{PLACE}/run");
        let command = self.command.iter().map(|word| word.replace("{program}", &file)).collect();
        (if program.is_folder { PLACE.to_owned() } else { file }, command)
    }

    /// The default limits that are not available on this machine, for a warning.
    pub fn missing(&self, host: &Host) -> Vec<&'static str> {
        let unlimited = |controller: &&str| !host.cgroups.can_limit(controller);
        let mut missing = Vec::new();
        missing.extend(matches!(self.memory, Bound::Default(_)).then_some("memory").filter(unlimited));
        missing.extend(matches!(self.pids, Bound::Default(_)).then_some("pids").filter(unlimited));
        missing.extend(matches!(self.disk, Bound::Default(_)).then_some("disk").filter(|_| !can_limit_layers(host)));
        missing
    }
}

impl<T: Copy> Bound<T> {
    /// The limit, if it was requested or is available.
    pub fn applied(self, available: bool) -> Option<T> {
        match self {
            Bound::Requested(limit) => Some(limit),
            Bound::Default(limit) => available.then_some(limit),
        }
    }
}
