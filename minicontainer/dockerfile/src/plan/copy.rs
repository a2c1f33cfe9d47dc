//! `COPY` and `ADD`: which files are copied where, and their owner.
//!
//! A source is a path in its root, with wildcards ([`Pattern`] with [`Stars::Single`]); a directory stands for its
//! contents. Paths outside the context (`../x`) are rejected, and so are sources that must be downloaded.

use serde::Serialize;

use super::{
    Source,
    apply::Stage,
    bases::{self, Draft},
    chmod::Chmod,
    configure::user,
    scope::Build,
};
use crate::{
    check::Check,
    error::{DockerfileError, DockerfileErrorKind},
    ignore::{Ignore, Pattern, PatternError, Stars},
    instruction::Copy,
    keyword::Keyword,
    parse::refuse_remote,
    path,
    position::Word,
};

/// Files to copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyFiles {
    /// The stage, image or context that they come from.
    pub from: Source,
    /// Paths of the sources, absolute in that root, optionally with wildcards.
    pub sources: Vec<String>,
    /// Files whose content is part of the plan.
    pub inline: Vec<InlineFile>,
    /// The destination, absolute.
    pub destination: String,
    /// Whether the destination is a directory even if it does not exist yet.
    pub into_directory: bool,
    /// The owner of the copies, `user[:group]` of the image; root by default.
    pub chown: Option<String>,
    /// Their permissions; by default those of the sources.
    pub chmod: Option<Chmod>,
    /// Patterns of excluded files, as in `.dockerignore`.
    pub exclude: Vec<String>,
    /// Whether the layer may be created independently of the layers below.
    pub link: bool,
    /// Whether local archives are unpacked: `ADD`.
    pub unpack: bool,
}

/// A file whose content is in the Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InlineFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub content: String,
}

pub(super) fn copy(
    copy: &Copy,
    keyword: Keyword,
    stage: &Stage,
    drafts: &[Draft],
    build: &mut Build,
) -> Result<(CopyFiles, String), DockerfileError> {
    let scope = &stage.scope;
    let from = match &copy.from {
        Some(word) => bases::source(word, stage.index, drafts, build.options)?,
        None => Source::Context,
    };
    let mut sources = Vec::new();
    let mut written = keyword.to_string();
    let chown = match &copy.chown {
        Some(word) => Some(user(scope.text(word, build)?, word)?),
        None => None,
    };
    let chmod = match &copy.chmod {
        Some(word) => Some(chmod(scope.text(word, build)?, word)?),
        None => None,
    };
    written += &chown.iter().map(|chown| format!(" --chown={chown}")).collect::<String>();
    written += &chmod.iter().map(|chmod| format!(" --chmod={chmod}")).collect::<String>();
    for word in &copy.sources {
        let text = scope.text(word, build)?;
        sources.push(source(&text, word, keyword, &from, build)?);
        written += &format!(" {text}");
    }
    let mut inline = Vec::new();
    for heredoc in &copy.heredocs {
        let content = match heredoc.expand {
            true => scope.lines(&heredoc.name, &heredoc.text(), build)?,
            false => heredoc.text(),
        };
        written += &format!(" <<{}", heredoc.name);
        inline.push(InlineFile { name: heredoc.name.text.clone(), content });
    }
    let mut exclude = Vec::new();
    for word in &copy.exclude {
        let text = scope.text(word, build)?;
        Ignore::from_patterns([text.as_str()]).map_err(|reason| bad_pattern(&text, reason, word))?;
        exclude.push(text);
    }
    let destination = scope.text(&copy.destination, build)?;
    let into_directory = matches!(destination.rsplit('/').next(), Some("" | "." | ".."));
    if sources.len() + inline.len() > 1 && !into_directory {
        return Err(DockerfileErrorKind::ManySources { keyword }.at(copy.destination.span));
    }
    written += &format!(" {destination}");
    let destination = path::resolve(&stage.image.config.working_dir, &destination);
    let (link, unpack) = (copy.link, copy.unpack);
    Ok((
        CopyFiles { from, sources, inline, destination, into_directory, chown, chmod, exclude, link, unpack },
        written,
    ))
}

fn chmod(given: String, word: &Word) -> Result<Chmod, DockerfileError> {
    given.parse().map_err(|_| DockerfileErrorKind::Chmod { given }.at(word.span))
}

fn bad_pattern(given: &str, reason: PatternError, word: &Word) -> DockerfileError {
    DockerfileErrorKind::Pattern { given: given.to_owned(), reason }.at(word.span)
}

fn source(
    text: &str,
    word: &Word,
    keyword: Keyword,
    from: &Source,
    build: &mut Build,
) -> Result<String, DockerfileError> {
    let error = |kind: DockerfileErrorKind| Err(kind.at(word.span));
    if text.is_empty() {
        return error(DockerfileErrorKind::BlankSource { word: word.text.clone() });
    }
    if *from == Source::Context {
        refuse_remote(keyword, &Word { text: text.to_owned(), span: word.span })?;
        if !path::stays_inside(text) {
            return error(DockerfileErrorKind::OutsideContext { given: text.to_owned() });
        }
    }
    let path = path::resolve("/", text);
    let pattern = Pattern::parse(&path, Stars::Single).map_err(|reason| bad_pattern(text, reason, word))?;
    let ignore = &build.options.ignore;
    // With exceptions the result depends on the directory's content.
    if *from == Source::Context && !pattern.has_wildcards() && !ignore.has_exceptions() && ignore.excludes(&path) {
        let verb = if keyword == Keyword::Add { "Add" } else { "Copy" };
        let message = format!("Attempting to {verb} file {text:?} that is excluded by .dockerignore");
        build.warn(Check::CopyIgnoredFile, word.span, message);
    }
    Ok(path)
}
