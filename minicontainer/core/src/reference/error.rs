//! Errors of parsing an image reference.

use super::{PATH_LIMIT, TAG_LIMIT};
use crate::digest::DigestError;

/// The text is not an image reference.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// Nothing was given.
    #[error("the image's name is missing (for example, busybox or busybox:1.36)")]
    Empty,
    /// 64 hexadecimal digits: an image id, which cannot be a name as well.
    #[error("invalid image reference {given:?}: an image id cannot be a name (for example, my-image)")]
    Identifier {
        /// What was given.
        given: String,
    },
    /// The name of a digest algorithm, with which `sha256:…` would be both a name and an image id.
    #[error("invalid image reference {given:?}: the name \"sha256\" would be ambiguous, because ids start with it")]
    Algorithm {
        /// What was given.
        given: String,
    },
    /// The registry is not a host name or address.
    #[error(
        "invalid image reference {given:?}: the registry {host:?} must be a host name or address (for example, \
         registry.example.com, localhost or [::1])"
    )]
    Host {
        /// What was given.
        given: String,
        /// The wrong part.
        host: String,
    },
    /// The registry's port is invalid.
    #[error(
        "invalid image reference {given:?}: the registry's port {port:?} must be a number from 1 to 65535 (a tag \
         comes after the last '/')"
    )]
    Port {
        /// What was given.
        given: String,
        /// The wrong part.
        port: String,
    },
    /// Upper-case letters in the path.
    #[error(
        "invalid image reference {given:?}: the repository {path:?} must be in lower case; try {lower:?}",
        lower = path.to_lowercase()
    )]
    UpperCase {
        /// What was given.
        given: String,
        /// The wrong part.
        path: String,
    },
    /// A component of the path is invalid.
    #[error(
        "invalid image reference {given:?}: the path component {component:?} must be lower-case letters and digits, \
         with a single '.' or '_' or any number of '-' between them (for example, my-team/app)"
    )]
    Path {
        /// What was given.
        given: String,
        /// The wrong part.
        component: String,
    },
    /// The path is too long.
    #[error(
        "invalid image reference {given:?}: the repository has {length} characters, but at most {PATH_LIMIT} are \
         allowed"
    )]
    PathLength {
        /// What was given.
        given: String,
        /// Its length in characters.
        length: usize,
    },
    /// The tag is invalid.
    #[error(
        "invalid image reference {given:?}: the tag {tag:?} must be 1 to {TAG_LIMIT} letters, digits, '_', '.' or \
         '-', and must not begin with '.' or '-' (for example, 1.36)"
    )]
    Tag {
        /// What was given.
        given: String,
        /// The wrong part.
        tag: String,
    },
    /// The text after the `@` is not a digest.
    #[error("invalid image reference {given:?}: '@' must be followed by a digest")]
    Digest {
        /// What was given.
        given: String,
        /// What is wrong with it.
        #[source]
        source: DigestError,
    },
}

crate::plain_diagnostic!(ReferenceError: InvalidInput);
