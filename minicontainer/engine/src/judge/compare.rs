//! Compares a program's answer with the expected one, with a choice of how strictly.
//!
//! The answer is compared *while it arrives*, so a program that prints 16 MiB needs no more memory than one that
//! prints a word. Both texts are read as *units*: lines, or words. Of the current unit, a [`Comparer`] keeps only its
//! length, its beginning (for the message) and whether it differs from the expected unit so far.

use minicontainer::core::explain::Message;
use serde::Deserialize;

use super::reason::reason;

/// How an answer is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// Every byte counts.
    Exact,
    /// Line by line; blanks at the end of a line and empty lines at the end of the text are ignored.
    #[default]
    Lines,
    /// Word by word; blanks and line ends only separate words.
    Tokens,
}

/// The first difference in words; none if the answer is as expected.
pub fn difference(answer: &[u8], expected: &[u8], comparison: Comparison) -> Option<Message> {
    let mut comparer = Comparer::new(expected, comparison);
    comparer.feed(answer);
    comparer.finish()
}

/// How many characters of a unit a message shows.
const SHOWN: usize = 40;
/// The maximum length of these characters in bytes.
const BEGINNING: usize = 4 * SHOWN;

/// Compares an answer that arrives in pieces with the expected one.
///
/// ```
/// use minicontainer_engine::judge::{Comparer, Comparison};
///
/// let mut comparer = Comparer::new(b"1 2\n3\n", Comparison::Tokens);
/// comparer.feed(b"1\n");
/// comparer.feed(b"2 4");
/// assert_eq!(comparer.finish().unwrap().to_string(), "word 3: expected \"3\", not \"4\"");
/// ```
#[derive(Debug)]
pub struct Comparer<'e> {
    comparison: Comparison,
    /// The expected text after the current unit.
    expected: Units<'e>,
    current: Unit<'e>,
    /// The number of units of the answer before the current one.
    count: usize,
    /// Empty lines, which do not count if they turn out to be the last ones.
    pending: Option<EmptyLines<'e>>,
    found: Option<Message>,
}

/// A unit of the answer, and the unit that is expected there.
#[derive(Debug)]
struct Unit<'e> {
    expected: Option<&'e [u8]>,
    beginning: Vec<u8>,
    length: usize,
    /// The length without blanks at the end, if these are ignored.
    trimmed: usize,
    differs: bool,
}

/// A run of empty lines: the number of the first and the text expected there, and the first that was not expected.
#[derive(Debug)]
struct EmptyLines<'e> {
    first: (usize, Option<&'e [u8]>),
    unexpected: Option<(usize, Option<&'e [u8]>)>,
}

impl<'e> Comparer<'e> {
    /// Starts a comparison.
    pub fn new(expected: &'e [u8], comparison: Comparison) -> Comparer<'e> {
        let mut expected = Units::new(expected, comparison);
        let current = Unit::new(expected.next());
        Comparer { comparison, expected, current, count: 0, pending: None, found: None }
    }

    /// Adds the next piece of the answer.
    pub fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.found.is_some() {
                return;
            }
            match (self.comparison, byte) {
                (Comparison::Exact | Comparison::Lines, b'\n') => self.end_unit(),
                (Comparison::Tokens, byte) if byte.is_ascii_whitespace() => {
                    if self.current.length > 0 {
                        self.end_unit();
                    }
                }
                (Comparison::Lines, byte) => self.current.push(*byte, byte.is_ascii_whitespace()),
                (Comparison::Exact | Comparison::Tokens, byte) => self.current.push(*byte, false),
            }
        }
    }

    /// Ends the comparison and returns the first difference in words; none if the answer is as expected.
    pub fn finish(mut self) -> Option<Message> {
        let has_more = match self.comparison {
            // The text after the last line end is a line, too, even if it is empty.
            Comparison::Exact => true,
            Comparison::Lines => self.current.trimmed > 0,
            Comparison::Tokens => self.current.length > 0,
        };
        if self.found.is_none() && has_more {
            self.end_unit();
        }
        let (place, expected) = self.pending.map_or((self.count, self.current.expected), |empty| empty.first);
        self.found.or_else(|| describe(self.comparison, place, None, expected))
    }

    /// Compares the current unit, which is complete, and begins the next.
    fn end_unit(&mut self) {
        let (unit, place) = (&self.current, self.count);
        if self.comparison == Comparison::Lines && unit.trimmed == 0 {
            let pending = self.pending.get_or_insert(EmptyLines { first: (place, unit.expected), unexpected: None });
            if unit.expected.is_none_or(|expected| !expected.is_empty()) {
                pending.unexpected.get_or_insert((place, unit.expected));
            }
        } else if let Some((place, expected)) = self.pending.take().and_then(|empty| empty.unexpected) {
            self.found = describe(self.comparison, place, Some(b""), expected);
        } else if unit.differs() {
            self.found = describe(self.comparison, place, Some(unit.shown()), unit.expected);
        }
        self.count += 1;
        self.current.restart(self.expected.next());
    }
}

impl<'e> Unit<'e> {
    fn new(expected: Option<&'e [u8]>) -> Unit<'e> {
        Unit { expected, beginning: Vec::with_capacity(BEGINNING), length: 0, trimmed: 0, differs: false }
    }

    /// Starts the next unit in the same memory.
    fn restart(&mut self, expected: Option<&'e [u8]>) {
        self.beginning.clear();
        (self.expected, self.length, self.trimmed, self.differs) = (expected, 0, 0, false);
    }

    /// Adds a byte; a `blank` is ignored if nothing else follows.
    fn push(&mut self, byte: u8, blank: bool) {
        match self.expected.and_then(|expected| expected.get(self.length)) {
            Some(expected) => self.differs |= *expected != byte,
            None => self.differs |= !blank,
        }
        if self.length < BEGINNING {
            self.beginning.push(byte);
        }
        self.length += 1;
        if !blank {
            self.trimmed = self.length;
        }
    }

    fn differs(&self) -> bool {
        self.differs || self.expected.is_none_or(|expected| expected.len() != self.trimmed)
    }

    /// The beginning, without ignored blanks.
    fn shown(&self) -> &[u8] {
        &self.beginning[..self.beginning.len().min(self.trimmed)]
    }
}

/// The units of the expected text.
#[derive(Debug)]
struct Units<'e> {
    comparison: Comparison,
    rest: Option<&'e [u8]>,
}

impl<'e> Units<'e> {
    fn new(text: &'e [u8], comparison: Comparison) -> Units<'e> {
        let rest = match comparison {
            Comparison::Exact => Some(text),
            Comparison::Lines | Comparison::Tokens => Some(text.trim_ascii_end()).filter(|text| !text.is_empty()),
        };
        Units { comparison, rest }
    }

    fn next(&mut self) -> Option<&'e [u8]> {
        let rest = match self.comparison {
            Comparison::Exact | Comparison::Lines => self.rest?,
            Comparison::Tokens => self.rest?.trim_ascii_start(),
        };
        let ends = |byte: &u8| match self.comparison {
            Comparison::Exact | Comparison::Lines => *byte == b'\n',
            Comparison::Tokens => byte.is_ascii_whitespace(),
        };
        let end = rest.iter().position(ends);
        self.rest = end.map(|end| &rest[end + 1..]);
        let unit = &rest[..end.unwrap_or(rest.len())];
        Some(if self.comparison == Comparison::Lines { unit.trim_ascii_end() } else { unit })
    }
}

/// A difference at a place, counted from 0, in words; none if both sides have ended.
fn describe(comparison: Comparison, place: usize, answer: Option<&[u8]>, expected: Option<&[u8]>) -> Option<Message> {
    let unit = if comparison == Comparison::Tokens { "word" } else { "line" };
    let key = match (answer, expected) {
        (Some(_), Some(_)) => "unit-differs",
        (None, Some(_)) => "unit-missing",
        (Some(_), None) => "unit-unexpected",
        (None, None) => return None,
    };
    let sides = [("answer", answer), ("expected", expected)];
    let sides = sides.into_iter().filter_map(|(name, text)| Some((name, shown(text?).into())));
    Some(reason(key, [("unit", unit.into()), ("place", (place + 1).into())].into_iter().chain(sides)))
}

/// The beginning of a text in quotation marks, with control characters escaped for terminals.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(BEGINNING)]);
    let cut = if text.chars().count() > SHOWN { "…" } else { "" };
    format!("\"{}{cut}\"", text.chars().take(SHOWN).collect::<String>().escape_debug())
}

#[cfg(test)]
mod tests;
