//! The HTTP crate, told what it shall not do by itself.
//!
//! `ureq` is synchronous and speaks HTTP/1.1, TLS by `rustls`. It follows no redirect here, repeats nothing, and takes no
//! status for an error, so that each of these is decided in [`client`](super::client). Whom it believes, [`trust`
//! ](super::trust) tells.

use ureq::{
    Agent,
    tls::TlsConfig,
    unversioned::{resolver::Resolver, transport::DefaultConnector},
};

use super::{reach::Guard, retry::Patience, url::Url};

/// An agent for one registry and the places that it leads to.
pub(super) fn agent(registry: &Url, tls: TlsConfig, patience: &Patience, names: impl Resolver) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("minicontainer/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.answer))
        .timeout_per_read(Some(patience.read))
        .timeout_per_write(Some(patience.read));
    if registry.is_loopback() {
        // A proxy has another idea of what this machine is.
        config = config.proxy(None);
    }
    Agent::with_parts(config.build(), DefaultConnector::default(), Guard::new(names, registry.clone()))
}
