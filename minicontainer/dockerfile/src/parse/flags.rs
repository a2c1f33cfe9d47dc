//! The flags between an instruction's name and its arguments: `--name=value`, or `--name` for true.
//!
//! A value may be quoted as a whole or in part; `--` alone ends the flags.

use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    keyword::Keyword,
    line::Slice,
    position::Word,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum FlagKind {
    Text,
    Boolean,
    Many,
    /// A flag of Docker that is not supported here; the text says what to do instead.
    Refused(&'static str),
}

fn flag_kinds(keyword: Keyword) -> &'static [(&'static str, FlagKind)] {
    match keyword {
        Keyword::Add => &[
            ("chown", FlagKind::Text),
            ("chmod", FlagKind::Text),
            ("exclude", FlagKind::Many),
            ("link", FlagKind::Boolean),
            ("keep-git-dir", FlagKind::Boolean),
            ("checksum", FlagKind::Text),
            ("unpack", FlagKind::Boolean),
        ],
        Keyword::Copy => &[
            ("from", FlagKind::Text),
            ("chown", FlagKind::Text),
            ("chmod", FlagKind::Text),
            ("exclude", FlagKind::Many),
            ("link", FlagKind::Boolean),
            ("parents", FlagKind::Boolean),
        ],
        Keyword::From => &[("platform", FlagKind::Text)],
        Keyword::Healthcheck => &[
            ("interval", FlagKind::Text),
            ("timeout", FlagKind::Text),
            ("start-period", FlagKind::Text),
            ("start-interval", FlagKind::Text),
            ("retries", FlagKind::Text),
        ],
        Keyword::Run => &[
            ("mount", FlagKind::Many),
            ("network", FlagKind::Text),
            ("security", FlagKind::Text),
            ("device", FlagKind::Refused("a RUN sees the devices that every container sees")),
        ],
        _ => &[],
    }
}

/// The known flags of one instruction.
pub(super) struct Flags<'a> {
    given: Vec<(&'static str, Slice<'a>, String)>,
}

impl<'a> Flags<'a> {
    /// Separates the flags from the arguments.
    pub(super) fn split(
        keyword: Keyword,
        behind: Slice<'a>,
        escape: char,
    ) -> Result<(Flags<'a>, Slice<'a>), DockerfileError> {
        let mut flags = Flags { given: Vec::new() };
        let mut rest = behind.trim();
        while rest.text().starts_with("--") {
            let length = flag_length(rest.text(), escape);
            let flag = rest.part(0, length);
            rest = rest.from(length).trim();
            if flag.text() == "--" {
                break;
            }
            flags.add(keyword, flag, escape)?;
        }
        Ok((flags, rest))
    }

    fn add(&mut self, keyword: Keyword, flag: Slice<'a>, escape: char) -> Result<(), DockerfileError> {
        let body = flag.from(2);
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name.text(), Some(value)),
            None => (body.text(), None),
        };
        let given = name.to_owned();
        let error = |kind: DockerfileErrorKind| Err(kind.at(flag.span()));
        let Some((name, shape)) = flag_kinds(keyword).iter().find(|(known, _)| *known == name) else {
            let usable = flag_kinds(keyword).iter().filter(|(_, shape)| !matches!(shape, FlagKind::Refused(_)));
            return error(DockerfileErrorKind::UnknownFlag {
                given,
                known: usable.map(|(known, _)| *known).collect(),
            });
        };
        if let FlagKind::Refused(instead) = shape {
            return error(DockerfileErrorKind::Unsupported { what: format!("{keyword} --{name}"), instead });
        }
        if *shape != FlagKind::Many && self.given.iter().any(|(known, ..)| known == name) {
            return error(DockerfileErrorKind::FlagTwice { given });
        }
        let value = match (shape, value) {
            (FlagKind::Boolean, None) => (flag, "true".to_owned()),
            (FlagKind::Boolean, Some(value)) => match value.text().to_ascii_lowercase() {
                text if text == "true" || text == "false" => (value, text),
                text if text.is_empty() => return error(DockerfileErrorKind::FlagWithoutValue { given }),
                text => return error(DockerfileErrorKind::FlagBoolean { name: given, given: text }),
            },
            (_, None) => return error(DockerfileErrorKind::FlagWithoutValue { given }),
            (_, Some(value)) => (value, unquoted(value.text(), escape)),
        };
        self.given.push((name, value.0, value.1));
        Ok(())
    }

    /// Every value of a flag.
    pub(super) fn all(&self, name: &str) -> Vec<Word> {
        let found = self.given.iter().filter(|(known, ..)| *known == name);
        found.map(|(_, place, text)| Word { text: text.clone(), span: place.span() }).collect()
    }

    /// The value of a flag that is given once.
    pub(super) fn one(&self, name: &str) -> Option<Word> {
        self.all(name).pop()
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.boolean(name) == Some(true)
    }

    /// The value of a flag that is true or false, if it is given.
    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        self.one(name).map(|word| word.text == "true")
    }
}

/// The length of the flag at the beginning of the text: up to the first blank that is neither quoted nor escaped.
fn flag_length(text: &str, escape: char) -> usize {
    let (mut quote, mut escaped) = (None, false);
    for (at, character) in text.char_indices() {
        match (character, quote) {
            _ if escaped => escaped = false,
            (character, _) if character == escape => escaped = true,
            (character, Some(open)) if character == open => quote = None,
            ('\'' | '"', None) => quote = Some(character),
            (character, None) if character.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}

/// The value without its quotes and escapes.
fn unquoted(text: &str, escape: char) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (character, _) if character == escape => plain.extend(characters.next()),
            (character, Some(open)) if character == open => quote = None,
            ('\'' | '"', None) => quote = Some(character),
            (character, _) => plain.push(character),
        }
    }
    plain
}
