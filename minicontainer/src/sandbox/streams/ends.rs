//! The two ends of a channel: its source and its sink.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::{CallerStream, OutputCallback, StandardStream};

/// Where the bytes of a channel come from.
#[derive(Debug)]
pub(in crate::sandbox) enum Source {
    /// The engine's end of the container's stdout or stderr, set to non-blocking.
    Pipe(File),
    /// The engine's side of the container's terminal, set to non-blocking.
    Terminal(File),
    /// A stream of the caller.
    CallerStream(CallerStream),
    /// Bytes in memory, from this offset on.
    Memory(Arc<[u8]>, usize),
}

/// Where the bytes of a channel go.
#[derive(Debug)]
pub(in crate::sandbox) enum Sink {
    /// The engine's end of the container's stdin, set to non-blocking.
    Pipe(File),
    /// The engine's side of the container's terminal, set to non-blocking.
    Terminal(File),
    /// A stream of the caller.
    CallerStream(CallerStream),
    /// The callback given to [`Streams::turn`](super::Streams::turn).
    Callback,
    /// Nowhere.
    Null,
}

impl Source {
    /// The file, if only the engine has this open file description.
    pub(super) fn own(&self) -> Option<&File> {
        match self {
            Source::Pipe(file) | Source::Terminal(file) => Some(file),
            Source::CallerStream(_) | Source::Memory(..) => None,
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Pipe(file) | Source::Terminal(file) | Source::CallerStream(CallerStream { file, .. }) => {
                file.read(buffer)
            }
            Source::Memory(bytes, place) => {
                let count = (&bytes[*place..]).read(buffer)?;
                *place += count;
                Ok(count)
            }
        }
    }

    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Source::Pipe(file) | Source::Terminal(file) | Source::CallerStream(CallerStream { file, .. }) => {
                Some(file.as_fd())
            }
            Source::Memory(..) => None,
        }
    }

    pub(super) fn must_poll(&self) -> bool {
        matches!(self, Source::CallerStream(CallerStream { must_poll: true, .. }))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Source::Terminal(_) | Source::CallerStream(CallerStream { is_terminal: true, .. }))
    }
}

impl Sink {
    /// The file, if only the engine has this open file description.
    pub(super) fn own(&self) -> Option<&File> {
        match self {
            Sink::Pipe(file) | Sink::Terminal(file) => Some(file),
            Sink::CallerStream(_) | Sink::Callback | Sink::Null => None,
        }
    }

    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        stream: StandardStream,
        output: &mut OutputCallback<'_>,
    ) -> io::Result<usize> {
        match self {
            Sink::Pipe(file) | Sink::Terminal(file) | Sink::CallerStream(CallerStream { file, .. }) => {
                file.write(bytes)
            }
            Sink::Callback => {
                output(stream, bytes);
                Ok(bytes.len())
            }
            Sink::Null => Ok(bytes.len()),
        }
    }

    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Sink::Pipe(file) | Sink::Terminal(file) | Sink::CallerStream(CallerStream { file, .. }) => {
                Some(file.as_fd())
            }
            Sink::Callback | Sink::Null => None,
        }
    }

    pub(super) fn must_poll(&self) -> bool {
        matches!(self, Sink::CallerStream(CallerStream { must_poll: true, .. }))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Sink::CallerStream(CallerStream { is_terminal: true, .. }))
    }
}
