//! Downloading a blob, with resumption after a broken connection.
//!
//! After a broken connection, only the rest is requested (`Range`, RFC 9110, section 14). If a server does not
//! support ranges and sends everything again, the part that is already here is skipped. The digest covers all bytes,
//! so it also verifies that both parts belong together. The client need not trust what a server says about ranges,
//! lengths or versions.

use std::{
    io::{self, Read},
    sync::atomic::{AtomicBool, Ordering},
};

use minicontainer::{
    core::{Digest, Reference, digest::Digester},
    store::{Blob, Staging, StoreError},
};

use super::{
    RegistryError,
    authorization::Scope,
    client::Client,
    download_lock::DownloadLock,
    exchange::Request,
    manifest::denied,
    rate_limit::{RateLimited, TooSlow},
    retry::Next,
};

/// After this many bytes, the count of broken connections starts again.
const PROGRESS: u64 = 16 << 10;

/// The blob to download, and its source.
pub(super) struct DownloadRequest<'a> {
    pub(super) client: &'a Client,
    pub(super) reference: &'a Reference,
    pub(super) scope: &'a Scope,
    pub(super) digest: &'a Digest,
    pub(super) size: u64,
    /// Whether its descriptor refers to another server.
    pub(super) foreign: bool,
    /// Set when another part of the image has failed.
    pub(super) stop: &'a AtomicBool,
    /// A callback with the number of bytes so far, or `None` if the connection broke.
    pub(super) tell: &'a dyn Fn(Option<u64>),
}

/// Downloads a blob, or its missing part, and verifies it. If the existing part was wrong, downloads all of it.
pub(super) fn download(
    wanted: &DownloadRequest<'_>,
    lock: &DownloadLock,
    staging: &Staging,
) -> Result<Blob, RegistryError> {
    let local = |source| RegistryError::Local { action: format!("keep {}", wanted.description()), source };
    loop {
        let (mut digester, here) = lock.resume(wanted.size).map_err(local)?;
        let fetched = fetch(wanted, lock, here, &mut digester);
        let actual = match fetched {
            Ok(()) => digester.finish(),
            Err(error) => {
                if !error.may_be_resumed() {
                    lock.discard().map_err(local)?;
                }
                return Err(error);
            }
        };
        if actual == *wanted.digest {
            return lock.blob(staging, wanted.digest).map_err(local);
        }
        lock.discard().map_err(local)?;
        if here == 0 {
            return Err(
                StoreError::Digest { what: wanted.description(), expected: wanted.digest.clone(), actual }.into()
            );
        }
    }
}

/// Downloads the part after the bytes that are already here.
fn fetch(
    wanted: &DownloadRequest<'_>,
    lock: &DownloadLock,
    here: u64,
    digester: &mut Digester,
) -> Result<(), RegistryError> {
    let mut download = Download { wanted, body: None, offset: here, failures: 0, mark: here, ranges: true };
    let mut piece = vec![0; 1 << 17];
    loop {
        let count = download.piece(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        digester.update(&piece[..count]);
        let local = |source| RegistryError::Local { action: format!("keep {}", wanted.description()), source };
        lock.append(&piece[..count]).map_err(local)?;
    }
}

impl DownloadRequest<'_> {
    fn description(&self) -> String {
        format!("the blob {} of {}", self.digest, self.reference.familiar())
    }

    fn action(&self) -> String {
        format!("fetch {}", self.description())
    }

    fn wrong_size(&self, actual: u64) -> RegistryError {
        StoreError::Size { what: self.description(), expected: self.size, actual }.into()
    }
}

/// A blob as one stream of bytes over several connections.
struct Download<'a> {
    wanted: &'a DownloadRequest<'a>,
    body: Option<RateLimited<ureq::BodyReader<'static>>>,
    /// How many bytes are here.
    offset: u64,
    /// How many connections broke since `mark`.
    failures: u32,
    mark: u64,
    /// Whether only the rest can be requested from the server.
    ranges: bool,
}

impl Download<'_> {
    fn piece(&mut self, buffer: &mut [u8]) -> Result<usize, RegistryError> {
        let left = self.wanted.size - self.offset;
        loop {
            if self.wanted.stop.load(Ordering::Relaxed) {
                return Err(RegistryError::Stopped);
            }
            if left == 0 {
                return self.end();
            }
            if self.body.is_none() {
                self.body = self.open()?;
            }
            let Some(body) = &mut self.body else { continue };
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match body.read(&mut buffer[..most]) {
                Ok(0) => self.broken(io::ErrorKind::UnexpectedEof.into())?,
                Ok(count) => {
                    self.offset += count as u64;
                    if self.offset - self.mark >= PROGRESS {
                        (self.mark, self.failures) = (self.offset, 0);
                    }
                    (self.wanted.tell)(Some(self.offset));
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.broken(error)?,
            }
        }
    }

    /// All bytes have arrived, so any more data is an error. An error of the connection no longer matters.
    fn end(&mut self) -> Result<usize, RegistryError> {
        let surplus = self.body.take().and_then(|mut body| body.read(&mut [0; 1]).ok()).unwrap_or(0);
        if surplus > 0 { Err(self.wanted.wrong_size(self.wanted.size + 1)) } else { Ok(0) }
    }

    /// A connection broke: waits, or gives up.
    fn broken(&mut self, error: io::Error) -> Result<(), RegistryError> {
        self.body = None;
        self.failures += 1;
        let client = self.wanted.client;
        match client.retry_policy.after(self.failures, None) {
            Next::Retry(pause) => {
                (self.wanted.tell)(None);
                client.pause(pause);
                Ok(())
            }
            Next::GiveUp | Next::TooLong(_) => {
                let slow = error.get_ref().and_then(|inner| inner.downcast_ref::<TooSlow>()).copied();
                let (action, host) = (self.wanted.action(), client.host());
                Err(match slow {
                    Some(TooSlow { bytes, seconds }) => RegistryError::Slow { action, host, bytes, seconds },
                    None => super::http_error::unreachable(&action, &client.registry, true, error.into()),
                })
            }
        }
    }

    /// Requests the missing part; `None` if it must be requested in another way.
    fn open(&mut self) -> Result<Option<RateLimited<ureq::BodyReader<'static>>>, RegistryError> {
        let DownloadRequest { client, reference, scope, digest, size, .. } = *self.wanted;
        let action = self.wanted.action();
        let url = client.registry.with_target(&format!("/v2/{}/blobs/{digest}", reference.path()));
        let partly = self.offset > 0 && self.ranges;
        let headers = if partly { vec![("range", format!("bytes={}-", self.offset))] } else { Vec::new() };
        let request = Request { headers, ..Request::get(&url, scope, &action) };
        let answer = client.send(&request)?;
        match answer.status {
            200 => {
                if let Some(length) = answer.length().filter(|&length| length != size) {
                    return Err(self.wanted.wrong_size(length));
                }
                let mut body = answer.body;
                match io::copy(&mut body.by_ref().take(self.offset), &mut io::sink()) {
                    Ok(skipped) if skipped == self.offset => Ok(Some(body)),
                    Ok(_) => self.broken(io::ErrorKind::UnexpectedEof.into()).map(|()| None),
                    Err(error) => self.broken(error).map(|()| None),
                }
            }
            206 if partly
                && answer.header("content-range").is_some_and(|range| covers_rest(range, self.offset, size)) =>
            {
                Ok(Some(answer.body))
            }
            206 | 416 if partly => {
                // The server sent another range than it announced, so everything is requested again.
                self.ranges = false;
                self.broken(io::Error::other("the registry sends another part than it was asked for")).map(|()| None)
            }
            401 | 403 => Err(denied(client, reference, answer)),
            404 if self.wanted.foreign => Err(RegistryError::Foreign { digest: digest.to_string() }),
            _ => Err(client.refused(&action, answer)),
        }
    }
}

/// Whether a `Content-Range` such as `bytes 100-199/200` covers everything from an offset on.
pub(super) fn covers_rest(range: &str, offset: u64, size: u64) -> bool {
    let parsed = || {
        let (range, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, whole.to_owned()))
    };
    parsed().is_some_and(|(first, last, whole)| {
        first == offset && last.checked_add(1) == Some(size) && (whole == "*" || whole.parse() == Ok(size))
    })
}
