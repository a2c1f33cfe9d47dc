//! A container in the hands of the engine: created, started, ended.

use minicontainer::{Error, Hooks, Launch, Report, Running, Store, store::StoreError};

use super::EngineError;
use crate::{
    container::{AfterExit, Container, ContainerError, Supervisor},
    supervise::{Control, Io, Supervised, supervise},
};

/// A container that is recorded and can be started. If it is dropped instead, it stays created, or is removed if it
/// was to be removed at its end.
#[derive(Debug)]
pub struct CreatedContainer {
    store: Store,
    launch: Launch,
    record: Record,
}

/// A container whose program runs. If it is dropped, it is killed, and removed if it was to be removed at its end.
#[derive(Debug)]
pub struct StartedContainer {
    // Dropped in this order: the record must not say that it ended, nor its files go, before its processes are gone.
    running: Running,
    record: Record,
}

/// A container that has ended.
#[derive(Debug)]
pub struct EndedContainer {
    /// How it ended.
    pub report: Report,
    /// Why a part of its input or output was lost, if one was.
    pub lost: Option<Error>,
    /// Whether its end was recorded, or the container removed.
    pub recorded: Result<(), ContainerError>,
}

impl CreatedContainer {
    pub(super) fn new(store: Store, launch: Launch, supervisor: Supervisor) -> CreatedContainer {
        CreatedContainer { store, launch, record: Record { supervisor, is_finished: false } }
    }

    /// Starts its program, and records that it runs, or why it could not be started.
    ///
    /// # Errors
    /// When it could not be started or recorded. Then none of its processes is left, and nothing of a container that
    /// was to be removed at its end.
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
                // It may have been recorded all the same, if only the disk did not confirm that.
                let recorded = record.not_started(&error).or_else(|_| record.give_up());
                Err(error.recorded(recorded))
            }
        }
    }
}

impl StartedContainer {
    /// The container as it runs: its process, its pipes, its plan.
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

    /// Supervises it to its end, and records that, or removes it if it was to be removed then.
    ///
    /// # Errors
    /// When it cannot be waited for, or its streams cannot be connected. Then it was killed, and the record says that
    /// it has ended in a way that is not known.
    pub fn supervise(self, io: Io<'_>, control: &mut dyn Control) -> Result<EndedContainer, EngineError> {
        let StartedContainer { mut running, mut record } = self;
        let supervised = supervise(&mut running, io, control);
        // Its processes and control groups go first: as long as there are any, a later sweep must find the record.
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
    /// The report of a container that must not have lost any input or output, and whose end must be recorded.
    ///
    /// # Errors
    /// When either is not so.
    pub fn complete(self) -> Result<Report, EngineError> {
        self.recorded?;
        self.lost.map_or(Ok(self.report), |error| Err(error.into()))
    }
}

/// The record of a container that this engine attends. It is brought to its end when it is dropped, if it was not
/// before.
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

    /// Its end will not be seen, or it will not be started.
    fn give_up(&mut self) -> Result<(), ContainerError> {
        self.is_finished = true;
        self.supervisor.finish(None)
    }

    /// A program that could not be started leaves its container behind, as in Docker, unless it was to be removed.
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
            // There is no caller to tell. A later sweep removes what cannot be removed now.
            let _given_up = self.give_up();
        }
    }
}
