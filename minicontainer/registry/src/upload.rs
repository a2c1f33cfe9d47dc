//! Uploading a blob to a registry, in a *session* with a URL named by the registry.
//!
//! ```text
//! POST /v2/app/blobs/uploads/    202 Location: SESSION      starts a session; redirect rules apply to it
//! PUT  SESSION?digest=sha256:…   201                        all bytes, and their digest
//! GET  SESSION                   204 Range: 0-1048575       after a broken connection: what the registry has
//! PUT  SESSION?digest=sha256:…   201                        the rest
//! ```
//!
//! (OCI distribution-spec, *Pushing blobs*.) If a registry has lost the session or does not report its state, a new
//! session starts, and the whole blob is sent again. (Docker's own registry, 2.8, discards a session after a broken
//! upload.)

use std::fs::File;

use minicontainer::core::Digest;
use ureq::http::Method;

use super::{
    Progress, RegistryError,
    authorization::Scope,
    client::Client,
    exchange::{Answer, Content, Part, Request},
    retry::{Next, is_temporary},
    url::Url,
};

/// The blob to send, and its destination.
pub(super) struct Upload<'a> {
    pub(super) client: &'a Client,
    pub(super) scope: &'a Scope,
    /// For messages: "cannot …".
    pub(super) action: String,
    /// The URL for new sessions.
    pub(super) begin: Url,
    pub(super) digest: &'a Digest,
    pub(super) file: &'a File,
    pub(super) size: u64,
    pub(super) tell: &'a dyn Fn(Progress<'_>),
}

/// The result of one attempt.
enum UploadAttempt {
    Sent,
    /// The registry denied it with this answer.
    Denied(Answer),
    /// The session can no longer be used.
    Lost(RegistryError),
    /// The connection broke, or the registry was busy; the session may still be there.
    Broken(Url, RegistryError),
}

impl Upload<'_> {
    /// Sends the blob, with retries after temporary failures; returns the answer if the registry denies it.
    pub(super) fn send(&self) -> Result<Option<Answer>, RegistryError> {
        let (mut failures, mut session) = (0, None);
        loop {
            let tried = match session.take().and_then(|place| self.kept(&place)) {
                Some((place, from)) => self.rest(place, from)?,
                None => self.whole()?,
            };
            let error = match tried {
                UploadAttempt::Sent => return Ok(None),
                UploadAttempt::Denied(answer) => return Ok(Some(answer)),
                UploadAttempt::Lost(error) => error,
                UploadAttempt::Broken(place, error) => {
                    session = Some(place);
                    error
                }
            };
            failures += 1;
            match self.client.retry_policy.after(failures, None) {
                Next::Retry(pause) => {
                    (self.tell)(Progress::Retrying);
                    self.client.pause(pause);
                }
                Next::GiveUp | Next::TooLong(_) => return Err(error),
            }
        }
    }

    /// Starts a new session, and sends all bytes.
    fn whole(&self) -> Result<UploadAttempt, RegistryError> {
        let answer = self.client.send(&self.request(Method::POST, &self.begin, Content::Bytes(b"")))?;
        match answer.status {
            200..=299 => {}
            401 | 403 => return Ok(UploadAttempt::Denied(answer)),
            _ => return Err(self.client.refused(&self.action, answer)),
        }
        let location = answer.header("location");
        let location =
            location.ok_or_else(|| self.client.protocol(&self.action, "its answer has no Location header"))?;
        self.rest(self.client.place(&self.action, &answer.url, location)?, 0)
    }

    /// Sends the bytes from this offset on.
    fn rest(&self, place: Url, from: u64) -> Result<UploadAttempt, RegistryError> {
        let whole = place.with_query("digest", self.digest.as_str());
        let report = |done| (self.tell)(Progress::Uploading { done, total: self.size });
        let part = Part { file: self.file, from, end: self.size, report: &report };
        let mut request = self.request(Method::PUT, &whole, Content::File(part));
        if (1..self.size).contains(&from) {
            request.headers.push(("content-range", format!("{from}-{}", self.size - 1)));
        }
        // Without retries: the next offset must be requested from the session first.
        let answer = match self.client.authorized(&request) {
            Ok(answer) => answer,
            Err(error) if error.is_temporary() => return Ok(UploadAttempt::Broken(place, error)),
            Err(error) => return Err(error),
        };
        match answer.status {
            200..=299 => Ok(UploadAttempt::Sent),
            401 | 403 => Ok(UploadAttempt::Denied(answer)),
            // 404: the session no longer exists. 416: the session is at another offset.
            404 | 410 | 416 => Ok(UploadAttempt::Lost(self.client.refused(&self.action, answer))),
            status if is_temporary(status) => {
                Ok(UploadAttempt::Broken(place, self.client.refused(&self.action, answer)))
            }
            // If a part is refused, the whole blob may still be accepted.
            _ if from > 0 => Ok(UploadAttempt::Lost(self.client.refused(&self.action, answer))),
            _ => Err(self.client.refused(&self.action, answer)),
        }
    }

    /// The offset up to which the registry has the blob, and the URL to continue; `None` if this is unknown.
    fn kept(&self, place: &Url) -> Option<(Url, u64)> {
        let answer = self.client.send(&self.request(Method::GET, place, Content::None)).ok()?;
        let last: u64 = answer.header("range")?.trim_start_matches("bytes=").strip_prefix("0-")?.parse().ok()?;
        if !matches!(answer.status, 200 | 204) || last >= self.size {
            return None;
        }
        let next = match answer.header("location") {
            Some(location) => self.client.place(&self.action, &answer.url, location).ok()?,
            None => place.clone(),
        };
        // Registries report `0-0` if they have nothing.
        Some((next, if last == 0 { 0 } else { last + 1 }))
    }

    fn request<'r>(&'r self, method: Method, url: &'r Url, body: Content<'r>) -> Request<'r> {
        Request { method, url, headers: Vec::new(), body, scope: self.scope, action: &self.action }
    }
}
