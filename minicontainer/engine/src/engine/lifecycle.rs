//! A container during its life: created, started, ended.

use minicontainer::{Error, Hooks, Launch, Report, Running, Store, store::StoreError};

use super::EngineError;
use crate::{
    container::{AfterExit, Container, ContainerError, Supervisor},
    supervise::{Control, Io, Supervised, supervise},
};

/// A container that is recorded and can be started. If it is dropped instead, it stays created, or is removed if it
/// is a `--rm` container.
#[derive(Debug)]
pub struct CreatedContainer {
    store: Store,
    launch: Launch,
    record: Record,
}

/// A container whose program runs. If it is dropped, it is killed, and removed if it is a `--rm` container.
#[derive(Debug)]
pub struct StartedContainer {
    // Dropped in this order: the record and the files must outlive the processes.
    running: Running,
    record: Record,
}

/// A container that has exited.
#[derive(Debug)]
pub struct EndedContainer {
    /// How it exited.
    pub report: Report,
    /// The error that lost a part of its input or output, if there was one.
    pub lost: Option<Error>,
    /// Whether its exit was recorded, or the container removed.
    pub recorded: Result<(), ContainerError>,
}

impl CreatedContainer {
    pub(super) fn new(store: Store, launch: Launch, supervisor: Supervisor) -> CreatedContainer {
        CreatedContainer { store, launch, record: Record { supervisor, is_finished: false } }
    }

    /// Its record.
    pub fn container(&self) -> &Container {
        self.record.container()
    }

    /// Starts its program, and records that it runs, or why it could not be started.
    ///
    /// # Errors
    /// If it could not be started or recorded. Then none of its processes remain, and a `--rm` container is removed.
    pub fn start(self, hooks: Hooks<'_>) -> Result<StartedContainer, EngineError> {
        let CreatedContainer { store, launch, mut record } = self;
        let running = match launch.start(hooks) {
            Ok(running) => running,
            Err(error) => {
                let error = match store.image(&record.container().config.image_id) {
                    // Another process removed it before the container had a record.
                    Err(gone @ StoreError::UnknownImage { .. }) => EngineError::Store(gone),
                    _ => error.into(),
                };
                let recorded = record.not_started(&error);
                return Err(error.recorded(recorded));
            }
        };
        match record.supervisor.started(running.first_process_id()) {
            Ok(()) => Ok(StartedContainer { running, record }),
            Err(error) => {
                drop(running);
                let error = EngineError::from(error);
                // The record may exist even so, if only the sync to disk failed.
                let recorded = record.not_started(&error).or_else(|_| record.give_up());
                Err(error.recorded(recorded))
            }
        }
    }
}

impl StartedContainer {
    /// The running container: its process, its pipes, its plan.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// The same, to take its pipes.
    pub fn running_mut(&mut self) -> &mut Running {
        &mut self.running
    }

    /// Its record.
    pub fn container(&self) -> &Container {
        self.record.container()
    }

    /// Supervises it until it exits, and records the exit, or removes a `--rm` container.
    ///
    /// # Errors
    /// If it cannot be waited for, or its streams cannot be connected. Then it was killed, and the record says that
    /// its exit status is unknown.
    pub fn supervise(self, io: Io<'_>, control: &mut dyn Control) -> Result<EndedContainer, EngineError> {
        let StartedContainer { mut running, mut record } = self;
        let supervised = supervise(&mut running, io, control);
        // Its processes and cgroups are removed first: while they exist, a later sweep must find the record.
        drop(running);
        match supervised {
            Ok(Supervised { report, lost }) => {
                let recorded = record.ended(&report);
                Ok(EndedContainer { report, lost, recorded })
            }
            Err(error) => {
                let recorded = record.give_up();
                Err(EngineError::from(error).recorded(recorded))
            }
        }
    }
}

impl EndedContainer {
    /// The report of a container that must not have lost input or output, and whose exit must be recorded.
    ///
    /// # Errors
    /// If either failed.
    pub fn complete(self) -> Result<Report, EngineError> {
        self.recorded?;
        self.lost.map_or(Ok(self.report), |error| Err(error.into()))
    }
}

/// The record of a container that this engine supervises. Dropping it finishes it, if that has not been done.
#[derive(Debug)]
struct Record {
    supervisor: Supervisor,
    is_finished: bool,
}

impl Record {
    fn container(&self) -> &Container {
        self.supervisor.container()
    }

    fn ended(&mut self, report: &Report) -> Result<(), ContainerError> {
        self.is_finished = true;
        self.supervisor.finish(Some(report))
    }

    /// The container will not be started, or its exit will not be seen.
    fn give_up(&mut self) -> Result<(), ContainerError> {
        self.is_finished = true;
        self.supervisor.finish(None)
    }

    /// If the program could not be started, the container stays, as in Docker, unless it is a `--rm` container.
    fn not_started(&mut self, error: &EngineError) -> Result<(), ContainerError> {
        self.is_finished = true;
        match self.container().config.after_exit {
            AfterExit::Remove => self.supervisor.finish(None),
            AfterExit::Keep => {
                let (code, message) = error.of_start();
                self.supervisor.failed(code, message)
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.is_finished {
            // There is no caller to report an error to. A later sweep removes what remains.
            let _given_up = self.give_up();
        }
    }
}
