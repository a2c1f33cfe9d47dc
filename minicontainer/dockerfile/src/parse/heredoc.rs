//! Here-documents: `<<NAME` in an instruction, and the lines that follow it up to a line that is `NAME`.
//!
//! The marker of a here-document is a word of `<<` and a name. Digits before the `<<` are a descriptor for the shell.
//! A `-` after it removes tabs at the beginning of lines. A quote around the name prevents the expansion of
//! variables. In a `RUN`, blanks may follow `<<`, but not `<<-`, as in BuildKit since version 0.22.

use super::Reader;
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::Heredoc,
    line::Slice,
    position::Word,
};

/// Reads the bodies of all markers in an instruction's arguments, in order.
pub(super) fn read(arguments: Slice, reader: &mut Reader) -> Result<Vec<Heredoc>, DockerfileError> {
    let (words, closed) = arguments.quoted_words('\\');
    if !closed {
        return Ok(Vec::new());
    }
    let mut heredocs = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        // As in BuildKit, blanks after `<<` are part of the marker.
        let torn = words.next_if(|_| word.text().trim_start_matches(is_digit) == "<<");
        let Some(mut heredoc) = mark(torn.map_or(word, |name| word.through(name))) else { continue };
        let start = reader.place();
        if take_lines(&mut heredoc, reader) {
            heredocs.push(heredoc);
        } else if torn.is_some() {
            // There is no end line, so this is more likely the operator in `$((1 << 2))`.
            reader.return_to(start);
        } else {
            let name = heredoc.name.text.clone();
            return Err(DockerfileErrorKind::UnterminatedHeredoc { name }.at(heredoc.name.span));
        }
    }
    Ok(heredocs)
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

/// Reads the lines of a here-document. Returns false if the end line is missing.
fn take_lines(heredoc: &mut Heredoc, reader: &mut Reader) -> bool {
    while let Some(line) = reader.take_line() {
        let end = line.trim_end_matches(['\r', '\n']);
        let end = if heredoc.strip_tabs { end.trim_start_matches('\t') } else { end };
        if end == heredoc.name.text {
            return true;
        }
        heredoc.content += line;
    }
    false
}

/// The here-document that a word starts, still without its lines.
fn mark(word: Slice) -> Option<Heredoc> {
    let text = word.text().trim_start_matches(is_digit).strip_prefix("<<")?;
    let (strip_tabs, quoted) = match text.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, text.trim_start()),
    };
    if quoted.contains('<') {
        return None;
    }
    let mut name = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' => {}
            '\\' => name.extend(characters.next()),
            character => name.push(character),
        }
    }
    let expand = !quoted.contains(['\'', '"']);
    (!name.is_empty()).then(|| Heredoc {
        name: Word { text: name, span: word.span() },
        expand,
        strip_tabs,
        content: String::new(),
    })
}
