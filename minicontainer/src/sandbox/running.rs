//! A container that runs: waiting for it, ending it, and what it was.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use minicontainer_core::plan::{Namespace, Plan, Step};
use minicontainer_core::report::EnforcedLimits;
use minicontainer_core::{Report, Verdict};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::Error;
use super::stdio::Ends;
use crate::cgroup::Group;
use crate::process::StepTime;
use crate::process::start::Started;
use crate::process::wait::{self, Ended, How};
use crate::rootfs;

/// What a run leaves behind unless it is dropped.
#[derive(Debug)]
pub(super) struct Holdings {
    pub group: Option<Group>,
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
    started: Started,
    wall_time: Option<Duration>,
    plan: Plan,
    report: Option<Report>,
    // Dropped in this order: first the group, with whatever is left in it, then the files.
    holdings: Holdings,
}

/// What a program wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// All it wrote to stdout.
    pub stdout: Vec<u8>,
    /// All it wrote to stderr.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub report: Report,
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
        started: Started,
        holdings: Holdings,
        plan: Plan,
        wall_time: Option<Duration>,
        ends: Ends,
    ) -> Running {
        let Ends { stdin, stdout, stderr } = ends;
        Running { stdin, stdout, stderr, started, wall_time, plan, report: None, holdings }
    }

    /// The first process's id on the host. It stays the container's until [`wait`](Running::wait) has come back.
    pub fn id(&self) -> u32 {
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

    fn deadline(&self) -> Option<Instant> {
        self.wall_time.map(|limit| self.started.at + limit)
    }

    /// Waits for the end of the program, or of its wall-clock time.
    ///
    /// # Errors
    /// When it cannot be waited for; how the program ended is no error.
    pub fn wait(&mut self) -> Result<Report, Error> {
        if let Some(report) = &self.report {
            return Ok(report.clone());
        }
        let failed = |source| Error::Wait { source };
        // As with std::process::Child: a program that reads until the end of its input must get to see it.
        drop(self.stdin.take());
        let in_time = wait::ended_before(&self.started.pidfd, self.deadline()).map_err(failed)?;
        if !in_time {
            self.kill()?;
        }
        self.end_stragglers();
        let ended = wait::reap(&self.started.pidfd).map_err(failed)?;
        let report = self.conclude(ended, in_time);
        self.report = Some(report.clone());
        Ok(report)
    }

    /// Waits for the end of the program, or of its time, or until `descriptor` can be read; tells whether it is the
    /// latter. For a caller who has something else to attend to and no thread for it.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait_or_readable(&self, descriptor: BorrowedFd<'_>) -> Result<bool, Error> {
        let failed = |errno| Error::Wait { source: errno };
        loop {
            let process = self.started.pidfd.as_fd();
            let mut waited = [process, descriptor].map(|waited| PollFd::new(waited, PollFlags::POLLIN));
            match poll(&mut waited, wait::timeout(self.deadline())) {
                Ok(0) if self.deadline().is_some_and(|deadline| Instant::now() >= deadline) => return Ok(false),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(waited[0].any() == Some(false)),
                Err(errno) => return Err(failed(errno)),
            }
        }
    }

    /// Waits for the end and collects what was written to pipes meanwhile.
    ///
    /// # Errors
    /// When it cannot be read from or waited for.
    pub fn wait_with_output(mut self) -> Result<Output, Error> {
        drop(self.stdin.take());
        let mut streams = [self.stdout.take(), self.stderr.take()].map(|file| (file, Vec::new()));
        self.collect(&mut streams)?;
        let report = self.wait()?;
        let [(_, stdout), (_, stderr)] = streams;
        Ok(Output { stdout, stderr, report })
    }

    /// Reads both streams until the program has ended and they are empty, or the time is over.
    fn collect(&self, streams: &mut [(Option<File>, Vec<u8>); 2]) -> Result<(), Error> {
        let failed = |source| Error::Stream { source };
        for file in streams.iter().filter_map(|(file, _)| file.as_ref()) {
            fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        }
        loop {
            let over = self.deadline().is_some_and(|deadline| Instant::now() >= deadline);
            let ended = over
                || wait::ended_before(&self.started.pidfd, Some(Instant::now()))
                    .map_err(|source| Error::Wait { source })?;
            for (file, collected) in streams.iter_mut() {
                if let Some(open) = file
                    && drain(open, collected).map_err(failed)? == Stream::Ended
                {
                    *file = None;
                }
            }
            if ended {
                return Ok(());
            }
            let readable = streams.iter().filter_map(|(file, _)| file.as_ref()).map(AsFd::as_fd);
            await_any(readable.chain([self.started.pidfd.as_fd()]), self.deadline())
                .map_err(|source| Error::Wait { source })?;
        }
    }

    fn conclude(&self, ended: Ended, in_time: bool) -> Report {
        let wall_time = self.started.at.elapsed();
        let usage = self.holdings.group.as_ref().map(Group::usage).unwrap_or_default();
        let verdict = match ended.how {
            _ if !in_time => Verdict::TimeLimit,
            How::Signalled(libc::SIGKILL) if usage.oom_kills > 0 => Verdict::MemoryLimit,
            How::Signalled(signal) => Verdict::Signalled(signal),
            How::Exited(code) => Verdict::Exited(code),
        };
        Report {
            verdict,
            cpu_time: usage.cpu_time.unwrap_or(ended.cpu_time),
            wall_time,
            max_rss: ended.max_rss,
            peak_memory: usage.peak_memory,
            oom_kills: usage.oom_kills,
            limits: enforced(&self.plan, self.wall_time),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.report.is_none() {
            // Nobody is left to be told; what can be ended is ended.
            let _killed = self.kill();
            let _reaped = wait::reap(&self.started.pidfd);
        }
    }
}

/// The limits that the plan set.
fn enforced(plan: &Plan, wall_time: Option<Duration>) -> EnforcedLimits {
    let mut limits = EnforcedLimits { wall_time, ..EnforcedLimits::default() };
    for step in &plan.steps {
        match step {
            Step::LimitMemory { bytes } => limits.memory = Some(*bytes),
            Step::LimitCpu { quota, period } => limits.millicpus = Some(quota * 1000 / period),
            Step::LimitPids { max } => limits.pids = Some(*max),
            _ => {}
        }
    }
    limits
}

/// Whether more can come.
#[derive(PartialEq, Eq)]
enum Stream {
    Open,
    Ended,
}

/// Reads what is there now.
fn drain(file: &mut File, collected: &mut Vec<u8>) -> io::Result<Stream> {
    match file.read_to_end(collected) {
        Ok(_) => Ok(Stream::Ended),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Stream::Open),
        Err(error) => Err(error),
    }
}

/// Waits until one of them is readable or the deadline has passed.
fn await_any<'a>(descriptors: impl Iterator<Item = BorrowedFd<'a>>, deadline: Option<Instant>) -> Result<(), Errno> {
    let mut waited: Vec<PollFd<'_>> =
        descriptors.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)).collect();
    match poll(&mut waited, wait::timeout(deadline)) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}
