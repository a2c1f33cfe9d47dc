//! Maps how a run ended to a verdict.

use std::fmt;

use minicontainer::{Report, Verdict, core::explain::Message};
use nix::sys::signal::Signal;
use serde::{Serialize, Serializer};

use super::reason::reason;

/// A verdict, with the abbreviation that programming contests use.
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
    /// The reason; none when there is nothing to explain.
    pub message: Option<Message>,
}

impl Outcome {
    pub(super) fn new(verdict: JudgeVerdict, message: Message) -> Outcome {
        Outcome { verdict, message: Some(message) }
    }

    fn accepted() -> Outcome {
        Outcome { verdict: JudgeVerdict::Accepted, message: None }
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
        Judged {
            program: "ada".to_owned(),
            test: "one".to_owned(),
            outcome: Outcome::accepted(),
            report: Some(report),
        }
    }
}

/// The verdict of a run, given how its answer differs from the expected one, if it does.
///
/// If the program was killed because of a limit, that limit is the verdict. If it reached a limit without being
/// killed (the kernel killed only a child because of the memory limit, or the disk is full), the limit is the verdict
/// only if the answer is wrong, because then it is the likely cause. A program that was refused a new process may
/// have handled that, so there the limit is only mentioned.
pub fn outcome(report: &Report, difference: Option<Message>) -> Outcome {
    let failed = |verdict, message: Message| match report {
        Report { oom_kills: 1.., .. } => {
            Outcome::new(JudgeVerdict::MemoryLimit, reason("after-out-of-memory", [("reason", message.into())]))
        }
        Report { disk_full: Some(true), .. } => {
            Outcome::new(JudgeVerdict::DiskLimit, reason("with-full-disk", [("reason", message.into())]))
        }
        Report { pids_limit_hits: 1.., .. } => {
            Outcome::new(verdict, reason("after-pids-limit", [("reason", message.into())]))
        }
        _ => Outcome::new(verdict, message),
    };
    match report.verdict {
        Verdict::TimeLimit => Outcome::new(JudgeVerdict::TimeLimit, reason("wall-time-limit", [])),
        Verdict::CpuTimeLimit => Outcome::new(JudgeVerdict::TimeLimit, reason("cpu-time-limit", [])),
        Verdict::MemoryLimit => Outcome::new(JudgeVerdict::MemoryLimit, reason("memory-limit", [])),
        Verdict::OutputLimit => Outcome::new(JudgeVerdict::OutputLimit, reason("output-limit", [])),
        Verdict::Exited(0) => match difference {
            None => Outcome::accepted(),
            Some(difference) => failed(JudgeVerdict::WrongAnswer, difference),
        },
        Verdict::Exited(code) => {
            failed(JudgeVerdict::RuntimeError, reason("exit-code", [("code", code.to_string().into())]))
        }
        Verdict::Signalled(signal) => {
            let number = ("number", signal.to_string().into());
            let message = match Signal::try_from(signal) {
                Ok(name) => reason("signal-named", [number, ("name", name.as_str().into())]),
                Err(_) => reason("signal", [number]),
            };
            failed(JudgeVerdict::RuntimeError, message)
        }
        other => {
            let verdict = ("verdict", format!("{other:?}").into());
            Outcome::new(JudgeVerdict::EngineFault, reason("unknown-end", [verdict]))
        }
    }
}
