//! The loop that attends to a container: its streams, its limits of time and its end, in one poll(2).

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use minicontainer_core::Verdict;

use super::limits::Watch;
use super::{Error, Running};
use crate::process::status;
use crate::sandbox::streams::{Background, StandardStream};
use crate::sys::wait;

/// Why [`Running::poll_with`] has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// One of the caller's descriptors can be read.
    Ready,
    /// What the container's terminal was [connected to](Running::show_terminal) is gone. The container's terminal is
    /// gone too, so its processes get SIGHUP.
    HungUp,
    /// The program has ended, and what it wrote has been copied.
    Ended,
}

impl Running {
    /// Copies the container's streams and watches its limits until something happens that is the caller's business,
    /// such as that one of `others` can be read. It is called in a loop, by a caller who has something else to attend
    /// to, such as signals, and no thread for it.
    ///
    /// `output` gets what the container writes, piece by piece, once the caller has asked for it by
    /// [`pass_on_output`](Running::pass_on_output).
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn poll_with(
        &mut self,
        others: &[BorrowedFd<'_>],
        output: &mut dyn FnMut(StandardStream, &[u8]),
    ) -> Result<Event, Error> {
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
                self.finish_streams();
                return Ok(Event::Ended);
            }
            let until = match watch {
                Watch::Over(_) => Some(Instant::now()),
                Watch::Until(_) if self.has_ended() => self.abandons_output_at(),
                Watch::Until(moment) => moment,
            };
            let ready = self.streams.turn(&watched, until, output).map_err(|source| Error::Wait { source })?;
            let (ready, process) = ready.split_at(others.len());
            match watch {
                _ if process == [true] => self.end(None)?,
                Watch::Over(verdict) => self.end(Some(verdict))?,
                Watch::Until(_) if !self.has_ended() && self.streams.room().is_exceeded() => {
                    self.end(Some(Verdict::OutputLimit))?;
                }
                Watch::Until(_) => {}
            }
            if self.streams.has_hung_up() {
                self.streams.hang_up();
                self.terminal = None;
                return Ok(Event::HungUp);
            }
            if ready.contains(&true) {
                return Ok(Event::Ready);
            }
        }
    }

    /// Whether the program has ended. What it wrote may still have to be copied.
    pub fn has_ended(&self) -> bool {
        self.report.is_some()
    }

    /// Copies nothing more, for a caller who does not want to wait for whoever reads the output.
    pub fn abandon_output(&mut self) {
        self.streams.clear();
    }

    /// Copies for this long at most once the program has ended, for a caller who was asked to end and whose output
    /// may have no reader.
    pub fn abandon_output_after(&mut self, patience: Duration) {
        self.output_patience = Some(patience);
    }

    /// When copying ends although there may be more.
    fn abandons_output_at(&self) -> Option<Instant> {
        self.ended_at.zip(self.output_patience).map(|(end, patience)| end + patience)
    }

    /// Why a stream could not be copied, if one could not: for a caller of [`poll_with`](Running::poll_with). The
    /// first
    /// [`wait`](Running::wait) after it gives this error, unless it was taken before.
    pub fn take_copy_error(&mut self) -> Option<Error> {
        self.streams.take_failure()
    }

    /// Has the streams copied by a thread from now on, if any have to be.
    pub(in crate::sandbox) fn copy_in_background(&mut self) -> Result<(), Error> {
        if !self.streams.is_empty() {
            let pidfd = self.started.pidfd.try_clone().map_err(|source| Error::Stream { source })?;
            self.background = Some(Background::start(self.streams.take(), pidfd)?);
        }
        Ok(())
    }

    /// Ends what is left of the container, because its first process has ended or because a limit is exceeded.
    fn end(&mut self, exceeded: Option<Verdict>) -> Result<(), Error> {
        self.exceeded = exceeded;
        if exceeded.is_some() {
            // An init that is killed waits for nobody any more, so its own usage would leave the program's out.
            self.cpu_time_before_kill = self.cpu_time();
            self.kill()?;
        }
        self.end_stragglers();
        let mut ended = wait::reap(&self.started.pidfd).map_err(|source| Error::Wait { source })?;
        ended.how = status::of_program(ended.how, self.started.pid, self.started.status.as_ref())
            .map_err(|source| Error::NoStatus { source })?;
        self.report = Some(self.conclude(ended));
        self.ended_at = Some(Instant::now());
        self.streams.finish();
        Ok(())
    }

    /// What was written in the end counts, too.
    fn finish_streams(&mut self) {
        if let Some(error) = self.background.take().and_then(Background::join) {
            self.streams.fail(error);
        }
        if let (Some(report), None, true) = (&mut self.report, self.exceeded, self.streams.room().is_exceeded()) {
            report.verdict = Verdict::OutputLimit;
        }
    }
}
