//! `judge.toml`: the settings of a judging. Each can be left out.
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

use std::time::Duration;

use minicontainer::{
    core::{
        Host,
        options::{ByteSize, StorageLimit, Timeout},
    },
    host::can_limit_layers,
};
use serde::Deserialize;

use super::{Comparison, JudgeError, Source};

/// The program's path in the container. It has its own directory, because a folder can contain more than the program.
pub(super) const PLACE: &str = "/program";

/// A limit, and whether it was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound<T> {
    /// It was requested: if it is not available, nothing is judged.
    Asked(T),
    /// A default: it applies if it is available.
    Usual(T),
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

/// The content of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Written {
    image: Option<String>,
    command: Option<Vec<String>>,
    time: Option<String>,
    cpu_time: Option<String>,
    memory: Option<String>,
    output: Option<String>,
    pids: Option<u32>,
    disk: Option<String>,
    comparison: Comparison,
}

impl Settings {
    /// Parses the settings.
    ///
    /// # Errors
    /// If a key is unknown, or a value is invalid.
    pub fn parse(text: &str) -> Result<Settings, JudgeError> {
        let written: Written =
            toml::from_str(text).map_err(|error| JudgeError::Settings { reason: error.to_string() })?;
        let wrong = |key: &str, reason: String| JudgeError::Settings { reason: format!("{key}: {reason}") };
        let time = |key: &str, text: &Option<String>, usual: u64| match text {
            None => Ok(Duration::from_secs(usual)),
            Some(text) => {
                text.parse::<Timeout>().map(Timeout::duration).map_err(|error| wrong(key, error.to_string()))
            }
        };
        let size = |key: &str, text: &str| {
            text.parse::<ByteSize>().map(ByteSize::bytes).map_err(|error| wrong(key, error.to_string()))
        };
        let disk = |text: &str| {
            let limit = StorageLimit::from_options(&[format!("size={text}")]);
            limit.map_err(|error| wrong("disk", error.to_string()))
        };
        let command = written.command.unwrap_or_else(|| vec!["{program}".to_owned()]);
        if !command.iter().any(|word| word.contains("{program}")) {
            return Err(wrong("command", "must contain {program}, or no program would run".to_owned()));
        }
        Ok(Settings {
            image: written.image.unwrap_or_else(|| "busybox".to_owned()),
            command,
            time: time("time", &written.time, 10)?,
            cpu_time: time("cpu-time", &written.cpu_time, 2)?,
            memory: match &written.memory {
                Some(text) => Bound::Asked(size("memory", text)?),
                None => Bound::Usual(256 << 20),
            },
            output: size("output", written.output.as_deref().unwrap_or("16m"))?,
            pids: written.pids.map_or(Bound::Usual(64), |count| Bound::Asked(count.into())),
            disk: match (&written.disk, StorageLimit::of_bytes(64 << 20)) {
                (Some(text), usual) => disk(text)?.or(usual).map(Bound::Asked),
                (None, usual) => usual.map(Bound::Usual),
            }
            .ok_or_else(|| wrong("disk", "no limit".to_owned()))?,
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
        missing.extend(matches!(self.memory, Bound::Usual(_)).then_some("memory").filter(unlimited));
        missing.extend(matches!(self.pids, Bound::Usual(_)).then_some("pids").filter(unlimited));
        missing.extend(matches!(self.disk, Bound::Usual(_)).then_some("disk").filter(|_| !can_limit_layers(host)));
        missing
    }
}

impl<T: Copy> Bound<T> {
    /// The limit, if it was requested or is available.
    pub fn applied(self, available: bool) -> Option<T> {
        match self {
            Bound::Asked(limit) => Some(limit),
            Bound::Usual(limit) => available.then_some(limit),
        }
    }
}
