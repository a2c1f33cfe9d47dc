//! The arguments of `FROM`.

use super::Arguments;
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::From,
    line::Slice,
};

pub(super) fn from(given: Arguments, keyword: Slice) -> Result<From, DockerfileError> {
    let words = given.rest.words();
    let platform = given.flags.one("platform");
    match words.as_slice() {
        [base] => Ok(From { platform, base: base.word(), as_word: None, name: None }),
        [base, as_word, name] if as_word.text().eq_ignore_ascii_case("as") => {
            if !is_stage_name(&name.text().to_lowercase()) {
                return Err(DockerfileErrorKind::StageName { given: name.text().to_owned() }.at(name.span()));
            }
            Ok(From { platform, base: base.word(), as_word: Some(as_word.word()), name: Some(name.word()) })
        }
        [] => Err(DockerfileErrorKind::FromArguments.at(keyword.span())),
        _ => Err(DockerfileErrorKind::FromArguments.at(given.rest.span())),
    }
}

fn is_stage_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|other| matches!(other, 'a'..='z' | '0'..='9' | '-' | '_' | '.'))
}
