//! Sending a container a signal that is meant for its program, although the kernel drops what process 1 has no
//! handler for (pid_namespaces(7)).

use std::{fs, thread, time::Duration};

use minicontainer::Running;
use nix::{libc::SYS_rt_sigtimedwait, sys::signal::Signal};

use super::{SignalError, asks_to_end, not_forwarded};

/// Sends the container's first process a signal, or kills it if the signal asks to end and would be dropped.
pub(super) fn deliver(running: &Running, signal: i32) -> Result<(), SignalError> {
    let send = |signal| running.signal(signal).map_err(not_forwarded);
    if running.plan().has_init() || !asks_to_end(signal) {
        return send(signal);
    }
    // A program may block it for a moment only, to start a child, and would not get it: such a one is looked at
    // again.
    for _ in 0..BLOCKED_PATIENCE {
        match attitude(running.id(), signal) {
            Attitude::Catches => return send(signal),
            Attitude::Ignores => return send(Signal::SIGKILL as i32),
            Attitude::Blocks => thread::sleep(Duration::from_millis(1)),
        }
    }
    send(signal)
}

/// How often a program that blocks a signal is looked at again, a millisecond apart, before it is taken to ask for
/// it.
const BLOCKED_PATIENCE: u32 = 20;

/// What a process does with a signal.
enum Attitude {
    Catches,
    Blocks,
    Ignores,
}

/// Reads the bits of `SigCgt` and `SigBlk` in proc_pid_status(5), and whether it is in the call that asks for
/// signals: the kernel takes these for not blocked meanwhile.
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
    fn signal_mask_is_parsed() {
        let status = "Name:\tsh\nSigIgn:\t0000000000000004\nSigCgt:\t0000000000004002\n";
        assert_eq!(mask(status, "SigCgt:"), 0x4002);
        assert_eq!(mask(status, "SigBlk:"), 0);
    }
}
