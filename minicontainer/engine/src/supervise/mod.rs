//! Supervision: the loop between a container's start and its exit.
//!
//! A running container must be supervised: its output is copied, its time limits are checked, signals are forwarded,
//! and its exit is waited for. `run`, a build's `RUN`, the judge and the demo differ only in two things, which are
//! the parameters of [`supervise`]:
//!
//! | Parameter | Meaning |
//! |---|---|
//! | [`Io`] | where the container's streams lead |
//! | [`Control`] | what else is waited for, and how it affects the container |
//!
//! The library checks the limits and copies the streams (`minicontainer::Running::poll_with`). The caller,
//! [`StartedContainer`](crate::StartedContainer), records how a container exited, because containers of a build have
//! no record.

pub mod signals;

use std::{fs::File, os::fd::BorrowedFd};

use minicontainer::{Error, Event, Report, Running, StandardStream};

/// Where a container's streams lead.
pub enum Io<'a> {
    /// Where its launch connected them.
    Connected,
    /// The output of its terminal goes to one file, and its input comes from another.
    Terminal {
        /// The user's screen.
        shown: File,
        /// The user's keyboard, if the container may read it.
        typed: Option<File>,
    },
    /// A function gets its output, from pipes or its terminal, piece by piece.
    Callback(&'a mut dyn FnMut(StandardStream, &[u8])),
}

/// What a supervisor waits for besides the container. None of it ends the supervision: a control reports its own
/// errors, and the container continues. `()` waits for nothing else.
pub trait Control {
    /// Descriptors that become readable when there is something to do, such as a signalfd(2).
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    /// One of the descriptors is readable. It must be read now, otherwise this is called again at once. The program
    /// may [have exited](Running::has_ended) while its output is still being copied.
    fn ready(&mut self, running: &mut Running) {
        let _nothing_is_watched = running;
    }

    /// The terminal that shows the container's was closed, and so is the container's.
    fn hung_up(&mut self, running: &mut Running) {
        let _the_kernel_sent_sighup = running;
    }
}

impl Control for () {}

/// A container that has been supervised until its exit.
#[derive(Debug)]
pub struct Supervised {
    /// How it exited.
    pub report: Report,
    /// The error that lost a part of its input or output, if there was one.
    pub lost: Option<Error>,
}

impl Supervised {
    /// The report of a container that must not have lost input or output.
    ///
    /// # Errors
    /// If some was lost.
    pub fn complete(self) -> Result<Report, Error> {
        self.lost.map_or(Ok(self.report), Err)
    }
}

/// Supervises a container until its program has exited and its output has been copied.
///
/// # Errors
/// If it cannot be waited for, or its streams cannot be connected. Then it may still run: dropping it kills it.
pub fn supervise(running: &mut Running, io: Io<'_>, control: &mut dyn Control) -> Result<Supervised, Error> {
    // A program that reads its input to the end must see that end.
    drop(running.stdin.take());
    let mut unused = |_: StandardStream, _: &[u8]| {};
    let output: &mut dyn FnMut(StandardStream, &[u8]) = match io {
        Io::Connected => &mut unused,
        Io::Terminal { shown, typed } => {
            running.show_terminal(shown, typed)?;
            &mut unused
        }
        Io::Callback(output) => {
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
