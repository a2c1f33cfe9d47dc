//! Running a program to its end, and collecting what it writes.

use std::fs::File;

use minicontainer_core::Report;

use super::{Event, Running};
use crate::process::Hooks;
use crate::sandbox::streams::{Channel, Outside, Sink, Source, StandardStream, Told};
use crate::sandbox::{Error, Sandbox, Stdio};

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

impl Sandbox {
    /// Runs the program to its end.
    ///
    /// # Errors
    /// When the program could not be started or waited for; how it ended is no error.
    pub fn status(&self) -> Result<crate::Report, Error> {
        self.launch()?.start(Hooks::none())?.wait()
    }

    /// Runs the program to its end and collects what it writes.
    ///
    /// # Errors
    /// When the program could not be started or waited for; how it ended is not an error.
    pub fn output(&self) -> Result<Output, Error> {
        let mut sandbox = self.clone();
        for stdio in sandbox.settings.stdio[1..].iter_mut().filter(|stdio| matches!(stdio, Stdio::Inherit)) {
            *stdio = Stdio::Piped;
        }
        sandbox.launch()?.start(Hooks::none())?.wait_with_output()
    }
}

impl Running {
    /// Waits for the end and collects what is written to pipes meanwhile, or to its terminal.
    ///
    /// # Errors
    /// When it cannot be read from or waited for.
    pub fn wait_with_output(mut self) -> Result<Output, Error> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let report = self.wait_with(|stream, bytes| match stream {
            StandardStream::Stderr => stderr.extend_from_slice(bytes),
            _ => stdout.extend_from_slice(bytes),
        })?;
        Ok(Output { stdout, stderr, report })
    }

    /// Waits for the end and passes on what is written to pipes meanwhile, or to its terminal, piece by piece: so an
    /// output of any length takes little memory. No more is passed on than the output limit allows.
    ///
    /// # Errors
    /// When it cannot be read from or waited for.
    pub fn wait_with(&mut self, mut output: impl FnMut(StandardStream, &[u8])) -> Result<Report, Error> {
        self.pass_on_output()?;
        self.wait_for_end(&mut output)
    }

    /// Has [`poll_with`](Running::poll_with) pass on what is written to pipes from now on, or to the container's
    /// terminal. A pipe that the caller has taken stays the caller's.
    ///
    /// # Errors
    /// Never in practice, see F_SETFL in fcntl(2).
    pub fn pass_on_output(&mut self) -> Result<(), Error> {
        let terminal = self.terminal.take().map(Source::Terminal);
        let stdout = terminal.or(self.stdout.take().map(Source::Pipe));
        let stderr = self.stderr.take().map(Source::Pipe);
        for (stream, source) in [(StandardStream::Stdout, stdout), (StandardStream::Stderr, stderr)] {
            if let Some(source) = source {
                self.streams.add(Channel::new(stream, source, Sink::Told))?;
            }
        }
        Ok(())
    }

    /// Waits for the end of the program, or of its wall-clock time, and until what it wrote has been copied.
    ///
    /// # Errors
    /// When it cannot be waited for, or its streams could not be copied; how the program ended is not an error.
    /// Called again, it gives the report all the same.
    pub fn wait(&mut self) -> Result<Report, Error> {
        self.wait_for_end(&mut |_, _| {})
    }

    fn wait_for_end(&mut self, output: &mut Told<'_>) -> Result<Report, Error> {
        // As with std::process::Child: a program that reads until the end of its input must get to see it.
        drop(self.stdin.take());
        while self.poll_with(&[], output)? != Event::Ended {}
        match self.take_copy_error() {
            Some(error) => Err(error),
            None => self.report.clone().ok_or(Error::Wait { source: nix::errno::Errno::ECHILD }),
        }
    }

    /// Shows the container's terminal, if it has one, in a file of the caller's, and passes on what is typed in
    /// another, while the caller waits. If either is closed, the container's terminal is hung up, see
    /// [`Event::HungUp`].
    ///
    /// # Errors
    /// When the files cannot be read or written, or the caller has too many descriptors open.
    pub fn show_terminal(&mut self, shown: File, typed: Option<File>) -> Result<(), Error> {
        let Some(terminal) = &self.terminal else { return Ok(()) };
        let side = || terminal.try_clone().map_err(|source| Error::Stream { source });
        if let Some(typed) = typed {
            let typed = Outside::inspect(typed, StandardStream::Stdin)?;
            self.streams.add(Channel::new(StandardStream::Stdin, Source::Outside(typed), Sink::Terminal(side()?)))?;
        }
        let shown = Outside::inspect(shown, StandardStream::Stdout)?;
        self.streams.add(Channel::new(StandardStream::Stdout, Source::Terminal(side()?), Sink::Outside(shown)))
    }
}
