//! The state of a container, in Docker's format.

use jiff::Timestamp;
use minicontainer::{Report, Verdict, core::container::State};
use serde::Serialize;

use super::rfc3339;

/// Docker's value for a missing time.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

/// The state of a container.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StateDocument {
    /// Docker's word for the state.
    pub status: &'static str,
    /// Whether it is running, paused or restarting.
    pub running: bool,
    /// Whether its processes are frozen.
    pub paused: bool,
    /// Whether it has exited and will be restarted.
    pub restarting: bool,
    /// Whether the kernel killed one of its processes because of the memory limit.
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    /// Whether it could not be removed.
    pub dead: bool,
    /// The pid of its first process on the host, or 0.
    pub pid: i32,
    /// The exit code: 0 if there is none yet, null if its engine was killed before it could read it.
    pub exit_code: Option<i32>,
    /// Why it could not be started, or why its exit is unknown.
    pub error: String,
    /// When its program started.
    pub started_at: String,
    /// When its program exited.
    pub finished_at: String,
    /// The result of its health checks, which are not run yet.
    pub health: Option<super::Empty>,
    /// How its program exited, in the format of `run --report`.
    pub report: Option<Box<Report>>,
}

impl StateDocument {
    pub(super) fn new(state: &State) -> StateDocument {
        let exit = state.exit();
        let report = exit.and_then(|exit| exit.report.clone());
        let time = |time: Option<Timestamp>| time.map_or_else(|| NEVER.to_owned(), rfc3339);
        let of_memory = |report: &Report| report.oom_kills > 0 || report.verdict == Verdict::MemoryLimit;
        let error = match (state.failure(), exit) {
            (Some(failure), _) => failure.message.as_str(),
            (None, Some(exit)) if exit.code.is_none() => {
                "the engine was killed before it could see how the process ended"
            }
            _ => "",
        };
        StateDocument {
            status: state.docker_status(),
            // Docker sets this for a container that waits for its restart, too.
            running: state.is_running() || matches!(state, State::Restarting(_)),
            paused: matches!(state, State::Paused { .. }),
            restarting: matches!(state, State::Restarting(_)),
            oom_killed: report.as_deref().is_some_and(of_memory),
            dead: matches!(state, State::Dead { .. }),
            pid: state.process().map_or(0, |process| process.pid),
            exit_code: state.exit_code().or_else(|| report.as_ref().map(|report| report.verdict.exit_code())),
            error: error.to_owned(),
            started_at: time(state.started()),
            finished_at: time(exit.and_then(|exit| exit.finished)),
            health: None,
            report,
        }
    }
}
