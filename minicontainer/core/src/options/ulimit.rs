//! Resource limits of each single process, see getrlimit(2).
//!
//! The syntax is Docker's: `nofile=1024:2048` is the soft limit, which is enforced, and the hard limit, up to which
//! the program may raise it. One number sets both; `unlimited` or `-1` means no limit.
//!
//! ```
//! use minicontainer_core::options::Ulimit;
//!
//! let limit: Ulimit = "nofile=1024:2048".parse()?;
//! assert_eq!((limit.resource, limit.soft, limit.hard), ("RLIMIT_NOFILE", 1024, 2048));
//! assert!("nofile=2048:1024".parse::<Ulimit>().is_err());
//! # Ok::<(), minicontainer_core::options::UlimitError>(())
//! ```

use std::{fmt, str::FromStr};

use crate::plan::RESOURCES;

/// A limit on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ulimit {
    /// The kernel's name, such as `RLIMIT_NOFILE`.
    pub resource: &'static str,
    /// The soft limit, which is enforced; `u64::MAX` means unlimited.
    pub soft: u64,
    /// The hard limit, up to which the program may raise the soft one.
    pub hard: u64,
}

/// The text is not a valid limit.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UlimitError {
    /// No such resource.
    #[error("unknown resource {name:?} in {given:?}: must be one of {}", names())]
    Resource {
        /// What was given.
        given: String,
        /// The name in it.
        name: String,
    },
    /// The numbers are invalid.
    #[error(
        "invalid ulimit {given:?}: must be NAME=SOFT or NAME=SOFT:HARD with numbers or unlimited (for example, \
         nofile=1024:2048)"
    )]
    Numbers {
        /// What was given.
        given: String,
    },
    /// The soft limit is above the hard limit.
    #[error("invalid ulimit {given:?}: the soft limit cannot be above the hard limit")]
    SoftAboveHard {
        /// What was given.
        given: String,
    },
}

crate::plain_diagnostic!(UlimitError: InvalidInput);

fn names() -> String {
    RESOURCES.map(Ulimit::docker_name).join(", ")
}

impl Ulimit {
    /// Docker's name of a resource: `nofile` for `RLIMIT_NOFILE`.
    pub fn docker_name(resource: &str) -> String {
        resource.trim_start_matches("RLIMIT_").to_lowercase()
    }
}

impl FromStr for Ulimit {
    type Err = UlimitError;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let wrong = || UlimitError::Numbers { given: given.to_owned() };
        let (name, numbers) = given.split_once('=').ok_or_else(wrong)?;
        let known = RESOURCES.into_iter().find(|known| Ulimit::docker_name(known) == name);
        let resource =
            known.ok_or_else(|| UlimitError::Resource { given: given.to_owned(), name: name.to_owned() })?;
        let number = |text: &str| match text {
            "unlimited" | "-1" => Ok(u64::MAX),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().map_err(|_| wrong()),
            _ => Err(wrong()),
        };
        let (soft, hard) = match numbers.split_once(':') {
            Some((soft, hard)) => (number(soft)?, number(hard)?),
            None => (number(numbers)?, number(numbers)?),
        };
        match soft <= hard {
            true => Ok(Ulimit { resource, soft, hard }),
            false => Err(UlimitError::SoftAboveHard { given: given.to_owned() }),
        }
    }
}

impl fmt::Display for Ulimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: u64| if number == u64::MAX { "unlimited".to_owned() } else { number.to_string() };
        write!(formatter, "{}={}:{}", Ulimit::docker_name(self.resource), number(self.soft), number(self.hard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<(&str, u64, u64), &str>) {
        let parsed = text.parse::<Ulimit>().map(|limit| (limit.resource, limit.soft, limit.hard));
        assert_eq!(parsed.map_err(|error| error.to_string()), expect.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn ulimits_are_parsed_or_rejected() {
        check("nofile=64", Ok(("RLIMIT_NOFILE", 64, 64)));
        check("core=0:unlimited", Ok(("RLIMIT_CORE", 0, u64::MAX)));
        check("stack=-1", Ok(("RLIMIT_STACK", u64::MAX, u64::MAX)));
        for text in ["nofile=64:64", "core=0:unlimited", "stack=unlimited:unlimited"] {
            assert_eq!(text.parse::<Ulimit>().expect("a limit").to_string(), text);
        }
        let wrong = |text: &str| {
            format!(
                "invalid ulimit {text:?}: must be NAME=SOFT or NAME=SOFT:HARD with numbers or unlimited (for \
                 example, nofile=1024:2048)"
            )
        };
        for text in ["", "nofile", "nofile=", "nofile=a", "nofile=1:", "nofile=+1", "nofile=99999999999999999999"] {
            check(text, Err(&wrong(text)));
        }
        check("nofile=2:1", Err("invalid ulimit \"nofile=2:1\": the soft limit cannot be above the hard limit"));
        assert!(
            "files=1"
                .parse::<Ulimit>()
                .is_err_and(|error| error.to_string().starts_with("unknown resource \"files\""))
        );
    }
}
