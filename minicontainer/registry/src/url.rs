//! HTTP and HTTPS URLs of registries.
//!
//! A URL from a registry is untrusted: it may name any host and protocol, and contain a user name and password that
//! would be sent as ours. So it is parsed once, here. The result has only the protocol HTTP or HTTPS, a host in
//! ASCII, a port and a target. It is displayed without its query, because the query of a storage service's URL is as
//! secret as a password.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use ureq::http::Uri;

/// A URL of HTTP or HTTPS.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Url {
    security: Security,
    /// In lower case; an IPv6 address in brackets.
    host: String,
    port: u16,
    /// Path and query.
    target: String,
}

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// HTTPS.
    Tls,
    /// Plain HTTP.
    Plain,
}

/// Why a URL is invalid. The URL itself is not shown, because it may contain a secret.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not a valid URL.
    #[error("it is not a valid URL")]
    Syntax,
    /// Another protocol, such as `file:`, `ftp:` or `unix:`.
    #[error("its protocol is neither https nor http")]
    Scheme,
    /// `https://name:password@host/`.
    #[error("it contains a user name")]
    UserInfo,
}

minicontainer::core::plain_diagnostic!(UrlError: InvalidInput);

impl Url {
    pub(super) fn new(security: Security, authority: &str, target: &str) -> Result<Url, UrlError> {
        let scheme = if security == Security::Tls { "https" } else { "http" };
        format!("{scheme}://{authority}{target}").parse()
    }

    /// The whole URL, including its query, which may be secret.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.origin(), self.target)
    }

    pub(super) fn security(&self) -> Security {
        self.security
    }

    /// Host and port; without the port if it is the default of the protocol.
    pub(super) fn authority(&self) -> String {
        let usual = if self.security == Security::Tls { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    fn origin(&self) -> String {
        let scheme = if self.security == Security::Tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Whether both have the same origin, so that the same credentials may be sent.
    pub(super) fn same_origin(&self, other: &Url) -> bool {
        self.security == other.security && self.host == other.host && self.port == other.port
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn same_host(&self, other: &Url) -> bool {
        self.host == other.host
    }

    /// Whether the host is a loopback name or address, so that requests never leave this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The same server, another target.
    pub(super) fn with_target(&self, target: &str) -> Url {
        Url { target: target.to_owned(), ..self.clone() }
    }

    /// Resolves a `Location` relative to this URL (RFC 9110, section 10.2.2).
    pub(super) fn join(&self, location: &str) -> Result<Url, UrlError> {
        let scheme_end = location.find([':', '/', '?', '#']).filter(|&at| location[at..].starts_with(':'));
        if scheme_end.is_some() {
            return location.parse();
        }
        if location.starts_with("//") {
            let scheme = if self.security == Security::Tls { "https" } else { "http" };
            return format!("{scheme}:{location}").parse();
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let target = match location.chars().next() {
            Some('/') => location.to_owned(),
            Some('?') => format!("{path}{location}"),
            _ => format!("{}/{location}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
        };
        format!("{}{target}", self.origin()).parse()
    }

    /// This URL with one more field in its query. The value must not need escaping.
    pub(super) fn with_query(&self, name: &str, value: &str) -> Url {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        self.with_target(&format!("{}{separator}{name}={value}", self.target))
    }
}

/// Whether a host in a URL is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        let (scheme, _) = text.split_once(':').ok_or(UrlError::Syntax)?;
        let security = match scheme.to_ascii_lowercase().as_str() {
            "https" => Security::Tls,
            "http" => Security::Plain,
            _ => return Err(UrlError::Scheme),
        };
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_| UrlError::Syntax)?;
        let authority = uri.authority().ok_or(UrlError::Syntax)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let host = authority.host().to_ascii_lowercase();
        let port = match authority.as_str().get(host.len()..) {
            Some("" | ":") if security == Security::Tls => 443,
            Some("" | ":") => 80,
            Some(_) => authority.port_u16().filter(|&port| port != 0).ok_or(UrlError::Syntax)?,
            None => return Err(UrlError::Syntax),
        };
        // Brackets are allowed only around an address. The parser reads `a[::1]:80` as a host named `a[:`.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_address = |text: &str| text.strip_suffix(']').is_some_and(|text| text.parse::<Ipv6Addr>().is_ok());
        let is_host = match host.strip_prefix('[') {
            Some(address) => is_address(address),
            None => !host.is_empty() && host.bytes().all(plain),
        };
        if !is_host {
            return Err(UrlError::Syntax);
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        Ok(Url { security, host, port, target })
    }
}

/// Without the query.
impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin(), self.target.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Escapes a text as a value in a query.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => escaped.push(char::from(byte)),
            false => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(location: &str, expect: Result<&str, UrlError>) {
        let base: Url = "https://registry.test/v2/app/blobs/x?old=1".parse().unwrap();
        assert_eq!(base.join(location).map(|url| url.text()), expect.map(str::to_owned), "{location}");
    }

    #[test]
    fn locations_are_resolved() {
        check("https://other.test/blob?signature=1", Ok("https://other.test/blob?signature=1"));
        check("HTTPS://Other.Test:443/blob", Ok("https://other.test/blob"));
        check("//other.test:8443/blob", Ok("https://other.test:8443/blob"));
        check("/v2/app/blobs/uploads/1?state=a:b", Ok("https://registry.test/v2/app/blobs/uploads/1?state=a:b"));
        check("uploads/1", Ok("https://registry.test/v2/app/blobs/uploads/1"));
        check("?state=1", Ok("https://registry.test/v2/app/blobs/x?state=1"));
        check("http://other.test/#part", Ok("http://other.test/"));
        check("https://[::1]:5000/x", Ok("https://[::1]:5000/x"));
    }

    /// Rows H46 and H47 of the hostile corpus: only HTTP and HTTPS, and no characters that look like dots.
    #[test]
    fn locations_other_than_http_are_refused() {
        for scheme in [
            "file:///etc/passwd",
            "ftp://host/x",
            "unix:///run/docker.sock",
            "gopher://x/",
            "data:,x",
            "javascript:x",
        ] {
            check(scheme, Err(UrlError::Scheme));
        }
        check("https://user:password@host/", Err(UrlError::UserInfo));
        check("https://registry.test@evil.test/", Err(UrlError::UserInfo));
        for wrong in [
            "https://",
            "https:/x",
            "https://a b/",
            "https://host:0/",
            "https://host:99999/",
            "https://127。0。0。1/",
        ] {
            check(wrong, Err(UrlError::Syntax));
        }
        check("https://127%2e0.0.1/", Err(UrlError::Syntax));
        // Found by the fuzz target `reference`.
        for bracket in ["//th[::1]:5000/", "https://[::1]x/", "https://[::1", "https://[a]/", "https://a:b:c/"] {
            check(bracket, Err(UrlError::Syntax));
        }
    }

    #[test]
    fn query_of_url_is_not_shown() {
        let url: Url = "https://storage.test/blob?X-Signature=secret".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://storage.test/blob https://storage.test/blob");
    }
}
