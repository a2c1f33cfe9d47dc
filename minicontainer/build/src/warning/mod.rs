//! Warnings of build steps. Their words are in the Fluent files beside this one, in both languages.

use minicontainer::core::explain::{Catalogue, Message, Value};

static CATALOGUE: Catalogue = Catalogue::new(&[include_str!("en.ftl")], &[include_str!("pt-BR.ftl")]);

/// A warning with this key.
pub(crate) fn warning(key: &'static str, arguments: impl IntoIterator<Item = (&'static str, Value)>) -> Message {
    Message::of(&CATALOGUE, key, arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minicontainer::core::explain::Language;

    #[test]
    fn both_languages_have_the_same_warnings() {
        let english = CATALOGUE.keys(Language::English);
        assert!(english.contains_key("link-is-copy"), "{english:?}");
        assert_eq!(english, CATALOGUE.keys(Language::Portuguese));
    }

    #[test]
    fn skipped_file_is_named_with_its_kind() {
        let socket = warning("left-out-file", [("path", "/run/s".into()), ("kind", "socket".into())]);
        assert_eq!(socket.to_string(), "left out /run/s: it is a socket");
        assert_eq!(socket.text(Language::Portuguese), "/run/s ficou de fora: é um socket");
    }
}
