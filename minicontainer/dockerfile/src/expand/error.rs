//! Errors of expanding a word, with the messages of BuildKit's lexer if it has them.

use super::{DEEPEST, LONGEST};

/// Why a word cannot be expanded.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum ExpandError {
    #[error("syntax error: missing '{missing}'{place}")]
    Missing { missing: char, place: &'static str },
    #[error("syntax error: bad substitution")]
    BadSubstitution,
    #[error("unexpected end of statement while looking for matching {quote}-quote")]
    Unclosed { quote: &'static str },
    #[error("unsupported modifier ({modifier}) in substitution")]
    Modifier { modifier: String },
    #[error("{name}: {message}")]
    Required { name: String, message: String },
    #[error("invalid pattern ({pattern}) in substitution: invalid escape '\\{character}'")]
    Pattern { pattern: String, character: String },
    #[error("the search for the pattern takes too long")]
    TooManySteps,
    #[error("it becomes longer than {LONGEST} bytes, the longest argument that Linux accepts")]
    TooLong,
    #[error("substitutions are nested more than {DEEPEST} deep")]
    TooDeep,
}

minicontainer_core::plain_diagnostic!(ExpandError: InvalidInput);

impl ExpandError {
    /// How to fix it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ExpandError::Missing { .. } => Some("write ${NAME}, or \\$ for a plain dollar sign"),
            ExpandError::BadSubstitution => Some("write ${NAME} or ${NAME:-default}"),
            ExpandError::Unclosed { .. } => Some("close the quote, or write \\ before a literal quote"),
            ExpandError::Modifier { .. } => Some("there are :- :+ :? - + ? # ## % %% / and //"),
            ExpandError::Required { .. } => Some("set it with ARG or ENV, or with --build-arg NAME=value"),
            ExpandError::Pattern { .. } => Some("in a pattern only *, ?, /, } and \\ can be escaped"),
            ExpandError::TooManySteps => Some("use fewer stars"),
            ExpandError::TooLong | ExpandError::TooDeep => None,
        }
    }
}
