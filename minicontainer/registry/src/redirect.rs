//! The rules for redirects of a registry.
//!
//! Its answers contain other URLs: of a blob's storage, of a token service, of an upload session. The rules:
//!
//! - only HTTPS. HTTP is allowed only within this machine, or, with `--insecure`, on the registry's own host. From
//!   HTTPS there is never a way back to HTTP;
//! - never to a network closer to this machine than the registry itself (see [`ssrf_guard`](super::ssrf_guard));
//! - credentials are sent only to the registry's own origin (protocol, host and port) and to its token service. After
//!   a redirect to another origin, a request has no credentials, even if it is redirected back.

use std::net::IpAddr;

use super::{
    ssrf_guard::AddressScope,
    url::{Security, Url, UrlError},
};

/// The maximum number of redirects for one request.
pub(super) const HOP_LIMIT: usize = 5;

/// Why a redirect is refused.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// It is not a valid HTTP URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Plain HTTP, where it is not allowed.
    #[error("plain HTTP can be read and changed on the way")]
    Plain,
    /// An address closer to this machine than the registry.
    #[error("it is an address of this machine or of a private network")]
    CloserNetwork,
    /// Too many redirects.
    #[error("there were more than {HOP_LIMIT} redirects in a row")]
    Hops,
    /// No `Location` in an answer that must have one.
    #[error("the answer has no Location header")]
    Missing,
}

minicontainer::core::plain_diagnostic!(RedirectError: Failed);

/// The target of a `Location` in an answer from `here`, if it is allowed.
pub(super) fn follow(registry: &Url, here: &Url, location: &str) -> Result<Url, RedirectError> {
    allowed(registry, here, here.join(location)?)
}

/// The target, if a registry may redirect there from `here`.
pub(super) fn allowed(registry: &Url, here: &Url, place: Url) -> Result<Url, RedirectError> {
    let among_loopback = registry.is_loopback() && place.is_loopback();
    if place.security() == Security::Plain
        && (here.security() == Security::Tls || !(among_loopback || place.same_host(registry)))
    {
        return Err(RedirectError::Plain);
    }
    let near = match place.host().trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) => match AddressScope::of(address) {
            AddressScope::Machine => !registry.is_loopback(),
            AddressScope::Link => true,
            // The distance of the registry itself is known only after it was resolved: see the guard of the resolver.
            AddressScope::Organisation | AddressScope::Internet => false,
        },
        Err(_) => place.is_loopback() && !registry.is_loopback(),
    };
    if near && !place.same_origin(registry) { Err(RedirectError::CloserNetwork) } else { Ok(place) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(registry: &str, location: &str, expect: Result<&str, RedirectError>) {
        let registry: Url = registry.parse().unwrap();
        let here = registry.with_target("/v2/app/blobs/x");
        let found = follow(&registry, &here, location);
        assert_eq!(found.map(|url| url.text()), expect.map(str::to_owned), "{registry} → {location}");
    }

    #[test]
    fn redirect_to_other_storage_is_followed() {
        check("https://registry.test", "https://storage.test/x?y=1", Ok("https://storage.test/x?y=1"));
        check("https://registry.test", "/elsewhere", Ok("https://registry.test/elsewhere"));
        check("http://127.0.0.1:5000", "http://localhost:6000/x", Ok("http://localhost:6000/x"));
        check("http://127.0.0.1:5000", "https://storage.test/x", Ok("https://storage.test/x"));
        check("http://registry.test:5000", "http://registry.test:6000/x", Ok("http://registry.test:6000/x"));
    }

    /// Rows H46 and H47 of the hostile corpus.
    #[test]
    fn unsafe_redirects_are_refused() {
        check("https://registry.test", "http://registry.test/x", Err(RedirectError::Plain));
        check("https://registry.test", "http://storage.test/x", Err(RedirectError::Plain));
        check("http://registry.test", "http://storage.test/x", Err(RedirectError::Plain));
        check("http://127.0.0.1:5000", "http://storage.test/x", Err(RedirectError::Plain));
        check("https://registry.test", "file:///etc/passwd", Err(RedirectError::Url(UrlError::Scheme)));
        for near in [
            "localhost",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]",
            "169.254.169.254",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
        ] {
            check("https://registry.test", &format!("https://{near}/x"), Err(RedirectError::CloserNetwork));
        }
        check("http://127.0.0.1:5000", "https://169.254.169.254/latest", Err(RedirectError::CloserNetwork));
    }
}
