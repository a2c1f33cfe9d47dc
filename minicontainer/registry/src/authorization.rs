//! Authorization: a password for each request (*basic*), or a short-lived token for one purpose (*bearer*).
//!
//! A registry that requires a token names the token service, its *realm*. The client requests a token there for an
//! operation, the *scope*, with its credentials if it has any; anonymous tokens are usual for public images. The
//! realm is often another host, and credentials are sent there because the registry says so. They are the registry's
//! own credentials, and are sent only by HTTPS (or within this machine, for a registry on it).

use std::{collections::BTreeMap, sync::Mutex};

use serde::Deserialize;
use ureq::http::Method;

use super::{
    RegistryError,
    challenge::{Challenge, challenges},
    client::Client,
    credentials::{Credentials, Secret},
    exchange::{Answer, Content, Request},
    rate_limit::read_document,
    redirect::allowed,
    url::{Security, Url, escaped},
};

/// The size limit of a token service's answer.
const TOKEN_LIMIT: u64 = 1 << 20;
/// The client name for OAuth 2.
const CLIENT_ID: &str = "minicontainer";

/// The scope of a token, such as `repository:library/busybox:pull`. Empty for a login.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope(Vec<String>);

impl Scope {
    pub(super) fn pull(path: &str) -> Scope {
        Scope(vec![format!("repository:{path}:pull")])
    }

    pub(super) fn push(path: &str) -> Scope {
        Scope(vec![format!("repository:{path}:pull,push")])
    }

    /// Adds the scopes that the registry demands, except those for resources that this scope has already.
    fn with(&self, demanded: &str) -> Scope {
        let resource = |scope: &str| scope.rsplit_once(':').map(|(resource, _)| resource.to_owned());
        let named: Vec<_> = self.0.iter().map(|scope| resource(scope)).collect();
        let more = demanded.split_ascii_whitespace().filter(|scope| !named.contains(&resource(scope)));
        Scope(self.0.iter().cloned().chain(more.map(str::to_owned)).collect())
    }

    /// The scope to push to one repository, and to mount blobs of another one there.
    pub(super) fn mount(path: &str, from: &str) -> Scope {
        Scope(vec![format!("repository:{path}:pull,push"), format!("repository:{from}:pull")])
    }
}

/// The authorization for one registry.
#[derive(Debug, Default)]
pub(super) struct Authorization {
    credentials: Option<Credentials>,
    known: Mutex<Known>,
}

/// A cache of values of the header `Authorization`.
#[derive(Debug, Default)]
struct Known {
    basic: Option<Secret>,
    tokens: BTreeMap<Scope, Secret>,
}

/// A token service's answer.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Authorization {
    pub(super) fn new(credentials: Option<Credentials>) -> Authorization {
        Authorization { credentials, known: Mutex::default() }
    }

    pub(super) fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// The authorization for the first request.
    pub(super) fn known(&self, scope: &Scope) -> Option<Secret> {
        let known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        known.tokens.get(scope).or(known.basic.as_ref()).cloned()
    }

    /// The authorization after `tried` was rejected; `None` if there is no other.
    pub(super) fn answer(
        &self,
        client: &Client,
        wanted: &[&str],
        scope: &Scope,
        tried: Option<&Secret>,
        action: &str,
    ) -> Result<Option<Secret>, RegistryError> {
        let mut known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Held while a token is fetched, so that concurrent downloads fetch only one.
        if let Some(newer) = known.tokens.get(scope).filter(|token| tried != Some(token)) {
            return Ok(Some(newer.clone()));
        }
        let wanted: Vec<Challenge> = wanted.iter().flat_map(|header| challenges(header)).collect();
        let of_scheme = |scheme| wanted.iter().filter(move |challenge| challenge.scheme == scheme);
        // Without the address of the token service, no token can be requested. Another challenge may work.
        let bearer = of_scheme("bearer").find(|challenge| challenge.parameters.contains_key("realm"));
        let basic = of_scheme("basic").next();
        if let Some(challenge) = bearer.or_else(|| of_scheme("bearer").next().filter(|_| basic.is_none())) {
            let token = self.token(client, challenge, scope)?;
            known.tokens.remove(scope);
            return Ok(token.map(|token| known.tokens.entry(scope.clone()).or_insert(token).clone()));
        }
        if basic.is_some() {
            known.basic = self.credentials.as_ref().and_then(Credentials::basic);
            return Ok(known.basic.clone().filter(|basic| tried != Some(basic)));
        }
        match wanted.is_empty() {
            true => Ok(None),
            false => Err(RegistryError::Challenge { action: action.to_owned(), host: client.host() }),
        }
    }

    /// Fetches a token; `None` if the service refuses anonymous clients.
    fn token(&self, client: &Client, challenge: &Challenge, scope: &Scope) -> Result<Option<Secret>, RegistryError> {
        let parameter = |name: &str| challenge.parameters.get(name).map(String::as_str).unwrap_or_default();
        let realm = self.realm(client, parameter("realm"))?;
        let failed = |reason: &str| RegistryError::Token {
            host: client.host(),
            service: realm.authority(),
            reason: reason.to_owned(),
        };
        let scope = scope.with(parameter("scope"));
        let answer = self.ask(client, &realm, parameter("service"), &scope)?;
        match answer.status {
            200 => {}
            401 | 403 if self.has_credentials() => {
                let words = client.words(answer);
                let message = self.without_secrets(&words);
                return Err(RegistryError::Unauthorized { host: client.host(), message });
            }
            401 | 403 => return Ok(None),
            status => return Err(failed(&format!("it answered {status}"))),
        }
        let body = read_document(answer.body, TOKEN_LIMIT, client.retry_policy.answer);
        let body =
            body.map_err(|_| failed("its answer broke off"))?.ok_or_else(|| failed("its answer is too long"))?;
        let parsed: TokenAnswer =
            serde_json::from_slice(&body).map_err(|_| failed("its answer is not a JSON document with a token"))?;
        let token = [parsed.token, parsed.access_token].into_iter().flatten().find(|token| !token.is_empty());
        let token = token.unwrap_or_default();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(failed("its answer has no token that can be sent"));
        }
        Ok(Some(Secret::new(format!("Bearer {token}"))))
    }

    /// The token service's URL, if credentials may go there.
    fn realm(&self, client: &Client, realm: &str) -> Result<Url, RegistryError> {
        let led = |place: String, source| RegistryError::ForbiddenRedirect {
            action: "get a token".to_owned(),
            host: client.host(),
            place,
            source,
        };
        let url: Url = realm.parse().map_err(|error| led("an invalid URL".to_owned(), error_of(error)))?;
        let place = url.authority();
        allowed(&client.registry, &client.registry, url).map_err(|source| led(place, source))
    }

    fn ask(&self, client: &Client, realm: &Url, service: &str, scope: &Scope) -> Result<Answer, RegistryError> {
        let private = realm.security() == Security::Tls || realm.is_loopback();
        let credentials = self.credentials.as_ref().filter(|_| private);
        let action = "get a token";
        let request = |method, url, headers, body| Request { method, url, headers, body, scope, action };
        if let Some(Credentials::Identity(token)) = credentials {
            let form = format!(
                "grant_type=refresh_token&client_id={CLIENT_ID}&service={}&scope={}&refresh_token={}",
                escaped(service),
                escaped(&scope.0.join(" ")),
                escaped(token.reveal())
            );
            let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
            let request = request(Method::POST, realm, headers, Content::Bytes(form.as_bytes()));
            return client.with_retries(action, || client.call(&request, realm.clone(), None));
        }
        let mut url = realm.clone();
        if !service.is_empty() {
            url = url.with_query("service", &escaped(service));
        }
        for wanted in &scope.0 {
            url = url.with_query("scope", &escaped(wanted));
        }
        let basic = credentials.and_then(Credentials::basic);
        let request = request(Method::GET, &url, Vec::new(), Content::None);
        client.with_retries(action, || client.call(&request, url.clone(), basic.as_ref()))
    }

    /// A server's message without our credentials, which it might quote.
    pub(super) fn without_secrets(&self, words: &str) -> String {
        // If the lock is held, a token is just being fetched and is not known to the server yet.
        let known = self.known.try_lock();
        let shown = known.iter().flat_map(|known| known.tokens.values().chain(&known.basic));
        let shown: Vec<&str> = shown.filter_map(|value| value.reveal().split(' ').nth(1)).collect();
        let own = self.credentials.as_ref().map(|credentials| credentials.secret().reveal());
        let basic = self.credentials.as_ref().and_then(Credentials::basic);
        let basic = basic.as_ref().and_then(|basic| basic.reveal().split(' ').nth(1));
        let secrets = shown.into_iter().chain(own).chain(basic).filter(|secret| !secret.is_empty());
        secrets.fold(words.to_owned(), |words, secret| words.replace(secret, "[secret]"))
    }
}

fn error_of(error: super::url::UrlError) -> super::redirect::RedirectError {
    error.into()
}
