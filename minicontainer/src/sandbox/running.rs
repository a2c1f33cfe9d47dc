//! A running container: waiting for it, killing it, and its report.

mod denied;
mod limits;
mod output;
mod supervise;

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
use denied::DeniedCalls;
use limits::enforced;

pub use output::Output;
pub use supervise::Event;

/// The resources of a run that are removed by dropping them.
#[derive(Debug)]
pub(super) struct RunResources {
    pub group: Option<Cgroup>,
    /// Never read, only dropped.
    pub _scratch: Option<Scratch>,
}

/// The directory of a container that is removed after the run.
#[derive(Debug)]
pub(super) struct Scratch {
    pub directory: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: `drop` cannot return an error.
        let _removed = rootfs::remove(&self.directory);
    }
}

/// A running container. Dropping it kills everything in it.
#[derive(Debug)]
pub struct Running {
    /// Writes to its stdin, if that is [`Piped`](super::Stdio::Piped). Dropping it ends the input.
    pub stdin: Option<File>,
    /// Reads its stdout, if that is piped.
    pub stdout: Option<File>,
    /// Reads its stderr, if that is piped.
    pub stderr: Option<File>,
    /// The engine's side of its terminal, if it has one. Reading returns what the container writes; writing is like
    /// typing. Dropping it hangs up the program's side, so the processes there get SIGHUP.
    pub terminal: Option<File>,
    /// The streams that are copied while the caller waits.
    streams: Streams,
    /// The calls that the seccomp filter has refused, if they are recorded.
    denied_calls: Option<DeniedCalls>,
    ended_at: Option<Instant>,
    /// How long output is copied after the program has ended. None: until everything is copied.
    output_timeout: Option<Duration>,
    /// The thread that copies streams.
    background: Option<Background>,
    started: Started,
    limits: EnforcedLimits,
    /// The exceeded limit for which the engine killed it, if it did.
    exceeded: Option<Verdict>,
    /// The CPU time that it had used when the engine killed it.
    cpu_time_before_kill: Duration,
    /// The root file system of a container whose writable layer is limited.
    layer: Option<File>,
    plan: Plan,
    report: Option<Report>,
    // Fields are dropped in order: first the cgroup with the processes left in it, then the files.
    holdings: RunResources,
}

/// Sends signals to a container's first process, from any thread.
#[derive(Debug)]
pub struct Signaller {
    pidfd: OwnedFd,
}

impl Signaller {
    /// Sends a signal by number. It is not an error if the process has exited already.
    ///
    /// # Errors
    /// When the caller lacks permission, or the signal number does not exist.
    pub fn send(&self, signal: i32) -> Result<(), Error> {
        wait::signal(&self.pidfd, signal).map_err(|source| Error::Wait { source })
    }
}

impl Running {
    pub(super) fn new(
        mut started: Started,
        holdings: RunResources,
        plan: Plan,
        limits: EnforcedLimits,
        (ends, streams): (Ends, Streams),
    ) -> Result<Running, Error> {
        let Ends { stdin, stdout, stderr } = ends;
        let terminal = started.terminal.take().map(File::from);
        let listener = started.listener.take();
        let limits = enforced(&plan, limits);
        // Kept open for the report, which says whether the layer is full: an exited program has no root directory in
        // /proc any more.
        let layer = limits.disk.and(started.root.take());
        let mut running = Running {
            stdin,
            stdout,
            stderr,
            terminal,
            streams,
            denied_calls: None,
            ended_at: None,
            output_timeout: None,
            background: None,
            started,
            limits,
            exceeded: None,
            cpu_time_before_kill: Duration::ZERO,
            layer,
            plan,
            report: None,
            holdings,
        };
        // If the thread cannot be started, dropping the value ends the container.
        running.denied_calls = listener.map(|listener| DeniedCalls::start(listener, &running.plan)).transpose()?;
        Ok(running)
    }

    /// The program's process id on the host, as [`std::process::Child::id`] returns it.
    pub fn id(&self) -> u32 {
        self.started.program.unsigned_abs()
    }

    /// The process id on the host of the container's first process: the init, or the program if there is no init. The
    /// container ends when this process exits. The ID is not reused before [`wait`](Running::wait) has returned.
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

    /// Sends a signal by number to the first process. It is not an error if that process has exited already.
    ///
    /// # Errors
    /// When the caller lacks permission, or the signal number does not exist.
    pub fn signal(&self, signal: i32) -> Result<(), Error> {
        wait::signal(&self.started.pidfd, signal).map_err(|source| Error::Wait { source })
    }

    /// A [`Signaller`], which another thread can use to send signals.
    ///
    /// # Errors
    /// When the process has too many descriptors open.
    pub fn signaller(&self) -> Result<Signaller, Error> {
        let pidfd = self.started.pidfd.try_clone().map_err(|source| Error::Stream { source })?;
        Ok(Signaller { pidfd })
    }

    /// Sets the window size of the container's terminal, so that the program in it gets SIGWINCH. Does nothing if the
    /// container has no terminal.
    ///
    /// # Errors
    /// Never in practice, see TIOCSWINSZ in ioctl_tty(2).
    pub fn resize(&self, rows: u16, columns: u16) -> Result<(), Error> {
        let Some(terminal) = &self.terminal else { return Ok(()) };
        let resized = calls::set_window_size(terminal.as_raw_fd(), rows, columns);
        resized.map(drop).map_err(|errno| Error::Stream { source: io::Error::from_raw_os_error(errno.0) })
    }

    /// Kills everything in the container.
    ///
    /// # Errors
    /// When the caller lacks permission.
    pub fn kill(&self) -> Result<(), Error> {
        wait::signal(&self.started.pidfd, libc::SIGKILL).map_err(|source| Error::Wait { source })?;
        self.kill_remaining();
        Ok(())
    }

    /// Kills the processes that are left after the first process. In a PID namespace the kernel does this itself, see
    /// pid_namespaces(7).
    fn kill_remaining(&self) {
        let own_pids = self
            .plan
            .steps
            .iter()
            .any(|step| matches!(step, Step::Clone { namespaces, .. } if namespaces.contains(&Namespace::Pid)));
        if own_pids {
            return;
        }
        // The first process called setsid(2), so its descendants are in its process group unless they left it. It is
        // fine if that group no longer exists.
        let _gone = killpg(Pid::from_raw(self.started.pid), Signal::SIGKILL);
        if let Some(group) = &self.holdings.group {
            group.kill();
        }
    }

    /// Makes the report. If the engine killed the program, the verdict is the reason. A program that used too much
    /// CPU time has the verdict `CpuTimeLimit` even if it exited before the engine noticed. `MemoryLimit` means that
    /// the kernel's OOM killer killed the program (or its init). If it killed only other processes, just `oom_kills`
    /// shows that.
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
        let mut report = Report::new(verdict);
        report.init = self.plan.has_init();
        (report.cpu_time, report.wall_time) = (cpu_time, wall_time);
        report.max_rss = ended.max_rss;
        (report.peak_memory, report.oom_kills) = (usage.peak_memory, usage.oom_kills);
        (report.peak_pids, report.pids_limit_hits) = (usage.peak_pids, usage.pids_limit_hits);
        [report.voluntary_switches, report.forced_switches] = ended.switches;
        report.denied_calls = self.denied_calls.as_ref().map(DeniedCalls::list).unwrap_or_default();
        report.limits = self.limits;
        if let Some(disk) = self.layer.as_ref().and_then(|layer| nix::sys::statvfs::fstatvfs(layer).ok()) {
            report.disk_full = Some(disk.blocks_available() == 0 || disk.files_available() == 0);
            report.disk_bytes = Some(disk.blocks().saturating_sub(disk.blocks_free()) * disk.fragment_size());
            report.disk_inodes = Some(disk.files().saturating_sub(disk.files_free()));
        }
        report
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.report.is_none() {
            // `drop` cannot return an error, so each call that fails has a fallback. Killing by process id is safe,
            // because the process has not been reaped yet and so its ID cannot have been reused.
            if self.kill().is_err() {
                let _killed = kill(Pid::from_raw(self.started.pid), Signal::SIGKILL);
                self.kill_remaining();
            }
            let _reaped = wait::reap(&self.started.pidfd).or_else(|_| wait::reap(&self.started.pidfd));
        }
    }
}
