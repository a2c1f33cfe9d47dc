//! Registries: images over the network.
//!
//! A registry is a web server that stores images (OCI distribution-spec). It has two kinds of objects: blobs by their
//! digests, and manifests by digests or tags. A pull requests the manifest of the tag, reads the digests of the
//! config and the layers from it, and downloads those that are missing:
//!
//! ```text
//! GET /v2/library/busybox/manifests/latest    an index, or a manifest          (manifest)
//! GET /v2/library/busybox/blobs/sha256:…      a config, a layer                (download, download_lock)
//! 401 WWW-Authenticate: Bearer realm=…        authentication required          (challenge, authorization)
//! 307 Location: https://storage…              a redirect                       (redirect, ssrf_guard)
//! POST /v2/…/blobs/uploads/                   an upload                        (push, upload)
//! GET /v2/library/busybox/tags/list           the list of tags                 (tags)
//! ```
//!
//! First the registry is authenticated by TLS (`trust`; `tls_error` explains failures).
//!
//! Registries are untrusted. The content must match the digest by which it was requested, so an image with a known
//! digest can be fetched from any server. Redirects must follow the rules in `redirect`. `retry` and `rate_limit`
//! limit the time, the number of attempts, and the amount of data.
//!
//! There are asynchronous clients (`oci-client`) for hundreds of concurrent requests. Here three layers are fetched
//! at the same time, by three threads. A synchronous client (`ureq`, TLS by `rustls`) is a tenth of the code to
//! compile, and the rules above need control of every request, redirect and byte.
//!
//! The images themselves, how they are verified, unpacked and added to the store, are in [`minicontainer_images`].
//!
//! Decisions: `minicontainer/decisions/registry.md`.

// A library never prints. It returns what the caller may print, because `println!` panics if the stream cannot be
// written to.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod agent;
mod authorization;
mod challenge;
mod client;
mod config;
mod credentials;
mod download;
mod download_lock;
mod error;
mod exchange;
#[cfg(fuzzing)]
pub mod fuzzing;
mod helper;
mod http_error;
mod login;
mod manifest;
mod progress;
mod pull;
mod push;
mod rate_limit;
mod redirect;
mod resolve;
mod retry;
mod ssrf_guard;
mod tags;
#[cfg(test)]
mod tests;
mod tls_error;
mod trust;
mod upload;
mod url;

use std::path::PathBuf;

use minicontainer::core::reference::DEFAULT_REGISTRY;

pub use config::Saved;
pub use credentials::{Credentials, Secret};
pub use download_lock::discard_downloads;
pub use error::{Failing, RegistryError};
pub use login::{is_logged_in, login, logout};
pub use progress::{Event, Progress, ProgressCallback};
pub use pull::{Pulled, check_platform, pull};
pub use push::{Pushed, push};
pub use redirect::RedirectError;
pub use tags::tags;
pub use tls_error::TlsError;
pub use url::UrlError;

use authorization::Authorization;
use client::Client;
use config::Config;
use retry::RetryPolicy;
use trust::Trust;
use url::{Security, Url, is_loopback};

/// How to connect to registries.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Whether plain HTTP is allowed.
    pub transport: Transport,
    retry_policy: RetryPolicy,
    /// The path of the credentials, if not Docker's.
    config: Option<PathBuf>,
    /// The paths of certificate directories, if not Docker's and Podman's.
    certificates: Option<Vec<PathBuf>>,
}

/// Whether plain HTTP is allowed. There is no fallback: a failure of TLS never leads to plain HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS, but plain HTTP to this machine, unless there are certificates for it.
    #[default]
    Default,
    /// Plain HTTP: the user said so.
    PlainHttp,
    /// HTTPS, to this machine, too.
    Tls,
}

impl Connection {
    /// A connection of this kind.
    pub fn new(transport: Transport) -> Connection {
        Connection { transport, ..Connection::default() }
    }

    fn config(&self) -> Result<Config, RegistryError> {
        self.config.as_ref().map_or_else(Config::find, |path| Config::read(path.clone()))
    }

    /// A client for a registry, with the user's credentials for it.
    fn client(&self, registry: &str) -> Result<Client, RegistryError> {
        // A password must not be sent unencrypted.
        self.client_with(registry, |private| match private {
            true => self.config()?.credentials(registry),
            false => Ok(None),
        })
    }

    /// As [`client`](Self::client), with credentials that depend on whether the connection is encrypted.
    fn client_with(
        &self,
        registry: &str,
        credentials: impl FnOnce(bool) -> Result<Option<Credentials>, RegistryError>,
    ) -> Result<Client, RegistryError> {
        let url = self.url(registry, false)?;
        let directories = self.certificates.clone().unwrap_or_else(trust::directories);
        let trust = Trust::of(registry, &directories)?;
        let url = if trust.is_set_up { self.url(registry, true)? } else { url };
        if url.security() == Security::Tls && trust.is_empty() {
            return Err(RegistryError::NoAuthorities { host: url.authority() });
        }
        let credentials = credentials(url.security() == Security::Tls || url.is_loopback())?;
        Ok(Client::new(url, &trust, self.retry_policy, Authorization::new(credentials)))
    }

    /// The URL of a registry. If there are certificates for it, TLS is used.
    fn url(&self, registry: &str, has_certificates: bool) -> Result<Url, RegistryError> {
        let host = match registry {
            // The name is that of the web site; the registry has another host name.
            DEFAULT_REGISTRY => format!("registry-1.{DEFAULT_REGISTRY}"),
            other => other.to_owned(),
        };
        let end_of_host = host.find(']').map_or_else(|| host.find(':'), |bracket| Some(bracket + 1));
        let (name, port) = host.split_at(end_of_host.unwrap_or(host.len()));
        let security = match self.transport {
            Transport::Default if is_loopback(name) && port != ":443" && !has_certificates => Security::Plain,
            Transport::Default | Transport::Tls => Security::Tls,
            Transport::PlainHttp => Security::Plain,
        };
        Url::new(security, &host, "/v2/").map_err(|_| RegistryError::BadRegistry { name: registry.to_owned() })
    }
}

/// The argument of `login`: empty for the default registry.
fn familiar_host(registry: &str) -> String {
    if registry == DEFAULT_REGISTRY { String::new() } else { registry.to_owned() }
}
