//! Collecting what a program writes, while it runs.
//!
//! A pipe holds 64 KiB, see pipe(7): a program that has filled one waits until somebody reads. So both streams are read
//! as they come, and the end of the program, the limits of time and that of the output are watched beside.

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

impl Running {
    /// Waits for the end and collects what was written to pipes meanwhile.
    ///
    /// # Errors
    /// When it cannot be read from or waited for.
    pub fn wait_with_output(mut self) -> Result<Output, Error> {
        drop(self.stdin.take());
        let mut streams =
            [self.terminal.take().or(self.stdout.take()), self.stderr.take()].map(|file| (file, Vec::new()));
        self.collect(&mut streams)?;
        let report = self.wait()?;
        let [(_, stdout), (_, stderr)] = streams;
        Ok(Output { stdout, stderr, report })
    }

    /// Reads both streams until the program has ended and they are empty, or the time is over.
    fn collect(&mut self, streams: &mut [(Option<File>, Vec<u8>); 2]) -> Result<(), Error> {
        let failed = |source| Error::Stream { source };
        let mut room = self.limits.output.unwrap_or(u64::MAX);
        for file in streams.iter().filter_map(|(file, _)| file.as_ref()) {
            fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        }
        loop {
            let watch = self.watch();
            let ended = wait::ended_before(&self.started.pidfd, Some(Instant::now()))
                .map_err(|source| Error::Wait { source })?;
            let mut more = false;
            for (file, collected) in streams.iter_mut() {
                let Some(open) = file else { continue };
                match drain(open, collected, &mut room).map_err(failed)? {
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
            let readable = streams.iter().filter_map(|(file, _)| file.as_ref()).map(AsFd::as_fd);
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

/// The most that is read at once: whoever writes faster than we read would otherwise never let go.
const PORTION: u64 = 1024 * 1024;

/// Reads what is there now, but no more than a portion, and than there is room for.
fn drain(file: &mut File, collected: &mut Vec<u8>, room: &mut u64) -> io::Result<Stream> {
    let before = collected.len();
    let portion = room.saturating_add(1).min(PORTION);
    let result = file.take(portion).read_to_end(collected);
    let read = (collected.len() - before) as u64;
    if read > *room {
        collected.pop();
        *room = 0;
        return Ok(Stream::TooLong);
    }
    *room -= read;
    match result {
        Ok(_) if read == portion => Ok(Stream::More),
        Ok(_) => Ok(Stream::Ended),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Stream::Open),
        // So ends a terminal that nobody has open on the other side.
        Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(Stream::Ended),
        Err(error) => Err(error),
    }
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
