//! Copying in a thread, for a caller that has started a container and does not wait for it.
//!
//! The thread exits by itself when the container has ended and what was left in its pipes has been copied. All
//! signals are blocked in it, so that the caller's signal handlers run in the caller's threads.

use std::os::fd::{AsFd, OwnedFd};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{SigSet, Signal};

use super::Streams;
use crate::sandbox::Error;
use crate::sandbox::stdio::pipe;
use crate::sys::wait;

/// A thread that copies.
#[derive(Debug)]
pub(in crate::sandbox) struct Background {
    thread: JoinHandle<Streams>,
    /// A pipe, whose other end the thread closes when everything is copied.
    finished: OwnedFd,
}

impl Background {
    /// Copies these streams until the process behind `pidfd` has exited.
    ///
    /// # Errors
    /// When no thread can be created.
    pub fn start(streams: Streams, pidfd: OwnedFd) -> Result<Background, Error> {
        let (finished, working) = pipe()?;
        let builder = thread::Builder::new().name("minicontainer-streams".to_owned());
        let thread = builder.spawn(move || {
            // This cannot fail. If it did, the only effect would be that a handler of the caller runs in this thread.
            let _blocked = SigSet::all().thread_block();
            let copied = copy(streams, &pidfd);
            drop(working);
            copied
        });
        let thread = thread.map_err(|source| Error::Stream { source })?;
        Ok(Background { thread, finished })
    }

    /// Waits until everything is copied, but not beyond `deadline`. Returns whether it is.
    pub fn is_finished_by(&self, deadline: Option<Instant>) -> bool {
        loop {
            let mut polled = [PollFd::new(self.finished.as_fd(), PollFlags::POLLIN)];
            match poll(&mut polled, wait::timeout(deadline)) {
                Ok(0) => return false,
                Err(Errno::EINTR) => {}
                // After an error, joining the thread is still right.
                Ok(_) | Err(_) => return true,
            }
        }
    }

    /// Waits until everything is copied, and returns the first error.
    pub fn join(self) -> Option<Error> {
        match self.thread.join() {
            Ok(mut streams) => streams.take_failure(),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn copy(mut streams: Streams, pidfd: &OwnedFd) -> Streams {
    let mut has_ended = false;
    while !streams.is_empty() {
        let watched = if has_ended { Vec::new() } else { vec![pidfd.as_fd()] };
        match streams.turn(&watched, None, &mut |_, _| {}) {
            Ok(ready) if ready == [true] => {
                has_ended = true;
                streams.finish();
            }
            Ok(_) => {}
            Err(errno) => {
                streams.fail(Error::Stream { source: errno.into() });
                streams.clear();
            }
        }
        if streams.budget().is_exceeded() {
            // Best effort: the process may have exited already. `Running` kills what is left.
            let _killed = wait::signal(pidfd, Signal::SIGKILL as i32);
        }
    }
    streams
}
