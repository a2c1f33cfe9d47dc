//! Digests: names computed from content.
//!
//! Two files with the same bytes have the same digest, and no two different files with the same SHA-256 digest are
//! known. So content can be verified: with the digest `sha256:…` of an image, its bytes can be fetched from any
//! server and checked. A tag such as `busybox:latest`, on the other hand, may refer to another image tomorrow.
//!
//! A digest is written `algorithm:hex`, see OCI image-spec, *descriptor.md*, "Digests". Here the algorithm is always
//! `sha256`, and the text is always in its normal form: 64 hexadecimal digits in lower case. This is a safeguard: a
//! digest becomes a file's name (`blobs/sha256/…`), so `sha256:../../etc/passwd` must never be accepted.
//!
//! A layer has two digests, which are easily confused:
//!
//! - the **digest** of its blob, as a registry serves it, usually compressed;
//! - the **diff-id**, the digest of the uncompressed tar. Unpacked layers are stored by it, once each.
//!
//! ```
//! use minicontainer_core::Digest;
//!
//! let digest = Digest::of(b"hello world");
//! assert_eq!(digest.to_string(), "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
//! assert_eq!(digest.short(), "b94d27b9934d");
//! assert_eq!(digest.to_string().parse(), Ok(digest));
//! assert!("sha256:../../etc/passwd".parse::<Digest>().is_err());
//! ```

use std::{fmt, io, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "sha256:";
const HEX_DIGITS: usize = 64;
const SHORT_DIGITS: usize = 12;

/// A SHA-256 digest in its normal form. It can only be created by parsing or computing it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    /// `sha256:` and the 64 digits, stored as text because it is printed far more often than it is compared.
    text: String,
}

impl Digest {
    /// The digest of some bytes. For content that does not fit in memory, see [`Digester`].
    pub fn of(content: &[u8]) -> Digest {
        let mut digester = Digester::new();
        digester.update(content);
        digester.finish()
    }

    /// The 64 hexadecimal digits, safe as a file's name.
    pub fn hex(&self) -> &str {
        &self.text[PREFIX.len()..]
    }

    /// The first 12 digits, as shown in tables.
    pub fn short(&self) -> &str {
        &self.hex()[..SHORT_DIGITS]
    }

    /// The whole text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Computes the digest of content that arrives in pieces, such as a download.
///
/// ```
/// use minicontainer_core::digest::{Digest, Digester};
///
/// let mut digester = Digester::new();
/// digester.update(b"hello ");
/// digester.update(b"world");
/// assert_eq!(digester.finish(), Digest::of(b"hello world"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Digester {
    state: Sha256,
}

impl Digester {
    /// A digester without content.
    pub fn new() -> Digester {
        Digester::default()
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.state.update(piece);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        let mut text = String::with_capacity(PREFIX.len() + HEX_DIGITS);
        text.push_str(PREFIX);
        for byte in self.state.finalize() {
            for nibble in [byte >> 4, byte & 0xf] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        Digest { text }
    }
}

/// For `io::copy`. Writing never fails.
impl io::Write for Digester {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.update(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The chain ID of a stack of layers: the digest that identifies the *result* of applying them one over the other.
///
/// `ChainID(L₀) = DiffID(L₀)` and `ChainID(L₀|…|Lₙ) = SHA256(ChainID(L₀|…|Lₙ₋₁) + " " + DiffID(Lₙ))`, see OCI
/// image-spec, *config.md*, "Layer ChainID". An empty stack has none.
///
/// ```
/// use minicontainer_core::digest::{Digest, chain_id};
///
/// let (lower, upper) = (Digest::of(b"lower"), Digest::of(b"upper"));
/// assert_eq!(chain_id(&[]), None);
/// assert_eq!(chain_id(&[lower.clone()]), Some(lower.clone()));
/// assert_ne!(chain_id(&[lower.clone(), upper.clone()]), chain_id(&[upper, lower]), "the order counts");
/// ```
pub fn chain_id(diff_ids: &[Digest]) -> Option<Digest> {
    diff_ids.iter().cloned().reduce(|chain, diff_id| Digest::of(format!("{chain} {diff_id}").as_bytes()))
}

/// The text is not a digest.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// There is no colon.
    #[error("invalid digest {given:?}: it has no algorithm; must be sha256: and 64 hexadecimal digits")]
    NoAlgorithm {
        /// What was given.
        given: String,
    },
    /// The algorithm is not `sha256`.
    #[error("cannot use digest {given:?}: its algorithm is {algorithm:?}, and only sha256 is supported")]
    Algorithm {
        /// What was given.
        given: String,
        /// The text before the colon.
        algorithm: String,
    },
    /// Not 64 digits.
    #[error("invalid digest {given:?}: a sha256 digest must have 64 hexadecimal digits, but this one has {length}")]
    Length {
        /// What was given.
        given: String,
        /// The number of characters after the colon.
        length: usize,
    },
    /// A digit in upper case.
    #[error("invalid digest {given:?}: its digits must be in lower case, but '{digit}' is not")]
    UpperCase {
        /// What was given.
        given: String,
        /// The first such digit.
        digit: char,
    },
    /// A character that is not a hexadecimal digit.
    #[error("invalid digest {given:?}: {character:?} is not a hexadecimal digit (0-9, a-f)")]
    Character {
        /// What was given.
        given: String,
        /// The first such character.
        character: char,
    },
}

crate::plain_diagnostic!(DigestError: InvalidInput);

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let given = || text.to_owned();
        let Some((algorithm, digits)) = text.split_once(':') else {
            return Err(DigestError::NoAlgorithm { given: given() });
        };
        if algorithm != "sha256" {
            return Err(DigestError::Algorithm { given: given(), algorithm: algorithm.to_owned() });
        }
        // Characters are checked before the length: for `sha256:../../x` the dots are the more helpful error.
        match digits.chars().find(|character| !matches!(character, '0'..='9' | 'a'..='f')) {
            Some(digit @ 'A'..='F') => return Err(DigestError::UpperCase { given: given(), digit }),
            Some(character) => return Err(DigestError::Character { given: given(), character }),
            None => {}
        }
        if digits.len() != HEX_DIGITS {
            return Err(DigestError::Length { given: given(), length: digits.len() });
        }
        Ok(Digest { text: given() })
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// As its text, so that snapshots contain only the digest and not the struct around it.
impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
