//! Writes to stdout and stderr, and escapes untrusted text for terminals.
//!
//! The two streams differ in what a failed write means. Stdout carries the result, so an error there is an error of
//! the command. Stderr carries messages about it, and the exit code must be right even if stderr is a full disk or a
//! closed pipe: [`say`] ignores errors. `println!` and `eprintln!` panic on them, so clippy forbids both in this
//! crate.
//!
//! Names, commands and histories come from images and containers, and terminals interpret control characters: a name
//! could clear the screen, overwrite other output, or inject input. So untrusted text is shown with such characters
//! escaped. JSON has its own escapes.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::error::{Context, Failure};

/// Writes a text to stdout.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// The result of a write to stdout. A reader that has seen enough, such as head(1), closes the pipe, which is not an
/// error.
pub fn printed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result.context("cannot write to stdout")?),
    }
}

/// Writes a text to stderr, best effort. It is a single write, which stays in one piece if processes share the
/// stream.
pub fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let _best_effort = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Writes a text and ends the line.
pub fn print_line(text: &str) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// Writes a value as JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    print_line(&escaped(&serde_json::to_string_pretty(value).context("cannot write JSON")?))
}

/// A value as JSON in one line.
pub fn json_text(value: &serde_json::Value) -> String {
    escaped(&value.to_string())
}

/// JSON in which the characters that terminals interpret are escaped too. They occur only inside strings, so the
/// meaning stays the same.
fn escaped(json: &str) -> String {
    let escape = |character: char| match is_interpreted(character) && character != '\n' {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    };
    if json.contains(|character| is_interpreted(character) && character != '\n') {
        json.chars().map(escape).collect()
    } else {
        json.to_owned()
    }
}

/// Untrusted text with the characters escaped that terminals interpret: control characters, and those that change
/// the direction of writing.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape_except(text, |_| false)
}

/// The same for a text of several lines.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escape_except(text, |character| character == '\n')
}

fn escape_except(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let obeyed = |character: char| is_interpreted(character) && !kept(character);
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let spell = |character: char| match obeyed(character) {
        true if character.is_control() => character.escape_default().to_string(),
        true => character.escape_unicode().to_string(),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(spell).collect())
}

fn is_interpreted(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(visible(text), expect);
    }

    #[test]
    fn control_characters_are_escaped_for_terminals() {
        check("sh -c 'echo \"hi\"; exit'", "sh -c 'echo \"hi\"; exit'");
        check("maçã, 林檎, 🍎", "maçã, 林檎, 🍎");
        check("\x1b[2Jgone", "\\u{1b}[2Jgone");
        check("one\ntwo\r\tthree\x07\x7f", "one\\ntwo\\r\\tthree\\u{7}\\u{7f}");
        // A single character that starts an escape sequence in 8-bit terminals, and one that reverses the direction.
        check("\u{9b}31m \u{202e}txt.exe", "\\u{9b}31m \\u{202e}txt.exe");
        assert_eq!(visible_lines("one\n\x1btwo\n"), "one\n\\u{1b}two\n");
    }

    #[test]
    fn json_escapes_control_characters_without_loss() {
        let text = serde_json::Value::from("\u{9b}31m\u{202e}\n é");
        assert_eq!(json_text(&text), "\"\\u009b31m\\u202e\\n é\"");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json_text(&text)).unwrap(), text);
    }
}
