//! The message catalogue: all translated sentences, from the [Fluent] files next to this one.
//!
//! There is a file for each language and subject: `en.ftl` and `pt-BR.ftl` explain plans, `demo.*.ftl` narrate the
//! command `demo`, `host.*.ftl` say what a machine lacks. To add a message, write it under the same key in both
//! languages; to add a subject, add a pair of files to [`CATALOGUE`]. The tests below fail if a key is missing in one
//! language, or has different arguments there. Other crates have their own [`Catalogue`].
//!
//! [Fluent]: https://projectfluent.org

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};

use super::Language;

/// An argument of a message: text, or a number, by which a message can select singular or plural.
pub use fluent_bundle::FluentValue as Argument;

/// The messages of this crate.
pub(super) static CATALOGUE: Catalogue = Catalogue::new(
    &[include_str!("en.ftl"), include_str!("demo.en.ftl"), include_str!("host.en.ftl")],
    &[include_str!("pt-BR.ftl"), include_str!("demo.pt-BR.ftl"), include_str!("host.pt-BR.ftl")],
);

/// Messages in every language, from files that are embedded in the program and parsed on first use.
pub struct Catalogue {
    sources: [&'static [&'static str]; 2],
    bundles: [OnceLock<FluentBundle<FluentResource>>; 2],
}

/// The message `id` (or `id.attribute`) in a language, with its arguments filled in.
///
/// Missing parts stay visible, as in Fluent: an unknown message is its id in braces, a missing argument its name. The
/// tests of this module check that neither happens with a message here.
///
/// ```
/// use minicontainer_core::explain::{Language, message};
///
/// let text = message(Language::Portuguese, "step-set-hostname", &[("name", "web-1".into())]);
/// assert_eq!(text, "Definir o hostname como web-1");
/// assert_eq!(message(Language::English, "no-such-message", &[]), "{no-such-message}");
/// ```
pub fn message(language: Language, id: &str, arguments: &[(&str, Argument)]) -> String {
    CATALOGUE.message(language, id, arguments)
}

impl Catalogue {
    /// A catalogue of these files. They are part of the program, so an error in them is a bug.
    pub const fn new(english: &'static [&'static str], portuguese: &'static [&'static str]) -> Catalogue {
        Catalogue { sources: [english, portuguese], bundles: [OnceLock::new(), OnceLock::new()] }
    }

    /// As [`message`], from this catalogue.
    pub fn message(&self, language: Language, id: &str, arguments: &[(&str, Argument)]) -> String {
        let bundle = self.bundles[language as usize].get_or_init(|| parse(language, self.sources[language as usize]));
        let (name, attribute) = id.split_once('.').map_or((id, None), |(name, rest)| (name, Some(rest)));
        let pattern = bundle.get_message(name).and_then(|message| match attribute {
            Some(attribute) => message.get_attribute(attribute).map(|attribute| attribute.value()),
            None => message.value(),
        });
        let Some(pattern) = pattern else { return format!("{{{id}}}") };
        let arguments: FluentArgs = arguments.iter().map(|(name, value)| (*name, value.clone())).collect();
        // Errors are missing arguments, which are visible in the text as `{$name}`.
        bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }

    /// Every key of a language with the names of its arguments; attributes as `key.attribute`. The tests of each
    /// catalogue compare its languages with this.
    pub fn keys(&self, language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let (mut message, mut key) = (String::new(), String::new());
        let lines = self.sources[language as usize].iter().flat_map(|source| source.lines());
        for line in lines.filter(|line| !line.starts_with('#')) {
            let name = line.split_once(" =").map_or("", |(name, _)| name);
            let started = match name.trim_start().strip_prefix('.') {
                Some(attribute) => Some(format!("{message}.{attribute}")),
                None if !name.is_empty() && !name.starts_with(' ') => Some(name.to_owned()),
                None => None,
            };
            if let Some(started) = started {
                keys.insert(started.clone(), BTreeSet::new());
                message = started.split('.').next().unwrap_or_default().to_owned();
                key = started;
            }
            let names = line.split('$').skip(1).filter_map(|rest| rest.split([' ', '}']).next());
            // A dollar sign before an opening brace is text.
            let arguments = names.filter(|name| name.chars().all(|sign| sign.is_ascii_alphanumeric()));
            keys.entry(key.clone()).or_default().extend(arguments.map(str::to_owned));
        }
        keys.remove("");
        keys
    }
}

fn parse(language: Language, sources: &[&str]) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![language.tag().parse().expect("every tag is an identifier")]);
    // Isolation marks around arguments are for bidirectional text; terminals would show them as garbage.
    bundle.set_use_isolating(false);
    for source in sources {
        let resource = FluentResource::try_new((*source).to_owned()).expect("the catalogue is well-formed Fluent");
        bundle.add_resource(resource).expect("keys in the catalogue are unique");
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_keys_and_arguments() {
        assert!(CATALOGUE.keys(Language::English).len() > 60, "the catalogue was not read");
        assert_eq!(CATALOGUE.keys(Language::English), CATALOGUE.keys(Language::Portuguese));
    }

    #[test]
    fn every_key_can_be_looked_up() {
        for language in Language::ALL {
            for (key, arguments) in CATALOGUE.keys(language) {
                let given: Vec<(&str, Argument)> = arguments.iter().map(|name| (name.as_str(), 2.into())).collect();
                let text = message(language, &key, &given);
                assert!(!text.is_empty() && !text.contains(['{', '}']), "{language} {key}: {text}");
            }
        }
    }

    #[test]
    fn missing_messages_and_arguments_stay_visible() {
        assert_eq!(message(Language::English, "step-pivot-root.no-such", &[]), "{step-pivot-root.no-such}");
        assert_eq!(
            message(Language::English, "step-remount", &[]),
            "Restrict the mount {$destination}: {$attributes}"
        );
    }
}
