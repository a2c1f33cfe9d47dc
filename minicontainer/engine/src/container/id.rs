//! The id of a container: 256 random bits, written as 64 hexadecimal digits.
//!
//! Ids are chosen at random from so many that no two are equal. Users write the first twelve digits, or any prefix
//! that no other id has.

use std::{fmt, fs::File, io::Read, str::FromStr};

use serde::{Deserialize, Serialize};

use super::ContainerError;

/// A container's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id {
    digits: String,
}

impl Id {
    /// A new id, from the kernel's random number generator, see random(4).
    pub fn random() -> Result<Id, ContainerError> {
        let digits = random_bytes::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Id { digits })
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.digits
    }

    /// The first twelve digits, as tables show them.
    pub fn short(&self) -> &str {
        &self.digits[..12]
    }

    /// Whether a text is an id.
    pub(super) fn is_valid(text: &str) -> bool {
        text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    }
}

/// Random bytes from the kernel.
pub(super) fn random_bytes<const COUNT: usize>() -> Result<[u8; COUNT], ContainerError> {
    let mut bytes = [0; COUNT];
    let source = "/dev/urandom";
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(ContainerError::io("read", source))?;
    Ok(bytes)
}

/// The text is not an id.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid container id {given:?}: must be 64 digits, 0 to 9 and a to f")]
pub struct IdError {
    /// The invalid text.
    pub given: String,
}

minicontainer::core::plain_diagnostic!(IdError: InvalidInput);

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Id::is_valid(text) {
            true => Ok(Id { digits: text.to_owned() }),
            false => Err(IdError { given: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> String {
        id.digits
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_are_valid_and_distinct() {
        let (one, other) = (Id::random().unwrap(), Id::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse(), Ok(one.clone()));
        assert_eq!(one.short().len(), 12);
    }

    #[test]
    fn invalid_ids_are_rejected() {
        for text in ["", "ab", &"a".repeat(63), &"a".repeat(65), &"A".repeat(64), &"g".repeat(64), "../state.json"] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
    }
}
