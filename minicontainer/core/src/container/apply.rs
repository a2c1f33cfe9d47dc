//! Events, and the state after each of them.

use jiff::Timestamp;

use super::{Exit, ProcessIdentity, Refused, StartFailure, State};
use crate::Report;

/// An event that has happened, or is about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An engine begins to start the program.
    Start,
    /// The program is running.
    Started {
        /// The container's first process, on the host.
        process: ProcessIdentity,
        /// When it started.
        at: Timestamp,
    },
    /// The program could not be started.
    StartFailed(StartFailure),
    /// The container's processes are frozen.
    Pause,
    /// The container's processes continue.
    Unpause,
    /// The container's first process has exited.
    Exit {
        /// The exit code, if the engine observed it.
        code: Option<i32>,
        /// When, if the engine observed it.
        at: Option<Timestamp>,
        /// How, if the engine observed it.
        report: Option<Box<Report>>,
    },
    /// The container will be started again because of its restart policy.
    Restart,
    /// The container is being stopped. When a running one has exited, [`Event::Exit`] follows.
    Stop,
    /// The container is being removed.
    Remove(Force),
    /// The container's files could not be removed.
    RemoveFailed,
}

/// Whether a running container may be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It is killed first.
    Kill,
    /// It is an error.
    Refuse,
}

impl State {
    /// The state after an event.
    ///
    /// # Errors
    /// When the event cannot happen in this state. The message is Docker's.
    pub fn apply(&self, event: Event) -> Result<State, Refused> {
        match event {
            Event::Start => self.start(),
            Event::Started { process, at } => self.started_as(process, at),
            Event::StartFailed(failure) => self.start_failed(failure),
            Event::Pause => self.pause(),
            Event::Unpause => self.unpause(),
            Event::Exit { code, at, report } => self.exited(code, at, report),
            Event::Restart => self.restart(),
            Event::Stop => self.stop(),
            Event::Remove(force) => self.remove(force),
            Event::RemoveFailed => match self {
                State::Removing { before } => Ok(State::Dead { before: before.clone() }),
                _ => Err(Refused::NotRemoving),
            },
        }
    }

    fn start(&self) -> Result<State, Refused> {
        match self {
            State::Created { .. } => Ok(State::Starting { before: None }),
            State::Exited(exit) | State::Restarting(exit) => Ok(State::Starting { before: Some(exit.clone()) }),
            State::Starting { .. } | State::Running { .. } => Err(Refused::AlreadyStarted),
            State::Paused { .. } => Err(Refused::StartOfPaused),
            State::Removing { .. } | State::Dead { .. } => Err(Refused::MarkedForRemoval),
        }
    }

    fn started_as(&self, process: ProcessIdentity, started: Timestamp) -> Result<State, Refused> {
        match self {
            State::Starting { .. } => Ok(State::Running { process, started }),
            _ => Err(Refused::NotStarting),
        }
    }

    fn start_failed(&self, failure: StartFailure) -> Result<State, Refused> {
        match self {
            State::Starting { before: None } => Ok(State::Created { failure: Some(failure) }),
            State::Starting { before: Some(exit) } => {
                Ok(State::Exited(Exit { failure: Some(failure), ..exit.clone() }))
            }
            _ => Err(Refused::NotStarting),
        }
    }

    fn pause(&self) -> Result<State, Refused> {
        match self {
            State::Running { process, started } => Ok(State::Paused { process: process.clone(), started: *started }),
            State::Paused { .. } => Err(Refused::AlreadyPaused),
            State::Restarting(_) => Err(Refused::IsRestarting),
            _ => Err(Refused::NotRunning),
        }
    }

    fn unpause(&self) -> Result<State, Refused> {
        match self {
            State::Paused { process, started } => Ok(State::Running { process: process.clone(), started: *started }),
            _ => Err(Refused::NotPaused),
        }
    }

    fn exited(
        &self,
        code: Option<i32>,
        finished: Option<Timestamp>,
        report: Option<Box<Report>>,
    ) -> Result<State, Refused> {
        match self {
            State::Running { started, .. } | State::Paused { started, .. } => {
                Ok(State::Exited(Exit { code, started: *started, finished, report, failure: None }))
            }
            _ => Err(Refused::NotRunning),
        }
    }

    fn restart(&self) -> Result<State, Refused> {
        match self {
            State::Exited(exit) => Ok(State::Restarting(exit.clone())),
            _ => Err(Refused::NotExited),
        }
    }

    fn stop(&self) -> Result<State, Refused> {
        match self {
            State::Running { .. } | State::Paused { .. } => Ok(self.clone()),
            State::Restarting(exit) => Ok(State::Exited(exit.clone())),
            State::Starting { .. } => Err(Refused::IsStarting),
            State::Created { .. } | State::Exited(_) => Err(Refused::AlreadyStopped),
            State::Removing { .. } | State::Dead { .. } => Err(Refused::NotRunning),
        }
    }

    fn remove(&self, force: Force) -> Result<State, Refused> {
        match (self, force) {
            (State::Removing { .. }, _) => Err(Refused::AlreadyRemoving),
            (State::Running { .. }, Force::Refuse) => Err(Refused::RemovalOfRunning),
            (State::Paused { .. }, Force::Refuse) => Err(Refused::RemovalOfPaused),
            (State::Restarting(_), Force::Refuse) => Err(Refused::RemovalOfRestarting),
            (State::Starting { .. }, Force::Refuse) => Err(Refused::RemovalOfStarting),
            (other, _) => Ok(State::Removing { before: other.exit().cloned() }),
        }
    }
}
