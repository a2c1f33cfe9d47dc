//! The states, with the data of each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Report;

/// The state of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum State {
    /// The program has never run.
    Created {
        /// Why the last attempt to start it failed, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<StartFailure>,
    },
    /// An engine is starting the program.
    Starting {
        /// How the program exited the last time, if it has run before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Exit>,
    },
    /// The program is running.
    Running {
        /// The container's first process, on the host.
        process: ProcessIdentity,
        /// When the program started.
        started: Timestamp,
    },
    /// The container's processes are frozen.
    Paused {
        /// The container's first process, on the host.
        process: ProcessIdentity,
        /// When the program started.
        started: Timestamp,
    },
    /// The program has exited and will be started again.
    Restarting(Exit),
    /// The program has exited.
    Exited(Exit),
    /// The container is being removed.
    Removing {
        /// How the program exited the last time, if it has run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Exit>,
    },
    /// The container could not be removed. The only possible event is another removal.
    Dead {
        /// How the program exited the last time, if it has run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Exit>,
    },
}

/// How a program exited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// The exit code as in a shell: 128+n for signal n. `None` if the engine was killed before it could observe it.
    pub code: Option<i32>,
    /// When the program started.
    pub started: Timestamp,
    /// When it exited, if known.
    pub finished: Option<Timestamp>,
    /// The report of the run, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<Report>>,
    /// Why a later start failed, if there was one. Its code then replaces the exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<StartFailure>,
}

/// Why a program could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartFailure {
    /// The exit code for it: 127 not found, 126 not executable, 125 the engine failed.
    pub code: u8,
    /// The reason.
    pub message: String,
}

/// Identifies a process uniquely. Process ids are reused, but no two processes with the same id start in the same
/// clock tick of the same boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessIdentity {
    /// Its id on the host.
    pub pid: i32,
    /// When it started, in clock ticks since boot (proc_pid_stat(5), field 22).
    pub start_time: u64,
    /// The boot, from `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
}

impl State {
    /// The state of a new container.
    pub fn created() -> State {
        State::Created { failure: None }
    }

    /// Whether the program is running or paused.
    pub fn is_running(&self) -> bool {
        self.process().is_some()
    }

    /// The container's first process, if it has one.
    pub fn process(&self) -> Option<&ProcessIdentity> {
        match self {
            State::Running { process, .. } | State::Paused { process, .. } => Some(process),
            _ => None,
        }
    }

    /// When the program last started, if ever.
    pub fn started(&self) -> Option<Timestamp> {
        match self {
            State::Running { started, .. } | State::Paused { started, .. } => Some(*started),
            other => other.exit().map(|exit| exit.started),
        }
    }

    /// How the program last exited, if it has exited and is not running again.
    pub fn exit(&self) -> Option<&Exit> {
        match self {
            State::Restarting(exit) | State::Exited(exit) => Some(exit),
            State::Starting { before } | State::Removing { before } | State::Dead { before } => before.as_ref(),
            State::Created { .. } | State::Running { .. } | State::Paused { .. } => None,
        }
    }

    /// Why the last start failed, if it did.
    pub fn failure(&self) -> Option<&StartFailure> {
        match self {
            State::Created { failure } => failure.as_ref(),
            other => other.exit().and_then(|exit| exit.failure.as_ref()),
        }
    }

    /// The exit code in documents: 0 as long as there is none, and `None` if it is unknown.
    pub fn exit_code(&self) -> Option<i32> {
        match (self.failure(), self.exit()) {
            (Some(failure), _) => Some(i32::from(failure.code)),
            (None, Some(exit)) => exit.code,
            (None, None) => Some(0),
        }
    }
}
