//! Credentials are tried before they are kept.

use minicontainer::core::reference::DEFAULT_REGISTRY;

use super::{
    Connection, RegistryError,
    authorization::Scope,
    config::{Saved, host_of},
    credentials::Credentials,
    exchange::Request,
};

/// The registry that a person means: nothing is the default one, and of a URL only the host counts.
fn meant(registry: Option<&str>) -> &str {
    let host = registry.map_or(DEFAULT_REGISTRY, host_of);
    // The default one answers to several names, as a web site, as an index, and as a registry.
    let bare = ["index.", "registry-1."].iter().find_map(|prefix| host.strip_prefix(prefix));
    bare.filter(|bare| *bare == DEFAULT_REGISTRY).unwrap_or(host)
}

/// Whether credentials are kept for a registry, and still are the right ones.
pub fn is_logged_in(registry: Option<&str>, connection: &Connection) -> Result<bool, RegistryError> {
    let registry = meant(registry);
    match connection.config()?.credentials(registry)? {
        Some(credentials) => match try_at(registry, &credentials, connection) {
            Err(RegistryError::Unauthorized { .. }) => Ok(false),
            tried => tried.map(|()| true),
        },
        None => Ok(false),
    }
}

/// Tries credentials at a registry, the default one if none is named, and keeps them where Docker does.
pub fn login(
    registry: Option<&str>,
    credentials: Credentials,
    connection: &Connection,
) -> Result<Saved, RegistryError> {
    let registry = meant(registry);
    try_at(registry, &credentials, connection)?;
    connection.config()?.save(registry, &credentials)
}

fn try_at(registry: &str, credentials: &Credentials, connection: &Connection) -> Result<(), RegistryError> {
    let client = connection.client_with(registry, |_| Ok(Some(credentials.clone())))?;
    let action = format!("log in to {registry}");
    if !client.is_private() {
        return Err(client.protocol(&action, "over plain http a password can be read by everybody on the way"));
    }
    let (url, scope) = (client.registry.clone(), Scope::default());
    let request = Request::get(&url, &scope, &action);
    let answer = client.send(&request)?;
    match answer.status {
        200 => Ok(()),
        401 | 403 => Err(RegistryError::Unauthorized { host: registry.to_owned(), message: client.words(answer) }),
        _ => Err(client.refused(&action, answer)),
    }
}

/// Forgets a registry's credentials; tells whether there were any.
pub fn logout(registry: Option<&str>, connection: &Connection) -> Result<bool, RegistryError> {
    connection.config()?.erase(meant(registry))
}
