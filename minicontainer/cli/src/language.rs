//! The language of the output: from a flag, else the locale of the environment, else English.

use std::env;

use minicontainer::core::explain::Language;

/// The language of the environment, by the rule of locale(7): the first of these that is set and not empty decides.
pub fn of_environment() -> Language {
    choose(["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| env::var(name).unwrap_or_default()))
}

fn choose(settings: [String; 3]) -> Language {
    let decisive = settings.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    // English is used for locales without a translation.
    decisive.parse().unwrap_or_default()
}

/// Parses the value of a flag.
pub fn parse(text: &str) -> Result<Language, String> {
    text.parse().map_err(|error: minicontainer::core::explain::LanguageError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: [&str; 3], expect: Language) {
        assert_eq!(choose(settings.map(str::to_owned)), expect, "{settings:?}");
    }

    #[test]
    fn first_set_locale_variable_wins() {
        check(["", "", ""], Language::English);
        check(["", "", "pt_BR.UTF-8"], Language::Portuguese);
        check(["C", "", "pt_BR.UTF-8"], Language::English);
        check(["", "pt_BR", "en_US.UTF-8"], Language::Portuguese);
        check(["de_DE", "", "pt_BR"], Language::English);
    }
}
