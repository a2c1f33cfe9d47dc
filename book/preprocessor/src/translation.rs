//! Whether a translation is up to date: the fingerprint of the original, and the mark in the translation.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

const MARK: &str = "<!-- translates: ";

/// Whether a translation still matches its original.
#[derive(Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The original has not changed since.
    UpToDate,
    /// The original has changed, or the page has no mark.
    Stale {
        /// The fingerprint in the translation, or the word "nothing".
        stamped: String,
        /// The current fingerprint of the original.
        original: String,
    },
}

/// The fingerprint of a page: the first 16 hexadecimal digits of the SHA-256 of its source. Included Markdown (the
/// lessons' tasks and hints) must be translated, so it counts too; included code does not.
pub fn fingerprint(page: &Path) -> Result<String> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let source = read(page)?;
    let mut hasher = Sha256::new_with_prefix(&source);
    for included in source.split("{{#include ").skip(1).filter_map(|rest| rest.split([':', '}']).next()) {
        if included.ends_with(".md") {
            hasher.update(read(&page.with_file_name("").join(included))?);
        }
    }
    Ok(hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// Compares the mark in a translation with its original's fingerprint.
pub fn freshness(translation: &str, original: &str) -> Freshness {
    let stamped = translation.split_once(MARK).and_then(|(_, rest)| rest.split_once(" -->")).map(|(mark, _)| mark);
    match stamped {
        Some(mark) if mark == original => Freshness::UpToDate,
        _ => Freshness::Stale { stamped: stamped.unwrap_or("nothing").to_owned(), original: original.to_owned() },
    }
}

/// The page with its mark replaced, or added at the end if it had none.
pub fn stamped(translation: &str, original: &str) -> String {
    let mark = format!("{MARK}{original} -->");
    match translation.split_once(MARK).and_then(|(before, rest)| Some((before, rest.split_once(" -->")?.1))) {
        Some((before, after)) => format!("{before}{mark}{after}"),
        None => format!("{}\n\n{mark}\n", translation.trim_end()),
    }
}

/// The link to the same page in the other language.
pub fn language_link(other: &str, page: &Path) -> String {
    let word = if other == "en" { "Read this page in English" } else { "Leia esta página em português" };
    format!(
        "<p class=\"language\"><a href=\"{}\" lang=\"{other}\" hreflang=\"{other}\">{word}</a></p>",
        address(other, page)
    )
}

/// The banner of a stale page.
pub fn stale_banner(page: &Path) -> String {
    format!(
        "> [!WARNING]\n> Esta tradução está desatualizada: a [página em inglês]({}) mudou depois dela.",
        address("en", page)
    )
}

/// The relative address of the same page in the other book.
fn address(other: &str, page: &Path) -> String {
    let up = "../".repeat(page.components().count());
    format!("{up}{other}/{}", page.with_extension("html").display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translation_stamp_is_compared_replaced_and_added() {
        let page = "# Título {#t}\n\n<!-- translates: 00ff -->\n";
        assert_eq!(freshness(page, "00ff"), Freshness::UpToDate);
        let stale = |stamped: &str| Freshness::Stale { stamped: stamped.into(), original: "1234".into() };
        assert_eq!(freshness(page, "1234"), stale("00ff"));
        assert_eq!(freshness("# Título\n", "1234"), stale("nothing"));
        assert_eq!(stamped(page, "1234"), "# Título {#t}\n\n<!-- translates: 1234 -->\n");
        assert_eq!(stamped("# Título\n", "1234"), "# Título\n\n<!-- translates: 1234 -->\n");
    }

    #[test]
    fn fingerprint_covers_included_text_but_not_code() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let page = folder.path().join("page.md");
        write("page.md", "# Page\n\n{{#include task.md:task}}\n\n{{#include code.rs:main}}\n");
        write("task.md", "Do this.");
        let before = fingerprint(&page).unwrap();
        write("code.rs", "fn main() {}");
        assert_eq!(fingerprint(&page).unwrap(), before);
        write("task.md", "Do that.");
        assert_ne!(fingerprint(&page).unwrap(), before);
    }

    #[test]
    fn links_lead_to_same_page_in_other_language() {
        assert_eq!(address("en", Path::new("introduction.md")), "../en/introduction.html");
        assert_eq!(address("pt-BR", Path::new("part/page.md")), "../../pt-BR/part/page.html");
    }
}
