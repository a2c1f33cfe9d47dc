//! Docker's file of credentials, `~/.docker/config.json` (or in `DOCKER_CONFIG`), read and written as Docker does.
//!
//! ```json
//! { "auths": { "registry.example.com": { "auth": "dXNlcjpwYXNzd29yZA==" } },
//!   "credHelpers": { "other.example.com": "pass" }, "credsStore": "secretservice" }
//! ```
//!
//! `auth` is a user name and a password in base64, which is not encryption: anyone who can read the file has both.
//! Better are *credential helpers*, programs that store them in the desktop's keychain. `credHelpers` selects a
//! helper for a registry, otherwise `credsStore` does; `auths` is used only without a helper.
//!
//! Other programs use the file too. So unknown fields are kept, writers use a lock, and the file is replaced
//! atomically.

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use minicontainer::{core::reference::DEFAULT_REGISTRY, store::private};
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Map, Value, json};

use super::{
    RegistryError,
    credentials::{Credentials, Secret},
    helper::Helper,
};

/// The file, as it was read.
#[derive(Debug)]
pub(super) struct Config {
    path: PathBuf,
    content: Map<String, Value>,
}

/// Where credentials were saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// In the file, unencrypted.
    File(PathBuf),
    /// In this credential helper.
    Helper(String),
}

impl Config {
    /// The user's file. A missing file counts as empty.
    pub(super) fn find() -> Result<Config, RegistryError> {
        let directory = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        match directory("DOCKER_CONFIG").or_else(|| Some(directory("HOME")?.join(".docker"))) {
            Some(directory) => Config::read(directory.join("config.json")),
            // Without a home directory there are no credentials. It is an error only when saving some.
            None => Ok(Config { path: PathBuf::new(), content: Map::new() }),
        }
    }

    pub(super) fn read(path: PathBuf) -> Result<Config, RegistryError> {
        let text = match fs::read(&path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Config { path, content: Map::new() });
            }
            text => text.map_err(|source| RegistryError::Config { action: "read", path: path.clone(), source })?,
        };
        match serde_json::from_slice(&text) {
            Ok(content) => Ok(Config { path, content }),
            // The message of the error may quote the file, and so a password.
            Err(error) => {
                let reason = format!("it is not a JSON object (line {}, column {})", error.line(), error.column());
                Err(RegistryError::ConfigContent { path, reason })
            }
        }
    }

    /// The credentials for a registry, if any.
    pub(super) fn credentials(&self, registry: &str) -> Result<Option<Credentials>, RegistryError> {
        let server = server(registry);
        if let Some(helper) = self.helper(registry)? {
            return helper.get(&server);
        }
        let auths = self.content.get("auths").and_then(Value::as_object);
        let entry = auths.and_then(|auths| {
            let same_host = || auths.iter().find(|(key, _)| host_of(key) == host_of(&server));
            auths.get(&server).or_else(|| same_host().map(|(_, entry)| entry))
        });
        entry.map_or(Ok(None), |entry| self.decode(&server, entry))
    }

    fn decode(&self, server: &str, entry: &Value) -> Result<Option<Credentials>, RegistryError> {
        let field = |name: &str| entry[name].as_str().filter(|text| !text.is_empty());
        if let Some(token) = field("identitytoken") {
            return Ok(Some(Credentials::Identity(Secret::new(token))));
        }
        let Some(auth) = field("auth") else {
            let both = field("username").zip(field("password"));
            return Ok(both.map(|(user, password)| password_of(user, password)));
        };
        let wrong = || RegistryError::ConfigContent {
            path: self.path.clone(),
            reason: format!("the \"auth\" of {server} is not a name and a password in base64"),
        };
        let decoded = STANDARD.decode(auth.trim()).map_err(|_| wrong())?;
        let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
        let (user, password) = decoded.split_once(':').ok_or_else(wrong)?;
        Ok(Some(password_of(user, password.trim_end_matches('\0'))))
    }

    /// The credential helper of a registry, if there is one.
    fn helper(&self, registry: &str) -> Result<Option<Helper>, RegistryError> {
        let helpers = self.content.get("credHelpers").and_then(Value::as_object);
        let server = server(registry);
        let own = helpers.and_then(|helpers| helpers.get(registry).or_else(|| helpers.get(&server)));
        let named = own.or_else(|| self.content.get("credsStore")).and_then(Value::as_str);
        named.filter(|name| !name.is_empty()).map(Helper::named).transpose()
    }

    /// Saves credentials, in a helper or in the file.
    pub(super) fn save(self, registry: &str, credentials: &Credentials) -> Result<Saved, RegistryError> {
        let server = server(registry);
        if let Some(helper) = self.helper(registry)? {
            helper.store(&server, credentials)?;
            let program = helper.program();
            self.change(|auths| drop(auths.insert(server.clone(), json!({}))))?;
            return Ok(Saved::Helper(program));
        }
        let entry = match credentials {
            Credentials::Password { user, password } => {
                json!({ "auth": STANDARD.encode(format!("{user}:{}", password.reveal())) })
            }
            Credentials::Identity(token) => json!({ "identitytoken": token.reveal() }),
        };
        let path = self.path.clone();
        self.change(|auths| drop(auths.insert(server.clone(), entry.clone())))?;
        Ok(Saved::File(path))
    }

    /// Removes credentials; returns whether there were any.
    pub(super) fn erase(self, registry: &str) -> Result<bool, RegistryError> {
        let server = server(registry);
        let auths = self.content.get("auths").and_then(Value::as_object);
        let same: Vec<String> = auths
            .into_iter()
            .flat_map(Map::keys)
            .filter(|key| **key == server || host_of(key) == host_of(&server))
            .cloned()
            .collect();
        let kept = match self.helper(registry)? {
            Some(helper) => helper.erase(&server)?,
            None => false,
        };
        if !same.is_empty() {
            self.change(|auths| same.iter().for_each(|key| drop(auths.remove(key))))?;
        }
        Ok(kept || !same.is_empty())
    }

    /// Changes `auths` in the current file, under its lock.
    fn change(self, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), RegistryError> {
        let given = self.path;
        let parent = given.parent().filter(|parent| !parent.as_os_str().is_empty()).ok_or(RegistryError::NoHome)?;
        let failed = |action| {
            let path = given.clone();
            move |source| RegistryError::Config { action, path, source }
        };
        private::make_directory(parent).map_err(failed("create the directory of"))?;
        let directory = File::open(parent).map_err(failed("lock"))?;
        let _lock =
            Flock::lock(directory, FlockArg::LockExclusive).map_err(|(_, errno)| failed("lock")(errno.into()))?;
        let mut content = Config::read(given.clone())?.content;
        let auths = content.entry("auths").or_insert_with(|| json!({}));
        let Some(auths) = auths.as_object_mut() else {
            let reason = "its \"auths\" is not an object".to_owned();
            return Err(RegistryError::ConfigContent { path: given, reason });
        };
        change(auths);
        // If the file is a symbolic link, its target is replaced.
        let path = fs::canonicalize(&given).unwrap_or_else(|_| given.clone());
        replace(&path, &content).map_err(failed("write"))
    }
}

fn replace(path: &Path, content: &Map<String, Value>) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(content)?;
    text.push('\n');
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let mut file = private::create(&temporary)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let replaced = written.and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    replaced
}

fn password_of(user: &str, password: &str) -> Credentials {
    Credentials::Password { user: user.to_owned(), password: Secret::new(password) }
}

/// The name under which Docker saves a registry's credentials. For the default registry, this is a version 1 URL.
fn server(registry: &str) -> String {
    match registry {
        DEFAULT_REGISTRY => format!("https://index.{DEFAULT_REGISTRY}/v1/"),
        other => other.to_owned(),
    }
}

/// The host and port of a name that may be written as a URL.
pub(super) fn host_of(server: &str) -> &str {
    let host = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    host.split('/').next().unwrap_or_default()
}
