//! The message catalogue: every sentence that is shown in two languages, from [Fluent] files beside this one.
//!
//! A file per language and subject: `en.ftl` and `pt-BR.ftl` explain plans, `demo.*.ftl` narrate the command
//! `demo`. To add a message, write it under the same key in both languages; to add a subject, add a pair of files
//! to [`SOURCES`]. The tests below fail when a key stands in one language only, or takes other arguments there.
//!
//! [Fluent]: https://projectfluent.org

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use super::Language;

/// A value that a message takes: text, or a number, by which a message can choose singular and plural.
pub use fluent_bundle::FluentValue as Argument;

/// The files of each language, embedded in the program.
const SOURCES: [(Language, &[&str]); 2] = [
    (Language::English, &[include_str!("en.ftl"), include_str!("demo.en.ftl")]),
    (Language::Portuguese, &[include_str!("pt-BR.ftl"), include_str!("demo.pt-BR.ftl")]),
];

/// The message `id` (or `id.attribute`) in a language, with its arguments filled in.
///
/// What is missing stays visible, as Fluent has it: an unknown message is its own id between braces, an argument
/// that was not given its own name. The tests of this module see to it that neither happens with a message here.
///
/// ```
/// use minicontainer_core::explain::{Language, message};
///
/// let text = message(Language::Portuguese, "step-set-hostname", &[("name", "web-1".into())]);
/// assert_eq!(text, "Dar à máquina o nome web-1");
/// assert_eq!(message(Language::English, "no-such-message", &[]), "{no-such-message}");
/// ```
pub fn message(language: Language, id: &str, arguments: &[(&str, Argument)]) -> String {
    let bundle = bundle(language);
    let (name, attribute) = match id.split_once('.') {
        Some((name, attribute)) => (name, Some(attribute)),
        None => (id, None),
    };
    let pattern = bundle.get_message(name).and_then(|message| match attribute {
        Some(attribute) => message.get_attribute(attribute).map(|attribute| attribute.value()),
        None => message.value(),
    });
    let Some(pattern) = pattern else { return format!("{{{id}}}") };
    let arguments: FluentArgs = arguments.iter().map(|(name, value)| (*name, value.clone())).collect();
    // The errors need no report: each is an argument that was not given, which stands in the text as `{$name}`.
    bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
}

/// The parsed catalogue of a language, made on first use.
fn bundle(language: Language) -> &'static FluentBundle<FluentResource> {
    static ENGLISH: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
    static PORTUGUESE: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
    let cell = match language {
        Language::English => &ENGLISH,
        Language::Portuguese => &PORTUGUESE,
    };
    cell.get_or_init(|| parse(language))
}

/// Parses the embedded files. They are part of the program and tested, so a fault in them is a fault of the program.
fn parse(language: Language) -> FluentBundle<FluentResource> {
    let identifier: LanguageIdentifier = language.tag().parse().expect("every tag is a language identifier");
    let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
    // Marks around every argument for text that runs both ways; terminals show them as rubbish.
    bundle.set_use_isolating(false);
    for source in sources(language) {
        let resource = FluentResource::try_new((*source).to_owned()).expect("the catalogue is well-formed Fluent");
        bundle.add_resource(resource).expect("no key stands twice in the catalogue");
    }
    bundle
}

/// The texts of a language's files.
fn sources(language: Language) -> &'static [&'static str] {
    SOURCES.iter().find(|(candidate, _)| *candidate == language).map_or(&[], |(_, sources)| sources)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Every key of a language with the names of the arguments that its text takes; attributes as `key.attribute`.
    pub(in crate::explain) fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let (mut message, mut key) = (String::new(), String::new());
        for line in sources(language).iter().flat_map(|source| source.lines()).filter(|line| !line.starts_with('#')) {
            let name = line.split_once(" =").map_or("", |(name, _)| name);
            let started = match name.trim_start().strip_prefix('.') {
                Some(attribute) => Some(format!("{message}.{attribute}")),
                None if !name.is_empty() && !name.starts_with(' ') => Some(name.to_owned()),
                None => None,
            };
            if let Some(started) = started {
                assert!(keys.insert(started.clone(), BTreeSet::new()).is_none(), "{started} stands twice");
                message = started.split('.').next().unwrap().to_owned();
                key = started;
            }
            let arguments = line.split('$').skip(1).map(|rest| rest.split([' ', '}']).next().unwrap().to_owned());
            keys.entry(key.clone()).or_default().extend(arguments);
        }
        keys.remove("");
        keys
    }

    #[test]
    fn both_languages_have_the_same_keys_and_arguments() {
        assert!(keys(Language::English).len() > 60, "the catalogue was not read");
        assert_eq!(keys(Language::English), keys(Language::Portuguese));
    }

    #[test]
    fn every_key_can_be_looked_up() {
        for language in Language::ALL {
            for (key, arguments) in keys(language) {
                let given: Vec<(&str, Argument)> = arguments.iter().map(|name| (name.as_str(), 2.into())).collect();
                let text = message(language, &key, &given);
                assert!(!text.is_empty() && !text.contains(['{', '}']), "{language} {key}: {text}");
            }
        }
    }

    #[test]
    fn what_is_missing_stays_visible() {
        assert_eq!(message(Language::English, "step-pivot-root.no-such", &[]), "{step-pivot-root.no-such}");
        assert_eq!(message(Language::English, "step-remount", &[]), "Restrict the mount {$destination}: {$attributes}");
    }
}
