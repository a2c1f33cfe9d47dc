//! Labels: names with values that people and programs attach to a container. They have no effect on it.
//!
//! As in Docker, `--label NAME=VALUE` sets a value, and `--label NAME` sets an empty one. A name cannot contain
//! spaces or tabs ([`opts.ValidateLabel`][1]).
//!
//! [1]: https://pkg.go.dev/github.com/docker/cli/opts#ValidateLabel

use std::str::FromStr;

/// One label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The name, never empty.
    pub name: String,
    /// The value, which may be empty.
    pub value: String,
}

/// The text is not a label.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// No name before the `=`.
    #[error("invalid label {given:?}: the name is empty; must be NAME=VALUE (for example, course=networks)")]
    NoName {
        /// What was given.
        given: String,
    },
    /// A space or tab in the name.
    #[error(
        "invalid label {given:?}: the name contains whitespace; must be NAME=VALUE (for example, course=networks)"
    )]
    Whitespace {
        /// What was given.
        given: String,
    },
}

crate::plain_diagnostic!(LabelError: InvalidInput);

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let name = name.trim_start_matches([' ', '\t']);
        match name {
            "" => Err(LabelError::NoName { given: text.to_owned() }),
            _ if name.contains([' ', '\t']) => Err(LabelError::Whitespace { given: text.to_owned() }),
            _ => Ok(Label { name: name.to_owned(), value: value.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<(&str, &str), LabelError>) {
        let label = text.parse::<Label>().map(|label| (label.name, label.value));
        assert_eq!(label, expect.map(|(name, value)| (name.to_owned(), value.to_owned())), "{text}");
    }

    #[test]
    fn labels_are_parsed_as_in_docker() {
        check("a=b", Ok(("a", "b")));
        check("a", Ok(("a", "")));
        check("com.example/x=a=b c ", Ok(("com.example/x", "a=b c ")));
        check(" a=b", Ok(("a", "b")));
        check("=b", Err(LabelError::NoName { given: "=b".to_owned() }));
        check("", Err(LabelError::NoName { given: String::new() }));
        check("a b=c", Err(LabelError::Whitespace { given: "a b=c".to_owned() }));
    }
}
