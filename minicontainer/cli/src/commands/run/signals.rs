//! Signals that this command gets and the container is meant to have.
//!
//! Who presses Ctrl-C means the program, but the terminal tells this command: the container is in a session of its own.
//! So signals are passed on, as Docker does it (`--sig-proxy`), real-time signals too. Which ones, of those in signal(7):
//!
//! | Signal | What becomes of it |
//! |---|---|
//! | KILL, STOP | nobody can catch them: they end or stop this command, and with its end the container ends |
//! | CHLD, PIPE, URG | are about this command's own children and streams |
//! | SEGV, BUS, ILL, FPE, TRAP, SYS | tell of a fault of this command's |
//! | TSTP, TTIN, TTOU | stop this command if one of its streams is a terminal: it is a job of the shell there; else passed on |
//! | WINCH | the container's terminal gets the size of the user's; passed on where it has none |
//! | CONT | as all others; and a raw terminal is made raw again |
//! | all others | passed on |
//!
//! One thing stands in the way: the first process of a pid namespace is its *init*, and the kernel drops every signal to
//! an init that has no handler for it (pid_namespaces(7)), so that Ctrl-C would do nothing at all to `run busybox sleep
//! 60`. Where the program has no handler for a signal that asks it to end, the container is killed instead. Who blocks a
//! signal is about to ask for it (sigwaitinfo(2), signalfd(2)), as `--init` does; who is just asking (sigwaitinfo(2)) does
//! not even seem to block it.
//!
//! With `-it` Ctrl-C is a key like any other that the container's own terminal makes a signal of; then only signals that
//! are sent to this command come here. With `--sig-proxy=false` none is passed on: those that ask to end make this
//! command end the container, the others do to this command what they do to any.
//!
//! The signals are blocked and read from a descriptor, signalfd(2), so that this command can wait for them and for the
//! container's end at the same time. What arrives before it waits is kept. The container starts with no signal blocked.

use std::{
    fs,
    io::{IsTerminal, stderr, stdin, stdout},
    iter, thread,
    time::Duration,
};

use minicontainer::Running;
use nix::{
    libc::SYS_rt_sigtimedwait,
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::getpid,
};

use super::terminal::{RawMode, follow_window};
use crate::error::{Context, Failure, warn};

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

/// Which signals are attended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Those that a container can be meant by.
    PassOn,
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
            Attention::PassOn => {
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

/// Blocks the signals that will be forwarded, or that end the command.
pub fn block(attention: Attention) -> Result<Blocked, Failure> {
    let signals = attention.signals();
    signals.thread_block().context("cannot block signals")?;
    Ok(Blocked(signals))
}

impl Blocked {
    /// A descriptor that can be read when such a signal has come, or came since they were blocked.
    pub fn descriptor(&self) -> Result<SignalFd, Failure> {
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        SignalFd::with_flags(&self.0, flags).context("cannot wait for signals")
    }
}

/// Forwards the signals that have come. Tells whether one of them asks to end.
pub fn attend(signals: &SignalFd, attention: Attention, running: &Running, raw: Option<&RawMode>) -> bool {
    pass_on(signals, attention, running, raw).unwrap_or_else(|reason| {
        warn(&format!("cannot pass a signal on to the container: {}", reason.message()));
        false
    })
}

fn pass_on(
    signals: &SignalFd,
    attention: Attention,
    running: &Running,
    raw: Option<&RawMode>,
) -> Result<bool, Failure> {
    let mut asked_to_end = false;
    while let Some(signal) = next(signals)? {
        asked_to_end |= asks_to_end(signal);
        let is = |one: Signal| one as i32 == signal;
        if is(Signal::SIGCONT) {
            raw.map_or(Ok(()), RawMode::enter_again).context("cannot make the terminal raw again")?;
        }
        if TERMINAL.into_iter().any(is) {
            follow_window(running)?;
        }
        let for_terminal = is(Signal::SIGWINCH) && running.terminal.is_some();
        match attention {
            Attention::PassOn if for_terminal => {}
            Attention::PassOn => deliver(running, signal)?,
            Attention::Own | Attention::Ending if asks_to_end(signal) => running.kill()?,
            Attention::Own | Attention::Ending => {}
        }
    }
    Ok(asked_to_end)
}

/// The next signal that has come, and not from this command: so the kernel tells it of a file that became too long.
fn next(signals: &SignalFd) -> Result<Option<i32>, Failure> {
    while let Some(information) = signals.read_signal().context("cannot read a signal")? {
        if i64::from(information.ssi_pid) != i64::from(getpid().as_raw()) {
            return Ok(Some(i32::try_from(information.ssi_signo).context("cannot read a signal")?));
        }
    }
    Ok(None)
}

/// Sends the container's first process a signal, or kills it if the signal asks to end and would be dropped.
pub fn deliver(running: &Running, signal: i32) -> Result<(), Failure> {
    if running.plan().has_init() || !asks_to_end(signal) {
        return Ok(running.signal(signal)?);
    }
    // Somebody may block it for a moment only, to start a child, and would not hear of it: such a one is asked again.
    for _ in 0..PATIENCE {
        match attitude(running.id(), signal) {
            Attitude::Catches => return Ok(running.signal(signal)?),
            Attitude::Ignores => return Ok(running.signal(Signal::SIGKILL as i32)?),
            Attitude::Blocks => thread::sleep(Duration::from_millis(1)),
        }
    }
    Ok(running.signal(signal)?)
}

fn asks_to_end(signal: i32) -> bool {
    ENDING.into_iter().any(|ending| ending as i32 == signal)
}

/// Whether among those that have come is one that asks to end.
pub fn ask_to_end(signals: &SignalFd) -> bool {
    iter::from_fn(|| next(signals).ok().flatten()).any(asks_to_end)
}

/// How often who blocks a signal is looked at again, a millisecond apart, before it is taken to ask for signals.
const PATIENCE: u32 = 20;

/// What a process does with a signal.
enum Attitude {
    Catches,
    Blocks,
    Ignores,
}

/// Reads the bits of `SigCgt` and `SigBlk` in proc_pid_status(5), and whether it is in the call that asks for signals:
/// the kernel takes these for not blocked meanwhile.
fn attitude(pid: u32, signal: i32) -> Attitude {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let has = |name| mask(&status, name) & (1 << (signal - 1)) != 0;
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let asks = call.split(' ').next() == Some(&SYS_rt_sigtimedwait.to_string());
    match (has("SigCgt:") || asks, has("SigBlk:")) {
        (true, _) => Attitude::Catches,
        (false, true) => Attitude::Blocks,
        (false, false) => Attitude::Ignores,
    }
}

fn mask(status: &str, name: &str) -> u64 {
    let digits = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    u64::from_str_radix(digits.trim(), 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_read() {
        let status = "Name:\tsh\nSigIgn:\t0000000000000004\nSigCgt:\t0000000000004002\n";
        assert_eq!(mask(status, "SigCgt:"), 0x4002);
        assert_eq!(mask(status, "SigBlk:"), 0);
    }
}
