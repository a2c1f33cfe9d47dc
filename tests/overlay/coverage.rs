//! Counts the effects and errors that the random scenarios trigger. If they never copied a file up, for example, even
//! a wrong model would pass.

use std::{collections::BTreeMap, fmt::Debug};

use minicontainer_layers::overlay::{Effect, Errno};

use crate::scenario::Result;

/// The effects and errors that must occur often. `ESTALE` is too rare in random scenarios, so `examples` covers it.
const WANTED: [&str; 20] = [
    "CopiedUp",
    "Created",
    "Exchanged",
    "Linked",
    "MetadataChanged",
    "OpaqueSet",
    "Removed",
    "Renamed",
    "WhiteoutMade",
    "WhiteoutReplaced",
    "Written",
    "EBADF",
    "EEXIST",
    "EISDIR",
    "ELOOP",
    "ENOENT",
    "ENOTDIR",
    "ENOTEMPTY",
    "EPERM",
    "EXDEV",
];

/// The number of times that each effect and error occurred.
#[derive(Debug, Default)]
pub struct Seen {
    times: BTreeMap<String, u64>,
}

impl Seen {
    pub fn count(&mut self, result: &Result, effects: &[Effect]) {
        let errors = result.answers.iter().filter_map(|answer| Errno::from_number(*answer.as_ref().err()?));
        for name in effects.iter().map(name).chain(errors.map(|errno| name(&errno))) {
            *self.times.entry(name).or_default() += 1;
        }
    }

    /// The effects and errors that occurred less often than `least`.
    pub fn rare(&self, least: u64) -> Vec<&'static str> {
        WANTED.into_iter().filter(|name| self.times.get(*name).is_none_or(|times| *times < least)).collect()
    }
}

/// The name of a variant.
fn name(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}
