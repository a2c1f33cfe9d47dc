//! Parses text to a [`Dockerfile`]: lines, directives, here-documents, and one function for each kind of arguments.
//!
//! A file is read line by line ([`reader`]): comments are removed, and lines that end in the escape character are
//! joined. The first word is the instruction, then come its flags ([`flags`]), and the rest is parsed by the rules of
//! the instruction ([`arguments`], [`copy`], [`run`]). Lines of a here-document ([`heredoc`]) belong to the
//! instruction that names it.
//!
//! The parser is bounded: a file has at most a mebibyte and a thousand instructions, and each character is examined a
//! fixed number of times.
//!
//! ```
//! let file = minicontainer_dockerfile::parse(b"# build me\nFROM busybox\nRUN echo one \\\n  && echo two\n").unwrap();
//! assert_eq!(file.to_string(), "FROM busybox\nRUN echo one   && echo two\n");
//! ```

mod arguments;
mod copy;
mod flags;
mod from;
mod health;
mod heredoc;
mod reader;
mod run;

use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::{Dockerfile, Heredoc, Instruction, Kind, Trigger},
    keyword::Keyword,
    line::Slice,
    position::Span,
};
pub(crate) use copy::refuse_remote;
use flags::Flags;
use reader::Reader;

/// The maximum size of a Dockerfile.
pub const LARGEST: usize = 1 << 20;
/// The maximum number of instructions. An image has at most 127 layers, and most instructions create none.
pub const MOST_INSTRUCTIONS: usize = 1000;

/// Parses a Dockerfile.
pub fn parse(source: &[u8]) -> Result<Dockerfile, DockerfileError> {
    let source = text(source)?;
    let mut reader = Reader::new(source)?;
    let mut instructions: Vec<Instruction> = Vec::new();
    let mut staged = false;
    while let Some(line) = reader.next_line() {
        let instruction = instruction(line.whole(), &mut reader)?;
        let keyword = instruction.kind.keyword();
        staged |= keyword == Keyword::From;
        if !staged && keyword != Keyword::Arg {
            return Err(DockerfileErrorKind::NoStage.at(instruction.keyword.span).of(keyword));
        }
        if instructions.len() == MOST_INSTRUCTIONS {
            return Err(
                DockerfileErrorKind::TooManyInstructions { limit: MOST_INSTRUCTIONS }.at(instruction.keyword.span)
            );
        }
        instructions.push(instruction);
    }
    match instructions.last() {
        None => Err(DockerfileErrorKind::NoInstructions.at(Span::at(1, 1, 0))),
        Some(last) if !staged => Err(DockerfileErrorKind::NoStages.at(last.keyword.span)),
        Some(_) => Ok(Dockerfile {
            directives: reader.directives,
            instructions,
            empty_continuations: reader.empty_continuations,
        }),
    }
}

/// Parses the instruction of an `ONBUILD` trigger, as stored in an image's config.
pub(crate) fn parse_trigger(text: &str) -> Result<Instruction, String> {
    let instruction = parse_one(text)?;
    match instruction.kind.keyword() {
        keyword @ (Keyword::From | Keyword::Maintainer | Keyword::Onbuild) => {
            Err(DockerfileErrorKind::Trigger { keyword }.to_string())
        }
        _ => Ok(instruction),
    }
}

/// Parses a text that is one instruction, not a whole Dockerfile.
pub(crate) fn parse_one(text: &str) -> Result<Instruction, String> {
    let mut reader = Reader::new(text).map_err(|error| error.kind.to_string())?;
    let line = reader.next_line().ok_or("it is empty")?;
    let instruction = instruction(line.whole(), &mut reader).map_err(|error| error.kind.to_string())?;
    match reader.next_line() {
        Some(_) => Err("there are more".to_owned()),
        None => Ok(instruction),
    }
}

/// Parses instructions that are not a whole Dockerfile. `accepts` examines the first word of each before its
/// arguments are parsed.
pub(crate) fn parse_some<E: From<DockerfileError>>(
    text: &str,
    accepts: impl Fn(&str) -> Result<(), E>,
) -> Result<Vec<Instruction>, E> {
    let mut reader = Reader::new(text)?;
    let mut instructions = Vec::new();
    while let Some(line) = reader.next_line() {
        accepts(line.whole().split_word().0.text())?;
        instructions.push(instruction(line.whole(), &mut reader)?);
    }
    Ok(instructions)
}

/// The file as text, unless it cannot be a Dockerfile.
fn text(source: &[u8]) -> Result<&str, DockerfileError> {
    let error = |kind: DockerfileErrorKind, before: &[u8]| {
        let before = String::from_utf8_lossy(before);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        kind.at(Span::at(line, column, 1))
    };
    if source.is_empty() {
        return Err(error(DockerfileErrorKind::Empty, b""));
    }
    if source.len() > LARGEST {
        return Err(error(DockerfileErrorKind::TooLarge { size: source.len(), limit: LARGEST }, b""));
    }
    if let Some(nul) = source.iter().position(|byte| *byte == 0) {
        return Err(error(DockerfileErrorKind::Nul, &source[..nul]));
    }
    std::str::from_utf8(source)
        .map_err(|invalid| error(DockerfileErrorKind::NotText, &source[..invalid.valid_up_to()]))
}

/// An instruction's arguments, as they are passed to its function.
struct Arguments<'a> {
    keyword: Keyword,
    escape: char,
    flags: Flags<'a>,
    /// The text after the flags, without surrounding blanks.
    rest: Slice<'a>,
    heredocs: Vec<Heredoc>,
}

fn instruction(line: Slice, reader: &mut Reader) -> Result<Instruction, DockerfileError> {
    let (name, behind) = line.split_word();
    let Some(keyword) = Keyword::find(name.text()) else {
        return Err(DockerfileErrorKind::UnknownInstruction { given: name.text().to_owned() }.at(name.span()));
    };
    let kind = kind(keyword, name, behind, reader).map_err(|error| error.of(keyword))?;
    Ok(Instruction { keyword: name.word(), kind, span: line.span() })
}

fn kind(keyword: Keyword, name: Slice, behind: Slice, reader: &mut Reader) -> Result<Kind, DockerfileError> {
    let escape = reader.directives.escape;
    let (flags, rest) = Flags::split(keyword, behind, escape)?;
    let mut given = Arguments { keyword, escape, flags, rest, heredocs: Vec::new() };
    if keyword.takes_heredocs() && arguments::json(rest)?.is_none() {
        given.heredocs = heredoc::read(rest, reader)?;
    }
    if rest.is_empty() && keyword != Keyword::From {
        return Err(DockerfileErrorKind::AtLeastOneArgument { keyword }.at(name.span()));
    }
    Ok(match keyword {
        Keyword::Add => Kind::Add(copy::copy(given)?),
        Keyword::Arg => Kind::Arg(arguments::declarations(&given)?),
        Keyword::Cmd => Kind::Cmd(arguments::command(rest)?),
        Keyword::Copy => Kind::Copy(copy::copy(given)?),
        Keyword::Entrypoint => Kind::Entrypoint(arguments::command(rest)?),
        Keyword::Env => Kind::Env(arguments::pairs(&given)?),
        Keyword::Expose => Kind::Expose(rest.words().into_iter().map(Slice::word).collect()),
        Keyword::From => Kind::From(from::from(given, name)?),
        Keyword::Healthcheck => Kind::Healthcheck(health::healthcheck(given)?),
        Keyword::Label => Kind::Label(arguments::pairs(&given)?),
        Keyword::Maintainer => Kind::Maintainer(rest.word()),
        Keyword::Onbuild => trigger(rest, reader)?,
        Keyword::Run => Kind::Run(run::run(given)?),
        Keyword::Shell => Kind::Shell(arguments::shell(rest)?),
        Keyword::Stopsignal => Kind::Stopsignal(rest.word()),
        Keyword::User => Kind::User(rest.word()),
        Keyword::Volume => Kind::Volume(arguments::volumes(rest)?),
        Keyword::Workdir => Kind::Workdir(rest.word()),
    })
}

/// Parses the instruction within an `ONBUILD`. Its errors are reported now, because the users of the image could not
/// fix them.
fn trigger(rest: Slice, reader: &mut Reader) -> Result<Kind, DockerfileError> {
    let (inner, _) = rest.split_word();
    match Keyword::find(inner.text()) {
        Some(Keyword::Onbuild) => return Err(DockerfileErrorKind::TriggerOfTrigger.at(inner.span())),
        Some(keyword @ (Keyword::From | Keyword::Maintainer)) => {
            return Err(DockerfileErrorKind::Trigger { keyword }.at(inner.span()));
        }
        _ => {}
    }
    let instruction = Box::new(instruction(rest, reader)?);
    let heredocs = match &instruction.kind {
        Kind::Run(run) => run.heredocs.as_slice(),
        Kind::Add(copy) | Kind::Copy(copy) => copy.heredocs.as_slice(),
        _ => &[],
    };
    let bodies = heredocs.iter().map(|heredoc| format!("\n{}{}", heredoc.content, heredoc.name));
    let text = rest.text().to_owned() + &bodies.collect::<String>();
    Ok(Kind::Onbuild(Trigger { instruction, text }))
}

#[cfg(test)]
mod tests;
