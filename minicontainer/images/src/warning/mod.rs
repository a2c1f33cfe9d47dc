//! Warnings about what an image lost on its way: files that cannot be kept, attributes that may not be set. Their
//! words are in the Fluent files beside this one, in both languages.

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
        assert!(english.contains_key("left-out-more"), "{english:?}");
        assert_eq!(english, CATALOGUE.keys(Language::Portuguese));
    }

    #[test]
    fn owners_are_counted_in_both_languages() {
        let lost = |count: u64| warning("lost-owners", [("count", count.into()), ("cause", "X".into())]);
        assert_eq!(lost(1).to_string(), "1 file belongs to root instead of its owner: X");
        assert_eq!(lost(2).to_string(), "2 files belong to root instead of their owners: X");
        assert_eq!(lost(2).text(Language::Portuguese), "2 arquivos pertencem ao root em vez dos seus donos: X");
    }
}
