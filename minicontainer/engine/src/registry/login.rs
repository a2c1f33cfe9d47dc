//! Credentials are tried before they are kept.

use minicontainer::core::reference::DEFAULT_REGISTRY;
use ureq::http::Method;

use super::{
    Connection, RegistryError,
    authorization::{Authorization, Scope},
    client::{Client, Content, Request},
    config::Saved,
    credentials::Credentials,
};

/// Tries credentials at a registry, the default one if none is named, and keeps them where Docker does.
pub fn login(
    registry: Option<&str>,
    credentials: Credentials,
    connection: &Connection,
) -> Result<Saved, RegistryError> {
    let registry = registry.unwrap_or(DEFAULT_REGISTRY);
    let url = connection.url(registry)?;
    let client = Client::new(url, connection.patience, Authorization::new(Some(credentials.clone())));
    let action = format!("log in to {registry}");
    if !client.is_private() {
        return Err(client.protocol(&action, "over plain http a password can be read by everybody on the way"));
    }
    let (url, scope) = (client.registry.clone(), Scope::default());
    let request = Request {
        method: Method::GET,
        url: &url,
        headers: Vec::new(),
        body: Content::None,
        scope: &scope,
        action: &action,
    };
    let answer = client.send(&request)?;
    match answer.status {
        200 => connection.config()?.save(registry, &credentials),
        401 | 403 => Err(RegistryError::Unauthorized { host: registry.to_owned(), message: client.words(answer) }),
        _ => Err(client.refused(&action, answer)),
    }
}

/// Forgets a registry's credentials; tells whether there were any.
pub fn logout(registry: Option<&str>, connection: &Connection) -> Result<bool, RegistryError> {
    connection.config()?.erase(registry.unwrap_or(DEFAULT_REGISTRY))
}
