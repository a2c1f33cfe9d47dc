//! Collecting what a program writes, while it runs.
//!
//! A pipe holds 64 KiB, see pipe(7): a program that has filled one waits until somebody reads. So both streams are read
//! as they come, and the end of the program, the limits of time and that of the output are watched beside. What was read
//! is passed on at once: only [`Running::wait_with_output`] keeps it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use minicontainer_core::{Report, Verdict};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, poll};

use super::limits::Watch;
use super::{Error, Running};
use crate::process::wait;

/// What a program wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// All it wrote to stdout.
    pub stdout: Vec<u8>,
    /// All it wrote to stderr.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub report: Report,
}

/// One of the two streams that a program writes to. What it writes to a terminal counts as stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputStream {
    /// Its answers.
    Stdout,
    /// Its complaints.
    Stderr,
}

impl Running {
    /// Waits for the end and collects what was written to pipes meanwhile.
    ///
    /// # Errors
    /// When it cannot be read from or waited for.
    pub fn wait_with_output(self) -> Result<Output, Error> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let report = self.wait_with(|stream, piece| match stream {
            OutputStream::Stdout => stdout.extend_from_slice(piece),
            OutputStream::Stderr => stderr.extend_from_slice(piece),
        })?;
        Ok(Output { stdout, stderr, report })
    }

    /// Waits for the end, and gives `sink` what is written to pipes meanwhile, piece by piece as it comes. However much
    /// that is, no more than a piece is in memory at once.
    ///
    /// # Errors
    /// When it cannot be read from or waited for.
    pub fn wait_with(mut self, mut sink: impl FnMut(OutputStream, &[u8])) -> Result<Report, Error> {
        drop(self.stdin.take());
        let stdout = (OutputStream::Stdout, self.terminal.take().or(self.stdout.take()));
        let stderr = (OutputStream::Stderr, self.stderr.take());
        self.pass_on([stdout, stderr], &mut sink)?;
        self.wait()
    }

    /// Reads both streams until the program has ended and they are empty, or the time is over.
    fn pass_on(
        &mut self,
        mut streams: [(OutputStream, Option<File>); 2],
        sink: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<(), Error> {
        let failed = |source| Error::Stream { source };
        let mut room = self.limits.output.unwrap_or(u64::MAX);
        let mut buffer = vec![0; PIECE];
        for file in streams.iter().filter_map(|(_, file)| file.as_ref()) {
            fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        }
        loop {
            let watch = self.watch();
            let ended = wait::ended_before(&self.started.pidfd, Some(Instant::now()))
                .map_err(|source| Error::Wait { source })?;
            let mut more = false;
            for (stream, file) in &mut streams {
                let Some(open) = file else { continue };
                match drain(open, &mut buffer, &mut room, |piece| sink(*stream, piece)).map_err(failed)? {
                    Stream::Open => {}
                    Stream::More => more = true,
                    Stream::Ended => *file = None,
                    Stream::TooLong => self.exceeded = Some(Verdict::OutputLimit),
                }
            }
            let moment = match watch {
                _ if self.exceeded.is_some() => return Ok(()),
                Watch::Over(_) => return Ok(()),
                Watch::Until(_) if more => continue,
                Watch::Until(_) if ended => return Ok(()),
                Watch::Until(moment) => moment,
            };
            let readable = streams.iter().filter_map(|(_, file)| file.as_ref()).map(AsFd::as_fd);
            await_any(readable.chain([self.started.pidfd.as_fd()]), moment).map_err(|source| Error::Wait { source })?;
        }
    }
}

/// Whether more can come.
#[derive(PartialEq, Eq)]
enum Stream {
    Open,
    More,
    Ended,
    TooLong,
}

/// How much is read by one call: as much as a pipe holds.
const PIECE: usize = 64 * 1024;

/// The most that is read of one stream before the limits are looked at again: a program may write faster than we read.
const PORTION: usize = 1024 * 1024;

/// Passes on what is there now, but no more than a portion, and than there is room for.
fn drain(file: &mut File, buffer: &mut [u8], room: &mut u64, mut sink: impl FnMut(&[u8])) -> io::Result<Stream> {
    let mut read = 0;
    while read < PORTION {
        let most = usize::try_from(room.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let length = match file.read(&mut buffer[..most]) {
            Ok(0) => return Ok(Stream::Ended),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Stream::Open),
            // A terminal whose other side is open nowhere ends like this.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => return Ok(Stream::Ended),
            Err(error) => return Err(error),
        };
        if length as u64 > *room {
            sink(&buffer[..length - 1]);
            *room = 0;
            return Ok(Stream::TooLong);
        }
        sink(&buffer[..length]);
        *room -= length as u64;
        read += length;
    }
    Ok(Stream::More)
}

/// Waits until one of them is readable or the deadline has passed.
fn await_any<'a>(descriptors: impl Iterator<Item = BorrowedFd<'a>>, deadline: Option<Instant>) -> Result<(), Errno> {
    let mut waited: Vec<PollFd<'_>> =
        descriptors.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)).collect();
    match poll(&mut waited, wait::timeout(deadline)) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}
