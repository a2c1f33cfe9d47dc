//! What can go wrong between here and a registry, and for each how to fix it.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer::{
    core::diagnostic::{Diagnostic, ErrorKind},
    store::{DAMAGE_HINT, StoreError},
};

use super::{redirect::RefusedPlace, tls_error::TlsError};
use crate::ImageError;

/// Something that could not be done with a registry. No message holds a password, a token, or a URL's query.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum RegistryError {
    /// No connection, or none that held.
    #[error("cannot {action}: {host} cannot be reached")]
    Unreachable { action: String, host: String, failing: Failing, source: Box<dyn std::error::Error + Send + Sync> },
    /// Busy or broken, again and again.
    #[error("cannot {action}: {host} answered {status} each of {attempts} times{}", told(message))]
    Busy { action: String, host: String, status: u16, attempts: u32, message: String },
    /// Busy for longer than anybody waits.
    #[error("cannot {action}: {host} answered {status} and wants to be asked again in {seconds} seconds")]
    Later { action: String, host: String, status: u16, seconds: u64 },
    /// A status that means no.
    #[error("cannot {action}: {host} answered {status}{}", told(message))]
    Refused { action: String, host: String, status: u16, message: String },
    /// Bytes come too slowly, or not at all.
    #[error("cannot {action}: {host} sends too slowly, less than {bytes} bytes in {seconds} seconds")]
    Slow { action: String, host: String, bytes: u64, seconds: u64 },
    /// The registry will not have it read, or it is not there: registries tell no stranger which.
    #[error(
        "pull access denied for {repository}, repository does not exist or may require 'docker login'{}",
        told(message)
    )]
    PullDenied { repository: String, host: String, message: String },
    /// The registry will not have it written.
    #[error("push access denied for {repository}{}", told(message))]
    PushDenied { repository: String, host: String, message: String },
    /// A name or a password that is not the right one.
    #[error("login to {host} failed: unauthorized: incorrect username or password{}", told(message))]
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
    #[error("the image {reference} is for {found}, and {wanted} is wanted")]
    OtherPlatform { reference: String, wanted: String, found: String },
    /// The form of manifests before 2016.
    #[error("the manifest of {reference} is of schema 1, which nobody can verify and which is not supported")]
    Schema1 { reference: String },
    /// Something else that registries keep.
    #[error("{what} is not an image's: it has the type \"{media_type}\"", media_type = media_type.escape_debug())]
    NotAnImage { what: String, media_type: String },
    /// A document that means different things to different readers.
    #[error("{what} is inconsistent: {how}")]
    Ambiguous { what: String, how: String },
    /// Indexes within indexes within indexes.
    #[error("{reference} is an index nested more than {limit} deep")]
    Nesting { reference: String, limit: usize },
    /// It says to go where we do not go.
    #[error("cannot {action}: {host} leads to {place}, where it is not followed")]
    Led { action: String, host: String, place: String, source: RefusedPlace },
    /// It wants proof in a way that is not known.
    #[error("cannot {action}: {host} wants to be shown who you are, in no way that is supported (basic, bearer)")]
    Challenge { action: String, host: String },
    /// A token service whose answer is no token.
    #[error("cannot get a token for {host} from {service}: {reason}")]
    Token { host: String, service: String, reason: String },
    /// Nobody could prove anything.
    #[error("cannot connect to {host}: this machine knows no authority whose certificates it could believe")]
    NoAuthorities { host: String },
    /// Part of the answer that must be there is not, or makes no sense.
    #[error("cannot {action}: {host} does not keep to the protocol: {reason}")]
    Protocol { action: String, host: String, reason: String },
    /// A layer that the registry does not have and that is said to be elsewhere.
    #[error(
        "the layer {digest} is not in the registry; its manifest says to fetch it from elsewhere, which is not done"
    )]
    Foreign { digest: String },
    /// A push needs a tag to push to.
    #[error("cannot push {reference}: it names a digest, and what is pushed needs a tag")]
    NoTag { reference: String },
    /// The name is no registry.
    #[error("\"{name}\" is no registry's name", name = name.escape_debug())]
    BadRegistry { name: String },
    /// The file with the credentials cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Config { action: &'static str, path: PathBuf, source: io::Error },
    /// The file with the credentials is not what it should be.
    #[error("cannot use {}: {reason}", path.display())]
    ConfigContent { path: PathBuf, reason: String },
    /// Nobody knows where the file with the credentials is.
    #[error("no place for credentials: neither DOCKER_CONFIG nor HOME is set")]
    NoHome,
    /// A credential helper that does not help.
    #[error("the credential helper {program} failed to {action} the credentials of {server}: {reason}")]
    Helper { program: String, action: &'static str, server: String, reason: String },
    /// Another part of the same operation failed first.
    #[error("stopped, because another part of the image failed")]
    Stopped,
    /// A local file cannot be read.
    #[error("cannot {action}")]
    Local { action: String, source: io::Error },
    /// The image cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The name resolves to nothing.
    Name,
    /// Nobody listens there.
    Refused,
    /// It does not prove who it is, or speaks no TLS.
    Tls(TlsError),
    /// Nothing came in time.
    Time,
    /// The registry led to a place that is nearer than itself.
    Misled,
    /// It broke.
    Connection,
}

/// A server's own words, if it had any.
fn told(message: &str) -> String {
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
            | RegistryError::Later { .. }
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
                Failing::Refused => "check the registry's name and port, and whether it runs".to_owned(),
                Failing::Tls(tls_error) => tls_error.hint(host),
                Failing::Time | Failing::Connection => "try again; what was there before is unchanged".to_owned(),
                Failing::Misled => "do not trust this registry, or ask who runs it".to_owned(),
            },
            RegistryError::Busy { .. } | RegistryError::Later { .. } | RegistryError::Slow { .. } => {
                "try again later; what was there before is unchanged".to_owned()
            }
            RegistryError::PullDenied { host, .. } => {
                let command = format!("minicontainer login {host}");
                format!("check the name; if the repository is private: `{}`", command.trim_end())
            }
            RegistryError::PushDenied { host, .. } => {
                let command = format!("minicontainer login {host}");
                format!("`{}` first, as somebody who may", command.trim_end())
            }
            RegistryError::Unauthorized { .. } => {
                "check the name and the password; some registries want a token".to_owned()
            }
            RegistryError::UnknownRepository { .. } => "check the name".to_owned(),
            RegistryError::UnknownManifest { .. } => {
                "check the tag; an image without one means \"latest\"".to_owned()
            }
            RegistryError::NoPlatform { .. } | RegistryError::OtherPlatform { .. } => {
                "choose one of those with --platform; it can be looked at here, but runs only on such a machine"
                    .to_owned()
            }
            RegistryError::Schema1 { .. } => "push the image again with a tool of this decade".to_owned(),
            RegistryError::NotAnImage { .. } => "fetch it with the tool that it is for".to_owned(),
            RegistryError::Ambiguous { .. } => DAMAGE_HINT.to_owned(),
            RegistryError::Led { .. } => "do not trust this registry, or ask who runs it".to_owned(),
            RegistryError::NoTag { .. } => "give it one: `minicontainer tag IMAGE NAME:TAG`".to_owned(),
            RegistryError::BadRegistry { .. } => {
                "write a host, maybe with a port, such as registry.example.com:5000".to_owned()
            }
            RegistryError::ConfigContent { .. } => "fix the file, or move it away".to_owned(),
            RegistryError::NoAuthorities { .. } => {
                "install the package ca-certificates, or set SSL_CERT_FILE to a file of such certificates".to_owned()
            }
            RegistryError::NoHome => "set HOME".to_owned(),
            RegistryError::Helper { program, .. } => format!("see whether `{program}` is installed and works"),
            _ => return None,
        };
        Some(hint.into())
    }
}

impl RegistryError {
    /// Whether a later try may go on where this one ended.
    pub(super) fn is_worth_waiting(&self) -> bool {
        let later = |error: &RegistryError| {
            matches!(error, RegistryError::Busy { .. } | RegistryError::Later { .. } | RegistryError::Stopped)
        };
        self.is_passing() || later(self)
    }

    /// Whether it may go better the next time.
    pub(super) fn is_passing(&self) -> bool {
        let passing = [Failing::Time, Failing::Connection];
        match self {
            RegistryError::Unreachable { failing, .. } => passing.contains(failing),
            RegistryError::Slow { .. } => true,
            _ => false,
        }
    }
}
