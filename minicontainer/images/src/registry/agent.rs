//! The HTTP crate, told what it shall not do by itself.
//!
//! `ureq` is synchronous and speaks HTTP/1.1, TLS by `rustls`. It follows no redirect here, repeats nothing, and
//! takes no status for an error, so that each of these is decided in [`client`](super::client). Whom it believes,
//! [`trust` ](super::trust) tells.

use ureq::{
    Agent,
    tls::TlsConfig,
    unversioned::{resolver::Resolver, transport::DefaultConnector},
};

use super::{retry::RetryPolicy, ssrf_guard::Guard, url::Url};

/// An agent for one registry and the places that it leads to.
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
        // A proxy has another idea of what this machine is.
        config = config.proxy(None);
    }
    Agent::with_parts(config.build(), DefaultConnector::default(), Guard::new(names, registry.clone()))
}
