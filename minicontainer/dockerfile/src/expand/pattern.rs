//! The patterns of `${x#pattern}`, `${x%pattern}` and `${x/pattern/word}`.
//!
//! `*` is any text and `?` any character, but neither matches the end of a line; `\` escapes them. A pattern is a
//! sequence of tokens. Matching tracks all possible states at once, so it takes at most one step for each token and
//! character. Where a search starts again at every character, its steps are counted.

use super::ExpandError;

/// A search with more steps is aborted.
const MOST_STEPS: usize = 8_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Character(char),
    Any,
    Star,
}

/// A parsed pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Pattern, ExpandError> {
        let mut tokens = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '*' => Token::Star,
                '?' => Token::Any,
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '?' | '\\' | '}' | '/')) => Token::Character(escaped),
                    other => {
                        let character = other.map(String::from).unwrap_or_default();
                        return Err(ExpandError::Pattern { pattern: text.to_owned(), character });
                    }
                },
                character => Token::Character(character),
            });
        }
        tokens.dedup_by(|one, other| *one == Token::Star && *other == Token::Star);
        Ok(Pattern { tokens })
    }

    pub(super) fn without_prefix(&self, value: &str, longest: bool) -> Result<String, ExpandError> {
        let value: Vec<char> = value.chars().collect();
        let end = self.end_of_match(&value, longest, &mut 0)?.unwrap_or(0);
        Ok(value[end..].iter().collect())
    }

    /// As [`Pattern::without_prefix`], with the pattern and the value reversed.
    pub(super) fn without_suffix(&self, value: &str, longest: bool) -> Result<String, ExpandError> {
        let reversed = Pattern { tokens: self.tokens.iter().rev().copied().collect() };
        let value: String = value.chars().rev().collect();
        Ok(reversed.without_prefix(&value, longest)?.chars().rev().collect())
    }

    /// Replaces the leftmost longest match, or all matches. No match starts directly after another.
    pub(super) fn replace(&self, value: &str, replacement: &str, all: bool) -> Result<String, ExpandError> {
        let value: Vec<char> = value.chars().collect();
        let (mut text, mut at, mut steps, mut behind_match) = (String::new(), 0, 0, false);
        while at <= value.len() {
            match self.end_of_match(&value[at..], true, &mut steps)? {
                Some(length) if length > 0 || !behind_match => {
                    text += replacement;
                    text.extend((length == 0).then(|| value.get(at)).flatten());
                    at += length.max(1);
                    behind_match = length > 0;
                    if !all {
                        break;
                    }
                }
                _ => {
                    text.extend(value.get(at));
                    at += 1;
                    behind_match = false;
                }
            }
            if text.len() > super::LONGEST {
                return Err(ExpandError::TooLong);
            }
        }
        text.extend(value.iter().skip(at));
        Ok(text)
    }

    /// How many characters at the beginning of the text match: the minimum or the maximum.
    fn end_of_match(&self, text: &[char], longest: bool, steps: &mut usize) -> Result<Option<usize>, ExpandError> {
        // The tokens that may come next; a star may also match nothing.
        let mut states = vec![false; self.tokens.len() + 1];
        states[0] = true;
        let mut found = None;
        for at in 0..=text.len() {
            for (index, token) in self.tokens.iter().enumerate() {
                states[index + 1] |= states[index] && *token == Token::Star;
            }
            if states[self.tokens.len()] {
                found = Some(at);
                if !longest {
                    break;
                }
            }
            let Some(character) = text.get(at) else { break };
            *steps += states.len();
            if *steps > MOST_STEPS {
                return Err(ExpandError::TooManySteps);
            }
            let mut next = vec![false; states.len()];
            for (index, token) in self.tokens.iter().enumerate().filter(|(index, _)| states[*index]) {
                match token {
                    Token::Star if *character != '\n' => next[index] = true,
                    Token::Any if *character != '\n' => next[index + 1] = true,
                    Token::Character(expected) if expected == character => next[index + 1] = true,
                    _ => {}
                }
            }
            if !next.contains(&true) {
                break;
            }
            states = next;
        }
        Ok(found)
    }
}
