//! The bases of stages, their names, and the meaning of `--from`.

use std::collections::BTreeMap;

use minicontainer_core::{Platform, Reference};

use super::{
    BuildOptions, ImageRequest, Source,
    scope::{Build, expanded},
};
use crate::{
    check::Check,
    error::{DockerfileError, DockerfileErrorKind},
    explain::message,
    instruction::{self, Dockerfile, Instruction, Kind},
    keyword::Keyword,
    position::{Span, Word},
};

/// A stage of the file, with its base resolved.
pub(super) struct ResolvedStage<'a> {
    pub(super) index: usize,
    pub(super) from: &'a instruction::From,
    pub(super) base: Source,
    pub(super) platform: Platform,
    pub(super) instructions: &'a [Instruction],
}

impl ResolvedStage<'_> {
    pub(super) fn name(&self) -> String {
        let name = self.from.name.as_ref().map(|name| name.text.to_lowercase());
        name.unwrap_or_else(|| format!("stage-{}", self.index))
    }
}

/// The name of the empty base.
pub(super) const SCRATCH: &str = "scratch";

pub(super) fn resolve_stages<'a>(
    file: &'a Dockerfile,
    froms: &[usize],
    build: &mut Build,
) -> Result<Vec<ResolvedStage<'a>>, DockerfileError> {
    let mut stages: Vec<ResolvedStage> = Vec::new();
    for (index, at) in froms.iter().enumerate() {
        let end = froms.get(index + 1).copied().unwrap_or(file.instructions.len());
        let Kind::From(from) = &file.instructions[*at].kind else { continue };
        let stage = resolve_stage(index, from, &file.instructions[at + 1..end], &stages, build);
        stages.push(stage.map_err(|error| error.of(Keyword::From))?);
    }
    Ok(stages)
}

pub(super) fn name_of(file: &Dockerfile, at: usize) -> Option<String> {
    match &file.instructions[at].kind {
        Kind::From(from) => from.name.as_ref().map(|name| name.text.to_lowercase()),
        _ => None,
    }
}

/// The index of the target stage.
pub(super) fn target(file: &Dockerfile, froms: &[usize], options: &BuildOptions) -> Result<usize, DockerfileError> {
    let Some(target) = &options.target else { return Ok(froms.len() - 1) };
    let names: Vec<Option<String>> = froms.iter().map(|at| name_of(file, *at)).collect();
    let by_name = names.iter().rposition(|name| name.as_deref() == Some(&target.to_lowercase()));
    let by_index = target.parse().ok().filter(|index| *index < froms.len());
    by_name.or(by_index).ok_or_else(|| {
        let known = names.into_iter().flatten().collect();
        DockerfileErrorKind::NoTarget { given: target.clone(), known }.at(file.instructions[froms[0]].span)
    })
}

/// Warns about bases that are empty unless a build argument is passed.
pub(super) fn warn_of_defaults(file: &Dockerfile, options: &BuildOptions, build: &mut Build) {
    let plain = BuildOptions { build_args: BTreeMap::new(), ..options.clone() };
    let mut defaults = Build::new(&plain, build.escape, "");
    for instruction in &file.instructions {
        match &instruction.kind {
            Kind::Arg(arguments) => {
                if arguments.iter().any(|argument| defaults.declare_global(argument).is_err()) {
                    return;
                }
            }
            _ => break,
        }
    }
    for instruction in &file.instructions {
        let Kind::From(from) = &instruction.kind else { continue };
        let Ok(base) = expanded(&from.base, build.escape, &defaults.globals) else { return };
        if from.base.text.contains('$') && base.text.parse::<Reference>().is_err() {
            let message = message("check-default-argument", [("word", from.base.text.as_str().into())]);
            build.warn(Check::InvalidDefaultArgInFrom, from.base.span, message);
        }
    }
}

/// The base of a `FROM`.
fn resolve_stage<'a>(
    index: usize,
    from: &'a instruction::From,
    instructions: &'a [Instruction],
    before: &[ResolvedStage],
    build: &mut Build,
) -> Result<ResolvedStage<'a>, DockerfileError> {
    let base = build.expand_global(&from.base)?.text;
    if base.is_empty() {
        return Err(DockerfileErrorKind::BlankBase { given: from.base.text.clone() }.at(from.base.span));
    }
    let platform = match &from.platform {
        None => build.options.platform.clone(),
        Some(word) => platform(word, from, build)?,
    };
    let earlier = before.iter().rfind(|stage| stage.name() == base && stage.from.name.is_some());
    let base = match earlier {
        Some(stage) => Source::Stage(stage.index),
        None if base == SCRATCH => Source::Image(ImageRequest { reference: base, platform: platform.clone() }),
        None => Source::Image(image(&base, from.base.span, &platform)?),
    };
    let platform = match (&base, earlier) {
        (Source::Stage(_), Some(stage)) => stage.platform.clone(),
        _ => platform,
    };
    Ok(ResolvedStage { index, from, base, platform, instructions })
}

fn platform(word: &Word, from: &instruction::From, build: &mut Build) -> Result<Platform, DockerfileError> {
    let found = build.expand_global(word)?;
    let wrong = |_| DockerfileErrorKind::Platform { given: found.text.clone() }.at(word.span);
    let platform: Platform = found.text.parse().map_err(wrong)?;
    let name = from.name.as_ref().map(|name| name.text.to_lowercase()).unwrap_or_default();
    if matches!(word.text.as_str(), "$TARGETPLATFORM" | "${TARGETPLATFORM}") {
        let message = message("check-redundant-platform", [("word", word.text.as_str().into())]);
        build.warn(Check::RedundantTargetPlatform, word.span, message);
    } else if !word.text.contains('$') && !name.contains(platform.os()) && !name.contains(platform.architecture()) {
        let message = message("check-constant-platform", [("value", format!("{:?}", found.text).into())]);
        build.warn(Check::FromPlatformFlagConstDisallowed, word.span, message);
    }
    Ok(platform)
}

fn image(name: &str, span: Span, platform: &Platform) -> Result<ImageRequest, DockerfileError> {
    match name.parse::<Reference>() {
        Ok(reference) => Ok(ImageRequest { reference: reference.to_string(), platform: platform.clone() }),
        Err(error) => {
            Err(DockerfileErrorKind::BaseName { given: name.to_owned(), reason: error.to_string() }.at(span))
        }
    }
}

/// The stage or image that a `--from` refers to, from the point of view of a stage.
pub(super) fn source(
    word: &Word,
    current: usize,
    stages: &[ResolvedStage],
    options: &BuildOptions,
) -> Result<Source, DockerfileError> {
    let error = |kind: DockerfileErrorKind| Err(kind.at(word.span));
    let given = word.text.clone();
    if given.contains('$') {
        return error(DockerfileErrorKind::FromVariable);
    }
    if let Ok(index) = given.parse::<usize>() {
        return match index {
            index if index == current => error(DockerfileErrorKind::Circular { given: stages[current].name() }),
            index if index < current => Ok(Source::Stage(index)),
            _ => error(DockerfileErrorKind::StageIndex { given }),
        };
    }
    let lower = given.to_lowercase();
    let is_named = |stage: &&ResolvedStage| stage.from.name.is_some() && stage.name() == lower;
    if let Some(stage) = stages[..current].iter().rfind(is_named) {
        return Ok(Source::Stage(stage.index));
    }
    match stages[current..].iter().find(is_named) {
        Some(stage) if stage.index == current => error(DockerfileErrorKind::Circular { given: lower }),
        Some(_) => error(DockerfileErrorKind::StageOrder { given, current: stages[current].name() }),
        None => Ok(Source::Image(image(&given, word.span, &options.platform)?)),
    }
}
