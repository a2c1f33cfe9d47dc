//! The engine: containers from what was asked for to their end, in three steps.
//!
//! ```text
//! CreateRequest ─ Engine::create ─▶ CreatedContainer ─ start ─▶ StartedContainer ─ supervise ─▶ EndedContainer
//!                 id, name, record   recorded, not started       recorded as running           recorded or removed
//! ```
//!
//! The record is made before the process, so whatever happens to the process, a command that runs later finds it.
//! Each value cleans up when it is dropped: a container that was not supervised to its end is killed, and removed if
//! it was to be removed at its end. Only a SIGKILL of this process leaves anything, for a later sweep.

mod created;
mod error;
mod run;
#[cfg(test)]
mod tests;

use minicontainer::{
    Sandbox, Store,
    core::{RunOptions, options::ContainerName},
    store::Image,
};

use crate::container::{AfterExit, ContainerConfig, Containers, Id, NewContainer, Supervisor, cgroup_of};

pub use created::{CreatedContainer, EndedContainer, StartedContainer};
pub use error::EngineError;
pub(crate) use run::run_to_end;

/// A store and what the engine keeps in it.
#[derive(Clone, Debug)]
pub struct Engine {
    store: Store,
    containers: Containers,
}

/// A container that is asked for.
#[derive(Debug)]
pub struct CreateRequest<'a> {
    /// What runs in it, and how. Where its files lie is for the engine to say.
    pub sandbox: Sandbox,
    /// Its image.
    pub image: &'a Image,
    /// The image's name as it was asked for.
    pub image_name: &'a str,
    /// What was asked for, as the record keeps it.
    pub options: &'a RunOptions,
    /// The container's name; one is made up when there is none.
    pub name: Option<ContainerName>,
    /// What becomes of it when its program has ended.
    pub after_exit: AfterExit,
}

impl Engine {
    /// The engine of the caller's store.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub fn open_default() -> Result<Engine, EngineError> {
        Ok(Engine::of(Store::open_default()?))
    }

    /// The engine of this store.
    pub fn of(store: Store) -> Engine {
        Engine { containers: Containers::of(&store), store }
    }

    /// Its images.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its containers.
    pub fn containers(&self) -> &Containers {
        &self.containers
    }

    /// Decides what a container will be, and makes its record.
    ///
    /// # Errors
    /// When what was asked for cannot be had, the name is taken, the image is gone, or the store cannot be written.
    /// Then nothing of it is left.
    pub fn create(&self, request: CreateRequest<'_>) -> Result<CreatedContainer, EngineError> {
        let CreateRequest { sandbox, image, image_name, options, name, after_exit } = request;
        let id = Id::random()?;
        let mut sandbox = sandbox.kept_in(self.containers.place(&id), id.as_str());
        if after_exit == AfterExit::Remove {
            sandbox = sandbox.volatile();
        }
        // What cannot be had is refused here, before anything is made.
        let launch = sandbox.launch()?;
        let command = launch.spec().process().as_ref().and_then(|process| process.args().clone()).unwrap_or_default();
        let runtime_config = serde_json::to_string_pretty(launch.spec());
        let container = NewContainer {
            name,
            config: ContainerConfig {
                image: image_name.to_owned(),
                image_id: image.id.to_string(),
                entrypoint_length: entrypoint_length(options, image).min(command.len()),
                command,
                options: options.clone(),
                driver: launch.driver().unwrap_or_default(),
                cgroup: cgroup_of(launch.plan()),
                after_exit,
            },
            runtime_config: runtime_config.map_err(|source| EngineError::RuntimeConfig { source })?,
        };
        let supervisor: Supervisor = self.containers.create(&id, container)?;
        Ok(CreatedContainer::new(self.store.clone(), launch, supervisor))
    }
}

/// How many words the entrypoint has: the one that was asked for, or else the image's.
fn entrypoint_length(options: &RunOptions, image: &Image) -> usize {
    options.entrypoint.as_ref().unwrap_or(&image.config.config.entrypoint).len()
}
