//! The record of a container: what `state.json` holds.

use std::{fs, io, path::Path};

use minicontainer::{Report, core::options::ContainerName, rootfs::Driver};
use serde::{Deserialize, Serialize};

use super::{ContainerError, Id, Moment, Process, attended::is_attended, state_file};

/// What a container is to be.
#[derive(Clone, Debug)]
pub struct NewContainer {
    /// Its name; one is made up when there is none.
    pub name: Option<ContainerName>,
    /// The image, as it was asked for.
    pub image: String,
    /// The image's id: names move on, and the container stays with what it was made of.
    pub image_id: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How its layers become one tree.
    pub driver: Driver,
    /// The limits asked for.
    pub limits: Limits,
    /// The isolations that it lacks on purpose, by their names on the command line.
    pub without: Vec<String>,
    /// The flags that lowered a wall, as they would be typed.
    pub weakened: Vec<String>,
    /// Whether it sees the host's network rather than none.
    pub host_network: bool,
    /// Its control group, below the root of the hierarchies; none if it gets none.
    pub cgroup: Option<String>,
    /// What becomes of it when its process has ended.
    pub after_exit: AfterExit,
    /// The OCI runtime config that it was planned from, as JSON.
    pub config: String,
}

/// A container as its record tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Container {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: ContainerName,
    /// When it was made.
    pub created: Moment,
    /// The image, as it was asked for.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How its layers become one tree.
    pub driver: Driver,
    /// The limits asked for.
    pub limits: Limits,
    /// The isolations that it lacks on purpose.
    pub without: Vec<String>,
    /// The flags that lowered a wall, as they would be typed.
    #[serde(default)]
    pub weakened: Vec<String>,
    /// Whether it sees the host's network rather than none.
    pub host_network: bool,
    /// Its control group, below the root of the hierarchies: an ordinary user's lies where one was delegated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// What becomes of it when its process has ended.
    pub after_exit: AfterExit,
    /// How far its life has come.
    pub state: State,
    #[serde(skip)]
    config: String,
}

/// The limits asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Processor time per wall time, in billionths of a processor.
    pub nano_cpus: Option<u64>,
    /// Processes and threads; -1 for as many as there can be.
    pub pids: Option<i64>,
}

/// What becomes of a container when its process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterExit {
    /// It stays until it is removed.
    Keep,
    /// It is removed (`--rm`), also when its engine did not live to do so. It needs not survive a power cut, so its
    /// records are not synced to disk.
    Remove,
}

/// How far a container's life has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has not been started.
    Created,
    /// Its program could not be started.
    Failed {
        /// The exit code that the command ended with: 125, 126 or 127.
        code: u8,
        /// Why.
        message: String,
    },
    /// Its process runs.
    Running {
        /// Its first process, on the host.
        process: Process,
        /// Since when.
        started: Moment,
    },
    /// Its process has ended.
    Exited {
        /// The exit code, as a shell counts: 128+n for a signal n. None if its engine did not live to see it.
        code: Option<i32>,
        /// When the process started.
        started: Moment,
        /// When it ended, if that is known.
        finished: Option<Moment>,
        /// How it ended, if that is known.
        report: Option<Box<Report>>,
    },
}

impl NewContainer {
    /// A container of busybox, for examples and tests.
    pub fn example() -> NewContainer {
        NewContainer {
            name: None,
            image: "busybox".to_owned(),
            image_id: format!("sha256:{}", "0".repeat(64)),
            command: vec!["sh".to_owned()],
            driver: Driver::Overlay,
            limits: Limits::default(),
            without: Vec::new(),
            weakened: Vec::new(),
            host_network: false,
            cgroup: None,
            after_exit: AfterExit::Keep,
            config: "{}".to_owned(),
        }
    }
}

impl Container {
    pub(super) fn new(id: Id, name: ContainerName, wanted: NewContainer) -> Container {
        let NewContainer {
            image,
            image_id,
            command,
            driver,
            limits,
            without,
            weakened,
            host_network,
            cgroup,
            after_exit,
            config,
            ..
        } = wanted;
        let (created, state) = (Moment::now(), State::Created);
        Container {
            id,
            name,
            created,
            image,
            image_id,
            command,
            driver,
            limits,
            without,
            weakened,
            host_network,
            cgroup,
            after_exit,
            state,
            config,
        }
    }

    /// The runtime config's text, of a container that has just been made.
    pub(super) fn config(&self) -> &str {
        &self.config
    }

    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether it should be gone already, unless an engine attends it.
    pub(super) fn should_be_gone(&self) -> bool {
        self.after_exit == AfterExit::Remove && !self.is_running()
    }
}

/// Reads the record in a container's directory and confirms it: a process that is gone does not run. None if the
/// directory has no record (then it is not a container of the engine's but a sandbox of the library's), has just been
/// removed, or is what a power cut left.
pub(super) fn read(directory: &Path) -> Result<Option<Container>, ContainerError> {
    let Some(text) = read_text(directory)? else { return Ok(None) };
    let mut container = parse(directory, &text)?;
    if let State::Running { process, started } = &container.state {
        // While an engine attends it, that engine is about to write down how it ended.
        if !process.is_alive() && !is_attended(directory)? {
            // Unless it just did.
            let Some(text) = read_text(directory)? else { return Ok(None) };
            let started = *started;
            let unchanged = container.state.clone();
            container = parse(directory, &text)?;
            if container.state == unchanged {
                container.state = State::Exited { code: None, started, finished: None, report: None };
            }
        }
    }
    Ok(Some(container))
}

fn parse(directory: &Path, text: &[u8]) -> Result<Container, ContainerError> {
    serde_json::from_slice(text).map_err(|source| ContainerError::Record { path: state_file(directory), source })
}

/// Whether the record is empty: what a power cut leaves of one that was not synced, so of a `--rm` container.
pub(super) fn is_torn(directory: &Path) -> bool {
    fs::metadata(state_file(directory)).is_ok_and(|metadata| metadata.len() == 0)
}

fn read_text(directory: &Path) -> Result<Option<Vec<u8>>, ContainerError> {
    let path = state_file(directory);
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(text) if text.is_empty() => Ok(None),
        text => text.map(Some).map_err(ContainerError::io("read", path)),
    }
}
