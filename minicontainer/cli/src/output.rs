//! Writing to stdout and stderr, and what must not reach a terminal.
//!
//! The two streams differ in what a failure to write means. Stdout carries what was asked for, so an error there is
//! an error of the command. Stderr carries remarks about it, and whoever reads the exit code must get the right one
//! even where stderr is a full disk or a pipe that no one reads: [`say`] ignores failures. `println!` and `eprintln!`
//! panic on them, so clippy refuses both in this crate.
//!
//! Names, commands and histories come from images and containers, and a terminal obeys some characters: a name could
//! clear the screen, change what stands above, or type. So whatever was not written here is shown with such
//! characters spelt out. JSON has its own way of doing so.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::error::{Context, Failure};

/// Writes a text to stdout.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// What a write to stdout came to. A reader that has seen enough, such as head(1), closes the pipe, which is not an
/// error.
pub fn printed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result.context("cannot write to stdout")?),
    }
}

/// Writes a text to stderr, as far as that is possible. One write keeps it in one piece where processes share the
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

/// JSON in which also those characters are escaped that need not be, but that a terminal obeys: outside of texts
/// there are none. Whoever reads it as JSON reads the same.
fn escaped(json: &str) -> String {
    let escape = |character: char| match is_obeyed(character) && character != '\n' {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    };
    if json.contains(|character| is_obeyed(character) && character != '\n') {
        json.chars().map(escape).collect()
    } else {
        json.to_owned()
    }
}

/// A text of somebody else's with the characters spelt out that a terminal would obey: control characters, and those
/// that turn the direction of writing round.
pub fn visible(text: &str) -> Cow<'_, str> {
    visible_but(text, |_| false)
}

/// The same for a text of several lines.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    visible_but(text, |character| character == '\n')
}

fn visible_but(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let obeyed = |character: char| is_obeyed(character) && !kept(character);
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

fn is_obeyed(character: char) -> bool {
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
        // A single character that begins a sequence in terminals of eight bits, and one that writes backwards.
        check("\u{9b}31m \u{202e}txt.exe", "\\u{9b}31m \\u{202e}txt.exe");
        assert_eq!(visible_lines("one\n\x1btwo\n"), "one\n\\u{1b}two\n");
    }

    #[test]
    fn json_escapes_control_characters_without_loss() {
        let strange = serde_json::Value::from("\u{9b}31m\u{202e}\n é");
        assert_eq!(json_text(&strange), "\"\\u009b31m\\u202e\\n é\"");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json_text(&strange)).unwrap(), strange);
    }
}
