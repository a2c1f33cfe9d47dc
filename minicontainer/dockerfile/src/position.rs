//! Where something stands in the file, so that an error can point at it.
//!
//! A *position* is a line and a column, both counted from 1 as editors do, the column in characters. A *span* is from
//! a position up to, and not with, another. A [`Word`] is a piece of the file with the place it was found at; its
//! text is what was written, quotes and variables included, until the plan expands it.

use serde::Serialize;

/// A place in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// From one place up to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Of the first character.
    pub start: Position,
    /// Behind the last character.
    pub end: Position,
}

impl Span {
    /// A span of `length` characters on one line.
    pub fn at(line: usize, column: usize, length: usize) -> Span {
        Span { start: Position { line, column }, end: Position { line, column: column + length } }
    }
}

/// A piece of the file and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Word {
    /// What is written there.
    pub text: String,
    /// Where.
    pub span: Span,
}

impl std::fmt::Display for Word {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}
