//! Credentials, and types that keep them out of messages.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

/// A text that must not appear in messages: it has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// The credentials for a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A user name and a password, or a token instead of the password.
    Password {
        /// The user's name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that a token service exchanges for short-lived ones (OAuth 2, RFC 6749, section 6).
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

    /// The secret part.
    pub(super) fn secret(&self) -> &Secret {
        match self {
            Credentials::Password { password, .. } => password,
            Credentials::Identity(token) => token,
        }
    }
}
