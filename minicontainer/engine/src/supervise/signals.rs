//! A control that forwards signals from this command to the container.
//!
//! A user who presses Ctrl-C wants to interrupt the program, but the terminal signals this command, because the
//! container is in its own session. So signals are forwarded, as in Docker (`--sig-proxy`), including real-time
//! signals. The signals of signal(7) are handled as follows:
//!
//! | Signal | Handling |
//! |---|---|
//! | KILL | cannot be caught: it kills this command, and the kernel kills the container with it |
//! | STOP | cannot be caught: it stops this command only |
//! | CHLD, PIPE, URG | not forwarded: they concern this command's own children and streams |
//! | SEGV, BUS, ILL, FPE, TRAP, SYS | not forwarded: they report a bug in this command |
//! | TSTP, TTIN, TTOU | stop this command if one of its streams is a terminal (it is a job of a shell); else forwarded |
//! | WINCH | the container's terminal gets the size of the user's; forwarded if it has none |
//! | CONT | forwarded, and a raw terminal is made raw again |
//! | all others | forwarded |
//!
//! There is one obstacle: the first process of a pid namespace is its *init*, and the kernel drops every signal to an
//! init without a handler for it (pid_namespaces(7)). Ctrl-C would have no effect on `run busybox sleep 60`. So if
//! the program has no handler for a terminating signal, the container is killed instead. A program that blocks a
//! signal is about to wait for it (sigwaitinfo(2), signalfd(2)), as `--init` does. During sigwaitinfo(2) the signal
//! does not even appear as blocked.
//!
//! With `-it`, Ctrl-C is an ordinary key, which the container's own terminal turns into a signal; then only signals
//! that are sent to this command arrive here. With `--sig-proxy=false` none is forwarded: terminating signals make
//! this command kill the container, and the others have their usual effect on this command.
//!
//! The signals are blocked and read from a descriptor (signalfd(2)), so that one thread can wait for them and for the
//! container's exit at the same time. Signals that arrive before that stay pending. The container starts with no
//! signal blocked.

mod delivery;
mod error;

use std::{
    io::{self, IsTerminal, stderr, stdin, stdout},
    iter,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use minicontainer::{Error, Running, core::options::WindowSize};
use nix::{
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::getpid,
};

use super::Control;
use delivery::deliver;

pub use error::SignalError;

/// Terminating signals.
const TERMINATING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];
/// Signals about the user's terminal: its size changed, or this command is in the foreground again.
const TERMINAL: [Signal; 2] = [Signal::SIGWINCH, Signal::SIGCONT];
/// Signals about this command's own children, streams and faults.
const OWN: [Signal; 9] = [
    Signal::SIGCHLD,
    Signal::SIGPIPE,
    Signal::SIGURG,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGTRAP,
    Signal::SIGSYS,
];
/// Signals for job control by a shell and a terminal.
const JOBS: [Signal; 3] = [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU];

/// Which signals are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalScope {
    /// The signals to forward to a container, and those that terminate this command.
    Forward,
    /// The signals that terminate this command, and those about its terminal.
    Own,
    /// The signals that terminate this command.
    Termination,
}

impl SignalScope {
    fn signals(self) -> SigSet {
        match self {
            SignalScope::Termination => TERMINATING.into_iter().collect(),
            SignalScope::Own => TERMINATING.into_iter().chain(TERMINAL).collect(),
            SignalScope::Forward => {
                let at_a_terminal = stdin().is_terminal() || stdout().is_terminal() || stderr().is_terminal();
                let jobs = JOBS.into_iter().filter(|_| at_a_terminal);
                let mut signals = SigSet::all();
                OWN.into_iter().chain(jobs).for_each(|signal| signals.remove(signal));
                signals
            }
        }
    }
}

/// Signals that are blocked and not yet read.
pub struct Blocked(SigSet);

/// Blocks the signals that will be read, in this thread and the threads that it starts.
///
/// # Errors
/// Never in practice, see pthread_sigmask(3).
pub fn block(attention: SignalScope) -> Result<Blocked, SignalError> {
    let signals = attention.signals();
    signals.thread_block().map_err(|source| SignalError::Block { source })?;
    Ok(Blocked(signals))
}

impl Blocked {
    /// A descriptor that is readable when such a signal has arrived since they were blocked.
    ///
    /// # Errors
    /// If this process has too many open descriptors.
    pub fn descriptor(&self) -> Result<SignalFd, SignalError> {
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        SignalFd::with_flags(&self.0, flags).map_err(|source| SignalError::Wait { source })
    }
}

/// The user's terminal.
pub trait UserTerminal {
    /// The current size of its window.
    fn window_size(&self) -> WindowSize;

    /// Called when this command continues after a stop, because the shell may have changed the terminal meanwhile.
    ///
    /// # Errors
    /// If the terminal's settings cannot be changed.
    fn resume(&self) -> io::Result<()>;
}

/// After a terminating signal, how long to wait for a reader of the container's output.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(2);

/// Forwards signals to a container. A terminating signal while a slow reader is waited for discards the rest of the
/// output.
pub struct SignalControl<'a> {
    signals: SignalFd,
    attention: SignalScope,
    terminal: &'a dyn UserTerminal,
    warn: &'a dyn Fn(SignalError),
}

impl<'a> SignalControl<'a> {
    /// Reads signals that were blocked. `warn` gets errors of forwarding.
    pub fn new(
        signals: SignalFd,
        attention: SignalScope,
        terminal: &'a dyn UserTerminal,
        warn: &'a dyn Fn(SignalError),
    ) -> SignalControl<'a> {
        SignalControl { signals, attention, terminal, warn }
    }

    /// Forwards the signals that have arrived. Returns whether one of them is a terminating signal.
    fn forward(&self, running: &Running) -> Result<bool, SignalError> {
        let mut asked_to_end = false;
        while let Some(signal) = self.next()? {
            asked_to_end |= is_terminating(signal);
            let is = |one: Signal| one as i32 == signal;
            if is(Signal::SIGCONT) {
                self.terminal.resume().map_err(|source| SignalError::Terminal { source })?;
            }
            if TERMINAL.into_iter().any(is) {
                let WindowSize { rows, columns } = self.terminal.window_size();
                running.resize(rows, columns).map_err(|source| SignalError::Resize { source: Box::new(source) })?;
            }
            let for_terminal = is(Signal::SIGWINCH) && running.terminal.is_some();
            match self.attention {
                SignalScope::Forward if for_terminal => {}
                SignalScope::Forward => deliver(running, signal)?,
                SignalScope::Own | SignalScope::Termination if is_terminating(signal) => {
                    running.kill().map_err(not_forwarded)?;
                }
                SignalScope::Own | SignalScope::Termination => {}
            }
        }
        Ok(asked_to_end)
    }

    /// The next signal that has arrived, except from this process itself: the kernel reports a file that became too
    /// large that way.
    fn next(&self) -> Result<Option<i32>, SignalError> {
        while let Some(information) = self.signals.read_signal().map_err(|source| SignalError::Read { source })? {
            if i64::from(information.ssi_pid) != i64::from(getpid().as_raw()) {
                return Ok(Some(i32::try_from(information.ssi_signo).unwrap_or_default()));
            }
        }
        Ok(None)
    }

    /// Whether a terminating signal has arrived.
    fn received_terminating_signal(&self) -> bool {
        iter::from_fn(|| self.next().ok().flatten()).any(is_terminating)
    }
}

impl Control for SignalControl<'_> {
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.signals.as_fd()]
    }

    fn ready(&mut self, running: &mut Running) {
        if running.has_ended() {
            if self.received_terminating_signal() {
                running.abandon_output();
            }
            return;
        }
        match self.forward(running) {
            Ok(true) => running.abandon_output_after(OUTPUT_PATIENCE),
            Ok(false) => {}
            Err(error) => (self.warn)(error),
        }
    }

    fn hung_up(&mut self, running: &mut Running) {
        // The kernel sends SIGHUP as well, but drops it if the program is process 1 and has no handler.
        if let Err(error) = deliver(running, Signal::SIGHUP as i32) {
            (self.warn)(error);
        }
    }
}

fn not_forwarded(source: Error) -> SignalError {
    SignalError::Forward { source: Box::new(source) }
}

fn is_terminating(signal: i32) -> bool {
    TERMINATING.into_iter().any(|ending| ending as i32 == signal)
}
