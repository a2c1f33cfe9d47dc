//! Converting errors of the HTTP crate and of servers to errors of this module.

use std::io;

use serde::Deserialize;

use super::{
    RegistryError,
    error::Failing,
    ssrf_guard::{ForbiddenAddress, Unresolved},
    tls_error::TlsError,
    url::{Security, Url},
};

/// How many characters of a server's message are shown.
const WORDS_LIMIT: usize = 200;

/// Why a request failed. `answered`: the registry has answered before.
pub(super) fn unreachable(action: &str, url: &Url, answered: bool, error: ureq::Error) -> RegistryError {
    let failing = failing(&error, url.security() == Security::Plain && !answered, answered);
    let host = url.authority();
    let source: Box<dyn std::error::Error + Send + Sync> = match error {
        ureq::Error::Io(source) => source.into(),
        ureq::Error::Other(source) => source,
        other => other.into(),
    };
    RegistryError::Unreachable { action: action.to_owned(), host, failing, source }
}

fn failing(error: &ureq::Error, plain: bool, answered: bool) -> Failing {
    match error {
        ureq::Error::HostNotFound => Failing::Name,
        ureq::Error::Timeout(_) => Failing::Time,
        ureq::Error::Rustls(error) => Failing::Tls(TlsError::of(error)),
        ureq::Error::Tls(_) | ureq::Error::TlsRequired => Failing::Tls(TlsError::Other),
        // An answer that is not HTTP may be a TLS alert.
        ureq::Error::Protocol(_) if plain => Failing::Tls(TlsError::Tls),
        ureq::Error::Other(error) if error.is::<ForbiddenAddress>() => Failing::ForbiddenAddress,
        ureq::Error::Other(error) if error.is::<Unresolved>() => Failing::Name,
        ureq::Error::Io(error) => match (error.get_ref().and_then(|inner| inner.downcast_ref()), error.kind()) {
            (Some(inner), _) => Failing::Tls(TlsError::of(inner)),
            (_, io::ErrorKind::ConnectionRefused) if !answered => Failing::Refused,
            (_, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => Failing::Time,
            _ => Failing::Connection,
        },
        _ => Failing::Connection,
    }
}

/// The error format of the OCI distribution specification.
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

/// Whether a server says, in a message with status 400, that it requires TLS (Go's servers, nginx, Apache).
pub(super) fn wants_tls(status: u16, body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    status == 400 && ["HTTPS server", "HTTPS port", "SSL-enabled server"].iter().any(|words| body.contains(words))
}

/// A server's message, truncated for display.
pub(super) fn words(body: &[u8]) -> String {
    let words = match serde_json::from_slice::<Errors>(body) {
        Ok(Errors { errors }) => {
            let each = errors.iter().map(|error| match error.message.is_empty() {
                true => error.code.to_lowercase(),
                false => error.message.clone(),
            });
            each.collect::<Vec<_>>().join(", ")
        }
        // An HTML page is not useful here.
        Err(_) => String::new(),
    };
    words.chars().take(WORDS_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_messages_are_shortened() {
        let body =
            |message: &str| format!(r#"{{"errors":[{{"code":"DENIED","message":"{message}"}},{{"code":"TWO"}}]}}"#);
        assert_eq!(words(body("not for you").as_bytes()), "not for you, two");
        assert_eq!(words(body(&"long ".repeat(1000)).as_bytes()).len(), WORDS_LIMIT);
        assert_eq!(words(b"<html>busy</html>"), "");
    }
}
