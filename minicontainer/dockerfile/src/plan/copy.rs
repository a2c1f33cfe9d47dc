//! `COPY` and `ADD`: which files are copied where, and their owner.
//!
//! A source is a path in its root, with wildcards ([`Pattern`] with [`Stars::Single`]); a directory stands for its
//! contents. `..` stops at the root, so `../x` is `x` (Docker's reference, "Adding files from the build context").
//! Sources that must be downloaded are rejected.

use serde::Serialize;

use super::{
    Source,
    apply::Stage,
    bases::{self, ResolvedStage},
    chmod::Chmod,
    configure::user,
    scope::Build,
};
use crate::{
    check::Check,
    error::{DockerfileError, DockerfileErrorKind},
    explain::message,
    ignore::{Ignore, Pattern, PatternError, Stars},
    instruction::{Copy, Heredoc},
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
    /// Paths of the sources, absolute in that root, optionally with wildcards. With [`CopyFiles::parents`] each has
    /// two parts, which [`PIVOT`] separates: a path, and a pattern for the files below it, whose directories are
    /// created too.
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
    /// Whether `--link` was given. The files are copied in the same way, but the build prints a note.
    pub link: bool,
    /// Whether local archives are unpacked: `ADD`.
    pub unpack: bool,
    /// Whether the directories of the sources are created too.
    pub parents: bool,
}

/// Separates the two parts of a source with `--parents`. No other source contains it.
pub const PIVOT: &str = "/./";

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
    stages: &[ResolvedStage],
    build: &mut Build,
) -> Result<(CopyFiles, String), DockerfileError> {
    let scope = &stage.scope;
    let from = match &copy.from {
        Some(word) => bases::source(word, stage.index, stages, build.options)?,
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
    if copy.parents {
        written += " --parents";
    }
    written += &chown.iter().map(|chown| format!(" --chown={chown}")).collect::<String>();
    written += &chmod.iter().map(|chmod| format!(" --chmod={chmod}")).collect::<String>();
    for word in &copy.sources {
        let text = scope.text(word, build)?;
        let path = source(&text, word, keyword, &from, build)?;
        sources.push(if copy.parents { with_parents(&text) } else { path });
        written += &format!(" {text}");
    }
    if let Some(checksum) = &copy.checksum {
        let kind = if sources.len() == 1 {
            DockerfileErrorKind::ChecksumLocal
        } else {
            DockerfileErrorKind::ChecksumSources
        };
        return Err(kind.at(checksum.span));
    }
    let inline = inline(copy, stage, build)?;
    written += &inline.iter().map(|file| format!(" <<{}", file.name)).collect::<String>();
    let exclude = exclude(copy, stage, build)?;
    let destination = scope.text(&copy.destination, build)?;
    let into_directory = matches!(destination.rsplit('/').next(), Some("" | "." | ".."));
    if sources.len() + inline.len() > 1 && !into_directory {
        return Err(DockerfileErrorKind::ManySources { keyword }.at(copy.destination.span));
    }
    written += &format!(" {destination}");
    let destination = path::resolve(&stage.image.config.working_dir, &destination);
    let files = CopyFiles {
        from,
        sources,
        inline,
        destination,
        into_directory,
        chown,
        chmod,
        exclude,
        link: copy.link,
        unpack: copy.unpack.unwrap_or(keyword == Keyword::Add),
        parents: copy.parents,
    };
    Ok((files, written))
}

fn inline(copy: &Copy, stage: &Stage, build: &mut Build) -> Result<Vec<InlineFile>, DockerfileError> {
    let file = |heredoc: &Heredoc| {
        let content = match heredoc.expand {
            true => stage.scope.lines(&heredoc.name, &heredoc.text(), build)?,
            false => heredoc.text(),
        };
        Ok(InlineFile { name: heredoc.name.text.clone(), content })
    };
    copy.heredocs.iter().map(file).collect()
}

fn exclude(copy: &Copy, stage: &Stage, build: &mut Build) -> Result<Vec<String>, DockerfileError> {
    let pattern = |word: &Word| {
        let text = stage.scope.text(word, build)?;
        Ignore::from_patterns([text.as_str()]).map_err(|reason| bad_pattern(&text, reason, word))?;
        Ok(text)
    };
    copy.exclude.iter().map(pattern).collect()
}

/// A source of `--parents`. The part before `/./` is not created at the destination.
fn with_parents(text: &str) -> String {
    let (base, pattern) = text.split_once(PIVOT).unwrap_or(("", text));
    let base = path::resolve("/", base);
    format!("{}{PIVOT}{}", base.trim_end_matches('/'), path::resolve("/", pattern).trim_start_matches('/'))
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
    }
    let path = path::resolve("/", text);
    let pattern = Pattern::parse(&path, Stars::Single).map_err(|reason| bad_pattern(text, reason, word))?;
    let ignore = &build.options.ignore;
    // With exceptions the result depends on the directory's content.
    if *from == Source::Context && !pattern.has_wildcards() && !ignore.has_exceptions() && ignore.excludes(&path) {
        let verb = if keyword == Keyword::Add { "add" } else { "copy" };
        let message = message("check-ignored-file", [("verb", verb.into()), ("path", format!("{text:?}").into())]);
        build.warn(Check::CopyIgnoredFile, word.span, message);
    }
    Ok(path)
}
