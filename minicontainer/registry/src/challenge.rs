//! Authentication challenges of a server: the header `WWW-Authenticate` (RFC 9110, section 11.6.1).
//!
//! ```text
//! WWW-Authenticate: Bearer realm="https://auth.test/token",service="registry.test",scope="repository:app:pull"
//! WWW-Authenticate: Basic realm="Registry"
//! ```
//!
//! One header may hold several challenges, and the comma that stands between them also stands between a challenge's
//! parameters: a word followed by `=` is a parameter, any other begins a new challenge.

use std::collections::BTreeMap;

/// One challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case: `basic`, `bearer`.
    pub(super) scheme: String,
    /// By their names in lower case.
    pub(super) parameters: BTreeMap<String, String>,
}

/// The challenges of a header. Malformed parts are left out.
pub(super) fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        if word.is_empty() {
            match behind.chars().next() {
                Some(_) => rest = &behind[1..],
                None => return found,
            }
            continue;
        }
        match (behind.trim_start().strip_prefix('='), found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let (value, behind) = parameter_value(value.trim_start());
                // The first value is kept: a second realm cannot replace it.
                challenge.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
                rest = behind;
            }
            _ => {
                found.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
                rest = behind;
            }
        }
    }
}

/// A parameter's value, quoted or not, and the rest of the text.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expect: &[(&str, &[(&str, &str)])]) {
        let expect: Vec<_> = expect
            .iter()
            .map(|(scheme, parameters)| Challenge {
                scheme: (*scheme).to_owned(),
                parameters: parameters
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            })
            .collect();
        assert_eq!(challenges(header), expect, "{header}");
    }

    #[test]
    fn challenges_are_parsed() {
        check("Basic realm=\"Registry\"", &[("basic", &[("realm", "Registry")])]);
        check(
            "Bearer realm=\"https://auth.test/token\",service=\"registry.test\",scope=\"repository:app:pull,push\"",
            &[(
                "bearer",
                &[
                    ("realm", "https://auth.test/token"),
                    ("service", "registry.test"),
                    ("scope", "repository:app:pull,push"),
                ],
            )],
        );
        check(
            "Negotiate, BEARER Realm = \"https://a.test/?x=1,2\" , service=plain, Basic realm=\"a \\\"b\\\"\"",
            &[
                ("negotiate", &[]),
                ("bearer", &[("realm", "https://a.test/?x=1,2"), ("service", "plain")]),
                ("basic", &[("realm", "a \"b\"")]),
            ],
        );
    }

    #[test]
    fn malformed_challenges_are_harmless() {
        check("", &[]);
        check(" ,, = ,", &[]);
        check("realm=\"x\"", &[("realm", &[]), ("\"x\"", &[])]);
        check("Bearer realm=\"open", &[("bearer", &[("realm", "open")])]);
        check("Bearer realm=\"a\", realm=\"b\"", &[("bearer", &[("realm", "a")])]);
    }
}
