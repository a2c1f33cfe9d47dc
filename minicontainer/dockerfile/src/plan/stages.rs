//! The stages that the target needs, their instructions, and their order.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    Base, Bases, BuildOptions, BuildPlan, ImageRequest, Outcome, Source, StagePlan,
    apply::{Stage, StageEnd},
    bases::{ResolvedStage, SCRATCH, name_of, resolve_stages, source, target, warn_of_defaults},
    scope::Build,
};
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::{Dockerfile, Instruction, Kind},
    mount,
    parse::parse_trigger,
    position::{Span, Word},
};

/// An instruction of a stage, and its origin.
pub(super) struct PlannedInstruction<'a> {
    pub(super) instruction: Cow<'a, Instruction>,
    pub(super) is_trigger: bool,
    /// The position for errors in a trigger of an image, which is not in a file.
    pub(super) place: Option<Span>,
}

/// Plans a build: see [the module](super).
pub fn plan(file: &Dockerfile, options: &BuildOptions, bases: &Bases) -> Result<Outcome, DockerfileError> {
    let is_from = |at: &usize| matches!(file.instructions[*at].kind, Kind::From(_));
    let froms: Vec<usize> = (0..file.instructions.len()).filter(is_from).collect();
    let target = target(file, &froms, options)?;
    let target_name = options.target.clone().or_else(|| name_of(file, froms[target]));
    let target_name = target_name.as_deref().unwrap_or("default");
    let mut build = Build::new(options, file.directives.escape, target_name);
    for (at, instruction) in file.instructions.iter().enumerate() {
        if let Kind::Arg(arguments) = &instruction.kind {
            build.used_args.extend(arguments.iter().map(|argument| argument.name.text.clone()));
            let mut globals = arguments.iter().filter(|_| at < froms[0]);
            globals.try_for_each(|argument| build.declare_global(argument))?;
        }
    }
    warn_of_defaults(file, options, &mut build);
    let resolved = resolve_stages(file, &froms, &mut build)?;
    let needed = match needed(&resolved, target, options, bases)? {
        Needed::Images(missing) => return Ok(Outcome::Needs(missing)),
        Needed::Stages(needed) => needed,
    };

    let mut stages: Vec<StagePlan> = Vec::new();
    let mut ends: BTreeMap<usize, StageEnd> = BTreeMap::new();
    for (index, (sources, instructions)) in needed {
        let mut stage = Stage::begin(&resolved[index], bases, &ends, &mut build)?;
        for planned in &instructions {
            build.place = planned.place;
            let keyword = planned.instruction.kind.keyword();
            stage.apply(planned, &resolved, &mut build).map_err(|error| pointed(error, planned.place).of(keyword))?;
            build.place = None;
        }
        let (plan, end) = stage.finish(&resolved[index], sources, bases);
        stages.push(plan);
        ends.insert(index, end);
    }
    if let Some(last) = stages.last_mut() {
        last.image.config.labels.extend(options.labels.clone());
    }
    let unused_build_args = build.unused();
    let mut warnings = [file.warnings(), file.unskipped(build.warnings)].concat();
    warnings.sort();
    warnings.dedup();
    Ok(Outcome::Plan(BuildPlan { stages, warnings, unused_build_args }))
}

/// What the target needs: images that are not available yet, or else stages with their sources and instructions.
enum Needed<'a> {
    Images(BTreeSet<ImageRequest>),
    Stages(BTreeMap<usize, (BTreeSet<Source>, Vec<PlannedInstruction<'a>>)>),
}

/// A stage needs only earlier ones, so one walk from the target upwards finds all of them.
fn needed<'a>(
    resolved: &'a [ResolvedStage<'a>],
    target: usize,
    options: &BuildOptions,
    bases: &Bases,
) -> Result<Needed<'a>, DockerfileError> {
    let mut missing = BTreeSet::new();
    let mut wanted = BTreeSet::from([target]);
    let mut stages = BTreeMap::new();
    while let Some(index) = wanted.pop_last() {
        let instructions = instructions_of(resolved, index, bases)?;
        let mut sources = BTreeSet::from([resolved[index].base.clone()]);
        for PlannedInstruction { instruction, place, .. } in &instructions {
            for word in froms_of(instruction) {
                let named = source(&word, index, resolved, options);
                sources.insert(named.map_err(|error| pointed(error, *place).of(instruction.kind.keyword()))?);
            }
        }
        for source in &sources {
            match source {
                Source::Stage(needed) => drop(wanted.insert(*needed)),
                Source::Image(request) if request.reference != SCRATCH && !bases.contains_key(request) => {
                    missing.insert(request.clone());
                }
                Source::Image(_) | Source::Context => {}
            }
        }
        stages.insert(index, (sources, instructions));
    }
    Ok(if missing.is_empty() { Needed::Stages(stages) } else { Needed::Images(missing) })
}

fn pointed(error: DockerfileError, place: Option<Span>) -> DockerfileError {
    DockerfileError { span: place.unwrap_or(error.span), ..error }
}

/// A stage's instructions, after the triggers of its base.
fn instructions_of<'a>(
    resolved: &'a [ResolvedStage<'a>],
    index: usize,
    bases: &Bases,
) -> Result<Vec<PlannedInstruction<'a>>, DockerfileError> {
    let stage = &resolved[index];
    let mut planned = Vec::new();
    match &stage.base {
        Source::Stage(base) => {
            for instruction in resolved[*base].instructions {
                if let Kind::Onbuild(trigger) = &instruction.kind {
                    let instruction = Cow::Borrowed(&*trigger.instruction);
                    planned.push(PlannedInstruction { instruction, is_trigger: true, place: None });
                }
            }
        }
        Source::Image(request) => {
            let place = stage.from.base.span;
            for text in bases.get(request).iter().flat_map(|base| &base.config.config.on_build) {
                let instruction = parse_trigger(text)
                    .map_err(|reason| DockerfileErrorKind::BrokenTrigger { given: text.clone(), reason }.at(place))?;
                planned.push(PlannedInstruction {
                    instruction: Cow::Owned(instruction),
                    is_trigger: true,
                    place: Some(place),
                });
            }
        }
        Source::Context => {}
    }
    let own =
        |instruction| PlannedInstruction { instruction: Cow::Borrowed(instruction), is_trigger: false, place: None };
    planned.extend(stage.instructions.iter().map(own));
    Ok(planned)
}

/// The words that name stages and images as sources of files.
fn froms_of(instruction: &Instruction) -> Vec<Word> {
    match &instruction.kind {
        Kind::Copy(copy) => copy.from.iter().cloned().collect(),
        Kind::Run(run) => {
            let from = |word: &Word| {
                let fields = mount::fields(&word.text).unwrap_or_default();
                let mut pairs = fields.iter().filter_map(|field| field.split_once('='));
                let (_, from) = pairs.find(|(key, _)| key.eq_ignore_ascii_case("from"))?;
                Some(Word { text: from.to_owned(), span: word.span })
            };
            run.mounts.iter().filter_map(from).collect()
        }
        _ => Vec::new(),
    }
}

impl Base {
    pub(super) fn of(stage: &ResolvedStage, bases: &Bases) -> Base {
        match &stage.base {
            Source::Stage(index) => Base::Stage(*index),
            Source::Image(request) => match bases.get(request) {
                Some(base) => Base::Image { request: request.clone(), digest: base.digest.clone() },
                None => Base::Scratch,
            },
            Source::Context => Base::Scratch,
        }
    }
}
