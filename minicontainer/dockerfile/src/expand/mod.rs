//! Expands variables in words: `"$HOME/${DIR:-src}"` becomes `/root/src`.
//!
//! The rules are those of BuildKit's lexer, which implements a small part of the [shell's][1]:
//!
//! | Written | Becomes |
//! |---|---|
//! | `$x`, `${x}` | the value, or nothing if there is none |
//! | `${x:-word}`, `${x-word}` | the value, or `word` if it is unset (with `:` also if it is empty) |
//! | `${x:+word}`, `${x+word}` | `word` if there is a value, else nothing |
//! | `${x:?message}`, `${x?message}` | the value, or an error with that message |
//! | `${x#pattern}`, `${x##pattern}` | the value without the shortest, longest beginning that matches |
//! | `${x%pattern}`, `${x%%pattern}` | the value without the shortest, longest end that matches |
//! | `${x/pattern/word}`, `${x//pattern/word}` | the value with the first match, every match replaced |
//! | `'…'` | the literal text |
//! | `"…"` | variables are replaced, blanks kept |
//! | `\$` | a literal `$`. The escape character is `\`, or the one of the directive `escape` |
//!
//! In patterns `*` is any text, `?` any character. A result can be as long as an argument of execve(2), and a search
//! has a bounded number of steps, so neither doubling variables nor patterns with many stars can block a build.
//!
//! [1]: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html
//!
//! ```
//! use std::collections::BTreeMap;
//! use minicontainer_dockerfile::expand::{Quotes, expand};
//!
//! let variables = BTreeMap::from([("FILE".to_owned(), "app.tar.gz".to_owned())]);
//! let expanded = expand("${FILE%%.*} '$FILE' ${MODE:-dev}", '\\', Quotes::Remove, &variables)?;
//! assert_eq!(expanded.text, "app $FILE dev");
//! assert!(expanded.unmatched.contains("MODE"));
//! # Ok::<(), minicontainer_dockerfile::expand::ExpandError>(())
//! ```

mod error;
mod pattern;
mod words;

use std::collections::{BTreeMap, BTreeSet};

pub use error::ExpandError;
use pattern::Pattern;
use words::Words;

/// The longest argument in Linux (execve(2), `MAX_ARG_STRLEN`).
const LONGEST: usize = 128 << 10;
/// The maximum nesting of `${a:-${b:-…}}`.
const DEEPEST: usize = 32;

/// How quotes are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// They group words, and are removed: words of instructions.
    Remove,
    /// They are ordinary characters: the lines of here-documents.
    Literal,
}

/// The result of expanding a word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The whole text, including blanks.
    pub text: String,
    /// The same text, split at blanks that were not quoted.
    pub words: Vec<String>,
    /// The variables that have a value.
    pub matched: BTreeSet<String>,
    /// The variables that have no value.
    pub unmatched: BTreeSet<String>,
}

/// Expands one word with these variables.
pub fn expand(
    word: &str,
    escape: char,
    quotes: Quotes,
    variables: &BTreeMap<String, String>,
) -> Result<Expansion, ExpandError> {
    let mut expander = Expander {
        characters: word.chars().collect(),
        next: 0,
        escape,
        quotes,
        raw_escapes: false,
        depth: 0,
        variables,
        seen: Expansion::default(),
    };
    let (text, words) = expander.until(None, false)?;
    Ok(Expansion { text, words, ..expander.seen })
}

struct Expander<'a> {
    characters: Vec<char>,
    next: usize,
    escape: char,
    quotes: Quotes,
    /// Whether escapes stay in the text: in patterns, where they are interpreted later.
    raw_escapes: bool,
    depth: usize,
    variables: &'a BTreeMap<String, String>,
    seen: Expansion,
}

impl Expander<'_> {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.next).copied()
    }

    fn take(&mut self) -> Option<char> {
        let character = self.peek();
        self.next += usize::from(character.is_some());
        character
    }

    /// Expands up to `stop`, which is consumed, or to the end.
    fn until(&mut self, stop: Option<char>, raw_escapes: bool) -> Result<(String, Vec<String>), ExpandError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ExpandError::TooDeep);
        }
        let before = std::mem::replace(&mut self.raw_escapes, raw_escapes);
        let mut words = Words::default();
        loop {
            match self.take() {
                None if stop.is_some() => return Err(ExpandError::Missing { missing: '}', place: "" }),
                None => break,
                stopped if stopped == stop => break,
                Some('$') => self.dollar()?.chars().for_each(|character| words.push(character)),
                Some('\'') if self.quotes == Quotes::Remove => words.push_quoted(&self.single_quoted()?),
                Some('"') if self.quotes == Quotes::Remove => words.push_quoted(&self.double_quoted()?),
                Some(character) if character == self.escape => {
                    let escaped: String =
                        [self.raw_escapes.then_some(character), self.take()].iter().flatten().collect();
                    words.push_quoted(&escaped);
                }
                Some(character) => words.push(character),
            }
            if words.text.len() > LONGEST {
                return Err(ExpandError::TooLong);
            }
        }
        self.raw_escapes = before;
        self.depth -= 1;
        Ok(words.finish())
    }

    fn single_quoted(&mut self) -> Result<String, ExpandError> {
        let rest = &self.characters[self.next..];
        let Some(end) = rest.iter().position(|character| *character == '\'') else {
            return Err(ExpandError::Unclosed { quote: "single" });
        };
        self.next += end + 1;
        Ok(rest[..end].iter().collect())
    }

    /// Between double quotes the escape character escapes `"`, `$` and itself; before others it stands for itself.
    fn double_quoted(&mut self) -> Result<String, ExpandError> {
        let mut text = String::new();
        loop {
            match self.take() {
                None => return Err(ExpandError::Unclosed { quote: "double" }),
                Some('"') => return Ok(text),
                Some('$') => text += &self.dollar()?,
                Some(character) if character == self.escape => {
                    text.extend(self.raw_escapes.then_some(character));
                    match self.peek() {
                        None => {}
                        Some(next) if matches!(next, '"' | '$') || next == self.escape => text.extend(self.take()),
                        Some(_) => text.push(character),
                    }
                }
                Some(character) => text.push(character),
            }
            if text.len() > LONGEST {
                return Err(ExpandError::TooLong);
            }
        }
    }

    /// Expands what follows a `$`.
    fn dollar(&mut self) -> Result<String, ExpandError> {
        if self.peek() != Some('{') {
            let name = self.name();
            return Ok(if name.is_empty() { "$".to_owned() } else { self.value(&name).unwrap_or_default() });
        }
        self.take();
        match self.peek() {
            None => return Err(ExpandError::Missing { missing: '}', place: "" }),
            Some('{' | '}' | ':') => return Err(ExpandError::BadSubstitution),
            Some(_) => {}
        }
        let name = self.name();
        match self.take() {
            None => Err(ExpandError::Missing { missing: '}', place: "" }),
            Some('}') => Ok(self.value(&name).unwrap_or_default()),
            Some(':') => {
                let modifier = self.take();
                self.modified(&name, true, modifier)
            }
            Some('/') => self.replaced(&name),
            modifier => self.modified(&name, false, modifier),
        }
    }

    /// `${name-word}` and similar forms.
    fn modified(&mut self, name: &str, or_empty: bool, modifier: Option<char>) -> Result<String, ExpandError> {
        let Some(modifier) = modifier else { return Err(ExpandError::Missing { missing: '}', place: "" }) };
        if !matches!(modifier, '-' | '+' | '?' | '#' | '%') {
            let modifier = if or_empty { format!(":{modifier}") } else { modifier.to_string() };
            return Err(ExpandError::Modifier { modifier });
        }
        let (word, _) = self.until(Some('}'), matches!(modifier, '#' | '%'))?;
        let value = self.value(name);
        let present = value.as_ref().is_some_and(|value| !or_empty || !value.is_empty());
        match modifier {
            '-' => Ok(if present { value.unwrap_or_default() } else { word }),
            '+' => Ok(if present { word } else { String::new() }),
            '?' if present => Ok(value.unwrap_or_default()),
            '?' => {
                let state = if value.is_some() { "empty" } else { "unset" };
                let message = if word.is_empty() { format!("is not allowed to be {state}") } else { word };
                Err(ExpandError::Required { name: name.to_owned(), message })
            }
            _ => {
                let (longest, pattern) = match word.strip_prefix(modifier) {
                    Some(pattern) => (true, pattern),
                    None => (false, word.as_str()),
                };
                let pattern = Pattern::parse(pattern)?;
                let value = value.unwrap_or_default();
                if modifier == '#' {
                    pattern.without_prefix(&value, longest)
                } else {
                    pattern.without_suffix(&value, longest)
                }
            }
        }
    }

    /// `${name/pattern/word}`.
    fn replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let all = self.peek() == Some('/');
        self.next += usize::from(all);
        let missing = |error| match error {
            ExpandError::Missing { .. } => ExpandError::Missing { missing: '/', place: " in ${}" },
            error => error,
        };
        let (pattern, _) = self.until(Some('/'), true).map_err(missing)?;
        let (replacement, _) = self.until(Some('}'), true)?;
        let value = self.value(name).unwrap_or_default();
        Pattern::parse(&pattern)?.replace(&value, &replacement, all)
    }

    /// A name: letters, digits and `_`, or digits only, or one of the shell's special characters.
    fn name(&mut self) -> String {
        let is_special = |character| matches!(character, '@' | '*' | '#' | '?' | '-' | '$' | '!');
        let name: String = match self.peek() {
            Some(character) if is_special(character) => character.to_string(),
            first => {
                let digits = first.is_some_and(char::is_numeric);
                let belongs = |character: &&char| match digits {
                    true => character.is_numeric(),
                    false => character.is_alphanumeric() || **character == '_',
                };
                self.characters[self.next..].iter().take_while(belongs).collect()
            }
        };
        self.next += name.chars().count();
        name
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name);
        let seen = if value.is_some() { &mut self.seen.matched } else { &mut self.seen.unmatched };
        seen.insert(name.to_owned());
        value.cloned()
    }
}

#[cfg(test)]
mod tests;
