//! A channel: one direction of a container's streams.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};

use super::splice::{self, Bulk};
use super::{CallerStream, OutputBudget, OutputCallback, Sink, Source, StandardStream};
use crate::sandbox::Error;

/// How many bytes are read at once.
const BUFFER: usize = 64 * 1024;

/// How many bytes fit into a pipe when poll(2) reports it as writable: `PIPE_BUF`, see pipe(7).
const PORTION: usize = 4096;

/// How many bytes a channel copies before the other channels, signals and limits are handled.
const TURN: usize = 1 << 20;

/// The limit on what is copied after all writers have exited. It is more than pipes and terminals can hold.
const REMAINS: usize = 2 << 20;

/// Why a channel has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The descriptor that it waits for is readable or writable.
    Ready,
    /// The reader of its output has closed the other end.
    ReaderGone,
}

/// The state of a channel after copying.
enum Progress {
    /// There is nothing to read at the moment.
    Empty,
    /// What was read cannot be written at the moment.
    Full,
    /// There may be more to do.
    More,
}

/// One direction of a container's streams.
#[derive(Debug)]
pub(in crate::sandbox) struct Channel {
    stream: StandardStream,
    /// None once either end is closed.
    ends: Option<(Source, Sink)>,
    /// Holds what was read and is not yet written, at `start..end`. It is allocated at the first read.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether it reads from a terminal that no program has open at the moment.
    waits_for_terminal: bool,
    /// Whether nothing more will be read.
    is_last: bool,
    /// How many bytes may still be copied after the container has ended.
    remains: usize,
    is_of_terminal: bool,
}

impl Channel {
    /// From a source to a sink.
    pub fn new(stream: StandardStream, source: Source, sink: Sink) -> Channel {
        let is_of_terminal = matches!(source, Source::Terminal(_)) || matches!(sink, Sink::Terminal(_));
        Channel {
            stream,
            ends: Some((source, sink)),
            buffer: Vec::new(),
            start: 0,
            end: 0,
            waits_for_terminal: false,
            is_last: false,
            remains: REMAINS,
            is_of_terminal,
        }
    }

    /// Sets `O_NONBLOCK` on those ends that only the engine has open.
    pub(super) fn set_nonblocking(&self) -> Result<(), Errno> {
        let Some((source, sink)) = &self.ends else { return Ok(()) };
        let mut own = source.own().into_iter().chain(sink.own());
        own.try_for_each(|file| fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop))
    }

    pub(super) fn is_output(&self) -> bool {
        self.stream != StandardStream::Stdin
    }

    pub(super) fn is_closed(&self) -> bool {
        self.ends.is_none()
    }

    pub(super) fn waits_for_terminal(&self) -> bool {
        self.waits_for_terminal
    }

    pub(super) fn is_of_terminal(&self) -> bool {
        self.is_of_terminal
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The events that it waits for.
    pub(super) fn awaited(&self) -> Vec<(Event, PollFd<'_>)> {
        let mut awaited = Vec::new();
        let Some((source, sink)) = self.ends.as_ref().filter(|_| !self.waits_for_terminal) else { return awaited };
        match source.descriptor().filter(|_| self.is_empty()) {
            Some(descriptor) => awaited.push((Event::Ready, PollFd::new(descriptor, PollFlags::POLLIN))),
            None => awaited.extend(sink.descriptor().map(|one| (Event::Ready, PollFd::new(one, PollFlags::POLLOUT)))),
        }
        // A program gets EPIPE when it writes to a closed pipe. To close the container's pipe in time, the engine
        // must notice a closed reader before it reads more from the container.
        if let (true, Sink::CallerStream(CallerStream { file, can_end: true, .. })) = (self.is_empty(), sink) {
            awaited.push((Event::ReaderGone, PollFd::new(file.as_fd(), PollFlags::empty())));
        }
        awaited
    }

    /// Continues after poll(2) has returned this event.
    pub(super) fn continue_after(
        &mut self,
        event: Option<Event>,
        budget: &OutputBudget,
        output: &mut OutputCallback<'_>,
    ) -> Result<(), Error> {
        self.waits_for_terminal = false;
        match event {
            None => Ok(()),
            Some(Event::ReaderGone) => {
                self.ends = None;
                Ok(())
            }
            Some(Event::Ready) => self.copy(true, budget, output).map(drop),
        }
    }

    /// Copies what was left in the pipe when the container ended, as far as it can be written at the moment.
    pub(super) fn drain(&mut self, budget: &OutputBudget, output: &mut OutputCallback<'_>) -> Result<(), Error> {
        loop {
            match self.copy(false, budget, output)? {
                Progress::Full => return Ok(()),
                Progress::More if self.remains > 0 && self.ends.is_some() => {}
                Progress::More | Progress::Empty => {
                    self.ends = None;
                    return Ok(());
                }
            }
        }
    }

    /// Copies what is available, up to `TURN` bytes. `is_ready`: poll(2) has reported that the next call will not
    /// block.
    fn copy(
        &mut self,
        mut is_ready: bool,
        budget: &OutputBudget,
        output: &mut OutputCallback<'_>,
    ) -> Result<Progress, Error> {
        let mut left = TURN;
        while left > 0 && self.ends.is_some() {
            if self.is_empty() {
                if let Some(count) = self.splice(budget)? {
                    left = left.saturating_sub(count);
                    self.remains = self.remains.saturating_sub(count);
                    continue;
                }
                if self.is_last || !self.read(budget)? {
                    return Ok(Progress::Empty);
                }
                is_ready = false;
            }
            let Some((source, sink)) = &mut self.ends else { break };
            let must_poll = sink.must_poll();
            if must_poll && !is_ready {
                return Ok(Progress::Full);
            }
            let portion = if must_poll { self.end.min(self.start + PORTION) } else { self.end };
            let pauses = source.must_poll();
            let written = sink.write(&self.buffer[self.start..portion], self.stream, output);
            let count = self.written(written)?;
            left = left.saturating_sub(count);
            self.remains = self.remains.saturating_sub(count);
            match self.is_empty() {
                true if pauses => break,
                true => {}
                false => return Ok(Progress::Full),
            }
        }
        Ok(Progress::More)
    }

    /// Moves the content of a pipe into a file, and returns how many bytes. None if it has to be read and written as
    /// usual.
    fn splice(&mut self, budget: &OutputBudget) -> Result<Option<usize>, Error> {
        let Some((Source::Pipe(pipe), Sink::CallerStream(CallerStream { file, bulk, .. }))) = &mut self.ends else {
            return Ok(None);
        };
        if self.is_last || *bulk == Bulk::Never {
            return Ok(None);
        }
        let Some(available) = splice::available(pipe) else { return Ok(None) };
        let allowed = budget.take(available);
        self.is_last = allowed < available;
        match splice::splice(pipe, file, allowed, bulk) {
            Ok(Some(_)) => Ok(Some(available)),
            Ok(None) => {
                self.is_last = false;
                budget.return_unused(allowed);
                Ok(None)
            }
            Err(error) => {
                self.ends = None;
                Err(self.failure(error))
            }
        }
    }

    /// Fills the buffer. Returns whether it holds anything.
    fn read(&mut self, budget: &OutputBudget) -> Result<bool, Error> {
        self.buffer.resize(BUFFER, 0);
        let Some((source, _)) = &mut self.ends else { return Ok(false) };
        let count = match source.read(&mut self.buffer) {
            Ok(count) => count,
            Err(error) if is_for_now(&error) => return Ok(false),
            Err(error) => {
                let is_hung_up = is_closed_terminal(&error) && source.is_terminal();
                self.waits_for_terminal = is_hung_up && matches!(source, Source::Terminal(_));
                if !self.waits_for_terminal {
                    self.ends = None;
                }
                return if is_hung_up { Ok(false) } else { Err(self.failure(error)) };
            }
        };
        // Closing the pipe gives the program end of file.
        if count == 0 {
            self.ends = None;
        }
        let allowed = if self.is_output() { budget.take(count) } else { count };
        self.is_last = allowed < count;
        (self.start, self.end) = (0, allowed);
        Ok(allowed > 0)
    }

    /// The number of bytes written; 0 when the other side has no room or no reader.
    fn written(&mut self, result: io::Result<usize>) -> Result<usize, Error> {
        let Some((_, sink)) = &self.ends else { return Ok(0) };
        match result {
            Ok(0) => Err(self.failure(ErrorKind::WriteZero.into())),
            Ok(count) => {
                self.start += count;
                Ok(count)
            }
            Err(error) if is_for_now(&error) => Ok(0),
            // Input typed while no program has the terminal open is discarded.
            Err(error) if is_closed_terminal(&error) && matches!(sink, Sink::Terminal(_)) => {
                self.start = self.end;
                Ok(0)
            }
            // The container gets the same effect as if it had written there itself: SIGPIPE, or a hangup.
            Err(error) => {
                let is_gone = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
                    || is_closed_terminal(&error) && sink.is_terminal();
                (self.ends, self.start) = (None, self.end);
                if is_gone { Ok(0) } else { Err(self.failure(error)) }
            }
        }
    }

    fn failure(&self, source: io::Error) -> Error {
        Error::Copy { stream: self.stream, source }
    }
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// EIO means that no program has the other side of a terminal open.
fn is_closed_terminal(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EIO as i32)
}
