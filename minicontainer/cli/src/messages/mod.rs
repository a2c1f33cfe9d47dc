//! The command's own messages in the reader's language: warnings, how containers ended, `doctor`.
//!
//! Their words are in the Fluent files beside this one. Warnings of the libraries come with their own words
//! ([`Message`]). Errors and `--help` are in English only, as in Docker.

use minicontainer::core::explain::{Catalogue, Language, Message, Value};

static CATALOGUE: Catalogue = Catalogue::new(
    &[include_str!("en.ftl"), include_str!("doctor.en.ftl")],
    &[include_str!("pt-BR.ftl"), include_str!("doctor.pt-BR.ftl")],
);

/// A message of this crate's catalogue.
pub fn message(key: &'static str, arguments: impl IntoIterator<Item = (&'static str, Value)>) -> Message {
    Message::of(&CATALOGUE, key, arguments)
}

/// A fixed text of this crate's catalogue.
pub fn label(key: &str, language: Language) -> String {
    CATALOGUE.message(language, key, &[])
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn both_languages_have_the_same_messages() {
        let english = CATALOGUE.keys(Language::English);
        assert!(english.contains_key("weakened") && english.contains_key("doctor-identity-root"), "{english:?}");
        assert_eq!(english, CATALOGUE.keys(Language::Portuguese));
    }

    /// All source files below a directory, as one text.
    fn sources(directory: &Path) -> String {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let text = |path: std::path::PathBuf| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(end) if end == "rs" => fs::read_to_string(&path).unwrap(),
            _ => String::new(),
        };
        entries.map(text).collect()
    }

    #[test]
    fn every_message_is_used() {
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        for key in CATALOGUE.keys(Language::English).keys().filter(|key| !key.starts_with("doctor-name-")) {
            assert!(sources.contains(&format!("\"{key}\"")), "nothing uses the message {key}");
        }
    }
}
