//! Who one is, and how that stays secret.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

/// A text that no message may hold: it has no `Display`, and `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A text that is secret from now on.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for whom it is meant.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// What is shown to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password, or a token in a password's place.
    Password {
        /// The user's name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that a token service changes for shorter-lived ones (OAuth 2, RFC 6749, section 6).
    Identity(Secret),
}

impl Credentials {
    /// The value of `Authorization` for the scheme `Basic` (RFC 7617); an identity token has none.
    pub(super) fn basic(&self) -> Option<Secret> {
        match self {
            Credentials::Password { user, password } => {
                Some(Secret(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.reveal())))))
            }
            Credentials::Identity(_) => None,
        }
    }

    /// The part that must never be told.
    pub(super) fn secret(&self) -> &Secret {
        match self {
            Credentials::Password { password, .. } => password,
            Credentials::Identity(token) => token,
        }
    }
}
