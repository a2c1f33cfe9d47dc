//! The engine: runs a container from the request to its exit, in three steps.
//!
//! ```text
//! CreateRequest ─ Engine::create ─▶ CreatedContainer ─ start ─▶ StartedContainer ─ supervise ─▶ EndedContainer
//!                 id, name, record   recorded, not started       recorded as running           recorded or removed
//! ```
//!
//! The record is created before the process, so a later command finds the container whatever happens to the process.
//! Each value cleans up when it is dropped: a container that was not supervised to its exit is killed, and removed if
//! it is a `--rm` container. Only a SIGKILL of this process leaves something behind, for a later sweep.

mod error;
mod lifecycle;
mod run_temporary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use minicontainer::{
    Sandbox, Store,
    core::{RunOptions, options::ContainerName},
    store::Image,
};

use crate::container::{AfterExit, ContainerConfig, Containers, Id, NewContainer, Supervisor, cgroup_of};

pub use error::EngineError;
pub use lifecycle::{CreatedContainer, EndedContainer, StartedContainer};
pub(crate) use run_temporary::run_to_end;

/// A store and the containers in it.
#[derive(Clone, Debug)]
pub struct Engine {
    store: Store,
    containers: Containers,
}

/// A request for a container.
#[derive(Debug)]
pub struct CreateRequest<'a> {
    /// A request for a container: the image, the options and the name. The engine chooses the paths of its files.
    pub sandbox: Sandbox,
    /// Its image.
    pub image: &'a Image,
    /// The image's name as it was requested.
    pub image_name: &'a str,
    /// The options, as the record stores them.
    pub options: &'a RunOptions,
    /// The container's name; generated if there is none.
    pub name: Option<ContainerName>,
    /// What happens to it when its program exits.
    pub after_exit: AfterExit,
}

impl Engine {
    /// The engine of the caller's store.
    ///
    /// # Errors
    /// If the store cannot be opened.
    pub fn open_default() -> Result<Engine, EngineError> {
        Ok(Engine::of(Store::open_default()?))
    }

    /// The engine of this store.
    pub fn of(store: Store) -> Engine {
        Engine { containers: Containers::of(&store), store }
    }

    /// The store, with the images.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The containers.
    pub fn containers(&self) -> &Containers {
        &self.containers
    }

    /// Plans a container and creates its record.
    ///
    /// # Errors
    /// If an option is not available, the name is in use, the image does not exist, or the store cannot be written.
    /// Then nothing is left behind.
    pub fn create(&self, request: CreateRequest<'_>) -> Result<CreatedContainer, EngineError> {
        let CreateRequest { sandbox, image, image_name, options, name, after_exit } = request;
        let id = Id::random()?;
        let mut sandbox = sandbox.kept_in(self.containers.place(&id), id.as_str());
        if after_exit == AfterExit::Remove {
            sandbox = sandbox.volatile();
        }
        // Unavailable options are refused here, before anything is created.
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
                labels: labels(options, image),
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

/// The image's labels, and those of the options, which replace labels of the same name.
fn labels(options: &RunOptions, image: &Image) -> BTreeMap<String, String> {
    let mut labels = image.config.config.labels.clone();
    labels.extend(options.labels.clone());
    labels
}

/// The number of words of the entrypoint: the requested one, or else the image's.
fn entrypoint_length(options: &RunOptions, image: &Image) -> usize {
    options.entrypoint.as_ref().unwrap_or(&image.config.config.entrypoint).len()
}
