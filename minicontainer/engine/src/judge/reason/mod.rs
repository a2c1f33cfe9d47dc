//! The reasons for verdicts. Their words are in the Fluent files beside this one, in both languages.

use minicontainer::core::explain::{Catalogue, Message, Value};

static CATALOGUE: Catalogue = Catalogue::new(&[include_str!("en.ftl")], &[include_str!("pt-BR.ftl")]);

/// The reason with this key.
pub(super) fn reason(key: &'static str, arguments: impl IntoIterator<Item = (&'static str, Value)>) -> Message {
    Message::of(&CATALOGUE, key, arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minicontainer::core::explain::Language;

    #[test]
    fn both_languages_have_the_same_reasons() {
        let english = CATALOGUE.keys(Language::English);
        assert!(english.contains_key("memory-limit"), "{english:?}");
        assert_eq!(english, CATALOGUE.keys(Language::Portuguese));
    }

    #[test]
    fn difference_is_described_in_both_languages() {
        let arguments = || [("unit", "word".into()), ("place", 3_usize.into()), ("expected", "\"3\"".into())];
        let missing = reason("unit-missing", arguments());
        assert_eq!(missing.to_string(), "word 3 is missing: expected \"3\"");
        assert_eq!(missing.text(Language::Portuguese), "falta a palavra 3: esperava-se \"3\"");
    }
}
