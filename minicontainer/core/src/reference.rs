//! The name of an image: `busybox`, `busybox:1.36`, `localhost:5000/team/app@sha256:…`.
//!
//! A reference has up to four parts, but often only one of them is written. The others have defaults:
//!
//! ```text
//! registry : port / path          : tag   @ digest
//! docker.io       / library/busybox : latest             ← what `busybox` means
//! ```
//!
//! - The **registry** is the server. The first component is a registry if it has a dot, a colon or an upper-case
//!   letter, or is `localhost`. Otherwise the registry is the default one.
//! - The **repository** is registry and path: all versions of one image. The official images of the default registry
//!   are in `library/`, which is omitted in output.
//! - The **tag** is the name of one version, and may be moved to another one. It is `latest` if there is neither tag
//!   nor digest.
//! - The **digest** identifies the content itself and cannot be moved (see [`digest`](crate::digest)).
//!
//! The grammar is that of the *distribution* project, package `reference`, which Docker and containerd use. It is
//! stricter only for references that could never be reached: ports above 65535 and host names that no resolver
//! accepts.
//!
//! ```
//! use minicontainer_core::Reference;
//!
//! let reference: Reference = "busybox".parse()?;
//! assert_eq!(reference.to_string(), "docker.io/library/busybox:latest");
//! assert_eq!(reference.familiar(), "busybox:latest");
//!
//! let reference: Reference = "localhost:5000/team/app:1.0".parse()?;
//! assert_eq!(reference.registry(), "localhost:5000");
//! assert_eq!(reference.path(), "team/app");
//! assert_eq!(reference.tag(), Some("1.0"));
//! # Ok::<(), minicontainer_core::reference::ReferenceError>(())
//! ```

mod error;

use std::{fmt, net::Ipv6Addr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

pub use error::ReferenceError;

/// The registry of references without one.
pub const DEFAULT_REGISTRY: &str = "docker.io";

/// The default registry's former name, still found in scripts.
const LEGACY_REGISTRY: &str = "index.docker.io";
/// The path of the default registry's official images.
const OFFICIAL: &str = "library/";
/// An image id starts with it and a colon, which looks like a name and a tag.
const DIGEST_ALGORITHM: &str = "sha256";
const DEFAULT_TAG: &str = "latest";
const PATH_LIMIT: usize = 255;
/// The most that DNS allows, see RFC 1035 section 2.3.4.
const HOST_LIMIT: usize = 253;
const TAG_LIMIT: usize = 128;

/// A complete image reference. `Display` shows all parts, [`familiar`](Reference::familiar) the usual short form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    registry: String,
    path: String,
    /// Never absent together with the digest.
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The server, with its port if one was given: `docker.io`, `localhost:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The image's path on the server: `library/busybox`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Registry and path: `docker.io/library/busybox`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }

    /// The tag; `latest` if neither tag nor digest was given, `None` if only a digest was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest that pins the content, if one was given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The short form of the repository: `busybox`, `team/app`, `localhost:5000/app`. Parsing it gives the same
    /// repository.
    pub fn familiar_repository(&self) -> String {
        if self.registry != DEFAULT_REGISTRY {
            return self.repository();
        }
        if let Some(official) = self.path.strip_prefix(OFFICIAL)
            && !official.contains('/')
            && !is_identifier(official)
        {
            return official.to_owned();
        }
        // `docker.io/a.b/c` without its registry would be parsed as the image `c` of the registry `a.b`.
        match self.path.split_once('/') {
            Some((first, _)) if is_registry(first) => self.repository(),
            _ => self.path.clone(),
        }
    }

    /// The short form of the reference: `busybox:latest`.
    pub fn familiar(&self) -> String {
        self.familiar_repository() + &self.suffix()
    }

    fn suffix(&self) -> String {
        let tag = self.tag.iter().map(|tag| format!(":{tag}"));
        tag.chain(self.digest.iter().map(|digest| format!("@{digest}"))).collect()
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if is_identifier(text) {
            return Err(ReferenceError::Identifier { given: text.to_owned() });
        }
        let (rest, digest) = split_digest(text)?;
        let (registry, remainder) = split_registry(rest);
        // The registry with its port is split off, so the first remaining colon begins the tag.
        let (path, tag) = match remainder.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (remainder, None),
        };
        check_registry(text, registry)?;
        if let Some(tag) = tag {
            check_tag(text, tag)?;
        }
        check_path(text, path)?;
        let path = match registry == DEFAULT_REGISTRY && !path.contains('/') {
            true => format!("{OFFICIAL}{path}"),
            false => path.to_owned(),
        };
        if path.len() > PATH_LIMIT {
            return Err(ReferenceError::PathLength { given: text.to_owned(), length: path.len() });
        }
        let tag = match (tag, &digest) {
            (None, None) => Some(DEFAULT_TAG),
            (tag, _) => tag,
        };
        let reference = Reference { registry: registry.to_owned(), path, tag: tag.map(str::to_owned), digest };
        // moby, daemon/refstore: "refusing to create an ambiguous tag using digest algorithm as name".
        match reference.familiar_repository() == DIGEST_ALGORITHM {
            true => Err(ReferenceError::Algorithm { given: text.to_owned() }),
            false => Ok(reference),
        }
    }
}

fn split_digest(text: &str) -> Result<(&str, Option<Digest>), ReferenceError> {
    let Some((rest, digest)) = text.split_once('@') else {
        return Ok((text, None));
    };
    match digest.parse() {
        Ok(digest) => Ok((rest, Some(digest))),
        Err(source) => Err(ReferenceError::Digest { given: text.to_owned(), source }),
    }
}

/// The registry, and what follows its slash.
fn split_registry(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((LEGACY_REGISTRY, remainder)) => (DEFAULT_REGISTRY, remainder),
        Some((first, remainder)) if is_registry(first) => (first, remainder),
        _ => (DEFAULT_REGISTRY, text),
    }
}

/// Whether the component before the first slash names a server rather than the first part of a path.
fn is_registry(component: &str) -> bool {
    component == "localhost"
        || component.contains(['.', ':'])
        || component.chars().any(|character| character.is_ascii_uppercase())
}

/// Whether the text looks like a complete image id.
fn is_identifier(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn check_registry(given: &str, registry: &str) -> Result<(), ReferenceError> {
    // Colons inside brackets belong to an IPv6 address.
    let end_of_host = registry.find(']').map_or_else(|| registry.find(':'), |bracket| Some(bracket + 1));
    let (host, port) = registry.split_at(end_of_host.unwrap_or(registry.len()));
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        // IPv6 allows dots for an embedded IPv4 address, but the grammar does not.
        Some(address) => !address.contains('.') && address.parse::<Ipv6Addr>().is_ok(),
        None => host.len() <= HOST_LIMIT && host.split('.').all(is_domain_component),
    };
    if !is_host {
        return Err(ReferenceError::Host { given: given.to_owned(), host: host.to_owned() });
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        Some(digits) if is_port(digits) => Ok(()),
        Some(digits) => Err(ReferenceError::Port { given: given.to_owned(), port: digits.to_owned() }),
        None => Err(ReferenceError::Host { given: given.to_owned(), host: registry.to_owned() }),
    }
}

fn is_domain_component(component: &str) -> bool {
    !component.is_empty()
        && !component.starts_with('-')
        && !component.ends_with('-')
        && component.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `u16::from_str` alone would accept `+80`.
fn is_port(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0)
}

fn check_path(given: &str, path: &str) -> Result<(), ReferenceError> {
    let in_lower_case = path.to_ascii_lowercase();
    if in_lower_case != path && in_lower_case.split('/').all(is_path_component) {
        return Err(ReferenceError::UpperCase { given: given.to_owned(), path: path.to_owned() });
    }
    match path.split('/').find(|component| !is_path_component(component)) {
        Some(component) => Err(ReferenceError::Path { given: given.to_owned(), component: component.to_owned() }),
        None => Ok(()),
    }
}

/// Runs of `[a-z0-9]`, and between two of them `.`, `_`, `__` or any number of `-`.
fn is_path_component(component: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (Some(first), Some(last)) = (component.bytes().next(), component.bytes().last()) else {
        return false;
    };
    is_alphanumeric(first)
        && is_alphanumeric(last)
        && component
            .split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit())
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

fn check_tag(given: &str, tag: &str) -> Result<(), ReferenceError> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = tag.len() <= TAG_LIMIT
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-');
    match fits {
        true => Ok(()),
        false => Err(ReferenceError::Tag { given: given.to_owned(), tag: tag.to_owned() }),
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> String {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}{}", self.registry, self.path, self.suffix())
    }
}

#[cfg(test)]
mod tests;
