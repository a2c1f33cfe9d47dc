//! The two ends of a channel: where bytes come from and where they go to.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::{Outside, StandardStream, Told};

/// Where the bytes of a channel come from.
#[derive(Debug)]
pub(in crate::sandbox) enum Source {
    /// The engine's end of the container's stdout or stderr, which is set not to block.
    Pipe(File),
    /// The engine's side of the container's terminal, which is set not to block.
    Terminal(File),
    /// A stream of the caller's.
    Outside(Outside),
    /// Bytes in memory, from this place on.
    Memory(Arc<[u8]>, usize),
}

/// Where they go to.
#[derive(Debug)]
pub(in crate::sandbox) enum Sink {
    /// The engine's end of the container's stdin, which is set not to block.
    Pipe(File),
    /// The engine's side of the container's terminal, which is set not to block.
    Terminal(File),
    /// A stream of the caller's.
    Outside(Outside),
    /// Whoever calls [`Streams::turn`](super::Streams::turn).
    Told,
    /// Nowhere.
    Null,
}

impl Source {
    /// The file, if only the engine has it open so.
    pub(super) fn own(&self) -> Option<&File> {
        match self {
            Source::Pipe(file) | Source::Terminal(file) => Some(file),
            Source::Outside(_) | Source::Memory(..) => None,
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Pipe(file) | Source::Terminal(file) | Source::Outside(Outside { file, .. }) => file.read(buffer),
            Source::Memory(bytes, place) => {
                let count = (&bytes[*place..]).read(buffer)?;
                *place += count;
                Ok(count)
            }
        }
    }

    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Source::Pipe(file) | Source::Terminal(file) | Source::Outside(Outside { file, .. }) => Some(file.as_fd()),
            Source::Memory(..) => None,
        }
    }

    pub(super) fn must_poll(&self) -> bool {
        matches!(self, Source::Outside(Outside { must_poll: true, .. }))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Source::Terminal(_) | Source::Outside(Outside { is_terminal: true, .. }))
    }
}

impl Sink {
    /// The file, if only the engine has it open so.
    pub(super) fn own(&self) -> Option<&File> {
        match self {
            Sink::Pipe(file) | Sink::Terminal(file) => Some(file),
            Sink::Outside(_) | Sink::Told | Sink::Null => None,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8], stream: StandardStream, told: &mut Told<'_>) -> io::Result<usize> {
        match self {
            Sink::Pipe(file) | Sink::Terminal(file) | Sink::Outside(Outside { file, .. }) => file.write(bytes),
            Sink::Told => {
                told(stream, bytes);
                Ok(bytes.len())
            }
            Sink::Null => Ok(bytes.len()),
        }
    }

    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Sink::Pipe(file) | Sink::Terminal(file) | Sink::Outside(Outside { file, .. }) => Some(file.as_fd()),
            Sink::Told | Sink::Null => None,
        }
    }

    pub(super) fn must_poll(&self) -> bool {
        matches!(self, Sink::Outside(Outside { must_poll: true, .. }))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Sink::Outside(Outside { is_terminal: true, .. }))
    }
}
