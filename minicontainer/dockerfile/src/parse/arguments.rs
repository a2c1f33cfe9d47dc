//! The kinds of arguments that several instructions share: JSON arrays, commands, `name=value`.

use super::Arguments;
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::{Argument, Command, Pair},
    keyword::Keyword,
    line::Slice,
    position::Word,
};

/// The strings of a JSON array; `None` if the text is not a JSON array. An array of anything else is an error.
pub(super) fn json(rest: Slice) -> Result<Option<Vec<Word>>, DockerfileError> {
    if !rest.text().starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(rest.text()) else { return Ok(None) };
    let mut words = Vec::new();
    let mut literals = literals(rest).into_iter();
    for value in values {
        match (value, literals.next()) {
            (serde_json::Value::String(text), Some(literal)) => words.push(Word { text, span: literal.span() }),
            _ => return Err(DockerfileErrorKind::JsonStrings.at(rest.span())),
        }
    }
    Ok(Some(words))
}

/// The positions of the string literals in well-formed JSON.
fn literals(json: Slice<'_>) -> Vec<Slice<'_>> {
    let mut found = Vec::new();
    let mut begun = None;
    let mut bytes = json.text().bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (byte, begun) {
            (b'\\', Some(_)) => drop(bytes.next()),
            (b'"', None) => begun = Some(at),
            (b'"', Some(start)) => {
                found.push(json.part(start, at + 1));
                begun = None;
            }
            _ => {}
        }
    }
    found
}

/// A command in exec form if it is a JSON array, otherwise in shell form.
pub(super) fn command(rest: Slice) -> Result<Command, DockerfileError> {
    Ok(match json(rest)? {
        Some(words) => Command::Exec(words),
        None => Command::Shell(rest.word()),
    })
}

pub(super) fn shell(rest: Slice) -> Result<Vec<Word>, DockerfileError> {
    match json(rest)? {
        None => Err(DockerfileErrorKind::ShellForm.at(rest.span())),
        Some(words) if words.is_empty() => {
            Err(DockerfileErrorKind::AtLeastOneArgument { keyword: Keyword::Shell }.at(rest.span()))
        }
        Some(words) => Ok(words),
    }
}

pub(super) fn volumes(rest: Slice) -> Result<Vec<Word>, DockerfileError> {
    let words = json(rest)?.unwrap_or_else(|| rest.words().into_iter().map(Slice::word).collect());
    if words.is_empty() {
        return Err(DockerfileErrorKind::AtLeastOneArgument { keyword: Keyword::Volume }.at(rest.span()));
    }
    match words.iter().find(|word| word.text.trim().is_empty()) {
        Some(empty) => Err(DockerfileErrorKind::EmptyVolume.at(empty.span)),
        None => Ok(words),
    }
}

/// `name=value name="two words"`, or in the old syntax one `name value` whose value is the rest of the line.
pub(super) fn pairs(given: &Arguments) -> Result<Vec<Pair>, DockerfileError> {
    let keyword = given.keyword;
    let (words, _) = given.rest.quoted_words(given.escape);
    if !words.first().is_some_and(|first| first.text().contains('=')) {
        let (name, value) = given.rest.split_word();
        return match value.is_empty() {
            true => Err(DockerfileErrorKind::TwoArguments { keyword }.at(name.span())),
            false => Ok(vec![Pair { name: name.word(), value: value.word(), legacy: true }]),
        };
    }
    let pair = |word: Slice| match word.split_once('=') {
        None => Err(DockerfileErrorKind::NoEquals { given: word.text().to_owned() }.at(word.span())),
        Some((name, _)) if name.is_empty() => Err(DockerfileErrorKind::BlankName { keyword }.at(word.span())),
        Some((name, value)) => Ok(Pair { name: name.word(), value: value.word(), legacy: false }),
    };
    words.into_iter().map(pair).collect()
}

/// `name` or `name=default`, one or more.
pub(super) fn declarations(given: &Arguments) -> Result<Vec<Argument>, DockerfileError> {
    let declaration = |word: Slice| match word.split_once('=') {
        None => Ok(Argument { name: word.word(), default: None }),
        Some((name, _)) if name.is_empty() => {
            Err(DockerfileErrorKind::BlankName { keyword: Keyword::Arg }.at(word.span()))
        }
        Some((name, value)) => Ok(Argument { name: name.word(), default: Some(value.word()) }),
    };
    let (words, _) = given.rest.quoted_words(given.escape);
    if words.is_empty() {
        return Err(DockerfileErrorKind::AtLeastOneArgument { keyword: Keyword::Arg }.at(given.rest.span()));
    }
    words.into_iter().map(declaration).collect()
}
