//! The explanation of a whole plan: as data, and as the plain text that `--explain` prints.

use serde::Serialize;

use super::{Explanation, Language, Message, explain_for, message, system_calls::CgroupVersion};
use crate::{
    options::{Isolation, Weakening},
    plan::{Actor, Identity, Plan, Step},
};

/// The width at which [`render`] wraps sentences. System calls are never wrapped, so that they can be copied.
const WIDTH: usize = 100;

/// A step of a plan, its actor, and the explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedStep {
    /// The step.
    pub step: Step,
    /// The process that executes it.
    pub actor: Actor,
    /// The explanation.
    pub explanation: Explanation,
}

/// Explains every step of a plan.
pub fn explain_plan(plan: &Plan, language: Language) -> Vec<ExplainedStep> {
    let version = CgroupVersion::of(plan);
    let explained = |step: &Step| ExplainedStep {
        step: step.clone(),
        actor: step.actor(),
        explanation: explain_for(step, language, version),
    };
    plan.steps.iter().map(explained).collect()
}

/// The explanation of an isolation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IsolationExplanation {
    /// Its name on the command line, such as `pid`.
    pub name: &'static str,
    /// What the container gets.
    pub title: String,
    /// What leaks without it.
    pub without: String,
}

/// Explains an isolation, and what leaks `--without` it.
pub fn explain_isolation(isolation: Isolation, language: Language) -> IsolationExplanation {
    let key = format!("isolation-{}", isolation.name());
    IsolationExplanation {
        name: isolation.name(),
        title: message(language, &key, &[]),
        without: message(language, &format!("{key}.without"), &[]),
    }
}

/// Explains what a weakened isolation means. Root of an ordinary user's container is that user on the host, so it is
/// less dangerous there.
pub fn explain_weakening(weakening: &Weakening, identity: Identity) -> Message {
    let key = match (weakening, identity) {
        (Weakening::Privileged, Identity::User { .. }) => "weakening-privileged-user".into(),
        (Weakening::DockerProfile, Identity::User { .. }) => "weakening-docker-profile-user".into(),
        (Weakening::Without(Isolation::Uts), Identity::User { .. }) => "weakening-uts-user".into(),
        _ => weakening.key(),
    };
    Message::new(key, [])
}

/// The name of the process that executes a step.
pub fn explain_actor(actor: Actor, language: Language) -> String {
    let key = match actor {
        Actor::Engine => "actor-engine",
        Actor::Container => "actor-container",
    };
    message(language, key, &[])
}

/// The plan as plain numbered text, as printed by `--explain`.
///
/// ```
/// use minicontainer_core::explain::{Language, render};
/// use minicontainer_core::plan::{Plan, Step};
///
/// let plan = Plan { steps: vec![Step::SetHostname { name: "web-1".into() }] };
/// let text = render(&plan, Language::Portuguese);
/// assert!(text.contains("1. Definir o hostname como web-1\n"));
/// assert!(text.contains("sethostname(\"web-1\", 5)\n"));
/// ```
pub fn render(plan: &Plan, language: Language) -> String {
    let mut text = message(language, "plan-heading", &[("count", plan.steps.len().into())]) + "\n";
    let mut last_actor = None;
    for (index, step) in explain_plan(plan, language).iter().enumerate() {
        if last_actor != Some(step.actor) {
            text += &format!("\n{}\n", explain_actor(step.actor, language));
            last_actor = Some(step.actor);
        }
        let Explanation { title, why, system_calls, man_pages } = &step.explanation;
        text += &format!("\n{:>3}. {title}\n", index + 1);
        for line in wrap(why, WIDTH - 5) {
            text += &format!("     {line}\n");
        }
        for call in system_calls {
            text += &format!("       {call}\n");
        }
        text += &format!("     {} {}\n", message(language, "label-man-pages", &[]), man_pages.join(", "));
    }
    text
}

/// Breaks a text into lines of at most `width` characters, between words only.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
