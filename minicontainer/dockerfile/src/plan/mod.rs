//! Plans a build from a parsed Dockerfile: which stages are built, in which order, and what each instruction does.
//!
//! A build is a plan, and the plan is a value: nothing is fetched, copied or run here. The caller passes in what the
//! plan depends on, mainly the configs of base images. [`plan()`] returns which ones it needs:
//!
//! ```
//! use std::collections::BTreeMap;
//! use minicontainer_dockerfile::plan::{Bases, BuildOptions, Outcome, plan};
//!
//! let file = minicontainer_dockerfile::parse(b"FROM busybox\nARG PORT=80\nENV PORT=$PORT\nCMD [\"httpd\", \"-f\"]\n").unwrap();
//! let Outcome::Needs(images) = plan(&file, &BuildOptions::default(), &Bases::new()).unwrap() else { panic!() };
//! assert_eq!(images.iter().next().unwrap().reference, "docker.io/library/busybox:latest");
//! // … the engine gets the image …
//! # let base = minicontainer_dockerfile::plan::BaseImage {
//! #     digest: minicontainer_core::Digest::of(b"busybox"), config: Default::default() };
//! let bases: Bases = images.into_iter().map(|image| (image, base.clone())).collect();
//! let Outcome::Plan(plan) = plan(&file, &BuildOptions::default(), &bases).unwrap() else { panic!() };
//! assert_eq!(plan.target().image.config.cmd, ["httpd", "-f"]);
//! assert_eq!(plan.target().image.history.last().unwrap().created_by, r#"CMD ["httpd" "-f"]"#);
//! ```
//!
//! Terms: a *stage* begins with `FROM`. A stage *needs* another if it is based on it or copies from it. The plan has
//! only the stages that the target needs, each after the stages that it needs; others may be built in parallel. A
//! *step* is one instruction with all words expanded. Most steps change only the image's config. The plan already
//! contains their result, [`StagePlan::image`]. The others have an [`Action`] that makes a layer.
//!
//! # The cache
//!
//! A layer may be taken from the cache if none of its inputs has changed. [`key`] is a digest of these inputs: the
//! parent of the layer, the action with all its words, and the content of the files that it reads. Times are not
//! included. Steps without an action have no key, because the config is computed again in every build. So a changed
//! `HEALTHCHECK`, `ONBUILD` or `LABEL` is never missed (GHSA-gc89-7gcr-jxqc), and does not invalidate any layer.

mod apply;
mod bases;
mod change;
mod chmod;
mod command;
mod configure;
mod copy;
mod key;
mod port;
mod scope;
mod signal;
mod stages;

use std::collections::{BTreeMap, BTreeSet};

use minicontainer_core::{Digest, Platform, image::ImageConfig};
use serde::Serialize;

pub use change::{ChangeError, changed};
pub use chmod::{Chmod, ChmodError};
pub use command::{RunCommand, Script};
pub use copy::{CopyFiles, InlineFile, PIVOT};
pub use key::{KeyInputs, base_key, key};
pub use stages::plan;

use crate::{check::Warning, ignore::Ignore, keyword::Keyword, position::Span};

/// The options of the command line.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// `--target`: a stage by name or index; the last one otherwise.
    pub target: Option<String>,
    /// `--build-arg`.
    pub build_args: BTreeMap<String, String>,
    /// `--label`, for the target.
    pub labels: BTreeMap<String, String>,
    /// The platform of the image.
    pub platform: Platform,
    /// The platform on which it is built.
    pub build_platform: Platform,
    /// `.dockerignore`, to warn about sources that it excludes.
    pub ignore: Ignore,
}

impl Default for BuildOptions {
    fn default() -> BuildOptions {
        let platform = Platform::new("linux", "amd64", "");
        BuildOptions {
            target: None,
            build_args: BTreeMap::new(),
            labels: BTreeMap::new(),
            build_platform: platform.clone(),
            platform,
            ignore: Ignore::default(),
        }
    }
}

/// An image that the build needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ImageRequest {
    /// Its full name.
    pub reference: String,
    /// Its platform.
    pub platform: Platform,
}

/// An image that the engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseImage {
    /// The digest of its manifest, or of its config.
    pub digest: Digest,
    /// Its config.
    pub config: ImageConfig,
}

/// The available images.
pub type Bases = BTreeMap<ImageRequest, BaseImage>;

/// The result of planning.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// These images are needed first. Their triggers may need more images, so the caller plans again with them, until
    /// there is a plan.
    Needs(BTreeSet<ImageRequest>),
    /// The plan.
    Plan(BuildPlan),
}

/// A whole build.
#[derive(Clone, Debug, Serialize)]
pub struct BuildPlan {
    /// The needed stages, each after those that it needs; the target last.
    pub stages: Vec<StagePlan>,
    /// The warnings.
    pub warnings: Vec<Warning>,
    /// The names of `--build-arg` that no stage declares.
    pub unused_build_args: Vec<String>,
}

impl BuildPlan {
    /// The stage that becomes the image.
    pub fn target(&self) -> &StagePlan {
        &self.stages[self.stages.len() - 1]
    }

    /// The stages that can be built once those in `done` are, by index.
    pub fn ready(&self, done: &BTreeSet<usize>) -> Vec<&StagePlan> {
        let is_ready = |stage: &&StagePlan| !done.contains(&stage.index) && stage.needs.is_subset(done);
        self.stages.iter().filter(is_ready).collect()
    }
}

/// One stage.
#[derive(Clone, Debug, Serialize)]
pub struct StagePlan {
    /// Its place in the file, from 0.
    pub index: usize,
    /// Its name, or `stage-N`.
    pub name: String,
    /// Its base.
    pub base: Base,
    /// Its platform.
    pub platform: Platform,
    /// The stages that must be built before, by index.
    pub needs: BTreeSet<usize>,
    /// The images that it copies from or mounts, besides its base.
    pub images: BTreeSet<ImageRequest>,
    /// The steps, in order; the base's triggers first.
    pub steps: Vec<Step>,
    /// The resulting config. The engine adds layers and times.
    pub image: ImageConfig,
}

/// The base of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// An empty file system: `FROM scratch`.
    Scratch,
    /// An image.
    Image {
        /// The image.
        request: ImageRequest,
        /// The digest of its content.
        digest: Digest,
    },
    /// Another stage, by index.
    Stage(usize),
}

/// The origin of files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The build context.
    Context,
    /// Another stage, by index.
    Stage(usize),
    /// An image.
    Image(ImageRequest),
}

/// One instruction, with all words expanded.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The instruction.
    pub keyword: Keyword,
    /// Its text in the file, for display.
    pub text: String,
    /// Its position; a trigger of an image has the position of its `FROM`.
    pub span: Span,
    /// Whether it is a trigger (`ONBUILD`) of the base.
    pub is_trigger: bool,
    /// The action.
    pub action: Action,
    /// Its line in the image's history; `ONBUILD` has none.
    pub created_by: Option<String>,
}

/// How a step changes the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// No files change: it changes only the config, and creates no layer.
    Nothing,
    /// Creates a directory and its parents, if they do not exist.
    MakeDirectory {
        /// The absolute path.
        path: String,
        /// The owner of new directories; empty for root.
        user: String,
    },
    /// Copies files.
    Copy(CopyFiles),
    /// Runs a command.
    Run(RunCommand),
}

impl Action {
    /// Whether it creates a layer.
    pub fn makes_layer(&self) -> bool {
        !matches!(self, Action::Nothing)
    }

    /// The files that it reads, each with its source: the digest of their content is part of the
    /// [key](KeyInputs::contents).
    pub fn reads(&self) -> Vec<(&Source, &str)> {
        match self {
            Action::Copy(files) => files.sources.iter().map(|path| (&files.from, path.as_str())).collect(),
            Action::Run(run) => run.mounts.iter().filter_map(|(mount, from)| Some((from, mount.source()?))).collect(),
            Action::Nothing | Action::MakeDirectory { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
