//! The arguments of `COPY` and `ADD`.

use super::{Arguments, arguments};
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::Copy,
    keyword::Keyword,
    line::Slice,
    position::Word,
};

pub(super) fn copy(given: Arguments) -> Result<Copy, DockerfileError> {
    let Arguments { keyword, flags, rest, heredocs, .. } = given;
    let parsed = arguments::json(rest)?;
    let json = parsed.is_some();
    let mut sources = match parsed {
        Some(words) => words,
        None => rest.words().into_iter().map(Slice::word).collect(),
    };
    if sources.len() < 2 {
        return Err(DockerfileErrorKind::NoDestination { keyword }.at(rest.span()));
    }
    let is_torn = |word: &&Word| word.text.trim_start_matches(|digit: char| digit.is_ascii_digit()) == "<<";
    if let Some(mark) = sources.iter().find(is_torn).filter(|_| !json) {
        return Err(DockerfileErrorKind::HeredocBlank { keyword }.at(mark.span));
    }
    let destination = sources.pop().unwrap_or_default();
    let is_mark = |word: &Word| heredocs.iter().any(|heredoc| heredoc.name.span == word.span);
    if is_mark(&destination) {
        return Err(DockerfileErrorKind::HeredocDestination { keyword }.at(destination.span));
    }
    sources.retain(|source| !is_mark(source));
    if let Some(wrong) = heredocs.iter().find(|heredoc| !is_file_name(&heredoc.name.text)) {
        return Err(DockerfileErrorKind::HeredocName { given: wrong.name.text.clone() }.at(wrong.name.span));
    }
    for source in &sources {
        refuse_remote(keyword, source)?;
    }
    Ok(Copy {
        from: flags.one("from"),
        chown: flags.one("chown"),
        chmod: flags.one("chmod"),
        exclude: flags.all("exclude"),
        link: flags.is_true("link"),
        parents: flags.is_true("parents"),
        checksum: flags.one("checksum"),
        keep_git_dir: flags.is_true("keep-git-dir"),
        unpack: flags.boolean("unpack"),
        json,
        sources,
        heredocs,
        destination,
    })
}

/// Whether it refers to a file within a directory.
pub(crate) fn is_file_name(name: &str) -> bool {
    !name.contains(['/', '\\', '\'', '"']) && !name.contains(char::is_whitespace) && !matches!(name, "" | "." | "..")
}

/// Rejects sources that must be downloaded, because a build should not depend on where it runs.
pub(crate) fn refuse_remote(keyword: Keyword, source: &Word) -> Result<(), DockerfileError> {
    let text = source.text.as_str();
    let is_git = text.starts_with("git://")
        || text.starts_with("git@")
        || text.starts_with("ssh://")
        || (text.starts_with("http") && text.split('#').next().unwrap_or_default().ends_with(".git"));
    let is_url = ["http://", "https://", "ftp://", "file://"].iter().any(|scheme| text.starts_with(scheme));
    let what = match (is_git, is_url) {
        (true, _) => "git ref",
        (false, true) => "URL",
        (false, false) => return Ok(()),
    };
    let kind = match keyword {
        Keyword::Copy => DockerfileErrorKind::RemoteCopy { what },
        _ => DockerfileErrorKind::RemoteAdd { what, given: text.to_owned() },
    };
    Err(kind.at(source.span))
}
