//! Executes build plans: a plan of the pure crate `minicontainer-dockerfile` becomes layers and an image.
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
//! | `context` `layers` `files` | where files come from, and how a path is followed without leaving it |
//! | `select` | which files a source means, and the fingerprint of their content |
//! | `copy` `archive` | `COPY`, `ADD` and `WORKDIR`: a layer, written as an archive |
//! | `run` `containers` `mounts` `settings` `mount_points` | `RUN`: a container, what it sees, and what is removed afterwards |
//! | `cache` `build_lock` `prune` | the cache, the locks between concurrent builds, pruning |
//! | `stack` | the layers of a stage so far |
//! | `bases` `stages` `executor` `step` `finish` | the bases, and running stages and steps in order |
//!
//! The Dockerfile, the context and the images are untrusted. Their paths are resolved inside the context or the
//! image, and their commands run with the same isolation as every container, and without a network.
//!
//! A new layer is in a staging directory until the end, so a build that fails or is killed neither adds nor changes
//! an image.
//!
//! Decisions: `minicontainer/decisions/build.md`.

// A library never prints: it returns what a caller may print, and `println!` panics where the stream cannot be
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
mod prune;
mod run;
mod select;
mod settings;
mod stack;
mod stages;
mod step;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use minicontainer::core::{Reference, options::Network};

pub use bases::{Fetch, ResolvedPlan, When, prepare};
pub use containers::{RunContainer, RunContainerError, RunContainers};
pub use context::Context;
pub use error::BuildError;
use executor::BuildRun;
pub use executor::{Build, Built};
pub use mounts::LARGEST_SECRET;
pub use prune::{CacheRecord, Cached, Content, PruneOptions, cache_records, cached, prune};
pub use settings::{ExtraHost, ExtraHostError, RunSettings};

/// The settings of the image that are not in the Dockerfile.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Its names.
    pub names: Vec<Reference>,
    /// `SOURCE_DATE_EPOCH`: no time in the image is later than this, in seconds since 1970, and the same build makes
    /// the same bytes.
    pub epoch: Option<i64>,
    /// What `RUN` sees of networks unless it says otherwise; `RUN --network=host` needs the host's.
    pub network: Network,
    /// What `RUN --mount=type=secret` can have.
    pub secrets: Secrets,
    /// Whether what was built before is built again.
    pub cache: CacheUse,
    /// Stages that are built again whatever the cache has, by name (`--no-cache-filter`).
    pub fresh_stages: BTreeSet<String>,
    /// Settings of every `RUN` in addition to the Dockerfile.
    pub run: RunSettings,
}

/// What the cache is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheUse {
    /// What was built before is taken from there.
    #[default]
    Full,
    /// Everything is built, and kept for the next time (`--no-cache`).
    FillOnly,
}

/// Secrets by their ids.
#[derive(Clone, Default)]
pub struct Secrets {
    contents: BTreeMap<String, Vec<u8>>,
}

impl Secrets {
    /// Adds one.
    pub fn insert(&mut self, id: impl Into<String>, content: Vec<u8>) {
        self.contents.insert(id.into(), content);
    }

    /// The secret of this id.
    pub fn get(&self, id: &str) -> Option<&[u8]> {
        self.contents.get(id).map(Vec::as_slice)
    }
}

/// Their ids only.
impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.contents.keys()).finish()
    }
}

/// A receiver of a build's progress. Several stages may call it at the same time.
pub trait Progress: Sync {
    /// A piece of work begins. Returns its number, for later calls.
    fn begin(&self, title: &str) -> usize;
    /// A line that it prints.
    fn output(&self, work: usize, line: &[u8]);
    /// It is over.
    fn end(&self, work: usize, how: StepOutcome<'_>);
}

/// How a piece of work ended.
#[derive(Clone, Copy, Debug)]
pub enum StepOutcome<'a> {
    /// It was done.
    Done,
    /// It had been done before.
    Cached,
    /// It failed.
    Failed(&'a BuildError),
}
