//! A container's record, made before its process, so that whatever happens to the process there is somebody who knows
//! of it.

use anyhow::Context;
use minicontainer::{
    Launch, Sandbox, Store,
    core::{
        RunOptions,
        options::{ByteSize, ContainerName, Network, PidsLimit, Weakening},
    },
    store::Image,
};
use minicontainer_engine::{
    Containers,
    container::{AfterExit, Attended, Id, Limits, NewContainer, cgroup_of},
};

use crate::error::Failure;

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
        NewContainer {
            name,
            image: asked_for.to_owned(),
            image_id: image.id.to_string(),
            command: process.and_then(|process| process.args().clone()).unwrap_or_default(),
            driver: launch.driver().unwrap_or_default(),
            limits: limits(options),
            without: options.without.iter().map(ToString::to_string).collect(),
            weakened: options.weakenings().iter().map(Weakening::flag).collect(),
            host_network: options.network == Network::Host,
            cgroup: cgroup_of(launch.plan()),
            after_exit,
            config: serde_json::to_string_pretty(launch.spec()).context("cannot write the container's config.json")?,
        },
    )?;
    Ok(Recorded { launch, attended })
}

fn limits(options: &RunOptions) -> Limits {
    Limits {
        memory: options.limits.memory.map(ByteSize::bytes),
        nano_cpus: options.limits.cpus.map(|cpus| cpus.nanos()),
        pids: options.limits.pids.map(|limit| match limit {
            PidsLimit::AtMost(most) => i64::try_from(most).unwrap_or(i64::MAX),
            PidsLimit::Unlimited => -1,
        }),
    }
}
