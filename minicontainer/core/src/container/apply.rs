//! Events, and the state after each of them.

use jiff::Timestamp;

use super::{Exit, InvalidTransition, ProcessIdentity, StartFailure, State};
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
    pub fn apply(&self, event: Event) -> Result<State, InvalidTransition> {
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
                _ => Err(InvalidTransition::NotRemoving),
            },
        }
    }

    fn start(&self) -> Result<State, InvalidTransition> {
        match self {
            State::Created { .. } => Ok(State::Starting { before: None }),
            State::Exited(exit) | State::Restarting(exit) => Ok(State::Starting { before: Some(exit.clone()) }),
            State::Starting { .. } | State::Running { .. } => Err(InvalidTransition::AlreadyStarted),
            State::Paused { .. } => Err(InvalidTransition::StartOfPaused),
            State::Removing { .. } | State::Dead { .. } => Err(InvalidTransition::MarkedForRemoval),
        }
    }

    fn started_as(&self, process: ProcessIdentity, started: Timestamp) -> Result<State, InvalidTransition> {
        match self {
            State::Starting { .. } => Ok(State::Running { process, started }),
            _ => Err(InvalidTransition::NotStarting),
        }
    }

    fn start_failed(&self, failure: StartFailure) -> Result<State, InvalidTransition> {
        match self {
            State::Starting { before: None } => Ok(State::Created { failure: Some(failure) }),
            State::Starting { before: Some(exit) } => {
                Ok(State::Exited(Exit { failure: Some(failure), ..exit.clone() }))
            }
            _ => Err(InvalidTransition::NotStarting),
        }
    }

    fn pause(&self) -> Result<State, InvalidTransition> {
        match self {
            State::Running { process, started } => Ok(State::Paused { process: process.clone(), started: *started }),
            State::Paused { .. } => Err(InvalidTransition::AlreadyPaused),
            State::Restarting(_) => Err(InvalidTransition::IsRestarting),
            _ => Err(InvalidTransition::NotRunning),
        }
    }

    fn unpause(&self) -> Result<State, InvalidTransition> {
        match self {
            State::Paused { process, started } => Ok(State::Running { process: process.clone(), started: *started }),
            _ => Err(InvalidTransition::NotPaused),
        }
    }

    fn exited(
        &self,
        code: Option<i32>,
        finished: Option<Timestamp>,
        report: Option<Box<Report>>,
    ) -> Result<State, InvalidTransition> {
        match self {
            State::Running { started, .. } | State::Paused { started, .. } => {
                Ok(State::Exited(Exit { code, started: *started, finished, report, failure: None }))
            }
            _ => Err(InvalidTransition::NotRunning),
        }
    }

    fn restart(&self) -> Result<State, InvalidTransition> {
        match self {
            State::Exited(exit) => Ok(State::Restarting(exit.clone())),
            _ => Err(InvalidTransition::NotExited),
        }
    }

    fn stop(&self) -> Result<State, InvalidTransition> {
        match self {
            State::Running { .. } | State::Paused { .. } => Ok(self.clone()),
            State::Restarting(exit) => Ok(State::Exited(exit.clone())),
            State::Starting { .. } => Err(InvalidTransition::IsStarting),
            State::Created { .. } | State::Exited(_) => Err(InvalidTransition::AlreadyStopped),
            State::Removing { .. } | State::Dead { .. } => Err(InvalidTransition::NotRunning),
        }
    }

    fn remove(&self, force: Force) -> Result<State, InvalidTransition> {
        match (self, force) {
            (State::Removing { .. }, _) => Err(InvalidTransition::AlreadyRemoving),
            (State::Running { .. }, Force::Refuse) => Err(InvalidTransition::RemovalOfRunning),
            (State::Paused { .. }, Force::Refuse) => Err(InvalidTransition::RemovalOfPaused),
            (State::Restarting(_), Force::Refuse) => Err(InvalidTransition::RemovalOfRestarting),
            (State::Starting { .. }, Force::Refuse) => Err(InvalidTransition::RemovalOfStarting),
            (other, _) => Ok(State::Removing { before: other.exit().cloned() }),
        }
    }
}
