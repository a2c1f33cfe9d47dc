//! A client for one registry: requests with redirects, credentials and retries.
//!
//! ```text
//! send ── retries after a pause if the failure may be temporary
//!  └ authorized ── repeats with a token or a password if the answer is 401
//!     └ follow_redirects ── without credentials
//!        └ call ── one request, one answer
//! ```
//!
//! The types of requests and answers are in [`exchange`](super::exchange). The HTTP crate carries out single requests
//! only (see [`agent`](super::agent)).

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use ureq::{
    Agent, SendBody,
    http::{self, Method},
    tls::TlsConfig,
    unversioned::resolver::{DefaultResolver, Resolver},
};

use super::{
    RegistryError,
    agent::agent,
    authorization::Authorization,
    credentials::Secret,
    error::Failing,
    exchange::{Answer, Content, Request},
    http_error,
    rate_limit::{RateLimited, read_document},
    redirect::{HOP_LIMIT, RedirectError, follow},
    retry::{Next, RetryPolicy, is_temporary},
    tls_error::TlsError,
    trust::Trust,
    url::{Security, Url},
};

/// The size limit of a server's error message.
const MESSAGE_LIMIT: u64 = 16 << 10;

/// A connection to one registry.
pub(super) struct Client {
    pub(super) agent: Agent,
    pub(super) registry: Url,
    pub(super) retry_policy: RetryPolicy,
    pub(super) authorization: Authorization,
    /// The agent for other hosts than the registry, if it differs.
    elsewhere: Option<TlsConfig>,
    /// Whether the registry has answered before. Then a refused connection may be temporary.
    answered: AtomicBool,
}

impl Client {
    pub(super) fn new(
        registry: Url,
        trust: &Trust,
        retry_policy: RetryPolicy,
        authorization: Authorization,
    ) -> Client {
        Client::with_names(registry, trust, retry_policy, authorization, DefaultResolver::default())
    }

    /// As [`new`](Client::new), with another resolver.
    pub(super) fn with_names(
        registry: Url,
        trust: &Trust,
        retry_policy: RetryPolicy,
        authorization: Authorization,
        names: impl Resolver,
    ) -> Client {
        let [tls, elsewhere] = trust.of_connections();
        let elsewhere = Some(elsewhere).filter(|_| tls.client_cert().is_some());
        let agent = agent(&registry, tls, &retry_policy, names);
        Client { agent, registry, retry_policy, authorization, elsewhere, answered: AtomicBool::new(false) }
    }

    /// Host and port, for messages.
    pub(super) fn host(&self) -> String {
        self.registry.authority()
    }

    /// Sends a request, with retries if a failure may be temporary.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<Answer, RegistryError> {
        self.with_retries(request.action, || self.authorized(request))
    }

    /// Retries an operation, with pauses in between.
    pub(super) fn with_retries(
        &self,
        action: &str,
        attempt: impl Fn() -> Result<Answer, RegistryError>,
    ) -> Result<Answer, RegistryError> {
        let mut failures = 0;
        loop {
            let outcome = attempt();
            let retry_after = match &outcome {
                Ok(answer) if is_temporary(answer.status) => answer.header("retry-after").map(str::to_owned),
                Err(error) if error.is_temporary() => None,
                _ => return outcome,
            };
            failures += 1;
            match (self.retry_policy.after(failures, retry_after.as_deref()), outcome) {
                (Next::Retry(pause), _) => thread::sleep(pause),
                (_, Err(error)) => return Err(error),
                (next, Ok(answer)) => {
                    let (action, host, status) = (action.to_owned(), answer.url.authority(), answer.status);
                    return Err(match next {
                        Next::TooLong(wanted) => {
                            RegistryError::RetryLater { action, host, status, seconds: wanted.as_secs() }
                        }
                        _ => RegistryError::Busy {
                            action,
                            host,
                            status,
                            attempts: failures,
                            message: self.words(answer),
                        },
                    });
                }
            }
        }
    }

    /// Sends a request with the known authorization. If that is rejected, repeats it with what the registry requires.
    pub(super) fn authorized(&self, request: &Request<'_>) -> Result<Answer, RegistryError> {
        let known = self.authorization.known(request.scope);
        let answer = self.follow_redirects(request, known.as_ref())?;
        if answer.status != 401 || !answer.url.same_origin(&self.registry) {
            return Ok(answer);
        }
        let wanted: Vec<&str> =
            answer.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok()).collect();
        match self.authorization.answer(self, &wanted, request.scope, known.as_ref(), request.action)? {
            Some(authorization) => self.follow_redirects(request, Some(&authorization)),
            None => Ok(answer),
        }
    }

    /// Sends a request, and follows redirects.
    fn follow_redirects(
        &self,
        request: &Request<'_>,
        authorization: Option<&Secret>,
    ) -> Result<Answer, RegistryError> {
        let mut url = request.url.clone();
        let mut authorization = authorization.filter(|_| url.same_origin(&self.registry));
        for _ in 0..=HOP_LIMIT {
            let answer = self.call(request, url, authorization)?;
            let follows = matches!(request.method, Method::GET | Method::HEAD);
            if !follows || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let location = answer
                .header("location")
                .ok_or_else(|| self.forbidden_redirect(request, "an unnamed URL", RedirectError::Missing))?;
            url = self.place(request.action, &answer.url, location)?;
            if !url.same_origin(&self.registry) {
                authorization = None;
            }
        }
        Err(self.forbidden_redirect(request, "one URL after another", RedirectError::Hops))
    }

    /// The target of a `Location`, if the redirect is allowed.
    pub(super) fn place(&self, action: &str, here: &Url, location: &str) -> Result<Url, RegistryError> {
        follow(&self.registry, here, location).map_err(|source| {
            let place = here.join(location).map_or_else(|_| "an invalid URL".to_owned(), |url| url.authority());
            RegistryError::ForbiddenRedirect { action: action.to_owned(), host: here.authority(), place, source }
        })
    }

    fn forbidden_redirect(&self, request: &Request<'_>, place: &str, source: RedirectError) -> RegistryError {
        RegistryError::ForbiddenRedirect {
            action: request.action.to_owned(),
            host: self.host(),
            place: place.to_owned(),
            source,
        }
    }

    /// One request, one answer.
    pub(super) fn call(
        &self,
        request: &Request<'_>,
        url: Url,
        authorization: Option<&Secret>,
    ) -> Result<Answer, RegistryError> {
        let failed = |error: ureq::Error| {
            let answered = self.answered.load(Ordering::Relaxed);
            http_error::unreachable(request.action, &url, answered, error)
        };
        let mut head = http::Request::builder().method(request.method.clone()).uri(url.text());
        for (name, value) in &request.headers {
            head = head.header(*name, value);
        }
        if let Some(authorization) = authorization {
            head = head.header("authorization", authorization.reveal());
        }
        let local = |source| RegistryError::Local { action: request.action.to_owned(), source };
        let outcome = match request.body {
            Content::None => self.run(&url, head, ()),
            Content::Bytes(mut bytes) => {
                self.run(&url, head.header("content-length", bytes.len()), SendBody::from_reader(&mut bytes))
            }
            Content::File(part) => {
                let head = head.header("content-length", part.length());
                self.run(&url, head, SendBody::from_reader(&mut part.reader().map_err(local)?))
            }
        };
        let response = outcome.map_err(failed)?;
        self.answered.store(true, Ordering::Relaxed);
        let (parts, body) = response.into_parts();
        let body = RateLimited::new(body.into_with_config().limit(u64::MAX).reader(), &self.retry_policy);
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body, url })
    }

    fn run(
        &self,
        url: &Url,
        head: http::request::Builder,
        body: impl ureq::AsSendBody,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let request = head.body(body)?;
        match &self.elsewhere {
            Some(tls) if !url.same_origin(&self.registry) => {
                self.agent.run(self.agent.configure_request(request).tls_config(tls.clone()).build())
            }
            _ => self.agent.run(request),
        }
    }

    /// A server's error message, unchanged.
    fn body(&self, answer: Answer) -> Vec<u8> {
        read_document(answer.body, MESSAGE_LIMIT, self.retry_policy.answer).ok().flatten().unwrap_or_default()
    }

    /// A server's error message for display: short, and without secrets.
    pub(super) fn words(&self, answer: Answer) -> String {
        self.authorization.without_secrets(&http_error::words(&self.body(answer)))
    }

    /// The error for an unexpected status.
    pub(super) fn refused(&self, action: &str, answer: Answer) -> RegistryError {
        let (action, host, status) = (action.to_owned(), answer.url.authority(), answer.status);
        let is_plain = answer.url.security() == Security::Plain;
        let body = self.body(answer);
        if is_plain && http_error::wants_tls(status, &body) {
            let failing = Failing::Tls(TlsError::Tls);
            return RegistryError::Unreachable {
                action,
                host,
                failing,
                source: "it requires TLS, but the request was plain HTTP".into(),
            };
        }
        let message = self.authorization.without_secrets(&http_error::words(&body));
        RegistryError::Refused { action, host, status, message }
    }

    pub(super) fn protocol(&self, action: &str, reason: impl Into<String>) -> RegistryError {
        RegistryError::Protocol { action: action.to_owned(), host: self.host(), reason: reason.into() }
    }

    /// Whether the connection is encrypted.
    pub(super) fn is_private(&self) -> bool {
        self.registry.security() == Security::Tls || self.registry.is_loopback()
    }

    pub(super) fn pause(&self, pause: Duration) {
        thread::sleep(pause);
    }
}
