//! Every step in words, in two languages, from one message catalogue. (placeholder: being written)

use crate::plan::Step;

/// A language that the project speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Brazilian Portuguese.
    Portuguese,
}

/// A step in words.
pub struct Explanation {
    /// What is done, in one sentence.
    pub title: String,
    /// What it is for: what would be otherwise.
    pub why: String,
    /// The system calls, as strace(1) would show them.
    pub system_calls: Vec<String>,
    /// Where to read on, such as `pivot_root(2)`.
    pub man_pages: Vec<String>,
}

/// Puts a step into words.
pub fn explain(_step: &Step, _language: Language) -> Explanation {
    Explanation { title: String::new(), why: String::new(), system_calls: Vec::new(), man_pages: Vec::new() }
}
