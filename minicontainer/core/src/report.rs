//! The result of a run, for graders, tests and users.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the program exited, or why it was killed.
///
/// With an init ([`Report::init`]) this is the program's own status, as its parent gets it from wait(2): a program
/// that exits with 137 has [`Exited(137)`](Verdict::Exited), and one that is killed by SIGKILL has
/// [`Signalled(9)`](Verdict::Signalled).
///
/// Without an init the program is process 1 of its pid namespace, for which the kernel drops every signal without a
/// handler, even signals that the process sends to itself (pid_namespaces(7)). The verdict is then the status of
/// *process 1*, and some programs exit differently as process 1: after `raise(SIGFPE)` or `alarm(1)` the program
/// continues, `abort()` kills it with SIGSEGV, and a write beyond RLIMIT_FSIZE fails with EFBIG instead of SIGXFSZ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It exited by itself with this code, 0 to 255.
    Exited(i32),
    /// A signal killed it.
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

/// The limits that were actually enforced, both requested and default ones.
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
    /// Total processor time.
    pub cpu_time: Option<Duration>,
    /// Bytes written to stdout and stderr together.
    pub output: Option<u64>,
    /// Bytes in the writable layer.
    pub disk: Option<u64>,
    /// Files, directories and links in the writable layer.
    pub inodes: Option<u64>,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How the program exited.
    pub verdict: Verdict,
    /// Whether the engine's init was the container's first process. Otherwise it was the program, see [`Verdict`].
    #[serde(default)]
    pub init: bool,
    /// Processor time, user and system: of all processes of the container if a cgroup measured it, otherwise of its
    /// first process and the children that it waited for. An init waits for all that exit.
    pub cpu_time: Duration,
    /// The time from the program's start to its exit.
    pub wall_time: Duration,
    /// The largest resident set of any single process, in bytes (getrusage(2)).
    pub max_rss: u64,
    /// The peak memory use of the whole container, in bytes, if a memory cgroup measured it.
    pub peak_memory: Option<u64>,
    /// How many processes the kernel killed because memory ran out.
    pub oom_kills: u64,
    /// The voluntary context switches of the first process and the children that it waited for.
    #[serde(default)]
    pub voluntary_switches: u64,
    /// Their involuntary context switches.
    #[serde(default)]
    pub forced_switches: u64,
    /// Whether the writable layer had no byte or no inode left at the end. `None` for a layer without a limit, and
    /// for a program that exited before it could be checked.
    #[serde(default)]
    pub disk_full: Option<bool>,
    /// The system calls that the seccomp filter refused with an error, if they were traced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_calls: Vec<DeniedCall>,
    /// The limits that were actually enforced.
    pub limits: EnforcedLimits,
}

/// A system call that the seccomp filter refused with an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedCall {
    /// Its name; `unknown` for all calls together that this engine does not know.
    pub name: String,
    /// The error that the program got, see errno(3).
    pub errno: u32,
    /// How often.
    pub count: u64,
}
