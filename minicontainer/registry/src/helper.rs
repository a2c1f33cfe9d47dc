//! Credential helpers: programs named `docker-credential-NAME`.
//!
//! The action is the argument, the input comes on stdin, and the answer on stdout, in JSON. A helper may ask the user
//! for a passphrase, so it runs without a time limit and inherits the terminal.

use std::{
    io::{self, Read, Write},
    process::{Command, Stdio},
};

use serde::Deserialize;
use serde_json::json;

use super::{
    RegistryError,
    credentials::{Credentials, Secret},
};

/// The size limit of a helper's answer.
const ANSWER_LIMIT: u64 = 1 << 20;
/// How many characters of its message are shown.
const WORDS_LIMIT: usize = 200;
/// The user name that marks the secret as an identity token.
const TOKEN_USER: &str = "<token>";
/// The message of helpers without credentials for a server.
const NOT_FOUND: &str = "credentials not found";

/// A helper, by its name.
#[derive(Debug)]
pub(super) struct Helper {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

impl Helper {
    /// Checks the name, which is a part of a program's name and must not be a path.
    pub(super) fn named(name: &str) -> Result<Helper, RegistryError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let helper = Helper { name: name.to_owned() };
        match name.bytes().all(plain) {
            true => Ok(helper),
            false => Err(helper.failed("find", "", "a helper's name has letters, digits, '.', '_' and '-' only")),
        }
    }

    pub(super) fn program(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    /// Its credentials for a server, if any.
    pub(super) fn get(&self, server: &str) -> Result<Option<Credentials>, RegistryError> {
        let Some(answer) = self.run("get", server, server)? else { return Ok(None) };
        let kept: HelperAnswer = serde_json::from_slice(&answer)
            .map_err(|_| self.failed("get", server, "its answer is not what a helper answers"))?;
        let secret = Secret::new(kept.secret);
        Ok(Some(match kept.username.as_str() {
            TOKEN_USER => Credentials::Identity(secret),
            _ => Credentials::Password { user: kept.username, password: secret },
        }))
    }

    pub(super) fn store(&self, server: &str, credentials: &Credentials) -> Result<(), RegistryError> {
        let user = match credentials {
            Credentials::Password { user, .. } => user,
            Credentials::Identity(_) => TOKEN_USER,
        };
        let secret = credentials.secret().reveal();
        let input = json!({ "ServerURL": server, "Username": user, "Secret": secret }).to_string();
        self.run("store", server, &input).map(|_| ())
    }

    /// Removes credentials; returns whether there were any.
    pub(super) fn erase(&self, server: &str) -> Result<bool, RegistryError> {
        Ok(self.run("erase", server, server)?.is_some())
    }

    /// Its answer; `None` if it has no credentials.
    fn run(&self, action: &'static str, server: &str, input: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        let failed = |error: io::Error| self.failed(action, server, &error.to_string());
        let mut command = Command::new(self.program());
        let mut child = command.arg(action).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // Best effort: a helper that does not read its input still answers or fails.
            let _ = stdin.write_all(input.as_bytes());
        }
        let mut answer = Vec::new();
        let read = match child.stdout.take() {
            Some(stdout) => stdout.take(ANSWER_LIMIT).read_to_end(&mut answer),
            None => Ok(0),
        };
        let status = child.wait().map_err(failed)?;
        read.map_err(failed)?;
        let words: String = String::from_utf8_lossy(&answer).trim().chars().take(WORDS_LIMIT).collect();
        match status.success() {
            true => Ok(Some(answer)),
            false if words.contains(NOT_FOUND) => Ok(None),
            false => Err(self.failed(action, server, &words)),
        }
    }

    fn failed(&self, action: &'static str, server: &str, reason: &str) -> RegistryError {
        let (program, server, reason) = (self.program(), server.to_owned(), reason.to_owned());
        RegistryError::Helper { program, action, server, reason }
    }
}
