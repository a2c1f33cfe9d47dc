//! Delivers a signal to a container's program, although the kernel drops signals to process 1 without a handler
//! (pid_namespaces(7)).

use std::{fs, thread, time::Duration};

use minicontainer::Running;
use nix::{libc::SYS_rt_sigtimedwait, sys::signal::Signal};

use super::{SignalError, is_terminating, not_forwarded};

/// Sends the container's first process a signal, or kills it if the signal is a terminating one and would be dropped.
pub(super) fn deliver(running: &Running, signal: i32) -> Result<(), SignalError> {
    let send = |signal| running.signal(signal).map_err(not_forwarded);
    if running.plan().has_init() || !is_terminating(signal) {
        return send(signal);
    }
    // A program may block the signal only for a moment, to start a child, and the signal would be dropped then. So it
    // is checked again.
    for _ in 0..BLOCKED_PATIENCE {
        match disposition(running.id(), signal) {
            Disposition::Catches => return send(signal),
            Disposition::Ignores => return send(Signal::SIGKILL as i32),
            Disposition::Blocks => thread::sleep(Duration::from_millis(1)),
        }
    }
    send(signal)
}

/// How often a program that blocks a signal is checked again, a millisecond apart, before it is assumed to wait for
/// the signal.
const BLOCKED_PATIENCE: u32 = 20;

/// How a process handles a signal.
enum Disposition {
    Catches,
    Blocks,
    Ignores,
}

/// Reads the bits of `SigCgt` and `SigBlk` in proc_pid_status(5), and whether the process is in sigwaitinfo(2): the
/// kernel reports signals as not blocked meanwhile.
fn disposition(pid: u32, signal: i32) -> Disposition {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let has = |name| mask(&status, name) & (1 << (signal - 1)) != 0;
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let asks = call.split(' ').next() == Some(&SYS_rt_sigtimedwait.to_string());
    match (has("SigCgt:") || asks, has("SigBlk:")) {
        (true, _) => Disposition::Catches,
        (false, true) => Disposition::Blocks,
        (false, false) => Disposition::Ignores,
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
