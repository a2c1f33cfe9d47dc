//! Requests and answers of the [`client`](super::client).

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use ureq::http::{HeaderMap, Method};

use super::{authorization::Scope, rate_limit::RateLimited, url::Url};

/// A request to a registry.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Content<'a>,
    /// The scope that the request requires.
    pub(super) scope: &'a Scope,
    /// For messages: "cannot …".
    pub(super) action: &'a str,
}

impl<'a> Request<'a> {
    /// A GET request without a body.
    pub(super) fn get(url: &'a Url, scope: &'a Scope, action: &'a str) -> Request<'a> {
        Request { method: Method::GET, url, headers: Vec::new(), body: Content::None, scope, action }
    }
}

/// The body of a request.
pub(super) enum Content<'a> {
    None,
    Bytes(&'a [u8]),
    /// A part of a file, with a callback for progress.
    File(Part<'a>),
}

/// The part of a file to send.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) file: &'a File,
    /// The offset of the first byte; the bytes before it have already been sent.
    pub(super) from: u64,
    /// The size of the file.
    pub(super) end: u64,
    /// A callback with the offset up to which the file has been sent.
    pub(super) report: &'a dyn Fn(u64),
}

impl<'a> Part<'a> {
    pub(super) fn length(&self) -> u64 {
        self.end - self.from
    }

    pub(super) fn reader(self) -> io::Result<impl Read + 'a> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.from))?;
        Ok(Counted { content: file.take(self.length()), count: self.from, report: self.report })
    }
}

/// An answer of a registry.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: RateLimited<ureq::BodyReader<'static>>,
    /// The URL that answered, after redirects.
    pub(super) url: Url,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The `Content-Length` of the answer.
    pub(super) fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }
}

/// A reader that reports how much was read.
struct Counted<'a, R> {
    content: R,
    count: u64,
    report: &'a dyn Fn(u64),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.count += count as u64;
        (self.report)(self.count);
        Ok(count)
    }
}
