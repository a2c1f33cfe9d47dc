//! Errors of registries, with hints.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer::{
    core::diagnostic::{Diagnostic, ErrorKind},
    store::{DAMAGE_HINT, StoreError},
};
use minicontainer_images::ImageError;

use super::{redirect::RedirectError, tls_error::TlsError};

/// A failed operation with a registry. Messages never contain a password, a token, or the query of a URL.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum RegistryError {
    /// The connection failed or broke.
    #[error("cannot {action}: cannot reach {host}")]
    Unreachable { action: String, host: String, failing: Failing, source: Box<dyn std::error::Error + Send + Sync> },
    /// The registry was busy or broken at every attempt.
    #[error("cannot {action}: {host} answered {status} to each of {attempts} attempts{}", server_message(message))]
    Busy { action: String, host: String, status: u16, attempts: u32, message: String },
    /// The registry is busy for longer than the client waits.
    #[error("cannot {action}: {host} answered {status} and asks to wait {seconds} seconds")]
    RetryLater { action: String, host: String, status: u16, seconds: u64 },
    /// A status that means refusal.
    #[error("cannot {action}: {host} answered {status}{}", server_message(message))]
    Refused { action: String, host: String, status: u16, message: String },
    /// Bytes come too slowly, or not at all.
    #[error("cannot {action}: {host} is too slow: it sent less than {bytes} bytes in {seconds} seconds")]
    Slow { action: String, host: String, bytes: u64, seconds: u64 },
    /// The repository may not be read or does not exist: registries do not tell unauthorized clients which.
    #[error(
        "pull access denied for {repository}, repository does not exist or may require 'docker login'{}",
        server_message(message)
    )]
    PullDenied { repository: String, host: String, message: String },
    /// The repository may not be written.
    #[error("push access denied for {repository}{}", server_message(message))]
    PushDenied { repository: String, host: String, message: String },
    /// A wrong user name or password.
    #[error("login to {host} failed: unauthorized: incorrect username or password{}", server_message(message))]
    Unauthorized { host: String, message: String },
    /// No such tag, or no such digest.
    #[error("manifest for {reference} not found: manifest unknown")]
    UnknownManifest { reference: String },
    /// No such repository, or none with a tag.
    #[error("repository {repository} not found, or it has no tags")]
    UnknownRepository { repository: String },
    /// An index without the wanted platform.
    #[error("no matching manifest for {wanted} in the manifest list entries of {reference}, which are for {offered}")]
    NoPlatform { reference: String, wanted: String, offered: String },
    /// A single image for another platform.
    #[error("image {reference} is for {found}, not for {wanted}")]
    OtherPlatform { reference: String, wanted: String, found: String },
    /// The manifest format before 2016.
    #[error("the manifest of {reference} has schema version 1, which cannot be verified and is not supported")]
    Schema1 { reference: String },
    /// An artifact that is not an image.
    #[error("{what} is not an image: its media type is \"{media_type}\"", media_type = media_type.escape_debug())]
    NotAnImage { what: String, media_type: String },
    /// An ambiguous document, which different readers would interpret differently.
    #[error("{what} is inconsistent: {how}")]
    Ambiguous { what: String, how: String },
    /// Indexes that are nested too deeply.
    #[error("{reference} is an index nested more than {limit} deep")]
    Nesting { reference: String, limit: usize },
    /// A redirect that is not allowed.
    #[error("cannot {action}: {host} redirects to {place}, which is not allowed")]
    ForbiddenRedirect { action: String, host: String, place: String, source: RedirectError },
    /// The authentication method is not supported.
    #[error("cannot {action}: {host} requires an authentication that is not supported (supported: basic, bearer)")]
    Challenge { action: String, host: String },
    /// A token service whose answer is not a token.
    #[error("cannot get a token for {host} from {service}: {reason}")]
    Token { host: String, service: String, reason: String },
    /// There are no trusted certificate authorities.
    #[error("cannot connect to {host}: this machine has no trusted certificate authorities")]
    NoAuthorities { host: String },
    /// A required part of the answer is missing or invalid.
    #[error("cannot {action}: {host} violates the protocol: {reason}")]
    Protocol { action: String, host: String, reason: String },
    /// A layer that the registry does not have, with a URL elsewhere.
    #[error(
        "the layer {digest} is not in the registry; its manifest refers to another server, which is not supported"
    )]
    Foreign { digest: String },
    /// A push without a tag.
    #[error("cannot push {reference}: it has a digest, but a push requires a tag")]
    NoTag { reference: String },
    /// An invalid name of a registry.
    #[error("invalid registry \"{name}\"", name = name.escape_debug())]
    BadRegistry { name: String },
    /// The file with the credentials cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Config { action: &'static str, path: PathBuf, source: io::Error },
    /// The file with the credentials is invalid.
    #[error("cannot use {}: {reason}", path.display())]
    ConfigContent { path: PathBuf, reason: String },
    /// The path of the file with the credentials is unknown.
    #[error("cannot save credentials: neither DOCKER_CONFIG nor HOME is set")]
    NoHome,
    /// A credential helper failed.
    #[error("the credential helper {program} failed to {action} the credentials of {server}: {reason}")]
    Helper { program: String, action: &'static str, server: String, reason: String },
    /// Another part of the same operation failed first.
    #[error("stopped because another part of the image failed")]
    Stopped,
    /// A local file cannot be read.
    #[error("cannot {action}")]
    Local { action: String, source: io::Error },
    /// The image cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// An operation of the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

minicontainer::core::readable_debug!(RegistryError);

/// Why the connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The name cannot be resolved.
    Name,
    /// The connection was refused.
    Refused,
    /// The TLS handshake failed.
    Tls(TlsError),
    /// A time-out.
    Time,
    /// The registry redirected to an address of this machine or a private network.
    ForbiddenAddress,
    /// The connection broke.
    Connection,
}

/// A server's error message, if any.
fn server_message(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl Diagnostic for RegistryError {
    fn kind(&self) -> ErrorKind {
        match self {
            RegistryError::Image(error) => error.kind(),
            RegistryError::Store(error) => error.kind(),
            RegistryError::PullDenied { .. }
            | RegistryError::UnknownManifest { .. }
            | RegistryError::UnknownRepository { .. }
            | RegistryError::NoPlatform { .. }
            | RegistryError::OtherPlatform { .. } => ErrorKind::NotFound,
            RegistryError::PushDenied { .. } | RegistryError::Unauthorized { .. } => ErrorKind::Denied,
            RegistryError::Unreachable { .. }
            | RegistryError::Busy { .. }
            | RegistryError::RetryLater { .. }
            | RegistryError::Slow { .. } => ErrorKind::Unavailable,
            RegistryError::NoTag { .. } | RegistryError::BadRegistry { .. } => ErrorKind::InvalidInput,
            RegistryError::Config { source, .. } | RegistryError::Local { source, .. } => ErrorKind::of_io(source),
            _ => ErrorKind::Failed,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            RegistryError::Image(error) => return error.hint(),
            RegistryError::Store(error) => return error.hint(),
            RegistryError::Unreachable { host, failing, .. } => match failing {
                Failing::Name => "check the registry's name, and whether this machine is on the network".to_owned(),
                Failing::Refused => "check the registry's name and port, and whether it is running".to_owned(),
                Failing::Tls(tls_error) => tls_error.hint(host),
                Failing::Time | Failing::Connection => "try again; nothing in the store has changed".to_owned(),
                Failing::ForbiddenAddress => "do not trust this registry, or ask who runs it".to_owned(),
            },
            RegistryError::Busy { .. } | RegistryError::RetryLater { .. } | RegistryError::Slow { .. } => {
                "try again later; nothing in the store has changed".to_owned()
            }
            RegistryError::PullDenied { host, .. } => {
                let command = format!("minicontainer login {host}");
                format!("check the name; if the repository is private: `{}`", command.trim_end())
            }
            RegistryError::PushDenied { host, .. } => {
                let command = format!("minicontainer login {host}");
                format!("`{}` first, as a user with permission to push", command.trim_end())
            }
            RegistryError::Unauthorized { .. } => {
                "check the name and the password; some registries require a token instead of the password".to_owned()
            }
            RegistryError::UnknownRepository { .. } => "check the name".to_owned(),
            RegistryError::UnknownManifest { .. } => {
                "check the tag; an image without one means \"latest\"".to_owned()
            }
            RegistryError::NoPlatform { .. } | RegistryError::OtherPlatform { .. } => {
                "choose one of those as `platform`; it can be inspected here, but runs only on such a machine"
                    .to_owned()
            }
            RegistryError::Schema1 { .. } => "push the image again with a newer tool".to_owned(),
            RegistryError::NotAnImage { .. } => "use the tool that created it".to_owned(),
            RegistryError::Ambiguous { .. } => DAMAGE_HINT.to_owned(),
            RegistryError::ForbiddenRedirect { .. } => "do not trust this registry, or ask who runs it".to_owned(),
            RegistryError::NoTag { .. } => "`minicontainer tag IMAGE NAME:TAG` adds a tag".to_owned(),
            RegistryError::BadRegistry { .. } => {
                "use HOST or HOST:PORT (for example, registry.example.com:5000)".to_owned()
            }
            RegistryError::ConfigContent { .. } => "fix the file, or move it away".to_owned(),
            RegistryError::NoAuthorities { .. } => {
                "install the package ca-certificates, or set SSL_CERT_FILE to a file of such certificates".to_owned()
            }
            RegistryError::NoHome => "set HOME".to_owned(),
            RegistryError::Helper { program, .. } => format!("check whether `{program}` is installed and works"),
            _ => return None,
        };
        Some(hint.into())
    }
}

impl RegistryError {
    /// Whether a later attempt may resume.
    pub(super) fn may_be_resumed(&self) -> bool {
        let later = |error: &RegistryError| {
            matches!(error, RegistryError::Busy { .. } | RegistryError::RetryLater { .. } | RegistryError::Stopped)
        };
        self.is_temporary() || later(self)
    }

    /// Whether a retry may succeed.
    pub(super) fn is_temporary(&self) -> bool {
        let passing = [Failing::Time, Failing::Connection];
        match self {
            RegistryError::Unreachable { failing, .. } => passing.contains(failing),
            RegistryError::Slow { .. } => true,
            _ => false,
        }
    }
}
