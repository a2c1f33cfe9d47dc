//! The loop that supervises a container: one poll(2) for its streams, its time limits and its exit.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use minicontainer_core::Verdict;

use super::limits::Watch;
use super::{Error, Running};
use crate::process::init_status;
use crate::sandbox::streams::{Background, StandardStream};
use crate::sys::{of_nix, wait};

/// Why [`Running::poll_with`] has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// One of the caller's descriptors is readable.
    Ready,
    /// The caller's terminal that the container's terminal was [connected to](Running::show_terminal) has been
    /// closed. The container's terminal has been closed too, so its processes get SIGHUP.
    HungUp,
    /// The program has ended, and what it wrote has been copied.
    Ended,
}

impl Running {
    /// Copies the container's streams and watches its limits until there is an [`Event`] for the caller, such as one
    /// of `others` becoming readable. Call it in a loop. It is for callers that also handle something else, such as
    /// signals, without a second thread.
    ///
    /// `output` receives what the container writes, piece by piece, after the caller has called
    /// [`pass_on_output`](Running::pass_on_output).
    ///
    /// # Errors
    /// When waiting for the container fails.
    pub fn poll_with(
        &mut self,
        others: &[BorrowedFd<'_>],
        output: &mut dyn FnMut(StandardStream, &[u8]),
    ) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.poll_until(None, others, output)? {
                return Ok(event);
            }
        }
    }

    /// As [`poll_with`](Running::poll_with), but not beyond `deadline`. `None` if there is no event by then.
    pub(super) fn poll_until(
        &mut self,
        deadline: Option<Instant>,
        others: &[BorrowedFd<'_>],
        output: &mut dyn FnMut(StandardStream, &[u8]),
    ) -> Result<Option<Event>, Error> {
        loop {
            let mut watched = others.to_vec();
            let mut watch = Watch::Until(None);
            if !self.has_ended() {
                watch = self.watch();
                watched.push(self.started.pidfd.as_fd());
            } else if self.streams.is_empty()
                || self.abandons_output_at().is_some_and(|moment| moment <= Instant::now())
            {
                self.streams.clear();
                if self.background.as_ref().is_some_and(|background| !background.is_finished_by(deadline)) {
                    return Ok(None);
                }
                self.finish_streams();
                return Ok(Some(Event::Ended));
            }
            let had_ended = self.has_ended();
            let until = match watch {
                Watch::Exceeded(_) => Some(Instant::now()),
                Watch::Until(_) if had_ended => self.abandons_output_at(),
                Watch::Until(moment) => moment,
            };
            let until = until.into_iter().chain(deadline).min();
            let ready =
                self.streams.turn(&watched, until, output).map_err(|errno| Error::Wait { source: of_nix(errno) })?;
            let (ready, process) = ready.split_at(others.len());
            match watch {
                _ if process == [true] => self.end(None)?,
                Watch::Exceeded(verdict) => self.end(Some(verdict))?,
                Watch::Until(_) if !self.has_ended() && self.streams.budget().is_exceeded() => {
                    self.end(Some(Verdict::OutputLimit))?;
                }
                Watch::Until(_) => {}
            }
            if self.streams.has_hung_up() {
                self.streams.hang_up();
                self.terminal = None;
                return Ok(Some(Event::HungUp));
            }
            if ready.contains(&true) {
                return Ok(Some(Event::Ready));
            }
            // A program that has just ended may have nothing left to copy, so the next iteration decides.
            if had_ended == self.has_ended() && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(None);
            }
        }
    }

    /// Whether the program has ended. Some of its output may not have been copied yet.
    pub fn has_ended(&self) -> bool {
        self.report.is_some()
    }

    /// Stops copying, for a caller that does not want to wait for the reader of the output.
    pub fn abandon_output(&mut self) {
        self.streams.clear();
    }

    /// Limits how long output is copied after the program has ended. For a caller that was asked to exit, and whose
    /// output may have no reader.
    pub fn abandon_output_after(&mut self, timeout: Duration) {
        self.output_timeout = Some(timeout);
    }

    /// When copying stops even if there is more output.
    fn abandons_output_at(&self) -> Option<Instant> {
        self.ended_at.zip(self.output_timeout).map(|(end, timeout)| end + timeout)
    }

    /// The error of a stream that could not be copied, if there is one. For a caller of
    /// [`poll_with`](Running::poll_with). Unless it is taken here, the next [`wait`](Running::wait) returns it.
    pub fn take_copy_error(&mut self) -> Option<Error> {
        self.streams.take_failure()
    }

    /// Starts a thread that copies the streams, if there are any to copy.
    pub(in crate::sandbox) fn copy_in_background(&mut self) -> Result<(), Error> {
        if !self.streams.is_empty() {
            let pidfd = self.started.pidfd.try_clone().map_err(|source| Error::Stream { source })?;
            self.background = Some(Background::start(self.streams.take(), pidfd)?);
        }
        Ok(())
    }

    /// Kills the remaining processes, because the first process has exited or because a limit is exceeded.
    fn end(&mut self, exceeded: Option<Verdict>) -> Result<(), Error> {
        self.exceeded = exceeded;
        if exceeded.is_some() {
            // A killed init no longer reaps its children, so its own usage would not include the program's.
            self.cpu_time_before_kill = self.cpu_time();
            self.kill()?;
        }
        self.kill_remaining();
        let mut ended = wait::reap(&self.started.pidfd).map_err(|source| Error::Wait { source })?;
        ended.how = init_status::of_program(ended.how, self.started.pid, self.started.status.as_ref())
            .map_err(|source| Error::NoStatus { source })?;
        self.report = Some(self.conclude(ended));
        self.ended_at = Some(Instant::now());
        self.streams.finish();
        Ok(())
    }

    /// Waits for the copying thread. Output that it copied last still counts toward the output limit.
    fn finish_streams(&mut self) {
        if let Some(error) = self.background.take().and_then(Background::join) {
            self.streams.fail(error);
        }
        if let Some(report) = &mut self.report {
            report.output_bytes = self.streams.budget().used();
        }
        if let (Some(report), None, true) = (&mut self.report, self.exceeded, self.streams.budget().is_exceeded()) {
            report.verdict = Verdict::OutputLimit;
        }
    }
}
