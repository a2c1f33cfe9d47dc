//! The message catalogue: every sentence that is shown in two languages, from [Fluent] files beside this one.
//!
//! A file per language and subject: `en.ftl` and `pt-BR.ftl` explain plans, `demo.*.ftl` narrate the command
//! `demo`. To add a message, write it under the same key in both languages; to add a subject, add a pair of files
//! to [`CATALOGUE`]. The tests below fail when a key stands in one language only, or takes other arguments there.
//! What another crate explains is in a [`Catalogue`] of its own.
//!
//! [Fluent]: https://projectfluent.org

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};

use super::Language;

/// A value that a message takes: text, or a number, by which a message can choose singular and plural.
pub use fluent_bundle::FluentValue as Argument;

/// What this crate says.
static CATALOGUE: Catalogue = Catalogue::new(
    &[include_str!("en.ftl"), include_str!("demo.en.ftl")],
    &[include_str!("pt-BR.ftl"), include_str!("demo.pt-BR.ftl")],
);

/// Messages in every language, from files that are embedded in the program and parsed on first use.
pub struct Catalogue {
    sources: [&'static [&'static str]; 2],
    bundles: [OnceLock<FluentBundle<FluentResource>>; 2],
}

/// The message `id` (or `id.attribute`) in a language, with its arguments filled in.
///
/// What is missing stays visible, as Fluent has it: an unknown message is its own id between braces, an argument
/// that was not given its own name. The tests of this module see to it that neither happens with a message here.
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
    /// A catalogue of these files. They are part of the program, so a fault in them is a fault of the program.
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
        // The errors need no report: each is an argument that was not given, which stands in the text as `{$name}`.
        bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }
}

fn parse(language: Language, sources: &[&str]) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![language.tag().parse().expect("every tag is an identifier")]);
    // Marks around every argument for text that runs both ways; terminals show them as rubbish.
    bundle.set_use_isolating(false);
    for source in sources {
        let resource = FluentResource::try_new((*source).to_owned()).expect("the catalogue is well-formed Fluent");
        bundle.add_resource(resource).expect("no key stands twice in the catalogue");
    }
    bundle
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Every key of a language with the names of the arguments that its text takes; attributes as `key.attribute`.
    pub(in crate::explain) fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let (mut message, mut key) = (String::new(), String::new());
        for line in CATALOGUE.sources[language as usize]
            .iter()
            .flat_map(|source| source.lines())
            .filter(|line| !line.starts_with('#'))
        {
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
    fn missing_messages_and_arguments_stay_visible() {
        assert_eq!(message(Language::English, "step-pivot-root.no-such", &[]), "{step-pivot-root.no-such}");
        assert_eq!(
            message(Language::English, "step-remount", &[]),
            "Restrict the mount {$destination}: {$attributes}"
        );
    }
}
