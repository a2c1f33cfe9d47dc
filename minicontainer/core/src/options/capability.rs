//! The capabilities of a container: the profile's, with some added and some dropped.
//!
//! A capability is written with or without `CAP_`, in either case, as in Docker; `ALL` means every one. A
//! capability that is both added and dropped is dropped, which is stricter than in Docker. With `--cap-drop ALL`, the
//! capabilities that were added by name are kept, as in Docker.
//!
//! ```
//! use minicontainer_core::options::CapabilityChanges;
//!
//! let changes = CapabilityChanges { add: vec!["net_bind_service".parse()?], drop: vec!["ALL".parse()?] };
//! assert_eq!(changes.applied_to(&["CAP_CHOWN"]), ["CAP_NET_BIND_SERVICE"]);
//! assert!("CAP_FLY".parse::<minicontainer_core::options::CapabilityName>().is_err());
//! # Ok::<(), minicontainer_core::options::CapabilityError>(())
//! ```

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::plan::CAPABILITIES;

/// One capability, or all of them, see capabilities(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapabilityName {
    /// Every capability.
    All,
    /// One, by its full name such as `CAP_CHOWN`.
    One(&'static str),
}

impl CapabilityName {
    fn names(self) -> Vec<&'static str> {
        match self {
            CapabilityName::All => CAPABILITIES.to_vec(),
            CapabilityName::One(name) => vec![name],
        }
    }
}

/// The word is not a capability's name.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown capability {given:?}: must be ALL or a name of capabilities(7) (for example, NET_ADMIN or CAP_SYS_TIME)"
)]
pub struct CapabilityError {
    /// What was given.
    pub given: String,
}

crate::plain_diagnostic!(CapabilityError: InvalidInput);

impl FromStr for CapabilityName {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        if upper == "ALL" || upper == "CAP_ALL" {
            return Ok(CapabilityName::All);
        }
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let known = CAPABILITIES.into_iter().find(|name| name.strip_prefix("CAP_") == Some(bare));
        known.map(CapabilityName::One).ok_or_else(|| CapabilityError { given: text.to_owned() })
    }
}

impl fmt::Display for CapabilityName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            CapabilityName::All => "ALL",
            CapabilityName::One(name) => name,
        })
    }
}

/// The changes to a profile's capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CapabilityChanges {
    /// Added (`--cap-add`).
    pub add: Vec<CapabilityName>,
    /// Dropped (`--cap-drop`).
    pub drop: Vec<CapabilityName>,
}

impl CapabilityChanges {
    /// The resulting capabilities, in the order of their numbers.
    pub fn applied_to(&self, profile: &[&str]) -> Vec<&'static str> {
        let names = |words: &[CapabilityName]| -> Vec<&str> { words.iter().flat_map(|word| word.names()).collect() };
        let drops_all = self.drop.contains(&CapabilityName::All);
        let (added, dropped) = (names(&self.add), names(&self.drop));
        let kept = |name: &&str| match drops_all {
            true => added.contains(name),
            false => (profile.contains(name) || added.contains(name)) && !dropped.contains(name),
        };
        CAPABILITIES.into_iter().filter(kept).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(add: &[&str], drop: &[&str], expect: &[&str]) {
        let words = |list: &[&str]| list.iter().map(|word| word.parse().expect("a capability")).collect();
        let changes = CapabilityChanges { add: words(add), drop: words(drop) };
        assert_eq!(changes.applied_to(&["CAP_CHOWN", "CAP_KILL"]), expect, "{add:?} {drop:?}");
    }

    #[test]
    fn capabilities_are_added_and_dropped_as_in_docker() {
        check(&[], &[], &["CAP_CHOWN", "CAP_KILL"]);
        check(&["sys_time"], &["CAP_KILL"], &["CAP_CHOWN", "CAP_SYS_TIME"]);
        check(&["ALL"], &[], &CAPABILITIES);
        check(&[], &["all"], &[]);
        check(&["KILL"], &["ALL"], &["CAP_KILL"]);
        check(
            &["ALL"],
            &["KILL", "CHOWN"],
            &CAPABILITIES.into_iter().filter(|one| !matches!(*one, "CAP_KILL" | "CAP_CHOWN")).collect::<Vec<_>>(),
        );
    }

    #[test]
    fn unknown_capabilities_are_rejected() {
        for word in ["", "CAP_", "CAP_CAP_KILL", "KILL ", "FLY"] {
            let error = word.parse::<CapabilityName>().expect_err(word);
            assert!(error.to_string().starts_with(&format!("unknown capability {word:?}")), "{error}");
        }
    }

    proptest! {
        /// Dropping one more capability never adds another.
        #[test]
        fn dropping_never_adds_a_capability(
            adds in proptest::collection::vec(0..41usize, 0..6),
            drops in proptest::collection::vec(0..41usize, 0..6),
            more in 0..41usize,
        ) {
            let word = |number: &usize| CapabilityName::One(CAPABILITIES[*number]);
            let words = |list: &[usize]| list.iter().map(word).collect::<Vec<_>>();
            let changes = CapabilityChanges { add: words(&adds), drop: words(&drops) };
            let mut fewer = changes.clone();
            fewer.drop.push(CapabilityName::One(CAPABILITIES[more]));
            let before = changes.applied_to(&["CAP_CHOWN", "CAP_KILL"]);
            prop_assert!(fewer.applied_to(&["CAP_CHOWN", "CAP_KILL"]).iter().all(|name| before.contains(name)));
        }
    }
}
