//! One variable of a program's environment.
//!
//! execve(2) passes a program its environment as strings `NAME=value` that end in a NUL byte, see environ(7). So a
//! name cannot be empty or contain `=`, and neither name nor value can contain NUL. Everything else is allowed,
//! including `a.b=c` and `X=`.
//!
//! As in Docker a bare `NAME` on the command line means the caller's own variable, which is passed on if it is set.
//! This crate does not read the environment, so the caller passes a function that looks up the value:
//!
//! ```
//! use minicontainer_core::options::EnvVar;
//!
//! let caller = |name: &str| (name == "EDITOR").then(|| "ed".to_owned());
//! assert_eq!(EnvVar::parse("COLOUR=red", caller)?.unwrap().to_string(), "COLOUR=red");
//! assert_eq!(EnvVar::parse("EDITOR", caller)?.unwrap().to_string(), "EDITOR=ed");
//! assert_eq!(EnvVar::parse("PAGER", caller)?, None);
//! # Ok::<(), minicontainer_core::options::EnvError>(())
//! ```

use std::{fmt, str::FromStr};

/// A variable: a name and a value, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvVar {
    name: String,
    value: String,
}

impl EnvVar {
    /// Creates a variable from a name and a value.
    pub fn new(name: &str, value: &str) -> Result<EnvVar, EnvError> {
        format!("{name}={value}").parse().and_then(|variable: EnvVar| match variable.name == name {
            true => Ok(variable),
            false => Err(EnvError::EqualsInName { name: name.to_owned() }),
        })
    }

    /// Parses `NAME=value`, or a bare `NAME` whose value `lookup` returns. `None` if it returns none, so that there
    /// is nothing to pass on.
    pub fn parse(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Option<EnvVar>, EnvError> {
        if text.contains('=') {
            return text.parse().map(Some);
        }
        let value = check(text, text).map(|()| lookup(text))?;
        value.map(|value| EnvVar::new(text, &value)).transpose()
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// The text is not an environment variable.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvError {
    /// No name before the `=`.
    #[error("invalid environment variable {given:?}: the name is empty; must be NAME=value")]
    NoName {
        /// What was given.
        given: String,
    },
    /// No `=`.
    #[error("invalid environment variable {given:?}: it has no '='; must be NAME=value")]
    NoValue {
        /// What was given.
        given: String,
    },
    /// An `=` in the name.
    #[error("invalid environment variable name {name:?}: cannot contain '='")]
    EqualsInName {
        /// The name.
        name: String,
    },
    /// A NUL byte, where the kernel would truncate it.
    #[error("invalid environment variable {given:?}: it contains a NUL byte, where the kernel would truncate it")]
    Nul {
        /// What was given.
        given: String,
    },
}

crate::plain_diagnostic!(EnvError: InvalidInput);

fn check(given: &str, name: &str) -> Result<(), EnvError> {
    if given.contains('\0') {
        return Err(EnvError::Nul { given: given.to_owned() });
    }
    match name.is_empty() {
        true => Err(EnvError::NoName { given: given.to_owned() }),
        false => Ok(()),
    }
}

impl FromStr for EnvVar {
    type Err = EnvError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = match text.split_once('=') {
            Some(parts) => parts,
            None => return Err(check(text, text).err().unwrap_or(EnvError::NoValue { given: text.to_owned() })),
        };
        check(text, name)?;
        Ok(EnvVar { name: name.to_owned(), value: value.to_owned() })
    }
}

impl fmt::Display for EnvVar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[track_caller]
    fn check(text: &str, name: &str, value: &str) {
        let variable: EnvVar = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((variable.name(), variable.value()), (name, value));
        assert_eq!(variable.to_string(), text);
        assert_eq!(EnvVar::new(name, value), Ok(variable.clone()));
        assert_eq!(EnvVar::parse(text, nothing), Ok(Some(variable)));
    }

    #[test]
    fn env_variables_are_parsed() {
        check("A=b", "A", "b");
        check("A=", "A", "");
        check("A=b=c", "A", "b=c");
        check("a.b-c d=e\nf", "a.b-c d", "e\nf");
        check("*=x", "*", "x");
    }

    #[test]
    fn bare_name_takes_its_value_from_the_caller() {
        assert_eq!(EnvVar::parse("HOME", nothing), Ok(None));
        let home = |name: &str| (name == "HOME").then(|| "/a=b".to_owned());
        assert_eq!(EnvVar::parse("HOME", home), Ok(Some("HOME=/a=b".parse().unwrap())));
        assert_eq!(EnvVar::parse("HOME=", home), Ok(Some("HOME=".parse().unwrap())));
        let broken = |_: &str| Some("a\0b".to_owned());
        assert_eq!(EnvVar::parse("X", broken), Err(EnvError::Nul { given: "X=a\0b".to_owned() }));
    }

    #[test]
    fn invalid_env_variables_are_rejected() {
        let mut table: Vec<String> = Vec::new();
        for text in ["", "=", "=value", "NAME", "A=b\0c", "A\0=b", "\0"] {
            table.push(text.parse::<EnvVar>().unwrap_err().to_string());
        }
        table.push(EnvVar::new("A=B", "c").unwrap_err().to_string());
        table.push(EnvVar::new("", "c").unwrap_err().to_string());
        table.push(EnvVar::parse("", nothing).unwrap_err().to_string());
        table.push(EnvVar::parse("A\0", nothing).unwrap_err().to_string());
        insta::assert_snapshot!(table.join("\n"));
    }
}
