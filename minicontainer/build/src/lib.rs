//! Executes build plans: turns a plan of the pure crate `minicontainer-dockerfile` into layers and an image.
//!
//! ```text
//! context ── text ─▶ parse ─▶ prepare (bases) ─▶ BuildPlan ─▶ stages ─▶ for each step:
//!                                                                        key ─▶ cache, or
//!                                                                        COPY ADD WORKDIR ─▶ archive ─┐
//!                                                                        RUN ─▶ Sandbox ─▶ upper ─────┴▶ layer
//!                                                              finish: layers, config, manifest ─▶ Store::add
//! ```
//!
//! | Module | What it does |
//! |---|---|
//! | `context` `layers` `files` | the source files, and resolving paths without leaving their root |
//! | `select` | the files that a source selects, and the fingerprint of their content |
//! | `add` `copy` `copy_conflicts` `archive` | `COPY`, `ADD` and `WORKDIR`: write a layer as an archive |
//! | `run` `containers` `mounts` `settings` `mount_points` | `RUN`: its container, its mounts, and the cleanup |
//! | `cache` `build_lock` `prune` | the cache, the locks between concurrent builds, pruning |
//! | `stack` | the layers of a stage so far |
//! | `bases` `stages` `executor` `step` `finish` | base images, and executing stages and steps in order |
//!
//! The Dockerfile, the context and the images are untrusted. Their paths are resolved inside the context or the
//! image. Their commands run with the same isolation as every container, and without a network by default.
//!
//! New layers are in a staging directory until the end, so a build that fails or is killed neither adds nor changes
//! an image.
//!
//! Decisions: `minicontainer/decisions/build.md`.

// A library must not print: it returns values that the caller may print. `println!` panics if the stream cannot be
// written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod add;
mod archive;
mod bases;
mod build_lock;
mod cache;
mod containers;
mod context;
mod copy;
mod copy_conflicts;
mod error;
mod executor;
mod files;
mod finish;
mod layers;
mod mount_points;
mod mounts;
mod network_errors;
mod parents;
mod prune;
mod run;
mod select;
mod settings;
mod stack;
mod stages;
mod step;
mod warning;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use minicontainer::core::{Reference, explain::Message, options::Network};

pub use bases::{Fetch, ResolvedPlan, When, prepare};
pub use containers::{RunContainer, RunContainerError, RunContainers};
pub use context::Context;
pub use error::BuildError;
use executor::BuildRun;
pub use executor::{Build, Built};
pub use mounts::LARGEST_SECRET;
pub use prune::{CacheRecord, Cached, Content, PruneOptions, cache_records, cached, prune};
pub use settings::{ExtraHost, ExtraHostError, RunSettings};

/// The options of a build that are not in the Dockerfile.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The names of the image.
    pub names: Vec<Reference>,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970. No time in the image is later, so builds are reproducible byte for
    /// byte.
    pub epoch: Option<i64>,
    /// The default network of `RUN`; `RUN --network=host` requires `host`.
    pub network: Network,
    /// The secrets for `RUN --mount=type=secret`.
    pub secrets: Secrets,
    /// How the cache is used.
    pub cache: CacheUse,
    /// Stages that are rebuilt without the cache, by name (`--no-cache-filter`).
    pub fresh_stages: BTreeSet<String>,
    /// Additional settings of every `RUN`.
    pub run: RunSettings,
}

/// How a build uses the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheUse {
    /// Layers are taken from the cache and added to it.
    #[default]
    Full,
    /// Every layer is rebuilt and added to the cache (`--no-cache`).
    FillOnly,
}

/// Secrets by their ids.
#[derive(Clone, Default)]
pub struct Secrets {
    contents: BTreeMap<String, Vec<u8>>,
}

impl Secrets {
    /// Adds a secret.
    pub fn insert(&mut self, id: impl Into<String>, content: Vec<u8>) {
        self.contents.insert(id.into(), content);
    }

    /// The secret with this id.
    pub fn get(&self, id: &str) -> Option<&[u8]> {
        self.contents.get(id).map(Vec::as_slice)
    }
}

/// Shows only the ids, so that no secret appears in a log.
impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.contents.keys()).finish()
    }
}

/// Receives the progress of a build. Several stages may call it at the same time.
pub trait Progress: Sync {
    /// A task starts. Returns the task's number for later calls.
    fn begin(&self, title: &str) -> usize;
    /// A task writes a line of output.
    fn output(&self, work: usize, line: &[u8]);
    /// A task has a warning.
    fn warn(&self, work: usize, warning: &Message);
    /// A task ends.
    fn end(&self, work: usize, how: StepOutcome<'_>);
}

/// The outcome of a task.
#[derive(Clone, Copy, Debug)]
pub enum StepOutcome<'a> {
    /// The task succeeded.
    Done,
    /// The result was in the cache.
    Cached,
    /// The task failed.
    Failed(&'a BuildError),
}
