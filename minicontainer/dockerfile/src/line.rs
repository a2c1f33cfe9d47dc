//! One logical line: a line of the file joined with its continuation lines.
//!
//! The parser works on the joined text but can map every character to its position in the file: a line stores the
//! offset and the position of each of its pieces. A [`Slice`] is a part of a line.

use crate::position::{Position, Span, Word};

/// The maximum number of characters of a piece.
const PIECE: usize = 64;

/// The joined text and the origin of its pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    text: String,
    pieces: Vec<(usize, Position)>,
}

/// The characters that separate words within a line.
pub(crate) fn is_blank(character: char) -> bool {
    matches!(character, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

impl Line {
    /// Appends a piece at `position`. Long pieces are split, so that searching within one is fast.
    pub(crate) fn push(&mut self, text: &str, mut position: Position) {
        let (mut in_piece, mut length) = (0, self.text.len());
        for character in text.chars() {
            if in_piece % PIECE == 0 {
                self.pieces.push((length, position));
            }
            in_piece += 1;
            position.column += 1;
            length += character.len_utf8();
        }
        self.text.push_str(text);
    }

    /// The whole line, without surrounding blanks.
    pub(crate) fn whole(&self) -> Slice<'_> {
        Slice { line: self, start: 0, end: self.text.len() }.trim()
    }

    fn position(&self, offset: usize) -> Position {
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        let Some((start, position)) = self.pieces.get(after.saturating_sub(1)) else { return Position::default() };
        Position { line: position.line, column: position.column + self.text[*start..offset].chars().count() }
    }
}

/// A part of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice<'a> {
    line: &'a Line,
    start: usize,
    end: usize,
}

impl<'a> Slice<'a> {
    pub(crate) fn text(self) -> &'a str {
        &self.line.text[self.start..self.end]
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Its position. The end is after its last character, not at the beginning of the next piece.
    pub(crate) fn span(self) -> Span {
        let start = self.line.position(self.start);
        let Some((last, _)) = self.text().char_indices().last() else { return Span { start, end: start } };
        let last = self.line.position(self.start + last);
        Span { start, end: Position { line: last.line, column: last.column + 1 } }
    }

    pub(crate) fn word(self) -> Word {
        Word { text: self.text().to_owned(), span: self.span() }
    }

    /// The part from the beginning of this one to the end of a later one.
    pub(crate) fn through(self, last: Slice<'a>) -> Slice<'a> {
        Slice { end: last.end, ..self }
    }

    /// The part from `start` up to `end`, in bytes from the beginning of this one.
    pub(crate) fn part(self, start: usize, end: usize) -> Slice<'a> {
        Slice { line: self.line, start: self.start + start, end: self.start + end }
    }

    pub(crate) fn from(self, start: usize) -> Slice<'a> {
        Slice { start: self.start + start, ..self }
    }

    pub(crate) fn trim(self) -> Slice<'a> {
        let text = self.text();
        let start = text.len() - text.trim_start().len();
        self.part(start, start + text.trim().len())
    }

    /// The first word, and the text after the following blanks.
    pub(crate) fn split_word(self) -> (Slice<'a>, Slice<'a>) {
        let end = self.text().find(is_blank).unwrap_or(self.end - self.start);
        (self.part(0, end), self.from(end).trim())
    }

    /// All words separated by blanks; quotes have no meaning.
    pub(crate) fn words(self) -> Vec<Slice<'a>> {
        let mut words = Vec::new();
        let mut rest = self.trim();
        while !rest.is_empty() {
            let (word, behind) = rest.split_word();
            words.push(word);
            rest = behind;
        }
        words
    }

    /// The text before and after the first `separator`.
    pub(crate) fn split_once(self, separator: char) -> Option<(Slice<'a>, Slice<'a>)> {
        let at = self.text().find(separator)?;
        Some((self.part(0, at), self.from(at + separator.len_utf8())))
    }

    /// Words separated by blanks that are neither quoted nor escaped, with their quotes and escapes, and whether
    /// every quote is closed.
    pub(crate) fn quoted_words(self, escape: char) -> (Vec<Slice<'a>>, bool) {
        let text = self.text();
        let mut words = Vec::new();
        let mut begun = None;
        let mut quote = None;
        let mut characters = text.char_indices();
        while let Some((at, character)) = characters.next() {
            if begun.is_none() && character.is_whitespace() {
                continue;
            }
            let start = *begun.get_or_insert(at);
            if character == escape && quote != Some('\'') {
                // An escape character at the very end escapes nothing and is ignored.
                if characters.next().is_none() {
                    words.extend((at > start).then(|| self.part(start, at)));
                    return (words, quote.is_none());
                }
            } else if quote == Some(character) {
                quote = None;
            } else if quote.is_none() && character.is_whitespace() {
                words.push(self.part(start, at));
                begun = None;
            } else if quote.is_none() && matches!(character, '\'' | '"') {
                quote = Some(character);
            }
        }
        words.extend(begun.map(|start| self.from(start)));
        (words, quote.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pieces: &[(&str, usize, usize)]) -> Line {
        let mut line = Line::default();
        for (text, row, column) in pieces {
            line.push(text, Position { line: *row, column: *column });
        }
        line
    }

    #[track_caller]
    fn check(text: &str, expect: &[&str], closed: bool) {
        let line = line(&[(text, 1, 1)]);
        let (words, whole) = line.whole().quoted_words('\\');
        assert_eq!(words.iter().map(|word| word.text()).collect::<Vec<_>>(), expect);
        assert_eq!(whole, closed);
    }

    #[test]
    fn quotes_and_escapes_keep_words_together() {
        check("a=b  c", &["a=b", "c"], true);
        check(r#"a="b c" d='e f'"#, &[r#"a="b c""#, "d='e f'"], true);
        check(r"a=b\ c d", &[r"a=b\ c", "d"], true);
        check(r#"a="b\" c" d"#, &[r#"a="b\" c""#, "d"], true);
        check(r"a='b\' c", &[r"a='b\'", "c"], true);
        check("a=\"b c", &["a=\"b c"], false);
        check(r"a\", &["a"], true);
        check("안 녕", &["안", "녕"], true);
    }

    #[test]
    fn words_have_source_positions() {
        let line = line(&[("RUN echo ", 3, 1), ("  há x", 4, 1)]);
        let words = line.whole().words();
        assert_eq!(words.len(), 4);
        assert_eq!(words[1].span(), Span::at(3, 5, 4));
        assert_eq!(words[2].span(), Span::at(4, 3, 2));
        assert_eq!(words[3].span(), Span::at(4, 6, 1));
    }
}
