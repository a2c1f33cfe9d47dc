//! A control that forwards signals: those that this command gets and the container is meant to have.
//!
//! A user who presses Ctrl-C means the program, but the terminal tells this command: the container is in a session of
//! its own. So signals are forwarded, as Docker does it (`--sig-proxy`), real-time signals too. Which ones, of those
//! in signal(7):
//!
//! | Signal | What becomes of it |
//! |---|---|
//! | KILL, STOP | no process can catch them: they end or stop this command, and with its end the container ends |
//! | CHLD, PIPE, URG | are about this command's own children and streams |
//! | SEGV, BUS, ILL, FPE, TRAP, SYS | tell of a fault of this command's |
//! | TSTP, TTIN, TTOU | stop this command if one of its streams is a terminal: it is a job of the shell there; else forwarded |
//! | WINCH | the container's terminal gets the size of the user's; forwarded where it has none |
//! | CONT | as all others; and a raw terminal is made raw again |
//! | all others | forwarded |
//!
//! One thing stands in the way: the first process of a pid namespace is its *init*, and the kernel drops every signal
//! to an init that has no handler for it (pid_namespaces(7)), so that Ctrl-C would do nothing at all to `run busybox
//! sleep 60`. Where the program has no handler for a signal that asks it to end, the container is killed instead. A
//! program that blocks a signal is about to ask for it (sigwaitinfo(2), signalfd(2)), as `--init` does. While it asks
//! (sigwaitinfo(2)) it does not even seem to block it.
//!
//! With `-it` Ctrl-C is a key like any other that the container's own terminal makes a signal of; then only signals
//! that are sent to this command come here. With `--sig-proxy=false` none is forwarded: those that ask to end make
//! this command end the container, the others do to this command what they do to any.
//!
//! The signals are blocked and read from a descriptor, signalfd(2), so that one thread can wait for them and for the
//! container's end at the same time. What arrives before it waits is kept. The container starts with no signal
//! blocked.

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

/// Signals that ask to end.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];
/// Signals that are about the user's terminal: it has another size, or belongs to this command again.
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
/// Signals with which a shell and a terminal govern jobs.
const JOBS: [Signal; 3] = [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU];

/// Which signals are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Those that can be meant for a container.
    Forward,
    /// Those that ask this command to end, and those about its terminal.
    Own,
    /// Those that ask this command to end.
    Ending,
}

impl Attention {
    fn signals(self) -> SigSet {
        match self {
            Attention::Ending => ENDING.into_iter().collect(),
            Attention::Own => ENDING.into_iter().chain(TERMINAL).collect(),
            Attention::Forward => {
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

/// Blocks the signals that will be read, in this thread and those that it starts.
///
/// # Errors
/// Never in practice, see pthread_sigmask(3).
pub fn block(attention: Attention) -> Result<Blocked, SignalError> {
    let signals = attention.signals();
    signals.thread_block().map_err(|source| SignalError::Block { source })?;
    Ok(Blocked(signals))
}

impl Blocked {
    /// A descriptor that can be read when such a signal has come, or came since they were blocked.
    ///
    /// # Errors
    /// When this process has too many descriptors open.
    pub fn descriptor(&self) -> Result<SignalFd, SignalError> {
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        SignalFd::with_flags(&self.0, flags).map_err(|source| SignalError::Wait { source })
    }
}

/// The terminal at which the user sits.
pub trait UserTerminal {
    /// How large its window is now.
    fn window_size(&self) -> WindowSize;

    /// Called when this command goes on after a stop: whoever stopped it had the terminal meanwhile.
    ///
    /// # Errors
    /// When the terminal cannot be set.
    fn resume(&self) -> io::Result<()>;
}

/// How long a command that was asked to end waits for a reader of what the container wrote.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(2);

/// Forwards signals to a container. A signal that asks to end while a slow reader is waited for gives up the rest of
/// the output.
pub struct SignalControl<'a> {
    signals: SignalFd,
    attention: Attention,
    terminal: &'a dyn UserTerminal,
    warn: &'a dyn Fn(SignalError),
}

impl<'a> SignalControl<'a> {
    /// Reads signals that were blocked. `warn` gets what cannot be forwarded.
    pub fn new(
        signals: SignalFd,
        attention: Attention,
        terminal: &'a dyn UserTerminal,
        warn: &'a dyn Fn(SignalError),
    ) -> SignalControl<'a> {
        SignalControl { signals, attention, terminal, warn }
    }

    /// Forwards the signals that have come. Tells whether one of them asks to end.
    fn forward(&self, running: &Running) -> Result<bool, SignalError> {
        let mut asked_to_end = false;
        while let Some(signal) = self.next()? {
            asked_to_end |= asks_to_end(signal);
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
                Attention::Forward if for_terminal => {}
                Attention::Forward => deliver(running, signal)?,
                Attention::Own | Attention::Ending if asks_to_end(signal) => {
                    running.kill().map_err(not_forwarded)?;
                }
                Attention::Own | Attention::Ending => {}
            }
        }
        Ok(asked_to_end)
    }

    /// The next signal that has come, and not from this process: that is how the kernel reports a file that became
    /// too long.
    fn next(&self) -> Result<Option<i32>, SignalError> {
        while let Some(information) = self.signals.read_signal().map_err(|source| SignalError::Read { source })? {
            if i64::from(information.ssi_pid) != i64::from(getpid().as_raw()) {
                return Ok(Some(i32::try_from(information.ssi_signo).unwrap_or_default()));
            }
        }
        Ok(None)
    }

    /// Whether among the signals that have come is one that asks to end.
    fn ask_to_end(&self) -> bool {
        iter::from_fn(|| self.next().ok().flatten()).any(asks_to_end)
    }
}

impl Control for SignalControl<'_> {
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.signals.as_fd()]
    }

    fn ready(&mut self, running: &mut Running) {
        if running.has_ended() {
            if self.ask_to_end() {
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
        // The kernel sends SIGHUP too, which it drops where the program is process 1 and has no handler.
        if let Err(error) = deliver(running, Signal::SIGHUP as i32) {
            (self.warn)(error);
        }
    }
}

fn not_forwarded(source: Error) -> SignalError {
    SignalError::Forward { source: Box::new(source) }
}

fn asks_to_end(signal: i32) -> bool {
    ENDING.into_iter().any(|ending| ending as i32 == signal)
}
