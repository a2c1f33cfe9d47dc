//! One direction of a container's streams.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};

use super::bulk::{self, Bulk};
use super::{Outside, Room, Sink, Source, StandardStream, Told};
use crate::sandbox::Error;

/// How much is read at once.
const BUFFER: usize = 64 * 1024;

/// What a pipe that can be written to has room for.
const PORTION: usize = 4096;

/// How much is copied before the other channels, the signals and the limits have their turn.
const TURN: usize = 1 << 20;

/// The most that is still copied when all that could write has ended: more than pipes and terminals hold.
const REMAINS: usize = 2 << 20;

/// Why a channel has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// What it waits for can be read or written to.
    Ready,
    /// Nobody reads what it would write.
    ReaderGone,
}

/// How far a channel has come.
enum Progress {
    /// There is nothing to read now.
    Empty,
    /// What was read cannot be written now.
    Full,
    /// There may be more to do.
    More,
}

/// One direction.
#[derive(Debug)]
pub(in crate::sandbox) struct Channel {
    stream: StandardStream,
    /// None when one of the two has come to its end.
    ends: Option<(Source, Sink)>,
    /// What was read and is not yet written: `start..end`. It is as large as needed only once something has come.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether it reads from a terminal that no program has open right now.
    is_resting: bool,
    /// Whether nothing more is to be read.
    is_last: bool,
    /// How much is still copied after the container's end.
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
            is_resting: false,
            is_last: false,
            remains: REMAINS,
            is_of_terminal,
        }
    }

    /// Has the calls on those ends that only the engine has come back at once.
    pub(super) fn never_block(&self) -> Result<(), Errno> {
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

    pub(super) fn is_resting(&self) -> bool {
        self.is_resting
    }

    pub(super) fn is_of_terminal(&self) -> bool {
        self.is_of_terminal
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// What it waits for.
    pub(super) fn awaited(&self) -> Vec<(Event, PollFd<'_>)> {
        let mut awaited = Vec::new();
        let Some((source, sink)) = self.ends.as_ref().filter(|_| !self.is_resting) else { return awaited };
        match source.descriptor().filter(|_| self.is_empty()) {
            Some(descriptor) => awaited.push((Event::Ready, PollFd::new(descriptor, PollFlags::POLLIN))),
            None => awaited.extend(sink.descriptor().map(|one| (Event::Ready, PollFd::new(one, PollFlags::POLLOUT)))),
        }
        // A program learns that nobody reads its output when it writes; so must this one, before it has read any
        // more.
        if let (true, Sink::Outside(Outside { file, can_end: true, .. })) = (self.is_empty(), sink) {
            awaited.push((Event::ReaderGone, PollFd::new(file.as_fd(), PollFlags::empty())));
        }
        awaited
    }

    /// Goes on after poll(2), which saw this event.
    pub(super) fn go_on(&mut self, event: Option<Event>, room: &Room, told: &mut Told<'_>) -> Result<(), Error> {
        self.is_resting = false;
        match event {
            None => Ok(()),
            Some(Event::ReaderGone) => {
                self.ends = None;
                Ok(())
            }
            Some(Event::Ready) => self.copy(true, room, told).map(drop),
        }
    }

    /// Copies what the container left behind when it ended, as far as it can be written now.
    pub(super) fn drain(&mut self, room: &Room, told: &mut Told<'_>) -> Result<(), Error> {
        loop {
            match self.copy(false, room, told)? {
                Progress::Full => return Ok(()),
                Progress::More if self.remains > 0 && self.ends.is_some() => {}
                Progress::More | Progress::Empty => {
                    self.ends = None;
                    return Ok(());
                }
            }
        }
    }

    /// Copies as much as there is, but no more than is right for one turn. `is_ready` says that poll(2) has promised
    /// that the next call will not wait.
    fn copy(&mut self, mut is_ready: bool, room: &Room, told: &mut Told<'_>) -> Result<Progress, Error> {
        let mut left = TURN;
        while left > 0 && self.ends.is_some() {
            if self.is_empty() {
                if let Some(count) = self.splice(room)? {
                    left = left.saturating_sub(count);
                    self.remains = self.remains.saturating_sub(count);
                    continue;
                }
                if self.is_last || !self.read(room)? {
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
            let written = sink.write(&self.buffer[self.start..portion], self.stream, told);
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

    /// Moves what a pipe holds into a file, and tells how much. None if it has to be read and written as usual.
    fn splice(&mut self, room: &Room) -> Result<Option<usize>, Error> {
        let Some((Source::Pipe(pipe), Sink::Outside(Outside { file, bulk, .. }))) = &mut self.ends else {
            return Ok(None);
        };
        if self.is_last || *bulk == Bulk::Never {
            return Ok(None);
        }
        let Some(available) = bulk::available(pipe) else { return Ok(None) };
        let allowed = room.take(available);
        self.is_last = allowed < available;
        match bulk::splice(pipe, file, allowed, bulk) {
            Ok(Some(_)) => Ok(Some(available)),
            Ok(None) => {
                self.is_last = false;
                room.give_back(allowed);
                Ok(None)
            }
            Err(error) => {
                self.ends = None;
                Err(self.failure(error))
            }
        }
    }

    /// Reads, and tells whether something came.
    fn read(&mut self, room: &Room) -> Result<bool, Error> {
        self.buffer.resize(BUFFER, 0);
        let Some((source, _)) = &mut self.ends else { return Ok(false) };
        let count = match source.read(&mut self.buffer) {
            Ok(count) => count,
            Err(error) if is_for_now(&error) => return Ok(false),
            Err(error) => {
                let is_hung_up = is_closed_terminal(&error) && source.is_terminal();
                self.is_resting = is_hung_up && matches!(source, Source::Terminal(_));
                if !self.is_resting {
                    self.ends = None;
                }
                return if is_hung_up { Ok(false) } else { Err(self.failure(error)) };
            }
        };
        // The program sees the end of its input when its pipe is closed.
        if count == 0 {
            self.ends = None;
        }
        let allowed = if self.is_output() { room.take(count) } else { count };
        self.is_last = allowed < count;
        (self.start, self.end) = (0, allowed);
        Ok(allowed > 0)
    }

    /// How much has been written; nothing, when the other side has no room or no reader.
    fn written(&mut self, result: io::Result<usize>) -> Result<usize, Error> {
        let Some((_, sink)) = &self.ends else { return Ok(0) };
        match result {
            Ok(0) => Err(self.failure(ErrorKind::WriteZero.into())),
            Ok(count) => {
                self.start += count;
                Ok(count)
            }
            Err(error) if is_for_now(&error) => Ok(0),
            // Typed while no program has the terminal open.
            Err(error) if is_closed_terminal(&error) && matches!(sink, Sink::Terminal(_)) => {
                self.start = self.end;
                Ok(0)
            }
            // As if the program had written there itself: it gets SIGPIPE, or its terminal is hung up.
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

/// How the kernel says that no program has the other side of a terminal open.
fn is_closed_terminal(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EIO as i32)
}
