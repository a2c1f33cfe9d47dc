//! Waiting for processes, with their exit status and resource usage, and signalling by pidfd.

use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;

use super::{Errno, calls, clone};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It exited with this code.
    Exited(i32),
    /// It was killed by this signal.
    Signalled(i32),
}

impl How {
    /// Decodes the wait status of a process that has ended, see wait(2). The core dump flag (0x80) is ignored.
    pub(crate) fn from_wait_status(status: i32) -> How {
        match status & 0x7f {
            0 => How::Exited(status >> 8 & 0xff),
            signal => How::Signalled(signal),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::Exited(code) => write!(formatter, "exit code {code}"),
            How::Signalled(signal) => write!(formatter, "signal {signal}"),
        }
    }
}

/// A process that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// How it ended.
    pub how: How,
    /// User and system time, of the process and the children that it waited for.
    pub cpu_time: Duration,
    /// The largest resident set among them, in bytes.
    pub max_rss: u64,
    /// Their voluntary and involuntary context switches.
    pub switches: [u64; 2],
}

/// Waits until the process has ended, and reaps it.
pub(crate) fn reap(pidfd: &OwnedFd) -> Result<Ended, Errno> {
    let (info, usage) = clone::waitid(pidfd.as_raw_fd())?;
    // SAFETY: waitid(2) filled in the structure for a child, so the status is valid.
    let status = unsafe { info.si_status() };
    let time =
        |time: libc::timeval| Duration::new(time.tv_sec.unsigned_abs(), time.tv_usec.unsigned_abs() as u32 * 1000);
    Ok(Ended {
        how: if info.si_code == libc::CLD_EXITED { How::Exited(status) } else { How::Signalled(status) },
        cpu_time: time(usage.ru_utime) + time(usage.ru_stime),
        max_rss: usage.ru_maxrss.unsigned_abs() * 1024,
        switches: [usage.ru_nvcsw, usage.ru_nivcsw].map(i64::unsigned_abs),
    })
}

/// The CPU time of a running process and of the children that it has waited for, see proc_pid_stat(5). Zero if it
/// does not exist any more.
pub(crate) fn cpu_time_of(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name is in parentheses and may contain any character. The times are the fields 14 to 17.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks: u64 = fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    // Ticks are hundredths of a second wherever Linux shows them (USER_HZ).
    Duration::from_millis(ticks * 10)
}

/// Resets SIGCHLD to its default action, for the whole process. A program can inherit from its caller that the signal
/// is ignored, and then the kernel discards the exit status of a container. So call this at the start of your
/// program.
///
/// # Errors
/// Never in practice, see sigaction(2).
pub fn reset_sigchld() -> Result<(), Errno> {
    calls::default_action(libc::SIGCHLD).map(drop)
}

/// The time until the deadline as an argument of poll(2): milliseconds, rounded up, at most about 24 days.
pub(crate) fn timeout(deadline: Option<Instant>) -> PollTimeout {
    let Some(deadline) = deadline else { return PollTimeout::NONE };
    let left = deadline.saturating_duration_since(Instant::now());
    let millis = i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
    PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
}

/// Sends a signal. It is not an error if the process has ended already.
pub(crate) fn signal(pidfd: &OwnedFd, signal: i32) -> Result<(), Errno> {
    match clone::pidfd_send_signal(pidfd.as_raw_fd(), signal) {
        Ok(_) => Ok(()),
        Err(Errno(libc::ESRCH)) => Ok(()),
        Err(errno) => Err(errno),
    }
}
