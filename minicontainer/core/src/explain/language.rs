//! The supported languages, and their names: `en`, `pt`, `pt-BR`, or a locale of the environment such as
//! `pt_BR.UTF-8`, see locale(7).

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A supported language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    Portuguese,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 2] = [Language::English, Language::Portuguese];

    /// Its BCP 47 tag, as in the `lang` attribute of HTML.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Portuguese => "pt-BR",
        }
    }
}

/// The text is not the name of a supported language.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown language \"{given}\": must be en, pt or a locale of one of them (for example, pt_BR.UTF-8)")]
pub struct LanguageError {
    /// What was given.
    pub given: String,
}

crate::plain_diagnostic!(LanguageError: InvalidInput);

impl FromStr for Language {
    type Err = LanguageError;

    /// Parses a tag or a locale. Region, encoding and modifier are ignored; `C` and `POSIX` are English.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let language = text.split(['-', '_', '.', '@']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "en" | "c" | "posix" => Ok(Language::English),
            "pt" => Ok(Language::Portuguese),
            _ => Err(LanguageError { given: text.to_owned() }),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<Language>) {
        assert_eq!(text.parse().ok(), expect, "{text:?}");
    }

    #[test]
    fn language_tags_and_locales_are_parsed() {
        for text in ["en", "EN", "en-GB", "en_US.UTF-8", "C", "C.UTF-8", "POSIX"] {
            check(text, Some(Language::English));
        }
        for text in ["pt", "pt-BR", "pt_BR", "pt_BR.UTF-8", "pt_PT@euro"] {
            check(text, Some(Language::Portuguese));
        }
        for text in ["", "fr", "de_DE.UTF-8", "english", "-pt", " pt"] {
            check(text, None);
        }
    }

    #[test]
    fn displayed_language_can_be_parsed() {
        for language in Language::ALL {
            check(&language.to_string(), Some(language));
        }
    }

    #[test]
    fn unknown_language_error_lists_valid_ones() {
        insta::assert_snapshot!("fr".parse::<Language>().unwrap_err(), @r#"unknown language "fr": must be en, pt or a locale of one of them (for example, pt_BR.UTF-8)"#);
    }
}
