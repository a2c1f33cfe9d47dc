//! Every step of a plan in words, in two languages, from one message catalogue.
//!
//! `--explain` prints it, the browser's page draws it, the lessons quote it: all three use [`explain`], so they
//! always agree. An [`Explanation`] has two parts. The *words*, a title and the reason why the step matters for
//! isolation, come from the Fluent files next to this one ([`message`]). The *facts*, the system calls as strace(1)
//! would show them and the manual pages, are computed from the step and need no translation.
//!
//! Terms: a *step* is one operation of a [`Plan`](crate::Plan); its *actor* is the process that executes it, the
//! engine on the host or the container's first process ([`Actor`](crate::plan::Actor)).
//!
//! A new kind of step does not compile until it has its arguments, system calls and manual pages here, and the tests
//! fail until it has its words in every language.
//!
//! ```
//! use minicontainer_core::explain::{Language, explain};
//! use minicontainer_core::plan::Step;
//!
//! let explanation = explain(&Step::PivotRoot, Language::English);
//! assert_eq!(explanation.title, "Change the root to the new tree, and detach the host's");
//! assert_eq!(explanation.system_calls[1], r#"pivot_root(".", ".")"#);
//! assert_eq!(explanation.man_pages[0], "pivot_root(2)");
//! ```

mod arguments;
mod catalogue;
mod language;
mod man_pages;
mod narration;
mod system_calls;
mod text;

use serde::Serialize;

pub use catalogue::{Argument, Catalogue, message};
pub use language::{Language, LanguageError};
pub use narration::{
    ExplainedStep, IsolationExplanation, explain_actor, explain_isolation, explain_plan, explain_weakening, render,
    wrap,
};
pub use text::{Message, Value};

use crate::plan::Step;
use system_calls::CgroupVersion;

/// A step in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What is done, in one sentence.
    pub title: String,
    /// Why it is done: what would happen without it.
    pub why: String,
    /// The system calls, as strace(1) would show them, with names of descriptors instead of their numbers.
    pub system_calls: Vec<String>,
    /// The manual pages, such as `pivot_root(2)`.
    pub man_pages: Vec<String>,
}

/// Explains a step. Cgroup files are named as in cgroup version 2; [`explain_plan`] uses the version that the plan is
/// for.
pub fn explain(step: &Step, language: Language) -> Explanation {
    explain_for(step, language, CgroupVersion::V2)
}

fn explain_for(step: &Step, language: Language, version: CgroupVersion) -> Explanation {
    let key = format!("step-{}", step.kind());
    let arguments = arguments::arguments(step, language);
    Explanation {
        title: message(language, &key, &arguments),
        why: message(language, &format!("{key}.why"), &arguments),
        system_calls: system_calls::system_calls(step, version),
        man_pages: man_pages::man_pages(step).iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests;
