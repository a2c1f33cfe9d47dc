//! A container's record, made before its process, so that whatever happens to the process there is somebody who knows
//! of it.

use minicontainer::{
    Launch, Sandbox, Store,
    core::{RunOptions, options::ContainerName},
    store::Image,
};
use minicontainer_engine::{
    Containers,
    container::{AfterExit, Attended, ContainerConfig, CreateRequest, Id, cgroup_of},
};

use crate::error::{Context, Failure};

/// What is to be recorded.
pub struct Wanted<'run> {
    /// The name; one is made up when there is none.
    pub name: Option<ContainerName>,
    pub image: &'run Image,
    /// The image's name as it was asked for.
    pub asked_for: &'run str,
    pub options: &'run RunOptions,
    pub after_exit: AfterExit,
}

/// A container that is recorded and can be started.
pub struct Recorded {
    /// It writes into the record's directory.
    pub launch: Launch,
    pub attended: Attended,
}

/// Decides what the container will be, and makes its record.
pub fn create(store: &Store, sandbox: Sandbox, wanted: Wanted) -> Result<Recorded, Failure> {
    let containers = Containers::of(store);
    let id = Id::random()?;
    let mut sandbox = sandbox.kept_in(containers.place(&id), id.as_str());
    if wanted.after_exit == AfterExit::Remove {
        sandbox = sandbox.volatile();
    }
    // Whatever cannot be is refused here, before anything is made.
    let launch = sandbox.launch()?;
    let process = launch.spec().process().as_ref();
    let Wanted { name, image, asked_for, options, after_exit } = wanted;
    let attended = containers.create(
        &id,
        CreateRequest {
            name,
            config: ContainerConfig {
                image: asked_for.to_owned(),
                image_id: image.id.to_string(),
                command: process.and_then(|process| process.args().clone()).unwrap_or_default(),
                options: options.clone(),
                driver: launch.driver().unwrap_or_default(),
                cgroup: cgroup_of(launch.plan()),
                after_exit,
            },
            runtime_config: serde_json::to_string_pretty(launch.spec())
                .context("cannot write the container's config.json")?,
        },
    )?;
    Ok(Recorded { launch, attended })
}
