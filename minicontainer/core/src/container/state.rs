//! The states, with what is known in each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Report;

/// How far a container's life has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum State {
    /// Its program has never run.
    Created {
        /// Why the last attempt to start it failed, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<StartFailure>,
    },
    /// An engine is starting its program.
    Starting {
        /// How its program ended the last time, if it has run before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Exit>,
    },
    /// Its program runs.
    Running {
        /// Its first process, on the host.
        process: ProcessIdentity,
        /// Since when.
        started: Timestamp,
    },
    /// Its processes are frozen.
    Paused {
        /// Its first process, on the host.
        process: ProcessIdentity,
        /// Since when the program runs.
        started: Timestamp,
    },
    /// Its program has ended and will be started again.
    Restarting(Exit),
    /// Its program has ended.
    Exited(Exit),
    /// It is being removed.
    Removing {
        /// How its program ended the last time, if it has run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Exit>,
    },
    /// It could not be removed, and only to remove it can be tried again.
    Dead {
        /// How its program ended the last time, if it has run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Exit>,
    },
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// The exit code, as a shell counts: 128+n for a signal n. None if its engine was killed before it could see it.
    pub code: Option<i32>,
    /// When the program started.
    pub started: Timestamp,
    /// When it ended, if that is known.
    pub finished: Option<Timestamp>,
    /// How it ended, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<Report>>,
    /// Why it could not be started once more, if that was tried; its code is then in the place of the exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<StartFailure>,
}

/// Why a program could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartFailure {
    /// The exit code that stands for it: 127 not found, 126 not executable, 125 the engine failed.
    pub code: u8,
    /// The reason.
    pub message: String,
}

/// What tells a process from every other that has had, or will have, the same id: ids are used again, but not by two
/// processes that started in the same clock tick of the same run of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessIdentity {
    /// Its id on the host.
    pub pid: i32,
    /// When it started, in clock ticks since the machine did (proc_pid_stat(5), field 22).
    pub start_time: u64,
    /// Which run of the machine that was, `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
}

impl State {
    /// The state of a new container.
    pub fn created() -> State {
        State::Created { failure: None }
    }

    /// Whether its program runs, be it frozen.
    pub fn is_running(&self) -> bool {
        self.process().is_some()
    }

    /// Its first process, if it has one.
    pub fn process(&self) -> Option<&ProcessIdentity> {
        match self {
            State::Running { process, .. } | State::Paused { process, .. } => Some(process),
            _ => None,
        }
    }

    /// When its program started the last time, if ever.
    pub fn started(&self) -> Option<Timestamp> {
        match self {
            State::Running { started, .. } | State::Paused { started, .. } => Some(*started),
            other => other.exit().map(|exit| exit.started),
        }
    }

    /// How its program ended the last time, if it has ended and does not run again.
    pub fn exit(&self) -> Option<&Exit> {
        match self {
            State::Restarting(exit) | State::Exited(exit) => Some(exit),
            State::Starting { before } | State::Removing { before } | State::Dead { before } => before.as_ref(),
            State::Created { .. } | State::Running { .. } | State::Paused { .. } => None,
        }
    }

    /// Why the last attempt to start it failed, if it did.
    pub fn failure(&self) -> Option<&StartFailure> {
        match self {
            State::Created { failure } => failure.as_ref(),
            other => other.exit().and_then(|exit| exit.failure.as_ref()),
        }
    }

    /// The exit code that documents show: 0 as long as there is none, and none if it is not known.
    pub fn exit_code(&self) -> Option<i32> {
        match (self.failure(), self.exit()) {
            (Some(failure), _) => Some(i32::from(failure.code)),
            (None, Some(exit)) => exit.code,
            (None, None) => Some(0),
        }
    }
}
