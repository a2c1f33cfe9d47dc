//! The lexer: splits a template into text and tokens of the actions in `{{ }}`.
//!
//! `{{- ` removes the white space before it and ` -}}` that after it; `{{/* */}}` is a comment.

use std::ops::Range;

use serde_json::Value;

use super::error::{Fault, TemplateError};

/// A token, and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// The kind.
    pub kind: Kind,
    /// Its bytes.
    pub at: Range<usize>,
}

/// The kinds of tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Text outside of actions.
    Text(String),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// `.`, or `.Field.Inner`
    Field(Vec<String>),
    /// `$`, or `$name.Field`
    Variable(String, Vec<String>),
    /// A function or a keyword.
    Word(String),
    /// A text or a number.
    Literal(Value),
    /// One of `|` `:=` `=` `,` `(` `)`
    Sign(&'static str),
}

struct Lexer<'t> {
    template: &'t str,
    position: usize,
    tokens: Vec<Token>,
    /// Whether white space at the beginning of the next text is removed.
    trims: bool,
}

/// Splits a template into tokens.
pub fn tokens(template: &str) -> Result<Vec<Token>, TemplateError> {
    let mut lexer = Lexer { template, position: 0, tokens: Vec::new(), trims: false };
    while let Some(start) = lexer.rest().find("{{") {
        lexer.text(lexer.position + start);
        lexer.action()?;
    }
    lexer.text(template.len());
    Ok(lexer.tokens)
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.template[self.position..]
    }

    fn fail<T>(&self, fault: Fault, at: Range<usize>) -> Result<T, TemplateError> {
        Err(fault.at(at, self.template))
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let start = self.position;
        self.position += length;
        self.tokens.push(Token { kind, at: start..self.position });
    }

    /// Text before an action, or after the last one. A tab is hard to type in a shell, so `\t` and `\n` stand for the
    /// characters.
    fn text(&mut self, end: usize) {
        let mut text = &self.template[self.position..end];
        if self.trims {
            text = text.trim_start_matches(SPACE);
        }
        if self.template[end..].strip_prefix("{{-").is_some_and(|rest| rest.starts_with(SPACE)) {
            text = text.trim_end_matches(SPACE);
        }
        self.trims = false;
        let kind = Kind::Text(text.replace("\\t", "\t").replace("\\n", "\n"));
        self.push(kind, end - self.position);
    }

    /// The tokens between `{{` and `}}`.
    fn action(&mut self) -> Result<(), TemplateError> {
        let open = self.position..self.position + 2;
        let trims = self.rest()[2..].strip_prefix('-').is_some_and(|rest| rest.starts_with(SPACE));
        self.push(Kind::Open, if trims { 3 } else { 2 });
        let behind = self.rest().trim_start_matches(SPACE);
        if behind.starts_with("/*") {
            self.tokens.pop();
            return self.comment(&open);
        }
        loop {
            let blank = self.rest().len() - self.rest().trim_start_matches(SPACE).len();
            let rest = &self.rest()[blank..];
            if blank > 0 && rest.starts_with("-}}") {
                self.position += blank;
                self.push(Kind::Close, 3);
                self.trims = true;
                return Ok(());
            }
            self.position += blank;
            if rest.starts_with("}}") {
                self.push(Kind::Close, 2);
                return Ok(());
            }
            let Some(first) = rest.chars().next() else { return self.fail(Fault::UnclosedAction, open) };
            self.word(first)?;
        }
    }

    fn comment(&mut self, open: &Range<usize>) -> Result<(), TemplateError> {
        let Some(end) = self.rest().find("*/") else { return self.fail(Fault::UnclosedComment, open.clone()) };
        self.position += end + 2;
        let rest = self.rest();
        let trimming = rest.trim_start_matches(SPACE);
        if rest.starts_with("}}") {
            self.position += 2;
        } else if rest.len() > trimming.len() && trimming.starts_with("-}}") {
            self.position += rest.len() - trimming.len() + 3;
            self.trims = true;
        } else {
            return self.fail(Fault::CommentNotAlone, self.position - 2..self.position);
        }
        Ok(())
    }

    fn word(&mut self, first: char) -> Result<(), TemplateError> {
        let rest = self.rest();
        if let Some(sign) = ["|", ":=", "=", ",", "(", ")"].into_iter().find(|sign| rest.starts_with(sign)) {
            self.push(Kind::Sign(sign), sign.len());
            return Ok(());
        }
        match first {
            '"' | '`' | '\'' => self.quoted(first),
            '.' if !rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                let (names, length) = chain(rest);
                // A single dot is a field without names: the whole value.
                self.push(Kind::Field(names), length.max(1));
                Ok(())
            }
            '$' => {
                let name = 1 + name_length(&rest[1..]);
                let (fields, length) = chain(&rest[name..]);
                self.push(Kind::Variable(rest[..name].to_owned(), fields), name + length);
                Ok(())
            }
            '0'..='9' | '.' | '-' | '+' => self.number(),
            _ if name_length(rest) > 0 => {
                let length = name_length(rest);
                self.push(Kind::Word(rest[..length].to_owned()), length);
                Ok(())
            }
            other => {
                let at = self.position..self.position + other.len_utf8();
                self.fail(Fault::Unexpected { found: format!("\"{other}\" in an action") }, at)
            }
        }
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        let end = rest.find(|next: char| !(next.is_ascii_alphanumeric() || "+-._".contains(next)));
        let text = &rest[..end.unwrap_or(rest.len())];
        // A following `-` or `}}` does not belong to the number, and `-` alone is not a number.
        let integer = text.parse::<i64>().ok().map(Value::from);
        let value = integer.or_else(|| {
            let float = text.parse::<f64>().ok().filter(|_| text.contains(|digit: char| digit.is_ascii_digit()));
            float.and_then(serde_json::Number::from_f64).map(Value::Number)
        });
        match value {
            Some(value) => {
                self.push(Kind::Literal(value), text.len());
                Ok(())
            }
            None => self.fail(Fault::Number, self.position..self.position + text.len()),
        }
    }

    /// `"with \"escapes\""`, `` `without` ``, or `'c'`, which is a number.
    fn quoted(&mut self, quote: char) -> Result<(), TemplateError> {
        let rest = self.rest();
        let mut text = String::new();
        let mut characters = rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                _ if character == quote => {
                    let mut found = text.chars();
                    let value = match (quote, found.next(), found.next()) {
                        ('\'', Some(only), None) => Value::from(u32::from(only)),
                        ('\'', ..) => break,
                        _ => Value::from(text),
                    };
                    self.push(Kind::Literal(value), at + 1);
                    return Ok(());
                }
                '\n' if quote != '`' => break,
                '\\' if quote != '`' => match escaped(&mut characters.by_ref().map(|(_, character)| character)) {
                    Some(character) => text.push(character),
                    None => return self.fail(Fault::Escape, self.position + at..self.position + at + 1),
                },
                _ => text.push(character),
            }
        }
        self.fail(Fault::UnclosedString, self.position..self.position + 1)
    }
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// The character of an escape sequence, without its backslash.
fn escaped(characters: &mut impl Iterator<Item = char>) -> Option<char> {
    let digits = match characters.next()? {
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'r' => return Some('\r'),
        quoted @ ('\\' | '"' | '\'') => return Some(quoted),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let code = (0..digits).try_fold(0_u32, |code, _| Some(code.checked_mul(16)? + characters.next()?.to_digit(16)?));
    char::from_u32(code?)
}

/// The length of the name at the beginning, in bytes.
fn name_length(text: &str) -> usize {
    match text.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        true => text.find(|next: char| !(next.is_alphanumeric() || next == '_')).unwrap_or(text.len()),
        false => 0,
    }
}

/// The names in `.Field.Inner`, and their length in bytes.
fn chain(text: &str) -> (Vec<String>, usize) {
    let (mut names, mut length) = (Vec::new(), 0);
    while let Some(rest) = text[length..].strip_prefix('.') {
        let name = name_length(rest);
        if name == 0 {
            break;
        }
        names.push(rest[..name].to_owned());
        length += 1 + name;
    }
    (names, length)
}
