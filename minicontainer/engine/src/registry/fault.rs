//! Faults in the words of this module: of the HTTP crate, and of a server.

use std::io;

use serde::Deserialize;

use super::{
    RegistryError,
    error::Failing,
    reach::{Misled, Unresolved},
};

/// How many characters of a server's own words are shown.
const WORDS_LIMIT: usize = 200;

/// What a request failed of. `answered` tells whether the registry has ever been there.
pub(super) fn unreachable(action: &str, host: &str, answered: bool, error: ureq::Error) -> RegistryError {
    let failing = failing(&error, answered);
    let source: Box<dyn std::error::Error + Send + Sync> = match error {
        ureq::Error::Io(source) => source.into(),
        ureq::Error::Other(source) => source,
        other => other.into(),
    };
    RegistryError::Unreachable { action: action.to_owned(), host: host.to_owned(), failing, source }
}

fn failing(error: &ureq::Error, answered: bool) -> Failing {
    match error {
        ureq::Error::HostNotFound => Failing::Name,
        ureq::Error::Timeout(_) => Failing::Time,
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::TlsRequired => Failing::Tls,
        ureq::Error::Other(error) if error.is::<Misled>() => Failing::Misled,
        ureq::Error::Other(error) if error.is::<Unresolved>() => Failing::Name,
        ureq::Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => Failing::Tls,
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused if !answered => Failing::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failing::Time,
            _ => Failing::Connection,
        },
        _ => Failing::Connection,
    }
}

/// The errors that the distribution specification has registries answer with.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What a server says, cut to a length that a person reads.
pub(super) fn words(body: &[u8]) -> String {
    let words = match serde_json::from_slice::<Errors>(body) {
        Ok(Errors { errors }) => {
            let each = errors.iter().map(|error| match error.message.is_empty() {
                true => error.code.to_lowercase(),
                false => error.message.clone(),
            });
            each.collect::<Vec<_>>().join(", ")
        }
        // A page for browsers says nothing here.
        Err(_) => String::new(),
    };
    words.chars().take(WORDS_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_short() {
        let body =
            |message: &str| format!(r#"{{"errors":[{{"code":"DENIED","message":"{message}"}},{{"code":"TWO"}}]}}"#);
        assert_eq!(words(body("not for you").as_bytes()), "not for you, two");
        assert_eq!(words(body(&"long ".repeat(1000)).as_bytes()).len(), WORDS_LIMIT);
        assert_eq!(words(b"<html>busy</html>"), "");
    }
}
