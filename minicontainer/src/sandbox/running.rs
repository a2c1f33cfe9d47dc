//! A container that runs: waiting for it, ending it, and what it was.

mod attend;
mod limits;
mod output;

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use minicontainer_core::plan::{Namespace, Plan, Step};
use minicontainer_core::report::EnforcedLimits;
use minicontainer_core::{Report, Verdict};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::Error;
use super::stdio::Ends;
use super::streams::{Background, Streams};
use crate::cgroup::Cgroup;
use crate::process::StepTime;
use crate::process::start::Started;
use crate::rootfs;
use crate::sys::calls;
use crate::sys::wait::{self, Ended, How};
use limits::enforced;

pub use attend::Event;
pub use output::Output;

/// What a run leaves behind unless it is dropped.
#[derive(Debug)]
pub(super) struct Holdings {
    pub group: Option<Cgroup>,
    /// Never read, only dropped.
    pub _scratch: Option<Scratch>,
}

/// The directory of a container that is thrown away.
#[derive(Debug)]
pub(super) struct Scratch {
    pub directory: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // There is nobody to tell here. What could be removed is.
        let _removed = rootfs::remove(&self.directory);
    }
}

/// A container that runs. Dropping it kills everything in it.
#[derive(Debug)]
pub struct Running {
    /// Writes to its stdin, if that is [`Piped`](super::Stdio::Piped). Dropping it is the end of the input.
    pub stdin: Option<File>,
    /// Reads its stdout, if that is piped.
    pub stdout: Option<File>,
    /// Reads its stderr, if that is piped.
    pub stderr: Option<File>,
    /// The other side of its terminal, if it has one: reading gives what it writes, writing is typing. Its program's
    /// side is hung up when this is dropped, so that its processes get SIGHUP.
    pub terminal: Option<File>,
    /// What is copied while the caller waits.
    streams: Streams,
    ended_at: Option<Instant>,
    /// How long its output is copied after its end; none for as long as there is any.
    output_patience: Option<Duration>,
    /// What is copied by a thread.
    background: Option<Background>,
    started: Started,
    limits: EnforcedLimits,
    /// Why the engine killed it, if it did.
    exceeded: Option<Verdict>,
    /// The processor time that it had used when the engine killed it.
    cpu_time_before_kill: Duration,
    /// The root file system of a container whose writable layer is limited.
    layer: Option<File>,
    plan: Plan,
    report: Option<Report>,
    // Dropped in this order: first the group, with whatever is left in it, then the files.
    holdings: Holdings,
}

/// Sends signals to a container's first process, from any thread.
#[derive(Debug)]
pub struct Signaller {
    pidfd: OwnedFd,
}

impl Signaller {
    /// Sends a signal by number; a process that has ended already is no error.
    ///
    /// # Errors
    /// When the caller may not, or there is no such signal.
    pub fn send(&self, signal: i32) -> Result<(), Error> {
        wait::signal(&self.pidfd, signal).map_err(|source| Error::Wait { source })
    }
}

impl Running {
    pub(super) fn new(
        mut started: Started,
        holdings: Holdings,
        plan: Plan,
        limits: EnforcedLimits,
        (ends, streams): (Ends, Streams),
    ) -> Running {
        let Ends { stdin, stdout, stderr } = ends;
        let terminal = started.terminal.take().map(File::from);
        let limits = enforced(&plan, limits);
        // To see in the end whether the layer is full, it has to be held: a program that has ended has no root any
        // more.
        let layer = limits.disk.and(started.root.take());
        Running {
            stdin,
            stdout,
            stderr,
            terminal,
            streams,
            ended_at: None,
            output_patience: None,
            background: None,
            started,
            limits,
            exceeded: None,
            cpu_time_before_kill: Duration::ZERO,
            layer,
            plan,
            report: None,
            holdings,
        }
    }

    /// The program's process id on the host, as that of [`std::process::Child`].
    pub fn id(&self) -> u32 {
        self.started.program.unsigned_abs()
    }

    /// The id on the host of the container's first process: the init, or the program where there is no init. When it
    /// ends, so does the container. It stays the container's until [`wait`](Running::wait) has come back.
    pub fn first_process_id(&self) -> u32 {
        self.started.pid.unsigned_abs()
    }

    /// How long each step of the start took, if the sandbox was [`traced`](super::Sandbox::traced).
    pub fn times(&self) -> &[StepTime] {
        &self.started.times
    }

    /// The plan that was carried out.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Sends a signal by number to the first process; that it has ended already is no error.
    ///
    /// # Errors
    /// When the caller may not, or there is no such signal.
    pub fn signal(&self, signal: i32) -> Result<(), Error> {
        wait::signal(&self.started.pidfd, signal).map_err(|source| Error::Wait { source })
    }

    /// A sender of signals that can be given to another thread.
    ///
    /// # Errors
    /// When the process has too many descriptors open.
    pub fn signaller(&self) -> Result<Signaller, Error> {
        let pidfd = self.started.pidfd.try_clone().map_err(|source| Error::Stream { source })?;
        Ok(Signaller { pidfd })
    }

    /// Tells the terminal, and by SIGWINCH the program in it, how large the window is now. Without a terminal there
    /// is nobody to tell.
    ///
    /// # Errors
    /// Never in practice, see TIOCSWINSZ in ioctl_tty(2).
    pub fn resize(&self, rows: u16, columns: u16) -> Result<(), Error> {
        let Some(terminal) = &self.terminal else { return Ok(()) };
        let told = calls::set_window_size(terminal.as_raw_fd(), rows, columns);
        told.map(drop).map_err(|errno| Error::Stream { source: io::Error::from_raw_os_error(errno.0) })
    }

    /// Kills everything in the container.
    ///
    /// # Errors
    /// When the caller may not.
    pub fn kill(&self) -> Result<(), Error> {
        wait::signal(&self.started.pidfd, libc::SIGKILL).map_err(|source| Error::Wait { source })?;
        self.end_stragglers();
        Ok(())
    }

    /// With a pid namespace, the kernel ends all when the first process ends. Without one, it is left to us.
    fn end_stragglers(&self) {
        let own_pids = self
            .plan
            .steps
            .iter()
            .any(|step| matches!(step, Step::Clone { namespaces, .. } if namespaces.contains(&Namespace::Pid)));
        if own_pids {
            return;
        }
        // The first process began a session, so what it started is in its group unless it left on purpose. That no
        // such group is left is what we want.
        let _gone = killpg(Pid::from_raw(self.started.pid), Signal::SIGKILL);
        if let Some(group) = &self.holdings.group {
            group.kill();
        }
    }

    /// A program that the engine killed has the verdict of that. One that used too much processor time has that
    /// verdict even if it ended before the engine saw it. `MemoryLimit` is the end of the program (or of its init) by
    /// the kernel; if the kernel killed only another process, `oom_kills` tells.
    fn conclude(&self, ended: Ended) -> Report {
        let wall_time = self.started.at.elapsed();
        let usage = self.holdings.group.as_ref().map(Cgroup::usage).unwrap_or_default();
        let cpu_time = usage.cpu_time.unwrap_or(ended.cpu_time.max(self.cpu_time_before_kill));
        let end = match ended.how {
            _ if self.limits.cpu_time.is_some_and(|limit| cpu_time > limit) => Verdict::CpuTimeLimit,
            How::Signalled(libc::SIGKILL) if usage.oom_kills > 0 => Verdict::MemoryLimit,
            How::Signalled(signal) => Verdict::Signalled(signal),
            How::Exited(code) => Verdict::Exited(code),
        };
        let verdict = self.exceeded.unwrap_or(end);
        let full = |layer: &File| {
            let left = nix::sys::statvfs::fstatvfs(layer).ok()?;
            Some(left.blocks_available() == 0 || left.files_available() == 0)
        };
        Report {
            verdict,
            init: self.plan.has_init(),
            cpu_time,
            wall_time,
            max_rss: ended.max_rss,
            peak_memory: usage.peak_memory,
            oom_kills: usage.oom_kills,
            voluntary_switches: ended.switches[0],
            forced_switches: ended.switches[1],
            disk_full: self.layer.as_ref().and_then(full),
            limits: self.limits,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.report.is_none() {
            // There is no caller left to get an error, so each call that fails has a second one. The process has not
            // been waited for yet, so its number is still its own.
            if self.kill().is_err() {
                let _killed = kill(Pid::from_raw(self.started.pid), Signal::SIGKILL);
                self.end_stragglers();
            }
            let _reaped = wait::reap(&self.started.pidfd).or_else(|_| wait::reap(&self.started.pidfd));
        }
    }
}
