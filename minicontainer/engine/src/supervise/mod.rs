//! Supervision: the one loop between a container's start and its end.
//!
//! Someone must wait for a container that runs: for its output, for its limits of time, for signals that it is meant
//! to have, and for its end. `run`, a build's `RUN`, the judge and the demo differ only in two things, so these are
//! parameters of [`supervise`]:
//!
//! | Parameter | Says |
//! |---|---|
//! | [`Io`] | where the container's streams lead |
//! | [`Control`] | what else is waited for, and what it means for the container |
//!
//! The library watches the limits and copies the streams (`minicontainer::Running::poll_with`). How a container ended
//! is recorded by the caller, [`StartedContainer`](crate::StartedContainer), because containers of a build have no
//! record.

pub mod signals;

use std::{fs::File, os::fd::BorrowedFd};

use minicontainer::{Error, Event, Report, Running, StandardStream};

/// Where a container's streams lead.
pub enum Io<'a> {
    /// Where its launch connected them.
    Connected,
    /// Its terminal is shown in one file, and what is typed comes from another.
    Terminal {
        /// The user's screen.
        shown: File,
        /// The user's keyboard, if the container may read it.
        typed: Option<File>,
    },
    /// A function gets what it writes to pipes or to its terminal, piece by piece.
    PassedOn(&'a mut dyn FnMut(StandardStream, &[u8])),
}

/// What a supervisor waits for beside the container. None of it ends the supervision: a control that fails says so
/// itself, and the container goes on. `()` waits for nothing else.
pub trait Control {
    /// Descriptors that can be read when there is something to do, such as a signalfd(2).
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    /// One of the descriptors can be read. It must be read now: otherwise this is called again at once. The program
    /// may
    /// [have ended](Running::has_ended), while its output is still being copied.
    fn ready(&mut self, running: &mut Running) {
        let _nothing_is_watched = running;
    }

    /// The terminal that shows the container's is gone, and so is the container's.
    fn hung_up(&mut self, running: &mut Running) {
        let _the_kernel_sent_sighup = running;
    }
}

impl Control for () {}

/// A container that has been supervised to its end.
#[derive(Debug)]
pub struct Supervised {
    /// How it ended.
    pub report: Report,
    /// Why a part of its input or output was lost, if one was.
    pub lost: Option<Error>,
}

impl Supervised {
    /// The report of a container that must not have lost any input or output.
    ///
    /// # Errors
    /// When some was lost.
    pub fn complete(self) -> Result<Report, Error> {
        self.lost.map_or(Ok(self.report), Err)
    }
}

/// Supervises a container until its program has ended and what it wrote has been copied.
///
/// # Errors
/// When it cannot be waited for, or its streams cannot be connected. Then it may still run: dropping it kills it.
pub fn supervise(running: &mut Running, io: Io<'_>, control: &mut dyn Control) -> Result<Supervised, Error> {
    // A program that reads until the end of its input must get to see that end.
    drop(running.stdin.take());
    let mut unused = |_: StandardStream, _: &[u8]| {};
    let output: &mut dyn FnMut(StandardStream, &[u8]) = match io {
        Io::Connected => &mut unused,
        Io::Terminal { shown, typed } => {
            running.show_terminal(shown, typed)?;
            &mut unused
        }
        Io::PassedOn(output) => {
            running.pass_on_output()?;
            output
        }
    };
    loop {
        match running.poll_with(&control.descriptors(), output)? {
            Event::Ready => control.ready(running),
            Event::HungUp => control.hung_up(running),
            Event::Ended => break,
        }
    }
    let lost = running.take_copy_error();
    Ok(Supervised { report: running.wait()?, lost })
}
