//! Here-documents: `<<NAME` in an instruction, and the lines that follow it up to a line that is `NAME`.
//!
//! A word is a here-document marker if it is `<<` and a name, with digits before it (a descriptor, for the shell) or
//! a `-` in between, which removes tabs at the beginning of lines. A quote around the name prevents the expansion of
//! variables.

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
    let mut heredocs: Vec<Heredoc> = words.into_iter().filter_map(mark).collect();
    for heredoc in &mut heredocs {
        loop {
            let Some(line) = reader.take_line() else {
                let name = heredoc.name.text.clone();
                return Err(DockerfileErrorKind::UnterminatedHeredoc { name }.at(heredoc.name.span));
            };
            let end = line.trim_end_matches(['\r', '\n']);
            let end = if heredoc.strip_tabs { end.trim_start_matches('\t') } else { end };
            if end == heredoc.name.text {
                break;
            }
            heredoc.content += line;
        }
    }
    Ok(heredocs)
}

/// The here-document that a word starts, still without its lines.
fn mark(word: Slice) -> Option<Heredoc> {
    let text = word.text().trim_start_matches(|character: char| character.is_ascii_digit()).strip_prefix("<<")?;
    let (strip_tabs, quoted) = match text.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, text),
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
