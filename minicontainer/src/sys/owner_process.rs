//! A helper process that changes and opens files of an ordinary user's subordinate ids.
//!
//! Files of an image may belong to several ids, see subuid(5). On the host only root may change the owner of a file,
//! and an ordinary user may not open files that belong to these ids. Root of a user namespace that maps the ids may
//! do both. So a process in such a namespace ([`user_namespace`](super::user_namespace)) serves requests of its
//! parent. Requests and answers are messages on a socket, and can carry an open file (SCM_RIGHTS in unix(7)).
//!
//! The process is a copy of one thread of a program that may have many. So it only makes calls of `sys`, and does not
//! allocate. It works only on files that its parent has opened and sent, and on names below these.

use core::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use minicontainer_core::plan::IdMapping;

use super::calls::{self, Descriptor, Fd};
use super::removal::path_of;
use super::{Errno, Result, user_namespace, wait};

/// The size of the fixed part of a request: its kind and three numbers. Names and values follow.
const HEADER: usize = 16;
/// The maximum size of a request or an answer. An attribute has at most 64 KiB, see xattr(7).
const MESSAGE: usize = HEADER + (64 << 10) + 256;
/// The size of an answer's error number, which is 0 after a success.
const STATUS: usize = 4;

/// The parent's side. The process exits when this value is dropped, or when its parent exits.
#[derive(Debug)]
pub(crate) struct OwnerProcess {
    /// `None` only while the value is being dropped.
    socket: Option<OwnedFd>,
    pidfd: OwnedFd,
}

impl OwnerProcess {
    /// Starts it, as root of a user namespace with these maps.
    pub(crate) fn start(maps: &[Vec<IdMapping>; 2]) -> io::Result<OwnerProcess> {
        let (ours, its) = calls::socket_pair().map_err(failed)?;
        let socket = its.as_raw_fd();
        // SAFETY: `serve` only makes calls of `sys`, and does not allocate.
        let pidfd = unsafe { user_namespace::start(maps, socket, || serve(socket)) };
        Ok(OwnerProcess { socket: Some(ours), pidfd: pidfd.map_err(io::Error::other)? })
    }

    /// Sends a request about an open file, and waits for the answer: bytes, or another open file.
    pub(crate) fn ask(
        &self,
        file: BorrowedFd<'_>,
        request: Request,
        numbers: [u32; 3],
        texts: &[u8],
    ) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
        let numbers = [request as u32, numbers[0], numbers[1], numbers[2]];
        let message = [numbers.map(u32::to_ne_bytes).as_flattened(), texts].concat();
        if message.len() > MESSAGE {
            return Err(io::Error::from_raw_os_error(libc::E2BIG));
        }
        let socket = self.socket.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        calls::send_descriptor(socket, &message, file.as_raw_fd()).map_err(failed)?;
        let mut answer = vec![0; STATUS + MESSAGE];
        let (length, opened) = loop {
            match calls::await_descriptor(socket, &mut answer) {
                Err(Errno(libc::EINTR)) => continue,
                received => break received.map_err(failed)?,
            }
        };
        // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
        let opened = opened.map(|opened| unsafe { OwnedFd::from_raw_fd(opened) });
        let Some((status, content)) = answer.get(..length).and_then(<[u8]>::split_first_chunk::<STATUS>) else {
            return Err(io::Error::other("the process in the user namespace was killed"));
        };
        match i32::from_ne_bytes(*status) {
            0 => Ok((content.to_vec(), opened)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl Drop for OwnerProcess {
    fn drop(&mut self) {
        drop(self.socket.take());
        // Best effort: it exits anyway. If it cannot be reaped, only its entry in the process table stays.
        let _reaped = wait::reap(&self.pidfd);
    }
}

fn failed(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.0)
}

/// The kind of a request: what the process does with the file that comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Request {
    /// Opens it again, with these flags.
    Open,
    /// Opens the name in this directory, with these flags.
    OpenBelow,
    /// Gives it to this user and group, and then sets its mode, unless that is [`calls::UNCHANGED`].
    Own,
    /// Sets this attribute.
    SetAttribute,
    /// Reads this attribute.
    Attribute,
    /// Reads the names of its attributes.
    Attributes,
    /// In this directory, creates a hard link at the second path to the file at the first path.
    Link,
    /// Removes the name from this directory, with these flags.
    Remove,
}

impl Request {
    const ALL: [Request; 8] = [
        Request::Open,
        Request::OpenBelow,
        Request::Own,
        Request::SetAttribute,
        Request::Attribute,
        Request::Attributes,
        Request::Link,
        Request::Remove,
    ];
}

/// The content of an answer, after the error number.
enum Answer {
    File(Descriptor),
    Bytes(usize),
}

/// Answers requests until the other end of the socket is closed. Returns an error number, or 0.
pub(crate) fn serve(socket: Fd) -> i32 {
    let (mut request, mut answer) = ([0; MESSAGE], [0; STATUS + MESSAGE]);
    loop {
        let (length, file) = match calls::await_descriptor(socket, &mut request) {
            Ok((0, _)) => return 0,
            Ok(received) => received,
            Err(Errno(libc::EINTR)) => continue,
            Err(errno) => return errno.0,
        };
        let (status, content) = answer.split_at_mut(STATUS);
        let done = match file.map(Descriptor) {
            Some(file) => act(&request[..length], file.0, content),
            // This process has too many descriptors open.
            None => Err(Errno(libc::EMFILE)),
        };
        status.copy_from_slice(&done.as_ref().map_or_else(|errno| errno.0, |_| 0).to_ne_bytes());
        let sent = match done {
            Ok(Answer::File(opened)) => calls::send_descriptor(socket, &answer[..STATUS], opened.0),
            Ok(Answer::Bytes(length)) => calls::write(socket, &answer[..STATUS + length]),
            Err(_) => calls::write(socket, &answer[..STATUS]),
        };
        if let Err(errno) = sent {
            return errno.0;
        }
    }
}

fn act(request: &[u8], file: Fd, content: &mut [u8]) -> Result<Answer> {
    let invalid = Errno(libc::EINVAL);
    let number = |index: usize| -> Result<u32> {
        let bytes = request.get(index * 4..index * 4 + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_ne_bytes).ok_or(invalid)
    };
    let (first, rest) = text(request.get(HEADER..).unwrap_or_default());
    let first = first.ok_or(invalid);
    let place = path_of(file);
    let place = CStr::from_bytes_until_nul(&place).unwrap_or(c"");
    let kind = number(0)?;
    let kind = Request::ALL.iter().find(|known| **known as u32 == kind).ok_or(invalid)?;
    let opened = |opened: Result<Fd>| opened.map(|opened| Answer::File(Descriptor(opened)));
    match kind {
        Request::Open => opened(calls::open(place, number(1)? as i32)),
        Request::OpenBelow => opened(calls::open_below(file, first?, number(1)? as i32, libc::RESOLVE_NO_XDEV)),
        Request::Own => {
            calls::set_owner_of(file, number(1)?, number(2)?)?;
            // The kernel has removed set-user-ID bits, see chown(2).
            if number(3)? != calls::UNCHANGED {
                calls::chmod(place, number(3)?)?;
            }
            Ok(Answer::Bytes(0))
        }
        Request::SetAttribute => calls::set_attribute(place, first?, rest).map(|_| Answer::Bytes(0)),
        Request::Attribute => calls::get_attribute(place, first?, content).map(Answer::Bytes),
        Request::Attributes => calls::list_attributes(place, content).map(Answer::Bytes),
        Request::Link => {
            let second = text(rest).0.ok_or(invalid)?;
            calls::linkat(file, first?, second).map(|_| Answer::Bytes(0))
        }
        Request::Remove => calls::unlinkat(file, first?, number(1)? as i32).map(|_| Answer::Bytes(0)),
    }
}

/// Splits off the text up to the first NUL byte.
fn text(bytes: &[u8]) -> (Option<&CStr>, &[u8]) {
    match CStr::from_bytes_until_nul(bytes) {
        Ok(text) => (Some(text), bytes.get(text.count_bytes() + 1..).unwrap_or_default()),
        Err(_) => (None, bytes),
    }
}
