//! Positions in the file, so that errors can point to them.
//!
//! A *position* is a line and a column, both counted from 1 as in editors, the column in characters. A *span* is from
//! one position up to, but not including, another. A [`Word`] is a piece of the file with its span; its text is as
//! written, with quotes and variables, until the plan expands it.

use serde::Serialize;

/// A position in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// From one position up to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Of the first character.
    pub start: Position,
    /// After the last character.
    pub end: Position,
}

impl Span {
    /// A span of `length` characters on one line.
    pub fn at(line: usize, column: usize, length: usize) -> Span {
        Span { start: Position { line, column }, end: Position { line, column: column + length } }
    }

    /// The span of these bytes of a text.
    pub fn of_bytes(text: &str, bytes: &std::ops::Range<usize>) -> Span {
        let position = |byte: usize| {
            let before = text.get(..byte).unwrap_or(text);
            let line = before.rsplit('\n').next().unwrap_or_default();
            Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
        };
        Span { start: position(bytes.start), end: position(bytes.end) }
    }
}

/// A piece of the file with its span.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Word {
    /// The text as written.
    pub text: String,
    /// Its span.
    pub span: Span,
}

impl std::fmt::Display for Word {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}
