//! How a run ended: what a teacher's grader, a test and a student all want to know afterwards.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the program ended, or what ended it.
///
/// With an init ([`Report::init`]) this is how the program itself ended, as a parent of it learns by wait(2): a
/// program that exits with 137 has [`Exited(137)`](Verdict::Exited), one that SIGKILL ended
/// [`Signalled(9)`](Verdict::Signalled).
///
/// Without an init the program is process 1 of its pid namespace, for which the kernel drops every signal that has no
/// handler, also those that the process sends to itself (pid_namespaces(7)). The verdict then is how *process 1*
/// ended, which for some programs is not how they end elsewhere: after `raise(SIGFPE)` or `alarm(1)` the program goes
/// on,
/// `abort()` ends it by SIGSEGV, and a write beyond RLIMIT_FSIZE fails with EFBIG in place of SIGXFSZ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It exited by itself with this code, 0 to 255.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// It ran longer than its wall-clock limit and was killed.
    TimeLimit,
    /// It used more processor time than its limit.
    CpuTimeLimit,
    /// It wrote more to stdout and stderr than its limit and was killed.
    OutputLimit,
    /// The kernel killed it because the container's memory limit was reached.
    MemoryLimit,
}

/// The limits that were really in force, whether asked for or by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnforcedLimits {
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Processor time per wall time, in thousandths of a processor.
    pub millicpus: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Wall-clock time.
    pub wall_time: Option<Duration>,
    /// Processor time in all.
    pub cpu_time: Option<Duration>,
    /// Bytes written to stdout and stderr together.
    pub output: Option<u64>,
    /// Bytes in the writable layer.
    pub disk: Option<u64>,
    /// Files, directories and links in the writable layer.
    pub inodes: Option<u64>,
}

/// What is known of a run once it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub verdict: Verdict,
    /// Whether the engine's init was the container's first process; else that was the program, see [`Verdict`].
    #[serde(default)]
    pub init: bool,
    /// Processor time, user and system, of all processes of the container where a cgroup counted it, else of its
    /// first process and the children that one waited for, which an init does for all that ended.
    pub cpu_time: Duration,
    /// From the start of the program to its end.
    pub wall_time: Duration,
    /// The largest resident set of any single process, in bytes (getrusage(2)).
    pub max_rss: u64,
    /// The largest memory use of the whole container, in bytes, where a memory cgroup counted it.
    pub peak_memory: Option<u64>,
    /// How many processes the kernel killed for want of memory.
    pub oom_kills: u64,
    /// How often its first process, and the children that one waited for, gave the processor up by themselves.
    #[serde(default)]
    pub voluntary_switches: u64,
    /// How often the kernel took the processor away from them.
    #[serde(default)]
    pub forced_switches: u64,
    /// Whether the writable layer had no byte or no inode left in the end. Nothing is known of a layer without a
    /// limit, and of a program that ended before anybody could look.
    #[serde(default)]
    pub disk_full: Option<bool>,
    /// The limits that were really in force.
    pub limits: EnforcedLimits,
}
