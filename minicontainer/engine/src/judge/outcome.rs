//! Maps how a run ended to a verdict.

use std::fmt;

use minicontainer::{Report, Verdict};
use nix::sys::signal::Signal;
use serde::{Serialize, Serializer};

/// A verdict, in the letters that contests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the parent module explains each")]
#[non_exhaustive]
pub enum JudgeVerdict {
    Accepted,
    WrongAnswer,
    TimeLimit,
    MemoryLimit,
    OutputLimit,
    DiskLimit,
    RuntimeError,
    EngineFault,
}

impl fmt::Display for JudgeVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            JudgeVerdict::Accepted => "AC",
            JudgeVerdict::WrongAnswer => "WA",
            JudgeVerdict::TimeLimit => "TLE",
            JudgeVerdict::MemoryLimit => "MLE",
            JudgeVerdict::OutputLimit => "OLE",
            JudgeVerdict::DiskLimit => "DLE",
            JudgeVerdict::RuntimeError => "RE",
            JudgeVerdict::EngineFault => "IE",
        })
    }
}

impl Serialize for JudgeVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A verdict and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The verdict.
    pub verdict: JudgeVerdict,
    /// The reason in one line; none when there is nothing to explain.
    pub message: Option<String>,
}

impl Outcome {
    pub(super) fn new(verdict: JudgeVerdict, message: impl Into<String>) -> Outcome {
        Outcome { verdict, message: Some(message.into()).filter(|message: &String| !message.is_empty()) }
    }
}

/// The result of one program with one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The program's name.
    pub program: String,
    /// The test's name.
    pub test: String,
    /// The verdict.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How the run ended and what it used; none if it did not run.
    pub report: Option<Report>,
}

impl Judged {
    /// An accepted run, with every field that a run can have.
    pub fn example() -> Judged {
        let mut report = Report::new(Verdict::Exited(0));
        (report.peak_memory, report.peak_pids) = (Some(0), Some(0));
        report.disk_full = Some(false);
        (report.disk_bytes, report.disk_inodes, report.output_bytes) = (Some(0), Some(0), Some(0));
        let outcome = Outcome::new(JudgeVerdict::Accepted, "");
        Judged { program: "ada".to_owned(), test: "one".to_owned(), outcome, report: Some(report) }
    }
}

/// The verdict of a run, given how its answer differs from the expected one, if it does.
///
/// If the program was killed because of a limit, that limit is the verdict. If it reached a limit without being
/// killed (the kernel killed only a child because of the memory limit, or the disk is full), the limit is the verdict
/// only if the answer is wrong, because then it is the likely cause. A program that was refused a new process may
/// have handled that, so there the limit is only mentioned.
pub fn outcome(report: &Report, difference: Option<String>) -> Outcome {
    let failed = |verdict, message: String| match report {
        Report { oom_kills: 1.., .. } => {
            Outcome::new(JudgeVerdict::MemoryLimit, format!("{message}, after it ran out of memory"))
        }
        Report { disk_full: Some(true), .. } => {
            Outcome::new(JudgeVerdict::DiskLimit, format!("{message}, with a full disk"))
        }
        Report { pids_limit_hits: 1.., .. } => {
            Outcome::new(verdict, format!("{message}, after it reached its limit of processes"))
        }
        _ => Outcome::new(verdict, message),
    };
    match report.verdict {
        Verdict::TimeLimit => Outcome::new(JudgeVerdict::TimeLimit, "wall time limit exceeded"),
        Verdict::CpuTimeLimit => Outcome::new(JudgeVerdict::TimeLimit, "processor time limit exceeded"),
        Verdict::MemoryLimit => Outcome::new(JudgeVerdict::MemoryLimit, "memory limit exceeded"),
        Verdict::OutputLimit => Outcome::new(JudgeVerdict::OutputLimit, "output limit exceeded"),
        Verdict::Exited(0) => match difference {
            None => Outcome::new(JudgeVerdict::Accepted, ""),
            Some(difference) => failed(JudgeVerdict::WrongAnswer, difference),
        },
        Verdict::Exited(code) => failed(JudgeVerdict::RuntimeError, format!("exit code {code}")),
        Verdict::Signalled(signal) => {
            let name = Signal::try_from(signal).map_or(String::new(), |signal| format!(" ({signal})"));
            failed(JudgeVerdict::RuntimeError, format!("signal {signal}{name}"))
        }
        other => Outcome::new(JudgeVerdict::EngineFault, format!("it ended in an unknown way: {other:?}")),
    }
}
