//! The book's mdBook preprocessor: it links each page to the same page in the other language, marks a Portuguese page
//! whose English original has changed since it was translated, and moves included code to the left margin.
//!
//! The book is two source trees with equal file names, `en/src` and `pt-BR/src`. Each Portuguese page has the
//! fingerprint of the English page that it translates, in a comment: `<!-- translates: 0123456789abcdef -->`. If the
//! two differ, the page shows a warning; with `BOOK_STRICT=1`, as in CI, the build fails instead. After updating a
//! page, write the new fingerprint with `cargo run -p book-preprocessor -- stamp book/pt-BR/src/PAGE.md`.
//!
//! mdBook starts the program in the book's folder, writes the whole book as JSON to its stdin and reads the changed
//! book from its stdout: <https://rust-lang.github.io/mdBook/for_developers/preprocessors.html>.

// `println!` and `eprintln!` panic if the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod code;
mod translation;

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result, bail};
use mdbook_preprocessor::{PreprocessorContext, book::Book, parse_input};

use code::dedent_code;
use translation::{Freshness, fingerprint, freshness, language_link, stale_banner, stamped};

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        None => preprocess(),
        Some("supports") => Ok(()),
        Some("stamp") => arguments[1..].iter().try_for_each(|page| stamp(Path::new(page))),
        Some(other) => {
            bail!("unknown command {other:?}: must be `supports RENDERER`, `stamp PAGE…`, or none (called by mdBook)")
        }
    }
}

fn preprocess() -> Result<()> {
    let (context, mut book) = parse_input(io::stdin())?;
    let stale = match context.config.book.language.as_deref() {
        Some("en") => link_pages(&context, &mut book, "pt-BR")?,
        Some("pt-BR") => {
            let stale = mark_stale_pages(&context, &mut book)?;
            link_pages(&context, &mut book, "en")?;
            stale
        }
        other => bail!("invalid book.language {other:?} in book.toml: must be \"en\" or \"pt-BR\""),
    };
    if !stale.is_empty() && env::var_os("BOOK_STRICT").is_some() {
        bail!("stale translations, and BOOK_STRICT is set:\n{}", stale.join("\n"));
    }
    for line in stale {
        // Best effort: the page shows the warning, too.
        let _best_effort = writeln!(io::stderr(), "warning: {line}");
    }
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, &book).context("cannot hand the book back to mdBook")?;
    stdout.flush().context("cannot hand the book back to mdBook")
}

/// Puts a link to the other language on each page; a page that the other language lacks is an error.
fn link_pages(context: &PreprocessorContext, book: &mut Book, other: &str) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    book.for_each_chapter_mut(|chapter| {
        let Some(path) = chapter.source_path.clone() else { return };
        if !context.root.join("..").join(other).join("src").join(&path).is_file() {
            missing.push(path.display().to_string());
        }
        chapter.content = format!("{}\n\n{}", language_link(other, &path), dedent_code(&chapter.content));
    });
    if !missing.is_empty() {
        bail!("the {other} book lacks {}: both books have the same pages", missing.join(", "));
    }
    Ok(missing)
}

/// Puts a banner on each page whose English original has changed, and returns a message for each.
fn mark_stale_pages(context: &PreprocessorContext, book: &mut Book) -> Result<Vec<String>> {
    let english = context.root.join("../en/src");
    let mut stale = Vec::new();
    let mut failure = None;
    book.for_each_chapter_mut(|chapter| {
        let Some(path) = chapter.source_path.clone() else { return };
        match fingerprint(&english.join(&path)).map(|original| freshness(&chapter.content, &original)) {
            Ok(Freshness::UpToDate) => {}
            Ok(Freshness::Stale { stamped, original }) => {
                stale.push(format!(
                    "pt-BR/src/{} translates {stamped}, but the English page is now {original}: update it, then \
                     `cargo run -p book-preprocessor -- stamp book/pt-BR/src/{}`",
                    path.display(),
                    path.display()
                ));
                chapter.content = format!("{}\n\n{}", stale_banner(&path), chapter.content);
            }
            Err(error) => failure = Some(error),
        }
    });
    failure.map_or(Ok(stale), Err)
}

/// Writes the current fingerprint of the English page into a Portuguese page.
fn stamp(page: &Path) -> Result<()> {
    let text = page.to_string_lossy();
    let english = text.replace("/pt-BR/", "/en/");
    if english == text {
        bail!("{text} is not a page of the Portuguese book: its path has no /pt-BR/");
    }
    let content = fs::read_to_string(page).with_context(|| format!("cannot read {text}"))?;
    let content = stamped(&content, &fingerprint(Path::new(&english))?);
    fs::write(page, content).with_context(|| format!("cannot write {text}"))
}
