//! Waiting for a program to exit, and collecting its output.

use std::fs::File;
use std::time::{Duration, Instant};

use minicontainer_core::Report;

use super::{Event, Running};
use crate::process::Hooks;
use crate::sandbox::streams::{CallerStream, Channel, OutputCallback, Sink, Source, StandardStream};
use crate::sandbox::{Error, Sandbox, Stdio};

/// The output of a program, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Everything it wrote to stdout.
    pub stdout: Vec<u8>,
    /// Everything it wrote to stderr.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub report: Report,
}

impl Sandbox {
    /// Runs the program and waits until it exits.
    ///
    /// # Errors
    /// When the program could not be started or waited for. A failing exit code is not an error.
    pub fn status(&self) -> Result<crate::Report, Error> {
        self.launch()?.start(Hooks::none())?.wait()
    }

    /// Runs the program, waits until it exits, and collects its output.
    ///
    /// # Errors
    /// When the program could not be started or waited for. A failing exit code is not an error.
    pub fn output(&self) -> Result<Output, Error> {
        let mut sandbox = self.clone();
        for stdio in sandbox.settings.stdio[1..].iter_mut().filter(|stdio| matches!(stdio, Stdio::Inherit)) {
            *stdio = Stdio::Piped;
        }
        sandbox.launch()?.start(Hooks::none())?.wait_with_output()
    }
}

impl Running {
    /// Waits until the program exits, and collects what it writes to pipes or to its terminal.
    ///
    /// # Errors
    /// When reading its output or waiting for it fails.
    pub fn wait_with_output(mut self) -> Result<Output, Error> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let report = self.wait_with(|stream, bytes| match stream {
            StandardStream::Stderr => stderr.extend_from_slice(bytes),
            _ => stdout.extend_from_slice(bytes),
        })?;
        Ok(Output { stdout, stderr, report })
    }

    /// Waits until the program exits, and passes what it writes to pipes or to its terminal to `output`, piece by
    /// piece. So output of any length takes little memory. No more is passed on than the output limit allows.
    ///
    /// # Errors
    /// When reading its output or waiting for it fails.
    pub fn wait_with(&mut self, mut output: impl FnMut(StandardStream, &[u8])) -> Result<Report, Error> {
        self.pass_on_output()?;
        self.wait_for_end(&mut output)
    }

    /// From now on, [`poll_with`](Running::poll_with) passes on what is written to pipes or to the container's
    /// terminal. A pipe that the caller has taken out of this value is left to the caller.
    ///
    /// # Errors
    /// Never in practice, see F_SETFL in fcntl(2).
    pub fn pass_on_output(&mut self) -> Result<(), Error> {
        let terminal = self.terminal.take().map(Source::Terminal);
        let stdout = terminal.or(self.stdout.take().map(Source::Pipe));
        let stderr = self.stderr.take().map(Source::Pipe);
        for (stream, source) in [(StandardStream::Stdout, stdout), (StandardStream::Stderr, stderr)] {
            if let Some(source) = source {
                self.streams.add(Channel::new(stream, source, Sink::Callback))?;
            }
        }
        Ok(())
    }

    /// Waits until the program exits or a limit is exceeded, and until its output has been copied.
    ///
    /// # Errors
    /// When waiting for it fails, or its streams could not be copied. A failing exit code is not an error. After an
    /// error of the streams, a second call returns the report.
    pub fn wait(&mut self) -> Result<Report, Error> {
        self.wait_for_end(&mut |_, _| {})
    }

    /// The report if the program has exited and its output has been copied, otherwise `None`, at once. As with
    /// [`std::process::Child::try_wait`], stdin stays open. A limit that is exceeded is enforced by this call too.
    ///
    /// # Errors
    /// As [`wait`](Running::wait).
    pub fn try_wait(&mut self) -> Result<Option<Report>, Error> {
        self.wait_until(Some(Instant::now()), &mut |_, _| {})
    }

    /// As [`wait`](Running::wait), but not longer than `timeout`. `None` if the program still runs then: call it
    /// again, or [`kill`](Running::kill) the program and wait for its report.
    ///
    /// # Errors
    /// As [`wait`](Running::wait).
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Option<Report>, Error> {
        drop(self.stdin.take());
        // If the end is too far away to be represented, the call waits without a limit.
        self.wait_until(Instant::now().checked_add(timeout), &mut |_, _| {})
    }

    fn wait_for_end(&mut self, output: &mut OutputCallback<'_>) -> Result<Report, Error> {
        // As in std::process::Child::wait: a program that reads its input to the end would otherwise never exit.
        drop(self.stdin.take());
        let report = self.wait_until(None, output)?;
        report.ok_or(Error::Wait { source: crate::Errno(libc::ECHILD) })
    }

    fn wait_until(
        &mut self,
        deadline: Option<Instant>,
        output: &mut OutputCallback<'_>,
    ) -> Result<Option<Report>, Error> {
        loop {
            match self.poll_until(deadline, &[], output)? {
                Some(Event::Ended) => break,
                Some(Event::Ready | Event::HungUp) => {}
                None => return Ok(None),
            }
        }
        match self.take_copy_error() {
            Some(error) => Err(error),
            None => Ok(self.report.clone()),
        }
    }

    /// Connects the container's terminal, if it has one, to the caller's files while the caller waits: its output
    /// goes to `shown`, and its input comes from `typed`. If either is closed, the container's terminal is hung up,
    /// see [`Event::HungUp`].
    ///
    /// # Errors
    /// When the files cannot be read or written, or the caller has too many descriptors open.
    pub fn show_terminal(&mut self, shown: File, typed: Option<File>) -> Result<(), Error> {
        let Some(terminal) = &self.terminal else { return Ok(()) };
        let side = || terminal.try_clone().map_err(|source| Error::Stream { source });
        if let Some(typed) = typed {
            let typed = CallerStream::inspect(typed, StandardStream::Stdin)?;
            self.streams.add(Channel::new(
                StandardStream::Stdin,
                Source::CallerStream(typed),
                Sink::Terminal(side()?),
            ))?;
        }
        let shown = CallerStream::inspect(shown, StandardStream::Stdout)?;
        self.streams.add(Channel::new(StandardStream::Stdout, Source::Terminal(side()?), Sink::CallerStream(shown)))
    }
}
