//! The result of a run, for graders, tests and users.
//!
//! ```
//! use minicontainer_core::report::{Report, Verdict};
//!
//! let mut report = Report::new(Verdict::Exited(0));
//! report.limits.memory = Some(64 << 20);
//! report.peak_memory = Some(16 << 20);
//! let used = report.usage();
//! assert_eq!(used[0].to_string(), "memory: 25% of 67108864 bytes");
//! ```

use std::{fmt, time::Duration};

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
#[non_exhaustive]
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

impl Verdict {
    /// The exit code of a command that ran the program, as in Docker and shells: 128+n for signal n. Exceeded limits
    /// end a program by SIGKILL.
    pub fn exit_code(self) -> i32 {
        match self {
            Verdict::Exited(code) => code,
            Verdict::Signalled(signal) => 128 + signal,
            Verdict::TimeLimit | Verdict::CpuTimeLimit | Verdict::OutputLimit | Verdict::MemoryLimit => 137,
        }
    }
}

/// The limits that were actually enforced, both requested and default ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
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
#[non_exhaustive]
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
    /// The most processes and threads at the same time, if a pids cgroup counted them (since Linux 6.1).
    #[serde(default)]
    pub peak_pids: Option<u64>,
    /// How often the kernel refused to create a process or thread because the pids limit was reached. The program
    /// gets EAGAIN from clone(2), and may continue.
    #[serde(default)]
    pub pids_limit_hits: u64,
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
    /// The bytes in use in the writable layer at the end. `None` as for `disk_full`.
    #[serde(default)]
    pub disk_bytes: Option<u64>,
    /// The files, directories and links in the writable layer at the end. `None` as for `disk_full`.
    #[serde(default)]
    pub disk_inodes: Option<u64>,
    /// The bytes that it wrote to stdout and stderr together, as far as the limit allowed. `None` without a limit.
    #[serde(default)]
    pub output_bytes: Option<u64>,
    /// The system calls that the seccomp filter refused with an error, if they were traced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_calls: Vec<DeniedCall>,
    /// The limits that were actually enforced.
    pub limits: EnforcedLimits,
}

/// A system call that the seccomp filter refused with an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeniedCall {
    /// Its name; `unknown` for all calls together that this engine does not know.
    pub name: String,
    /// The error that the program got, see errno(3).
    pub errno: u32,
    /// How often.
    pub count: u64,
}

impl DeniedCall {
    /// A call that was refused `count` times.
    pub fn new(name: impl Into<String>, errno: u32, count: u64) -> DeniedCall {
        DeniedCall { name: name.into(), errno, count }
    }
}

/// How much of one limit was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitUsage {
    /// The limit.
    pub limit: LimitKind,
    /// The peak, or the total for times and output; in the limit's unit. It can be above the limit, because the
    /// engine notices an exceeded time limit only afterwards.
    pub used: u64,
    /// The limit itself.
    pub allowed: u64,
}

/// A limit that has a usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// Memory, in bytes.
    Memory,
    /// Processes and threads.
    Pids,
    /// Wall-clock time, in microseconds.
    WallTime,
    /// Processor time, in microseconds.
    CpuTime,
    /// What was written to stdout and stderr, in bytes.
    Output,
    /// The writable layer, in bytes.
    Disk,
    /// The files, directories and links in the writable layer.
    Inodes,
}

impl LimitKind {
    /// The name, such as "wall time".
    pub fn name(self) -> &'static str {
        match self {
            LimitKind::Memory => "memory",
            LimitKind::Pids => "pids",
            LimitKind::WallTime => "wall time",
            LimitKind::CpuTime => "cpu time",
            LimitKind::Output => "output",
            LimitKind::Disk => "disk",
            LimitKind::Inodes => "inodes",
        }
    }

    /// The unit of its numbers; none for a count.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            LimitKind::Memory | LimitKind::Output | LimitKind::Disk => Some("bytes"),
            LimitKind::WallTime | LimitKind::CpuTime => Some("µs"),
            LimitKind::Pids | LimitKind::Inodes => None,
        }
    }
}

impl LimitUsage {
    /// The used part of the limit: 0.5 is half of it.
    pub fn fraction(&self) -> f64 {
        if self.allowed == 0 { 1.0 } else { self.used as f64 / self.allowed as f64 }
    }
}

impl fmt::Display for LimitUsage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.limit.unit().map(|unit| format!(" {unit}")).unwrap_or_default();
        write!(formatter, "{}: {:.0}% of {}{unit}", self.limit.name(), self.fraction() * 100.0, self.allowed)
    }
}

impl Report {
    /// The report of a program that used nothing and had no limits, to be completed.
    pub fn new(verdict: Verdict) -> Report {
        Report {
            verdict,
            init: false,
            cpu_time: Duration::ZERO,
            wall_time: Duration::ZERO,
            max_rss: 0,
            peak_memory: None,
            oom_kills: 0,
            peak_pids: None,
            pids_limit_hits: 0,
            voluntary_switches: 0,
            forced_switches: 0,
            disk_full: None,
            disk_bytes: None,
            disk_inodes: None,
            output_bytes: None,
            denied_calls: Vec::new(),
            limits: EnforcedLimits::default(),
        }
    }

    /// How much of each limit was used: of the limits in force whose usage was measured.
    pub fn usage(&self) -> Vec<LimitUsage> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let limits = &self.limits;
        [
            (LimitKind::Memory, self.peak_memory, limits.memory),
            (LimitKind::Pids, self.peak_pids, limits.pids),
            (LimitKind::WallTime, Some(micros(self.wall_time)), limits.wall_time.map(micros)),
            (LimitKind::CpuTime, Some(micros(self.cpu_time)), limits.cpu_time.map(micros)),
            (LimitKind::Output, self.output_bytes, limits.output),
            (LimitKind::Disk, self.disk_bytes, limits.disk),
            (LimitKind::Inodes, self.disk_inodes, limits.inodes),
        ]
        .into_iter()
        .filter_map(|(limit, used, allowed)| Some(LimitUsage { limit, used: used?, allowed: allowed? }))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_lists_limits_that_were_measured() {
        let mut report = Report::new(Verdict::TimeLimit);
        assert_eq!(report.usage(), []);
        report.limits =
            EnforcedLimits { pids: Some(32), wall_time: Some(Duration::from_secs(2)), ..EnforcedLimits::default() };
        report.wall_time = Duration::from_millis(2_010);
        // Before Linux 6.1 the kernel does not count the most processes.
        let lines = |report: &Report| report.usage().iter().map(LimitUsage::to_string).collect::<Vec<_>>();
        assert_eq!(lines(&report), ["wall time: 100% of 2000000 µs"]);
        report.peak_pids = Some(8);
        assert_eq!(lines(&report), ["pids: 25% of 32", "wall time: 100% of 2000000 µs"]);
        assert!(report.usage()[1].fraction() > 1.0);
    }

    #[test]
    fn older_reports_can_be_read() {
        let text = r#"{"verdict": {"exited": 3}, "cpu_time": {"secs": 0, "nanos": 1}, "wall_time": {"secs": 0, "nanos": 2},
            "max_rss": 4, "peak_memory": null, "oom_kills": 0, "limits": {"memory": 5}}"#;
        let report: Report = serde_json::from_str(text).expect("a report");
        let mut expect = Report::new(Verdict::Exited(3));
        (expect.cpu_time, expect.wall_time) = (Duration::from_nanos(1), Duration::from_nanos(2));
        (expect.max_rss, expect.limits.memory) = (4, Some(5));
        assert_eq!(report, expect);
    }
}
