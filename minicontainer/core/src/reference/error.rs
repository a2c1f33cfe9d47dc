//! Why a text does not name an image.

use super::{PATH_LIMIT, TAG_LIMIT};
use crate::digest::DigestError;

/// The text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing was given.
    #[error("an image's name is missing; write one such as busybox or busybox:1.36")]
    Empty,
    /// 64 hexadecimal digits: an image's id, which must not also be a name.
    #[error("{given:?} is an image's id, which cannot also be its name; choose another, such as my-image")]
    Identifier {
        /// What was given.
        given: String,
    },
    /// The registry is no host name or address.
    #[error(
        "{given:?} is no image reference: {host:?} is no registry's host name; one is such as registry.example.com, \
         localhost or [::1]"
    )]
    Host {
        /// What was given.
        given: String,
        /// The wrong part.
        host: String,
    },
    /// The registry's port is no port.
    #[error(
        "{given:?} is no image reference: the registry's port {port:?} is no number from 1 to 65535 (a \
         tag would stand behind the last '/')"
    )]
    Port {
        /// What was given.
        given: String,
        /// The wrong part.
        port: String,
    },
    /// Upper-case letters in the path.
    #[error(
        "{given:?} is no image reference: the repository {path:?} must be in lower case; try {lower:?}",
        lower = path.to_lowercase()
    )]
    UpperCase {
        /// What was given.
        given: String,
        /// The wrong part.
        path: String,
    },
    /// A component of the path breaks the grammar.
    #[error(
        "{given:?} is no image reference: {component:?} cannot be part of a repository's name; it is lower-case \
         letters and digits with single '.', '_' or any '-' between them, such as my-team/app"
    )]
    Path {
        /// What was given.
        given: String,
        /// The wrong part.
        component: String,
    },
    /// The path is too long.
    #[error(
        "{given:?} is no image reference: the repository's name has {length} characters, at most {PATH_LIMIT} are allowed"
    )]
    PathLength {
        /// What was given.
        given: String,
        /// Its length in characters.
        length: usize,
    },
    /// The tag breaks the grammar.
    #[error(
        "{given:?} is no image reference: the tag {tag:?} must be letters, digits, '_', '.' or '-', not begin with \
         '.' or '-', and have 1 to {TAG_LIMIT} characters, such as 1.36"
    )]
    Tag {
        /// What was given.
        given: String,
        /// The wrong part.
        tag: String,
    },
    /// What stands behind the `@` is no digest.
    #[error("{given:?} is no image reference: behind the '@' must stand a digest")]
    Digest {
        /// What was given.
        given: String,
        /// What is wrong with it.
        #[source]
        source: DigestError,
    },
}
