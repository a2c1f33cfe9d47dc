//! The record of a container: the content of `state.json`.
//!
//! ```text
//! { "version": 2, "name": "web", "created": "2026-01-31T12:00:00Z",
//!   "config": { its configuration }, "state": { "status": "running", … } }
//! ```
//!
//! A record of version 1 is read, and written as version 2 at the next change (`version1`). A record of a later
//! version is refused, because this engine could destroy data of the newer one. Unknown fields are ignored.

use std::{fs, io, path::Path};

use jiff::Timestamp;
use minicontainer::{
    core::{
        container::{Event, StartFailure, State},
        options::ContainerName,
    },
    store::private,
};
use serde::{Deserialize, Serialize};

use super::{
    AfterExit, ContainerConfig, ContainerError, Id, process, prune::id_of, state_file,
    supervisor_lock::is_supervised, version1,
};

/// The maximum size of a container's documents. Usually they have a few kilobytes.
pub(super) const DOCUMENT_LIMIT: u64 = 4 << 20;

/// The version that is written.
pub(super) const VERSION: u32 = 2;

/// A container, from its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: ContainerName,
    /// When it was created.
    pub created: Timestamp,
    /// Its configuration.
    pub config: ContainerConfig,
    /// Its state.
    pub state: State,
}

/// The record without the id, which is the name of the container's directory.
#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    name: ContainerName,
    created: Timestamp,
    config: ContainerConfig,
    state: State,
}

/// The field that every version except the first has.
#[derive(Deserialize)]
struct Version {
    #[serde(default = "first")]
    version: u32,
}

fn first() -> u32 {
    1
}

impl Container {
    /// Whether its program is running or paused.
    pub fn is_running(&self) -> bool {
        self.state.is_running()
    }

    /// Whether it should have been removed, unless an engine supervises it.
    pub(super) fn should_be_gone(&self) -> bool {
        self.config.after_exit == AfterExit::Remove && !self.is_running()
    }

    /// The state after an event.
    pub(super) fn after(&self, event: Event) -> Result<State, ContainerError> {
        self.state.apply(event).map_err(|refused| ContainerError::Refused {
            id: self.id.clone(),
            name: self.name.clone(),
            refused,
        })
    }

    /// The record's text.
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let Container { name, created, config, state, .. } = self.clone();
        serde_json::to_vec_pretty(&Document { version: VERSION, name, created, config, state })
    }
}

/// Reads the record in a container's directory and checks it: a container whose process is gone is not running. None
/// if the directory has no record (then it belongs to a sandbox of the library), has just been removed, or was left
/// incomplete by a power failure.
pub(super) fn read(directory: &Path) -> Result<Option<Container>, ContainerError> {
    let Some(mut container) = read_stored(directory)? else { return Ok(None) };
    if is_certain(&container.state) {
        return Ok(Some(container));
    }
    // A supervising engine records what happens. If there is none any more, the record must be read again, because
    // the engine may have changed it before it exited.
    let supervised = is_supervised(directory)?;
    if !supervised {
        let Some(again) = read_stored(directory)? else { return Ok(None) };
        container = again;
    }
    container.state = confirmed(container.state, supervised);
    Ok(Some(container))
}

/// Whether a recorded state is right even if no engine supervises the container.
fn is_certain(state: &State) -> bool {
    match state {
        State::Running { process, .. } | State::Paused { process, .. } => process::is_alive(process),
        State::Exited(_) | State::Dead { .. } => true,
        State::Created { .. } | State::Starting { .. } | State::Restarting(_) | State::Removing { .. } => false,
    }
}

/// The actual state for a recorded one, given whether an engine supervises the container.
pub(super) fn confirmed(state: State, is_supervised: bool) -> State {
    let event = match &state {
        // The engine that created it is about to start it. It will record that the program runs.
        State::Created { failure: None } if is_supervised => Event::Start,
        State::Starting { .. } if !is_supervised => {
            let message = "the engine was killed while it started the container".to_owned();
            Event::StartFailed(StartFailure { code: 125, message })
        }
        State::Running { process, .. } | State::Paused { process, .. }
            if !is_supervised && !process::is_alive(process) =>
        {
            Event::Exit { code: None, at: None, report: None }
        }
        // The engine that would restart or remove it is dead.
        State::Restarting(_) if !is_supervised => Event::Stop,
        State::Removing { .. } if !is_supervised => Event::RemoveFailed,
        _ => return state,
    };
    state.apply(event).unwrap_or(state)
}

/// Reads the record as written, of this version or an earlier one.
pub(super) fn read_stored(directory: &Path) -> Result<Option<Container>, ContainerError> {
    let path = state_file(directory);
    let text = match private::read(&path, DOCUMENT_LIMIT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(ContainerError::Record { path, source: serde::de::Error::custom(error) });
        }
        text => text.map_err(ContainerError::io("read", &path))?,
    };
    // A record that was not synced may be empty after a power failure.
    if text.is_empty() {
        return Ok(None);
    }
    let damaged = |source| ContainerError::Record { path: path.clone(), source };
    let id =
        id_of(directory).ok_or_else(|| damaged(serde::de::Error::custom("its directory is not named by an id")))?;
    let Version { version } = serde_json::from_slice(&text).map_err(damaged)?;
    match version {
        1 => version1::parse(id, &text, directory).map(Some).map_err(damaged),
        VERSION => {
            let Document { name, created, config, state, .. } = serde_json::from_slice(&text).map_err(damaged)?;
            Ok(Some(Container { id, name, created, config, state }))
        }
        version => Err(ContainerError::RecordVersion { id, version }),
    }
}

/// Whether the record is empty. After a power failure, an unsynced record, as of a `--rm` container, may be.
pub(super) fn has_empty_record(directory: &Path) -> bool {
    fs::metadata(state_file(directory)).is_ok_and(|metadata| metadata.len() == 0)
}
