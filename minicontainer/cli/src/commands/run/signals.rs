//! Signals that this command gets and the container is meant to have.
//!
//! Who presses Ctrl-C means the program, but the terminal tells this command: the container is in a session of its own.
//! So signals are passed on. One thing stands in the way: the first process of a pid namespace is its *init*, and the
//! kernel drops every signal to an init that has no handler for it (pid_namespaces(7)), so that Ctrl-C would do nothing
//! at all to `run busybox sleep 60`. Where the program has no handler for a signal that asks it to end, the container
//! is killed instead. Who blocks a signal is about to ask for it (sigwaitinfo(2), signalfd(2)), as `--init` does.
//!
//! With `-it` Ctrl-C is a key like any other that the container's own terminal makes a signal of; then only signals that
//! are sent to this command come here.
//!
//! The signals are blocked and read from a descriptor, signalfd(2), so that this command can wait for them and for the
//! container's end at the same time. What arrives before it waits is kept. The container starts with no signal blocked.

use std::{fs, iter, thread, time::Duration};

use anyhow::Context;
use minicontainer::Running;
use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};

use super::terminal::{RawMode, follow_window};
use crate::error::{Failure, warn};

/// Signals that ask to end.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];
/// Signals that mean whatever the program says.
const OTHERS: [Signal; 2] = [Signal::SIGUSR1, Signal::SIGUSR2];
/// Signals that are about the user's terminal: it has another size, or belongs to this command again.
const TERMINAL: [Signal; 2] = [Signal::SIGWINCH, Signal::SIGCONT];

/// Blocks what will be attended to. The descriptor can be read when such a signal has come.
pub fn block() -> Result<SignalFd, Failure> {
    let signals: SigSet = ENDING.into_iter().chain(OTHERS).chain(TERMINAL).collect();
    signals.thread_block().context("cannot block signals")?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    Ok(SignalFd::with_flags(&signals, flags).context("cannot wait for signals")?)
}

/// Passes on what has come.
pub fn forward(signals: &SignalFd, running: &Running, raw: Option<&RawMode>) {
    if let Err(reason) = pass_on(signals, running, raw) {
        warn(&format!("cannot pass a signal on to the container: {reason:#}"));
    }
}

fn pass_on(signals: &SignalFd, running: &Running, raw: Option<&RawMode>) -> anyhow::Result<()> {
    while let Some(signal) = next(signals)? {
        if signal == Signal::SIGCONT {
            raw.map_or(Ok(()), RawMode::enter_again)?;
        }
        match TERMINAL.contains(&signal) {
            true => follow_window(running)?,
            false => deliver(running, signal)?,
        }
    }
    Ok(())
}

fn next(signals: &SignalFd) -> anyhow::Result<Option<Signal>> {
    let Some(information) = signals.read_signal()? else { return Ok(None) };
    Ok(Some(Signal::try_from(i32::try_from(information.ssi_signo)?)?))
}

/// Sends the container's first process a signal, or kills it if the signal asks to end and would be dropped.
pub fn deliver(running: &Running, signal: Signal) -> anyhow::Result<()> {
    if !ENDING.contains(&signal) {
        return Ok(running.signal(signal as i32)?);
    }
    // Somebody may block it for a moment only, to start a child, and would not hear of it: such a one is asked again.
    for _ in 0..PATIENCE {
        match attitude(running.id(), signal) {
            Attitude::Catches => return Ok(running.signal(signal as i32)?),
            Attitude::Ignores => return Ok(running.signal(Signal::SIGKILL as i32)?),
            Attitude::Blocks => thread::sleep(Duration::from_millis(1)),
        }
    }
    Ok(running.signal(signal as i32)?)
}

/// Whether among those that have come is one that asks to end.
pub fn ask_to_end(signals: &SignalFd) -> bool {
    iter::from_fn(|| next(signals).ok().flatten()).any(|signal| ENDING.contains(&signal))
}

/// How often who blocks a signal is looked at again, a millisecond apart, before it is taken to ask for signals.
const PATIENCE: u32 = 20;

/// What a process does with a signal.
enum Attitude {
    Catches,
    Blocks,
    Ignores,
}

/// Reads the bits of `SigCgt` and `SigBlk` in proc_pid_status(5).
fn attitude(pid: u32, signal: Signal) -> Attitude {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let has = |name| mask(&status, name) & (1 << (signal as i32 - 1)) != 0;
    match (has("SigCgt:"), has("SigBlk:")) {
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
