//! Logging in: credentials are verified before they are saved.

use minicontainer::core::reference::DEFAULT_REGISTRY;

use super::{
    Connection, RegistryError,
    authorization::Scope,
    config::{Saved, host_of},
    credentials::Credentials,
    exchange::Request,
};

/// The registry that the user entered: empty means the default one, and of a URL only the host is used.
fn registry_name(registry: Option<&str>) -> &str {
    let host = registry.map_or(DEFAULT_REGISTRY, host_of);
    // The default registry has several names: the web site, the index, and the registry.
    let bare = ["index.", "registry-1."].iter().find_map(|prefix| host.strip_prefix(prefix));
    bare.filter(|bare| *bare == DEFAULT_REGISTRY).unwrap_or(host)
}

/// Whether there are saved credentials for a registry that are still valid.
pub fn is_logged_in(registry: Option<&str>, connection: &Connection) -> Result<bool, RegistryError> {
    let registry = registry_name(registry);
    match connection.config()?.credentials(registry)? {
        Some(credentials) => match try_at(registry, &credentials, connection) {
            Err(RegistryError::Unauthorized { .. }) => Ok(false),
            tried => tried.map(|()| true),
        },
        None => Ok(false),
    }
}

/// Verifies credentials at a registry, by default the default one, and saves them where Docker does.
pub fn login(
    registry: Option<&str>,
    credentials: Credentials,
    connection: &Connection,
) -> Result<Saved, RegistryError> {
    let registry = registry_name(registry);
    try_at(registry, &credentials, connection)?;
    connection.config()?.save(registry, &credentials)
}

fn try_at(registry: &str, credentials: &Credentials, connection: &Connection) -> Result<(), RegistryError> {
    let client = connection.client_with(registry, |_| Ok(Some(credentials.clone())))?;
    let action = format!("log in to {registry}");
    if !client.is_private() {
        return Err(client.protocol(&action, "over plain HTTP a password can be read on the way"));
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

/// Removes a registry's credentials; returns whether there were any.
pub fn logout(registry: Option<&str>, connection: &Connection) -> Result<bool, RegistryError> {
    connection.config()?.erase(registry_name(registry))
}
