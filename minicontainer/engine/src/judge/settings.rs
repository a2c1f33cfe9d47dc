//! `judge.toml`: what may differ from one homework to the next. Each word may be left out.
//!
//! ```toml
//! image = "busybox"           # what the programs run in
//! command = ["{program}"]     # or ["python3", "{program}"]; {program} is the program's path inside
//! time = "10s"                # on the wall
//! cpu-time = "2s"             # of processors
//! memory = "256m"             # of all its processes; what it writes to its files counts, too
//! output = "16m"              # stdout and stderr together
//! pids = 64                   # processes and threads
//! disk = "64m"                # its own files
//! comparison = "lines"        # exact, lines (blanks at their ends ignored) or tokens (all blanks ignored)
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

/// The program's place in the container: in a directory, so that a folder can bring more than the program.
pub(super) const PLACE: &str = "/program";

/// A limit, and whether somebody asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound<T> {
    /// It must hold: where it cannot be had, nothing is judged.
    Asked(T),
    /// It holds where it can be had.
    Usual(T),
}

/// What may be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The image's name.
    pub image: String,
    /// The command, with `{program}` in it.
    pub command: Vec<String>,
    /// Time on the wall.
    pub time: Duration,
    /// Processor time.
    pub cpu_time: Duration,
    /// Memory in bytes.
    pub memory: Bound<u64>,
    /// Bytes of stdout and stderr together.
    pub output: u64,
    /// Processes and threads.
    pub pids: Bound<u64>,
    /// What it may write to files of its own.
    pub disk: Bound<StorageLimit>,
    /// How answers are compared.
    pub comparison: Comparison,
}

/// The file as it is written.
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
    /// Reads the settings.
    ///
    /// # Errors
    /// When a word is unknown, or a value is none.
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
            return Err(wrong("command", "no word of it is {program}, so no program would be run".to_owned()));
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

    /// Where the program is shown, and the command that runs it.
    pub fn place_and_command(&self, program: &Source) -> (String, Vec<String>) {
        let file = format!("{PLACE}/run");
        let command = self.command.iter().map(|word| word.replace("{program}", &file)).collect();
        (if program.is_folder { PLACE.to_owned() } else { file }, command)
    }

    /// What is usual but cannot be had on this machine, for whoever should know.
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
    /// The limit, if it was asked for or can be had.
    pub fn applied(self, available: bool) -> Option<T> {
        match self {
            Bound::Asked(limit) => Some(limit),
            Bound::Usual(limit) => available.then_some(limit),
        }
    }
}
