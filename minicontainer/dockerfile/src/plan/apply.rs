//! How each instruction changes the image's config and history, and its action.
//!
//! History is written in BuildKit's format (`ENV PORT=80`, `CMD ["node" "app.js"]`,
//! `RUN |1 PORT=80 /bin/sh -c make`), except for the suffix `# buildkit` and the comment, because these identify the
//! builder.

use std::collections::{BTreeMap, BTreeSet};

use minicontainer_core::image::{DEFAULT_PATH, History, ImageConfig};

use super::{
    Action, Base, Bases, ImageRequest, Source, StagePlan, Step,
    bases::ResolvedStage,
    command, copy,
    scope::{Build, Scope},
    stages::PlannedInstruction,
};
use crate::{
    check::Check,
    error::DockerfileError,
    explain::message,
    instruction::{Instruction, Kind},
    keyword::Keyword,
    path,
    position::Word,
};

/// Identifies this builder in the history.
const HISTORY_COMMENT: &str = "minicontainer.dockerfile.v0";

/// A stage that is being planned.
pub(super) struct Stage {
    pub(super) index: usize,
    pub(super) image: ImageConfig,
    pub(super) scope: Scope,
    steps: Vec<Step>,
    pub(super) cmd_is_own: bool,
    workdir_is_own: bool,
}

/// The base of a stage that is based on this one.
pub(super) struct StageEnd {
    image: ImageConfig,
    scope: Scope,
    workdir_is_own: bool,
}

impl Stage {
    /// A new stage based on an image or a stage. The base's triggers are executed here and not inherited.
    pub(super) fn begin(
        stage: &ResolvedStage,
        bases: &Bases,
        ends: &BTreeMap<usize, StageEnd>,
        build: &mut Build,
    ) -> Result<Stage, DockerfileError> {
        let end = match &stage.base {
            Source::Stage(index) => ends.get(index),
            _ => None,
        };
        let mut image = match (&stage.base, end) {
            (_, Some(end)) => end.image.clone(),
            (Source::Image(request), None) => bases.get(request).map(|base| base.config.clone()).unwrap_or_default(),
            _ => ImageConfig::default(),
        };
        let history: usize = image.history.iter().map(|entry| entry.created_by.len() + 64).sum();
        build.add_size(history, stage.from.base.span)?;
        let mut scope = end.map(|end| end.scope.clone()).unwrap_or_default();
        check_platform(&mut image, stage, build);
        image.created = None;
        image.config.on_build.clear();
        if !image.config.env.iter().any(|entry| entry.starts_with("PATH=")) {
            image.config.env.push(format!("PATH={DEFAULT_PATH}"));
        }
        for entry in &image.config.env {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            scope.variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        let workdir_is_own = end.is_some_and(|end| end.workdir_is_own);
        Ok(Stage { index: stage.index, image, scope, steps: Vec::new(), cmd_is_own: false, workdir_is_own })
    }

    /// An image whose config is changed without a build.
    pub(super) fn of_config(image: ImageConfig) -> Stage {
        let mut scope = Scope::default();
        for entry in &image.config.env {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            scope.variables.insert(name.to_owned(), value.to_owned());
        }
        Stage { index: 0, image, scope, steps: Vec::new(), cmd_is_own: false, workdir_is_own: false }
    }

    /// Records an instruction that changes only the config.
    pub(super) fn configure_only(&mut self, kind: &Kind, build: &mut Build) -> Result<(), DockerfileError> {
        match kind {
            Kind::Workdir(word) => self.workdir(word, build).map(drop),
            Kind::Onbuild(trigger) => {
                self.image.config.on_build.push(trigger.text.clone());
                Ok(())
            }
            kind => self.configure(kind, build).map(drop),
        }
    }

    pub(super) fn finish(
        self,
        stage: &ResolvedStage,
        sources: BTreeSet<Source>,
        bases: &Bases,
    ) -> (StagePlan, StageEnd) {
        let mut needs = BTreeSet::new();
        let mut images: BTreeSet<ImageRequest> = BTreeSet::new();
        for source in sources {
            match source {
                Source::Stage(index) => drop(needs.insert(index)),
                Source::Image(request) if source_is_not_base(&request, stage) => drop(images.insert(request)),
                Source::Image(_) | Source::Context => {}
            }
        }
        let end = StageEnd { image: self.image.clone(), scope: self.scope, workdir_is_own: self.workdir_is_own };
        let plan = StagePlan {
            index: stage.index,
            name: stage.name(),
            base: Base::of(stage, bases),
            platform: stage.platform.clone(),
            needs,
            images,
            steps: self.steps,
            image: self.image,
        };
        (plan, end)
    }

    /// Applies one instruction to the config.
    pub(super) fn apply(
        &mut self,
        planned: &PlannedInstruction,
        stages: &[ResolvedStage],
        build: &mut Build,
    ) -> Result<(), DockerfileError> {
        let instruction: &Instruction = &planned.instruction;
        let (action, created_by) = self.execute(instruction, stages, build)?;
        let text = instruction.to_string();
        let length = text.len() + created_by.as_ref().map_or(0, String::len) * 2 + action_size(&action);
        build.add_size(length, instruction.span)?;
        if let Some(created_by) = &created_by {
            self.image.history.push(History {
                created: None,
                author: String::new(),
                created_by: created_by.clone(),
                comment: HISTORY_COMMENT.to_owned(),
                empty_layer: !action.makes_layer(),
            });
        }
        let (keyword, span) = (instruction.kind.keyword(), planned.place.unwrap_or(instruction.span));
        self.steps.push(Step { keyword, text, span, is_trigger: planned.is_trigger, action, created_by });
        Ok(())
    }

    fn execute(
        &mut self,
        instruction: &Instruction,
        stages: &[ResolvedStage],
        build: &mut Build,
    ) -> Result<(Action, Option<String>), DockerfileError> {
        match &instruction.kind {
            Kind::Copy(files) => {
                let (files, written) = copy::copy(files, Keyword::Copy, self, stages, build)?;
                return Ok((Action::Copy(files), Some(written)));
            }
            Kind::Add(files) => {
                let (files, written) = copy::copy(files, Keyword::Add, self, stages, build)?;
                return Ok((Action::Copy(files), Some(written)));
            }
            Kind::Run(run) => {
                let (command, written) = command::run(run, self, stages, build)?;
                return Ok((Action::Run(command), Some(written)));
            }
            Kind::Workdir(word) => return self.workdir(word, build),
            Kind::Onbuild(_) => {
                self.configure_only(&instruction.kind, build)?;
                return Ok((Action::Nothing, None));
            }
            _ => {}
        }
        Ok((Action::Nothing, Some(self.configure(&instruction.kind, build)?)))
    }

    fn workdir(&mut self, word: &Word, build: &mut Build) -> Result<(Action, Option<String>), DockerfileError> {
        let given = self.scope.text(word, build)?;
        // BuildKit joins it to the working directory, so a variable without a value changes nothing.
        if !self.workdir_is_own && !given.starts_with('/') {
            let message = message("check-relative-workdir", [("path", format!("{given:?}").into())]);
            build.warn(Check::WorkdirRelativePath, word.span, message);
        }
        self.workdir_is_own = true;
        let config = &mut self.image.config;
        config.working_dir = path::resolve(&config.working_dir, &given);
        let written = Some(format!("WORKDIR {}", config.working_dir));
        Ok(match config.working_dir == "/" {
            true => (Action::Nothing, written),
            false => (Action::MakeDirectory { path: config.working_dir.clone(), user: config.user.clone() }, written),
        })
    }
}

/// Warns if the platform of a base is not the requested one.
fn check_platform(image: &mut ImageConfig, stage: &ResolvedStage, build: &mut Build) {
    let wanted = &stage.platform;
    let differs = image.os != wanted.os() || image.architecture != wanted.architecture();
    if differs && !image.architecture.is_empty() {
        let actual = format!("{}/{}", image.os, image.architecture);
        let arguments = [
            ("image", stage.from.base.text.as_str().into()),
            ("actual", format!("{actual:?}").into()),
            ("expected", wanted.to_string().into()),
        ];
        let message = message("check-base-platform", arguments);
        build.warn(Check::InvalidBaseImagePlatform, stage.from.base.span, message);
    }
    image.os = wanted.os().to_owned();
    image.architecture = wanted.architecture().to_owned();
    if differs || !wanted.variant().is_empty() {
        image.variant = Some(wanted.variant().to_owned()).filter(|variant| !variant.is_empty());
    }
}

fn source_is_not_base(request: &ImageRequest, stage: &ResolvedStage) -> bool {
    stage.base != Source::Image(request.clone())
}

fn action_size(action: &Action) -> usize {
    match action {
        Action::Run(run) => {
            run.env.iter().map(String::len).sum::<usize>() + run.argv.iter().map(String::len).sum::<usize>()
        }
        _ => 0,
    }
}
