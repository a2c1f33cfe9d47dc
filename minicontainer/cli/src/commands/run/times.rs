//! `--trace`: how long each step of the start took.

use minicontainer::{Running, StepTime, core::explain::explain_plan};

use crate::{language, output::visible};

/// How long each step of the start took, one per line.
pub fn times(running: &Running) -> String {
    let explained = explain_plan(running.plan(), language::of_environment());
    let line = |time: &StepTime| {
        let title = explained.get(time.step).map_or("", |step| step.explanation.title.as_str());
        format!("{:>8.1} µs  {:>2}. {}\n", time.took.as_secs_f64() * 1e6, time.step + 1, visible(title))
    };
    running.times().iter().map(line).collect()
}
