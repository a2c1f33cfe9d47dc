//! The scene "what a container is": options in, the real plan out, with words for every step.

use std::{collections::BTreeSet, path::Path, str::FromStr};

use minicontainer_core::{
    Host, Plan, RootFs, RunOptions, Step,
    explain::{ExplainedStep, IsolationExplanation, Language, explain_actor, explain_isolation, explain_plan},
    image,
    options::{Access, Isolation, IsolationError, Network, resolve_user},
    plan::{Actor, Availability, CgroupLayout, plan},
    spec,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The directory of the container.
const CONTAINER: &str = "/var/lib/minicontainer/containers/4f3c2b1a0987";

/// The options of the page: values as typed; an empty text means "not given".
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Options {
    command: Vec<String>,
    memory: String,
    cpus: String,
    pids: String,
    hostname: String,
    read_only: bool,
    network: NetworkChoice,
    without: BTreeSet<String>,
    identity: IdentityChoice,
    cgroup: CgroupChoice,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum NetworkChoice {
    #[default]
    None,
    Host,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum IdentityChoice {
    #[default]
    Root,
    User,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum CgroupChoice {
    V1,
    #[default]
    V2,
}

/// A plan in words, for the page to draw.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scene {
    command_line: String,
    actors: Vec<ActorLane>,
    steps: Vec<StepCard>,
    isolations: Vec<IsolationState>,
}

#[derive(Serialize)]
struct ActorLane {
    name: Actor,
    title: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepCard {
    kind: Value,
    actor: Actor,
    title: String,
    why: String,
    system_calls: Vec<String>,
    man_pages: Vec<String>,
    /// The remaining fields of the step, under their own names.
    fields: Map<String, Value>,
}

/// An isolation, with the indices of the first and the last step that belong to it.
#[derive(Serialize)]
struct IsolationState {
    #[serde(flatten)]
    words: IsolationExplanation,
    begins: Option<usize>,
    complete: Option<usize>,
}

/// Every isolation in words.
pub(crate) fn isolations(language: Language) -> Vec<IsolationExplanation> {
    Isolation::ALL.map(|isolation| explain_isolation(isolation, language)).to_vec()
}

/// Options → plan → words. The error explains invalid options.
pub(crate) fn scene(options: &Options, language: Language) -> Result<Scene, String> {
    let (run, host) = (run_options(options)?, host(options));
    let steps = steps(&run, &host)?;
    let states = Isolation::ALL.map(|isolation| {
        let (begins, complete) = steps_of_isolation(isolation, &run, &host, &steps);
        IsolationState { words: explain_isolation(isolation, language), begins, complete }
    });
    let plan = Plan { steps };
    Ok(Scene {
        command_line: command_line(options),
        actors: [Actor::Engine, Actor::Container]
            .map(|name| ActorLane { name, title: explain_actor(name, language) })
            .into(),
        steps: explain_plan(&plan, language).into_iter().map(card).collect(),
        isolations: states.into(),
    })
}

fn card(explained: ExplainedStep) -> StepCard {
    let mut fields = match serde_json::to_value(&explained.step) {
        Ok(Value::Object(fields)) => fields,
        other => unreachable!("a step is serialised as an object, not as {other:?}"),
    };
    let kind = fields.remove("kind").unwrap_or_default();
    let words = explained.explanation;
    StepCard {
        kind,
        actor: explained.actor,
        title: words.title,
        why: words.why,
        system_calls: words.system_calls,
        man_pages: words.man_pages,
        fields,
    }
}

/// The steps that belong to an isolation: those that a plan without it lacks. So there is no list of them to
/// maintain.
fn steps_of_isolation(
    isolation: Isolation,
    run: &RunOptions,
    host: &Host,
    steps: &[Step],
) -> (Option<usize>, Option<usize>) {
    let mut left_out = run.clone();
    left_out.without.insert(isolation);
    left_out.root = if isolation == Isolation::Mount { Access::ReadWrite } else { run.root };
    left_out.hostname = if isolation == Isolation::Uts { None } else { run.hostname.clone() };
    let owed: Box<dyn Fn(&Step) -> bool> = match self::steps(&left_out, host) {
        Ok(others) => Box::new(move |step| !others.contains(step)),
        // An ordinary user has no plan without a user namespace; the mapping of ids is the step that belongs to it.
        Err(_) => Box::new(|step| matches!(step, Step::MapIds { .. })),
    };
    // The program's environment may mention an isolation, but the execve(2) isolates nothing.
    let owed = |step: &Step| owed(step) && !matches!(step, Step::Execute { .. });
    (steps.iter().position(owed), steps.iter().rposition(owed))
}

fn steps(run: &RunOptions, host: &Host) -> Result<Vec<Step>, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let process = image::resolve_process(run, &Default::default()).map_err(|error| text(&error))?;
    let user = resolve_user(&process.user, "root:x:0:0:root:/root:/bin/sh\n", "").map_err(|error| text(&error))?;
    let files = Some(Path::new(CONTAINER));
    let spec = spec::spec(run, &process, &user, "4f3c2b1a0987", host, files).map_err(|error| text(&error))?;
    Ok(plan(&spec, &root_fs(run), host).map_err(|error| text(&error))?.steps)
}

/// A copy of the layers if mounts are not possible, else an overlay.
fn root_fs(run: &RunOptions) -> RootFs {
    if run.without.contains(&Isolation::Mount) {
        return RootFs::Directory { path: format!("{CONTAINER}/rootfs") };
    }
    RootFs::Overlay {
        lowers: vec!["/var/lib/minicontainer/layers/b94d27b9934d".to_owned()],
        upper: format!("{CONTAINER}/upper"),
        work: format!("{CONTAINER}/work"),
        target: format!("{CONTAINER}/merged"),
        volatile: true,
        limit: None,
    }
}

fn host(options: &Options) -> Host {
    let mut host = match options.identity {
        IdentityChoice::Root => Host::example(),
        IdentityChoice::User => Host::example_rootless(),
    };
    if options.cgroup == CgroupChoice::V1 {
        let hierarchies = ["cpu,cpuacct", "cpuset", "memory", "pids"].map(str::to_owned).to_vec();
        host.cgroups.layout = CgroupLayout::V1 { hierarchies };
    } else if options.identity == IdentityChoice::User {
        host.cgroups.access = Availability::Available; // as systemd delegates it
    }
    host
}

fn run_options(options: &Options) -> Result<RunOptions, String> {
    let without: Result<BTreeSet<Isolation>, IsolationError> =
        options.without.iter().map(|name| name.parse()).collect();
    let mut run = RunOptions::default();
    run.command = options.command.clone();
    run.hostname = parse_optional(&options.hostname)?;
    run.limits.memory = parse_optional(&options.memory)?;
    run.limits.cpus = parse_optional(&options.cpus)?;
    run.limits.pids = parse_optional(&options.pids)?;
    run.root = if options.read_only { Access::ReadOnly } else { Access::ReadWrite };
    run.network = match options.network {
        NetworkChoice::None => Network::None,
        NetworkChoice::Host => Network::Host,
    };
    run.without = without.map_err(|error| error.to_string())?;
    Ok(run)
}

/// A typed value; an empty text means that there is none.
fn parse_optional<T: FromStr<Err: ToString>>(text: &str) -> Result<Option<T>, String> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|error: T::Err| error.to_string()),
    }
}

/// The equivalent command of the real engine.
fn command_line(options: &Options) -> String {
    let mut words = vec!["minicontainer run --rm".to_owned()];
    let values = [("memory", &options.memory), ("cpus", &options.cpus), ("pids-limit", &options.pids)];
    for (flag, value) in values.into_iter().chain([("hostname", &options.hostname)]) {
        if !value.trim().is_empty() {
            words.push(format!("--{flag} {}", value.trim()));
        }
    }
    words.extend(options.read_only.then(|| "--read-only".to_owned()));
    words.extend((options.network == NetworkChoice::Host).then(|| "--network host".to_owned()));
    words.extend(options.without.iter().map(|name| format!("--without {name}")));
    words.push("busybox".to_owned());
    words.extend(options.command.iter().map(|word| quoted(word)));
    words.join(" ")
}

/// A word, quoted for a shell if necessary.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,+@%".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
