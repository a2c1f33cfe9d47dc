//! A pattern of `.dockerignore`, of `--exclude`, or of a source with wildcards in `COPY`.

use serde::Serialize;

/// The longest path in Linux (path_resolution(7), `PATH_MAX`).
const LONGEST: usize = 4096;

/// The meaning of two stars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stars {
    /// `**` matches any text, including slashes: in `.dockerignore`.
    Double,
    /// `**` means the same as `*`: in the sources of `COPY`.
    Single,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Character(char),
    /// `?`
    Any,
    /// `*`
    Star,
    /// `**/`: nothing, or any text that ends in a slash.
    Directories,
    /// `**` at the end.
    Everything,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<Token>,
    /// `**` and then plain text: matches by the end of the path.
    suffix: Option<String>,
}

/// The text is not a valid pattern.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize)]
#[allow(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum PatternError {
    #[error("it is empty")]
    Nothing,
    #[error("a [ is not closed or is empty; write \\[ for the character")]
    Class,
    #[error("in brackets, a range is written from-to, the lesser character first; write \\- for the character")]
    Range,
    #[error("it ends with a \\; write \\\\ for the character")]
    Escape,
    #[error("it is longer than {LONGEST} bytes, the longest path that Linux accepts")]
    TooLong,
}

minicontainer_core::plain_diagnostic!(PatternError: InvalidInput);

impl Pattern {
    /// Parses a pattern.
    pub fn parse(text: &str, stars: Stars) -> Result<Pattern, PatternError> {
        if text.len() > LONGEST {
            return Err(PatternError::TooLong);
        }
        let mut tokens = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '*' if stars == Stars::Double && characters.next_if_eq(&'*').is_some() => {
                    let _ = characters.next_if_eq(&'/');
                    if characters.peek().is_some() { Token::Directories } else { Token::Everything }
                }
                '*' => Token::Star,
                '?' => Token::Any,
                '[' => class(&mut characters)?,
                '\\' => Token::Character(characters.next().ok_or(PatternError::Escape)?),
                character => Token::Character(character),
            });
        }
        tokens.dedup_by(|one, other| *one == Token::Star && *other == Token::Star);
        let plain = text
            .strip_prefix("**")
            .filter(|rest| stars == Stars::Double && !rest.contains(['*', '?', '[', ']', '\\']));
        Ok(Pattern { tokens, suffix: plain.map(str::to_owned) })
    }

    /// Whether it may match several paths.
    pub fn has_wildcards(&self) -> bool {
        self.tokens.iter().any(|token| !matches!(token, Token::Character(_)))
    }

    /// Whether the whole path matches. This takes at most one step for each token and character.
    pub fn matches(&self, path: &str) -> bool {
        if let Some(suffix) = &self.suffix {
            return path.ends_with(suffix.as_str()) || suffix.strip_prefix('/') == Some(path);
        }
        // `at[i]`: token i may come next. `inside[i]`: token i is a `**/` that has begun and waits for its slash.
        let mut at = vec![false; self.tokens.len() + 1];
        let mut inside = at.clone();
        at[0] = true;
        self.leave_out(&mut at);
        for character in path.chars() {
            let (mut next, mut next_inside) = (vec![false; at.len()], vec![false; at.len()]);
            for (index, token) in self.tokens.iter().enumerate() {
                match token {
                    Token::Directories if at[index] || inside[index] => {
                        next_inside[index] = true;
                        next[index + 1] |= character == '/';
                    }
                    Token::Star => next[index] |= at[index] && character != '/',
                    Token::Everything => next[index] |= at[index],
                    token => next[index + 1] |= at[index] && token.takes(character),
                }
            }
            (at, inside) = (next, next_inside);
            self.leave_out(&mut at);
        }
        at[self.tokens.len()]
    }

    /// Skips tokens that can match the empty text.
    fn leave_out(&self, at: &mut [bool]) {
        for (index, token) in self.tokens.iter().enumerate() {
            let may_be_empty = matches!(token, Token::Star | Token::Directories | Token::Everything);
            at[index + 1] |= at[index] && may_be_empty;
        }
    }
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Token::Character(expected) => *expected == character,
            Token::Any => character != '/',
            Token::Class { negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&character)) != *negated
            }
            Token::Star | Token::Directories | Token::Everything => false,
        }
    }
}

/// The content of brackets: characters and ranges, with `\` before a literal character.
fn class(characters: &mut std::iter::Peekable<std::str::Chars>) -> Result<Token, PatternError> {
    let negated = characters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    while ranges.is_empty() || characters.next_if_eq(&']').is_none() {
        let from = member(characters)?;
        let to = if characters.next_if_eq(&'-').is_some() { member(characters)? } else { from };
        if from > to {
            return Err(PatternError::Range);
        }
        ranges.push((from, to));
    }
    Ok(Token::Class { negated, ranges })
}

fn member(characters: &mut std::iter::Peekable<std::str::Chars>) -> Result<char, PatternError> {
    match characters.next() {
        None | Some(']') => Err(PatternError::Class),
        Some('-') => Err(PatternError::Range),
        Some('\\') => characters.next().ok_or(PatternError::Escape),
        Some(character) => Ok(character),
    }
}
