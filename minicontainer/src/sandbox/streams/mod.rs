//! Copying between a container's standard streams and what lies outside.
//!
//! Nothing that the caller has open ever comes inside: whoever has a descriptor of a file can change the file's mode
//! through `/proc/self/fd`, read what it may only write, and open a directory's parents. So inside there are pipes
//! that the engine has made, or a terminal of the container's own, and the engine copies:
//!
//! ```text
//!   stdin of the caller, a file, bytes in memory  ──▶ container's stdin         stdin  ──▶ ┐
//!   stdout of the caller, a file, a closure       ◀── container's stdout        stdout ◀── ┴ container's terminal
//!   stderr of the caller, a file, a closure       ◀── container's stderr
//! ```
//!
//! Each direction is a [`Channel`] with one buffer: it reads only when that is empty, so a program that writes faster
//! than the other side reads has to wait, as with a pipe (*backpressure*). [`Streams::turn`] is one round of a
//! poll(2) loop: it waits until something can be done, does a bounded amount of it, and comes back, so that signals,
//! limits of time and the container's end are noticed at all times. There is no thread and no global state; only for
//! a caller who does not wait does [`background`] run the same loop in a thread.
//!
//! Bytes are copied by read(2) and write(2); for large outputs into a file there is a faster way, [`bulk`].

mod background;
mod bulk;
mod channel;
mod ends;
mod outside;
#[cfg(test)]
mod tests;

use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use super::Error;
use crate::sys::wait;

pub(super) use background::Background;
pub(super) use channel::Channel;
pub(super) use ends::{Sink, Source};
pub(super) use outside::Outside;

/// How long a terminal rests that no program has open; one may open it again.
const REST: Duration = Duration::from_millis(50);

/// One of the three standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandardStream {
    /// What a program reads.
    Stdin,
    /// Where it writes its results.
    Stdout,
    /// Where it writes its messages.
    Stderr,
}

impl fmt::Display for StandardStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            StandardStream::Stdin => "stdin",
            StandardStream::Stdout => "stdout",
            StandardStream::Stderr => "stderr",
        })
    }
}

/// Gets what a container writes, piece by piece.
pub(super) type Told<'a> = dyn FnMut(StandardStream, &[u8]) + 'a;

/// How much a container may still write, on all its streams together, whoever copies them.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<(AtomicU64, AtomicBool)>);

impl Room {
    /// Room for this many bytes; without a limit, for as many as come.
    pub fn new(limit: Option<u64>) -> Room {
        Room(Arc::new((AtomicU64::new(limit.unwrap_or(u64::MAX)), AtomicBool::new(false))))
    }

    /// Takes room for `count` bytes, and tells for how many there was some.
    fn take(&self, count: usize) -> usize {
        let (room, exceeded) = &*self.0;
        let rest = |room: u64| Some(room.saturating_sub(count as u64));
        let before = room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, rest).unwrap_or_else(|room| room);
        let allowed = usize::try_from(before).unwrap_or(usize::MAX).min(count);
        if allowed < count {
            exceeded.store(true, Ordering::SeqCst);
        }
        allowed
    }

    /// Gives room back that was taken for nothing.
    fn give_back(&self, count: usize) {
        self.0.0.fetch_add(count as u64, Ordering::SeqCst);
    }

    /// Whether there was more than fits.
    pub fn is_exceeded(&self) -> bool {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// All directions of one container.
#[derive(Debug)]
pub(super) struct Streams {
    channels: Vec<Channel>,
    room: Room,
    /// Whether the container has ended, so that only what it has left in its pipes is still copied.
    is_draining: bool,
    /// Whether a terminal of the container's has lost what it was connected to.
    has_hung_up: bool,
    failure: Option<Error>,
}

impl Streams {
    /// Copies nothing yet.
    pub fn new(room: Room) -> Streams {
        Streams { channels: Vec::new(), room, is_draining: false, has_hung_up: false, failure: None }
    }

    /// Copies this direction as well.
    ///
    /// # Errors
    /// Never in practice, see F_SETFL in fcntl(2).
    pub fn add(&mut self, channel: Channel) -> Result<(), Error> {
        channel.never_block().map_err(|errno| Error::Stream { source: errno.into() })?;
        self.channels.push(channel);
        Ok(())
    }

    /// Whether there is nothing left to copy.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Copies nothing more.
    pub fn clear(&mut self) {
        self.channels.clear();
    }

    /// Copies only what the container has written before it ended.
    pub fn finish(&mut self) {
        self.is_draining = true;
        self.channels.retain(Channel::is_output);
    }

    /// How much the container may still write.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Keeps a reason why something could not be copied, if it is the first.
    pub fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// The first reason why something could not be copied.
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Whether the container's terminal has lost what it was connected to.
    pub fn has_hung_up(&self) -> bool {
        self.has_hung_up
    }

    /// Copies nothing more from or to the container's terminal, which will be closed.
    pub fn hang_up(&mut self) {
        self.channels.retain(|channel| !channel.is_of_terminal());
        self.has_hung_up = false;
    }

    /// The same directions and the same room, for somebody else to copy; nothing is left here.
    pub fn take(&mut self) -> Streams {
        let room = self.room.clone();
        std::mem::replace(self, Streams::new(room))
    }

    /// Waits until something can be copied or one of `watched` can be read, but not beyond `until`. Copies what there
    /// is, and tells which of `watched` are ready. It is called in a loop.
    ///
    /// # Errors
    /// When poll(2) fails. What cannot be copied is not an error of this call, see
    /// [`take_failure`](Streams::take_failure).
    pub fn turn(
        &mut self,
        watched: &[BorrowedFd<'_>],
        until: Option<Instant>,
        told: &mut Told<'_>,
    ) -> Result<Vec<bool>, Errno> {
        if self.is_draining {
            self.each(|channel, room| channel.drain(room, told));
            if self.is_empty() {
                return Ok(vec![false; watched.len()]);
            }
        }
        let mut polled: Vec<PollFd<'_>> = watched.iter().map(|one| PollFd::new(*one, PollFlags::POLLIN)).collect();
        let mut places = Vec::new();
        for (place, channel) in self.channels.iter().enumerate() {
            for (event, descriptor) in channel.awaited() {
                places.push((place, event));
                polled.push(descriptor);
            }
        }
        let rest = self.channels.iter().any(Channel::is_resting).then(|| Instant::now() + REST);
        match poll(&mut polled, wait::timeout(until.into_iter().chain(rest).min())) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut ready = polled.iter().map(|one| one.any() != Some(false));
        let watched = ready.by_ref().take(watched.len()).collect();
        let mut events = vec![None; self.channels.len()];
        places.into_iter().zip(ready).filter(|(_, ready)| *ready).for_each(|((place, event), _)| {
            events[place] = Some(event);
        });
        let mut events = events.into_iter();
        self.each(|channel, room| channel.go_on(events.next().flatten(), room, told));
        Ok(watched)
    }

    /// Lets every channel do something, and removes those that have come to their end.
    fn each(&mut self, mut act: impl FnMut(&mut Channel, &Room) -> Result<(), Error>) {
        for channel in &mut self.channels {
            if let Err(error) = act(channel, &self.room) {
                self.failure.get_or_insert(error);
            }
            self.has_hung_up |= channel.is_closed() && channel.is_of_terminal() && !self.is_draining;
        }
        self.channels.retain(|channel| !channel.is_closed());
    }
}
