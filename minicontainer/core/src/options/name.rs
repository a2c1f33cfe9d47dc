//! Names of containers, and their hostnames.
//!
//! A container's name follows Docker's rule: a letter or digit, then letters, digits, `_`, `.` or `-`. A hostname
//! must be valid in DNS (RFC 1123 section 2.1: labels of letters, digits and inner hyphens, joined by dots), and
//! short enough for sethostname(2), which accepts 64 bytes. As in Docker, `_` is allowed too.
//!
//! ```
//! use minicontainer_core::options::{ContainerName, Hostname};
//!
//! assert_eq!("web-1".parse::<ContainerName>()?.as_str(), "web-1");
//! assert!("../web".parse::<ContainerName>().is_err());
//! assert_eq!("db.example.com".parse::<Hostname>()?.as_str(), "db.example.com");
//! # Ok::<(), minicontainer_core::options::NameError>(())
//! ```

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

const CONTAINER_LIMIT: usize = 255;
/// `__NEW_UTS_LEN` of the kernel.
const HOSTNAME_LIMIT: usize = 64;
/// See RFC 1035 section 2.3.4.
const LABEL_LIMIT: usize = 63;

/// A container's name. It has at least two characters, so that it is not the beginning of a short id by accident.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerName {
    name: String,
}

/// The hostname inside a container, as uname(2) returns it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname {
    name: String,
}

/// The text is not a valid name.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not a container's name.
    #[error(
        "Invalid container name ({given}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed: 2 to {CONTAINER_LIMIT} \
         characters (for example, web-1)"
    )]
    Container {
        /// What was given.
        given: String,
    },
    /// Not a hostname.
    #[error(
        "invalid hostname {given:?}: must be letters, digits, '_' and inner hyphens, with dots between parts, at most \
         {HOSTNAME_LIMIT} characters in total and {LABEL_LIMIT} in a part (for example, web-1 or db.example.com)"
    )]
    Hostname {
        /// What was given.
        given: String,
    },
}

crate::plain_diagnostic!(NameError: InvalidInput);

impl FromStr for ContainerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (2..=CONTAINER_LIMIT).contains(&text.len())
            && text.starts_with(|character: char| character.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        match fits {
            true => Ok(ContainerName { name: text.to_owned() }),
            false => Err(NameError::Container { given: text.to_owned() }),
        }
    }
}

impl FromStr for Hostname {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.len() <= HOSTNAME_LIMIT && text.split('.').all(is_label) {
            true => Ok(Hostname { name: text.to_owned() }),
            false => Err(NameError::Hostname { given: text.to_owned() }),
        }
    }
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_LIMIT).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl ContainerName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl Hostname {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl TryFrom<String> for ContainerName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for Hostname {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ContainerName> for String {
    fn from(name: ContainerName) -> String {
        name.name
    }
}

impl From<Hostname> for String {
    fn from(hostname: Hostname) -> String {
        hostname.name
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_names_are_accepted() {
        let long = "a".repeat(CONTAINER_LIMIT);
        for name in ["ab", "web-1", "0a", "A.b_c-d", "a.", "a-", long.as_str()] {
            assert_eq!(name.parse::<ContainerName>().unwrap().as_str(), name);
        }
        let longest = format!("{}.b", "a".repeat(HOSTNAME_LIMIT - 2));
        for name in ["a", "web-1", "0", "A", "db.example.com", "1.2", "at_tic", "_a", longest.as_str()] {
            assert_eq!(name.parse::<Hostname>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn invalid_names_are_rejected() {
        let containers = ["", "a", "-a", ".a", "_a", "../a", "a/b", "a b", "a\0", "é1", "a\n"].map(str::to_owned);
        let hosts =
            ["", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a b", "é", "a/b", "a\n", "a\0"].map(str::to_owned);
        let mut table: Vec<String> = Vec::new();
        for name in containers.into_iter().chain(["a".repeat(CONTAINER_LIMIT + 1)]) {
            table.push(name.parse::<ContainerName>().unwrap_err().to_string());
        }
        let label = "a".repeat(LABEL_LIMIT + 1);
        for name in hosts.into_iter().chain([label.clone(), format!("{}.bb", &label[2..])]) {
            table.push(name.parse::<Hostname>().unwrap_err().to_string());
        }
        let table = table.join("\n");
        insta::assert_snapshot!(table.replace(&"a".repeat(CONTAINER_LIMIT), "a…").replace(&"a".repeat(60), "a…"));
    }

    #[test]
    fn names_in_json_are_validated() {
        assert_eq!(serde_json::from_str::<ContainerName>("\"web\"").unwrap(), "web".parse().unwrap());
        assert!(serde_json::from_str::<ContainerName>("\"../web\"").is_err());
        assert!(serde_json::from_str::<Hostname>("\"a b\"").is_err());
    }
}
