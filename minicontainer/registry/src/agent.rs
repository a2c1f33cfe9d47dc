//! The configuration of the HTTP client crate.
//!
//! `ureq` is synchronous and supports HTTP/1.1, with TLS by `rustls`. Here it does not follow redirects, retry, or
//! treat statuses as errors, because [`client`](super::client) handles these. [`trust`](super::trust) decides which
//! certificates are trusted.

use ureq::{
    Agent,
    tls::TlsConfig,
    unversioned::{resolver::Resolver, transport::DefaultConnector},
};

use super::{retry::RetryPolicy, ssrf_guard::Guard, url::Url};

/// An agent for one registry and the places to which it redirects.
pub(super) fn agent(registry: &Url, tls: TlsConfig, retry_policy: &RetryPolicy, names: impl Resolver) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("minicontainer/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .timeout_resolve(Some(retry_policy.connect))
        .timeout_connect(Some(retry_policy.connect))
        .timeout_recv_response(Some(retry_policy.answer))
        .timeout_per_read(Some(retry_policy.read))
        .timeout_per_write(Some(retry_policy.read));
    if registry.is_loopback() {
        // A proxy would resolve loopback addresses to another machine.
        config = config.proxy(None);
    }
    Agent::with_parts(config.build(), DefaultConnector::default(), Guard::new(names, registry.clone()))
}
