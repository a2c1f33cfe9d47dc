//! What goes between the user's streams and the container's, where they are not the same.
//!
//! A container inherits a file or a pipe as it is: that is fast, and every byte arrives. But it never gets the user's
//! terminal, whose settings any program could change. Where the user's stream is a terminal, the container has a pipe in
//! its place, or a terminal of its own (`-t`), and this command copies. So it does where the output is counted
//! (`--output-limit`):
//!
//! ```text
//!   user's stdin  ──▶ container's stdin            user's stdin  ──▶ ┐
//!   user's stdout ◀── container's stdout           user's stdout ◀── ┴ container's terminal (-t)
//!   user's stderr ◀── container's stderr
//! ```
//!
//! Each direction is a [`Channel`] with one small buffer: it reads only when that is empty, so who writes faster than
//! the other side reads has to wait, as with a pipe (*backpressure*). Nothing here blocks, so that signals and the
//! container's end are noticed at all times: descriptors that only this command has are set not to. On the user's,
//! which others share, the setting would be everybody's; so a terminal is opened anew, and a pipe is written to in
//! portions for which poll(2) promises room (`PIPE_BUF` in pipe(7)).

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, IsTerminal, Read, Write, stderr, stdin, stdout},
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::OpenOptionsExt,
    },
    time::Duration,
};

use minicontainer::{Error, Running, Sandbox, Stdio, core::options::ByteSize};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::Signal,
    sys::signalfd::SignalFd,
};

use super::signals;
use crate::error::warn;

/// What a pipe that can be written to has room for.
const PORTION: usize = 4096;

/// How long a terminal rests that no program has open; one may open it again.
const REST: Duration = Duration::from_millis(50);

/// The most that is still carried when all that could write has ended: more than pipes and terminals hold.
const REMAINS: usize = 2 << 20;

/// Where the bytes of a channel go, seen from the container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// One direction.
struct Channel {
    direction: Direction,
    /// Where it reads and where it writes; None when one of the two has come to its end.
    ends: Option<(File, File)>,
    /// What was read and is not yet written: `start..end`.
    buffer: [u8; PORTION],
    start: usize,
    end: usize,
    /// Whether it reads from a terminal that no program has open right now.
    resting: bool,
}

/// All directions of one container.
pub struct Streams {
    channels: Vec<Channel>,
    is_terminal: bool,
    output: Output,
}

/// How much the container may still write, on all streams together.
struct Output {
    room: u64,
    passed: Passed,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// All there was, or all that anybody wanted to read.
    All,
    /// No more than the limit, though there was more.
    TooMuch,
}

/// Gives the container pipes in place of the user's terminal, and of what is counted.
pub fn connect(sandbox: Sandbox, interactive: bool, limit: Option<ByteSize>) -> Sandbox {
    let instead = |piped| if piped { Stdio::Piped } else { Stdio::Inherit };
    let sandbox = sandbox
        .stdin(if interactive { instead(stdin().is_terminal()) } else { Stdio::Null })
        .stdout(instead(limit.is_some() || stdout().is_terminal()))
        .stderr(instead(limit.is_some() || stderr().is_terminal()));
    match limit {
        Some(limit) => sandbox.output_limit(limit.bytes()),
        None => sandbox,
    }
}

impl Streams {
    /// Between the user's streams and those that the container has of its own.
    pub fn of(running: &mut Running, interactive: bool, limit: Option<ByteSize>) -> io::Result<Streams> {
        let mut inwards = running.stdin.take();
        let mut outwards = running.stdout.take();
        if let Some(terminal) = &running.terminal {
            inwards = interactive.then(|| terminal.try_clone()).transpose()?;
            outwards = Some(terminal.try_clone()?);
        }
        let mut channels = Vec::new();
        if let Some(to) = inwards {
            never_block(&to)?;
            channels.push(Channel::new(Direction::In, users(stdin(), Direction::In)?, to));
        }
        if let Some(from) = outwards {
            never_block(&from)?;
            channels.push(Channel::new(Direction::Out, from, users(stdout(), Direction::Out)?));
        }
        if let Some(from) = running.stderr.take() {
            never_block(&from)?;
            channels.push(Channel::new(Direction::Out, from, users(stderr(), Direction::Out)?));
        }
        let output = Output { room: limit.map_or(u64::MAX, ByteSize::bytes), passed: Passed::All };
        Ok(Streams { channels, is_terminal: running.terminal.is_some(), output })
    }

    /// Carries what there is, until a signal has come (true), or the program or its time has ended (false).
    pub fn carry(&mut self, running: &mut Running, signals: &SignalFd) -> Result<bool, Error> {
        loop {
            let mut polled = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
            let (places, waited): (Vec<usize>, Vec<PollFd>) =
                self.channels.iter().enumerate().filter_map(|(place, one)| Some((place, one.awaited()?))).unzip();
            polled.extend(waited);
            let rest = self.channels.iter().any(|channel| channel.resting).then_some(REST);
            if !running.wait_or_ready(&mut polled, rest)? {
                return Ok(false);
            }
            let ready = |polled: &PollFd| polled.any() == Some(true);
            let signalled = ready(&polled[0]);
            let places: Vec<usize> = places
                .into_iter()
                .zip(&polled[1..])
                .filter(|(_, polled)| ready(polled))
                .map(|(place, _)| place)
                .collect();
            self.channels.iter_mut().for_each(|channel| channel.resting = false);
            places.into_iter().for_each(|place| self.channels[place].step(&mut self.output));
            if self.output.passed == Passed::TooMuch {
                running.kill()?;
            }
            if self.is_terminal && self.channels.iter().any(|channel| channel.ends.is_none()) {
                self.hang_up(running);
            }
            if signalled {
                return Ok(true);
            }
        }
    }

    /// The user's terminal is gone, or nobody reads what the container's shows. So the container's is hung up, as the
    /// kernel does it when somebody pulls the plug: its programs get SIGHUP.
    fn hang_up(&mut self, running: &mut Running) {
        self.channels.clear();
        running.terminal = None;
        if let Err(reason) = signals::deliver(running, Signal::SIGHUP as i32) {
            warn(&format!("cannot tell the container that its terminal is gone: {reason:#}"));
        }
    }

    /// Carries what the container wrote before it ended; whoever does not want to wait for it sends a signal.
    pub fn finish(mut self, signals: &SignalFd) -> Passed {
        for channel in self.channels.iter_mut().filter(|channel| channel.direction == Direction::Out) {
            channel.drain(signals, &mut self.output);
        }
        self.output.passed
    }
}

impl Channel {
    fn new(direction: Direction, from: File, to: File) -> Channel {
        Channel { direction, ends: Some((from, to)), buffer: [0; PORTION], start: 0, end: 0, resting: false }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// What it waits for.
    fn awaited(&self) -> Option<PollFd<'_>> {
        let (from, to) = self.ends.as_ref().filter(|_| !self.resting)?;
        Some(match self.is_empty() {
            true => PollFd::new(from.as_fd(), PollFlags::POLLIN),
            false => PollFd::new(to.as_fd(), PollFlags::POLLOUT),
        })
    }

    fn step(&mut self, output: &mut Output) {
        if self.is_empty() { self.read(output) } else { self.write() }
    }

    fn read(&mut self, output: &mut Output) {
        let Some((from, _)) = &mut self.ends else { return };
        match from.read(&mut self.buffer) {
            // The program sees the end of its input when its pipe is closed.
            Ok(0) => self.ends = None,
            Ok(count) if self.direction == Direction::In => (self.start, self.end) = (0, count),
            Ok(count) => (self.start, self.end) = (0, output.allowed(count)),
            Err(error) if is_for_now(&error) => {}
            Err(error) if is_closed_terminal(&error) && self.direction == Direction::Out => self.resting = true,
            Err(_) => self.ends = None,
        }
    }

    fn write(&mut self) {
        let Some((_, to)) = &mut self.ends else { return };
        match to.write(&self.buffer[self.start..self.end]) {
            Ok(count) => self.start += count,
            Err(error) if is_for_now(&error) => {}
            // Typed for nobody.
            Err(error) if is_closed_terminal(&error) && self.direction == Direction::In => self.start = self.end,
            // As if the program had written there itself: it gets SIGPIPE, or its terminal is hung up.
            Err(error) => {
                self.ends = None;
                if error.kind() != ErrorKind::BrokenPipe && !is_closed_terminal(&error) {
                    warn(&format!("cannot pass on what the container writes: {error}"));
                }
            }
        }
    }

    /// Carries what is there until nothing is.
    fn drain(&mut self, signals: &SignalFd, output: &mut Output) {
        let mut carried = 0;
        while carried < REMAINS {
            while !self.is_empty() {
                let Some((_, to)) = &self.ends else { return };
                let mut polled =
                    [PollFd::new(to.as_fd(), PollFlags::POLLOUT), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
                match poll(&mut polled, PollTimeout::NONE) {
                    Err(Errno::EINTR) => continue,
                    Err(_) => return,
                    Ok(_) if polled[1].any() == Some(true) && signals::ask_to_end(signals) => return,
                    Ok(_) => self.write(),
                }
            }
            self.read(output);
            if self.is_empty() {
                return;
            }
            carried += self.end;
        }
    }
}

impl Output {
    /// How many of `count` bytes may still pass.
    fn allowed(&mut self, count: usize) -> usize {
        let allowed = usize::try_from(self.room).unwrap_or(usize::MAX).min(count);
        self.room -= allowed as u64;
        if allowed < count {
            self.passed = Passed::TooMuch;
        }
        allowed
    }
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// How the kernel says that no program has the other side open.
fn is_closed_terminal(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EIO as i32)
}

fn never_block(file: &File) -> io::Result<()> {
    fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

/// The user's stream, a terminal opened anew. Where it cannot be, it is used as it is: then a terminal that somebody
/// has stopped (Ctrl-S) stops this command too.
fn users(stream: impl AsFd + IsTerminal, direction: Direction) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let reads = direction == Direction::In;
    options.read(reads).write(!reads).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits());
    let path = format!("/proc/self/fd/{}", stream.as_fd().as_raw_fd());
    match stream.is_terminal().then(|| options.open(path)) {
        Some(Ok(terminal)) => Ok(terminal),
        _ => Ok(stream.as_fd().try_clone_to_owned()?.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    /// What passes of an input, under a limit.
    #[track_caller]
    fn check(limit: u64, input: &[u8], expect: (&[u8], Passed)) {
        let (mut from, mut to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        from.write_all(input).unwrap();
        from.rewind().unwrap();
        let mut channel = Channel::new(Direction::Out, from, to.try_clone().unwrap());
        let mut output = Output { room: limit, passed: Passed::All };
        while channel.ends.is_some() && output.passed == Passed::All || !channel.is_empty() {
            channel.step(&mut output);
        }
        let mut passed = Vec::new();
        to.rewind().unwrap();
        to.read_to_end(&mut passed).unwrap();
        assert_eq!((passed.as_slice(), output.passed), expect);
    }

    #[test]
    fn no_more_passes_than_is_allowed() {
        check(5, b"", (b"", Passed::All));
        check(5, b"hello", (b"hello", Passed::All));
        check(5, b"hello!", (b"hello", Passed::TooMuch));
        let long: Vec<u8> = (0..200_000u32).map(|number| number as u8).collect();
        check(150_000, &long, (&long[..150_000], Passed::TooMuch));
        check(u64::MAX, &long, (&long, Passed::All));
    }
}
