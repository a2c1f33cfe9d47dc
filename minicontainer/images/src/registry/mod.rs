//! Registries: images over the network.
//!
//! A registry is a web server that keeps images for others (OCI distribution-spec). It knows two kinds of things:
//! blobs by their digests, and manifests by digests or tags. So a pull asks for the tag's manifest, learns from it
//! the digests of the config and the layers, and fetches those that are not here:
//!
//! ```text
//! GET /v2/library/busybox/manifests/latest    an index, or a manifest          (manifest)
//! GET /v2/library/busybox/blobs/sha256:…      a config, a layer                (download, download_lock)
//! 401 WWW-Authenticate: Bearer realm=…        who are you?                     (challenge, authorization)
//! 307 Location: https://storage…              not here, there                  (redirect, ssrf_guard)
//! POST /v2/…/blobs/uploads/                   the way back                     (push, upload)
//! GET /v2/library/busybox/tags/list           which tags there are             (tags)
//! ```
//!
//! Before any of it the registry proves that it is who it says (`trust`; `tls_error` tells why it is not believed).
//!
//! Nothing that a registry says is believed before it is checked. What it sends must have the digest by which it was
//! asked for; so whoever has the digest of an image can fetch it from anybody. What it says of where to go next is
//! held against the rules in `redirect`; how fast, how often and how much it sends, against those in `retry` and
//! `rate_limit`.
//!
//! Asynchronous clients exist (`oci-client`), built for hundreds of requests at once. Here three layers are fetched
//! at once, by three threads: a synchronous client (`ureq`, TLS by `rustls`) is a tenth of the code to compile, and
//! each of the rules above needs its hands on every single request, redirect and byte.

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
mod fault;
#[cfg(fuzzing)]
pub mod fuzzing;
mod helper;
mod login;
mod manifest;
mod progress;
mod pull;
mod push;
mod rate_limit;
mod redirect;
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
pub use progress::{Event, Progress, Tell};
pub use pull::{Pulled, check_platform, pull};
pub use push::{Pushed, push};
pub use redirect::RefusedPlace;
pub use tags::tags;
pub use tls_error::TlsError;
pub use url::UrlError;

use authorization::Authorization;
use client::Client;
use config::Config;
use retry::RetryPolicy;
use trust::Trust;
use url::{Security, Url, is_loopback};

/// How registries are connected to.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Whether the wire may be plain.
    pub wire: Wire,
    retry_policy: RetryPolicy,
    /// Where credentials are, if not where Docker keeps the user's.
    config: Option<PathBuf>,
    /// Where directories of certificates are, if not where Docker's and Podman's are.
    certificates: Option<Vec<PathBuf>>,
}

/// Whether the wire may be plain. What was decided stays: a failure of TLS never leads to plain HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// HTTPS, but plain HTTP to this very machine, where nobody is between, unless there are certificates for it.
    #[default]
    Usual,
    /// Plain HTTP: the user said so.
    Plain,
    /// HTTPS, to this machine, too.
    Tls,
}

impl Connection {
    /// A connection of this kind.
    pub fn new(wire: Wire) -> Connection {
        Connection { wire, ..Connection::default() }
    }

    fn config(&self) -> Result<Config, RegistryError> {
        self.config.as_ref().map_or_else(Config::find, |path| Config::read(path.clone()))
    }

    /// A client for a registry, with the user's credentials for it.
    fn client(&self, registry: &str) -> Result<Client, RegistryError> {
        // Nobody on the way shall read a password.
        self.client_with(registry, |private| match private {
            true => self.config()?.credentials(registry),
            false => Ok(None),
        })
    }

    /// The same with credentials that depend on whether what is sent can be read on the way.
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

    /// Where a registry is asked. One for which there are certificates speaks TLS.
    fn url(&self, registry: &str, has_certificates: bool) -> Result<Url, RegistryError> {
        let host = match registry {
            // Its name is that of a web site; its registry has another one.
            DEFAULT_REGISTRY => format!("registry-1.{DEFAULT_REGISTRY}"),
            other => other.to_owned(),
        };
        let end_of_host = host.find(']').map_or_else(|| host.find(':'), |bracket| Some(bracket + 1));
        let (name, port) = host.split_at(end_of_host.unwrap_or(host.len()));
        let security = match self.wire {
            Wire::Usual if is_loopback(name) && port != ":443" && !has_certificates => Security::Plain,
            Wire::Usual | Wire::Tls => Security::Tls,
            Wire::Plain => Security::Plain,
        };
        Url::new(security, &host, "/v2/").map_err(|_| RegistryError::BadRegistry { name: registry.to_owned() })
    }
}

/// What a user types after `login`: nothing for the default registry.
fn familiar_host(registry: &str) -> String {
    if registry == DEFAULT_REGISTRY { String::new() } else { registry.to_owned() }
}
