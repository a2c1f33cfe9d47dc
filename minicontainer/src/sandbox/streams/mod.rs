//! Copying between a container's standard streams and the caller's files.
//!
//! The container never gets a descriptor that the caller has open. A process with such a descriptor can change the
//! file's mode through `/proc/self/fd`, read a file that is open only for writing, and open a directory's parents. So
//! the container gets pipes created by the engine, or its own terminal, and the engine copies:
//!
//! ```text
//!   stdin of the caller, a file, bytes in memory  ──▶ container's stdin         stdin  ──▶ ┐
//!   stdout of the caller, a file, a closure       ◀── container's stdout        stdout ◀── ┴ container's terminal
//!   stderr of the caller, a file, a closure       ◀── container's stderr
//! ```
//!
//! Each direction is a [`Channel`] with one buffer. It reads only when the buffer is empty, so a program that writes
//! faster than the other side reads has to wait, as with a pipe (*backpressure*). [`Streams::turn`] is one iteration
//! of a poll(2) loop: it waits until something can be copied, copies a bounded amount, and returns. So signals, time
//! limits and the container's exit are handled without delay. There is no thread and no global state. Only for a
//! caller that does not wait, [`background`] runs the same loop in a thread.
//!
//! Bytes are copied by read(2) and write(2). For large outputs to a file, [`splice`] is faster.
//!
//! Decisions: `minicontainer/decisions/streams-and-terminals.md`.

mod background;
mod caller_stream;
mod channel;
mod ends;
mod splice;
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
pub(super) use caller_stream::CallerStream;
pub(super) use channel::Channel;
pub(super) use ends::{Sink, Source};

/// How long to wait before reading again from a terminal that no program has open. A program may open it again.
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

/// A callback that receives what a container writes, piece by piece.
pub(super) type OutputCallback<'a> = dyn FnMut(StandardStream, &[u8]) + 'a;

/// How many bytes a container may still write on all its streams together. All threads that copy share it.
#[derive(Clone, Debug)]
pub(super) struct OutputBudget {
    limit: Option<u64>,
    /// What is left of it, and whether the container wrote more.
    left: Arc<(AtomicU64, AtomicBool)>,
}

impl OutputBudget {
    /// A budget of this many bytes; `None` means unlimited.
    pub fn new(limit: Option<u64>) -> OutputBudget {
        let left = Arc::new((AtomicU64::new(limit.unwrap_or(u64::MAX)), AtomicBool::new(false)));
        OutputBudget { limit, left }
    }

    /// Takes up to `count` bytes from the budget, and returns how many it allowed.
    fn take(&self, count: usize) -> usize {
        let (budget, exceeded) = &*self.left;
        let rest = |budget: u64| Some(budget.saturating_sub(count as u64));
        let before = budget.fetch_update(Ordering::SeqCst, Ordering::SeqCst, rest).unwrap_or_else(|budget| budget);
        let allowed = usize::try_from(before).unwrap_or(usize::MAX).min(count);
        if allowed < count {
            exceeded.store(true, Ordering::SeqCst);
        }
        allowed
    }

    /// Returns the unused part of the budget.
    fn return_unused(&self, count: usize) {
        self.left.0.fetch_add(count as u64, Ordering::SeqCst);
    }

    /// Whether the container wrote more than its budget.
    pub fn is_exceeded(&self) -> bool {
        self.left.1.load(Ordering::SeqCst)
    }

    /// How many bytes of the limit were used; none without a limit.
    pub fn used(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.left.0.load(Ordering::SeqCst)))
    }
}

/// All channels of one container.
#[derive(Debug)]
pub(super) struct Streams {
    channels: Vec<Channel>,
    budget: OutputBudget,
    /// Whether the container has ended, so that only what is left in its pipes is still copied.
    is_draining: bool,
    /// Whether the file that the container's terminal was connected to has been closed.
    has_hung_up: bool,
    failure: Option<Error>,
}

impl Streams {
    /// No channels yet.
    pub fn new(budget: OutputBudget) -> Streams {
        Streams { channels: Vec::new(), budget, is_draining: false, has_hung_up: false, failure: None }
    }

    /// Adds a channel.
    ///
    /// # Errors
    /// Never in practice, see F_SETFL in fcntl(2).
    pub fn add(&mut self, channel: Channel) -> Result<(), Error> {
        channel.set_nonblocking().map_err(|errno| Error::Stream { source: errno.into() })?;
        self.channels.push(channel);
        Ok(())
    }

    /// Whether there is nothing left to copy.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Stops copying.
    pub fn clear(&mut self) {
        self.channels.clear();
    }

    /// From now on, copies only what the container wrote before it ended.
    pub fn finish(&mut self) {
        self.is_draining = true;
        self.channels.retain(Channel::is_output);
    }

    /// How much the container may still write.
    pub fn budget(&self) -> &OutputBudget {
        &self.budget
    }

    /// Records an error of copying, if it is the first.
    pub fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// Takes the first error of copying.
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Whether the file that the container's terminal was connected to has been closed.
    pub fn has_hung_up(&self) -> bool {
        self.has_hung_up
    }

    /// Stops copying from and to the container's terminal, which will be closed.
    pub fn hang_up(&mut self) {
        self.channels.retain(|channel| !channel.is_of_terminal());
        self.has_hung_up = false;
    }

    /// Moves all channels out, with the same budget, so that another thread can copy them.
    pub fn take(&mut self) -> Streams {
        let budget = self.budget.clone();
        std::mem::replace(self, Streams::new(budget))
    }

    /// Waits until something can be copied or one of `watched` is readable, but not beyond `until`. Then copies what
    /// is available, and returns which of `watched` are readable. Call it in a loop.
    ///
    /// # Errors
    /// When poll(2) fails. Errors of copying are recorded instead, see [`take_failure`](Streams::take_failure).
    pub fn turn(
        &mut self,
        watched: &[BorrowedFd<'_>],
        until: Option<Instant>,
        output: &mut OutputCallback<'_>,
    ) -> Result<Vec<bool>, Errno> {
        if self.is_draining {
            self.each(|channel, budget| channel.drain(budget, output));
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
        let rest = self.channels.iter().any(Channel::waits_for_terminal).then(|| Instant::now() + REST);
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
        self.each(|channel, budget| channel.continue_after(events.next().flatten(), budget, output));
        Ok(watched)
    }

    /// Calls `act` on every channel, and removes the channels that are closed.
    fn each(&mut self, mut act: impl FnMut(&mut Channel, &OutputBudget) -> Result<(), Error>) {
        for channel in &mut self.channels {
            if let Err(error) = act(channel, &self.budget) {
                self.failure.get_or_insert(error);
            }
            self.has_hung_up |= channel.is_closed() && channel.is_of_terminal() && !self.is_draining;
        }
        self.channels.retain(|channel| !channel.is_closed());
    }
}
