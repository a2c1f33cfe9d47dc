//! From how a run ended to what is said of the program.

use std::{fmt, time::Duration};

use minicontainer::{Report, Verdict, core::report::EnforcedLimits};
use nix::sys::signal::Signal;
use serde::{Serialize, Serializer};

/// A verdict of the judge's, in the letters that contests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the module above tells what each means")]
pub enum Code {
    Accepted,
    WrongAnswer,
    TimeLimit,
    MemoryLimit,
    OutputLimit,
    DiskLimit,
    RuntimeError,
    EngineFault,
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Code::Accepted => "AC",
            Code::WrongAnswer => "WA",
            Code::TimeLimit => "TLE",
            Code::MemoryLimit => "MLE",
            Code::OutputLimit => "OLE",
            Code::DiskLimit => "DLE",
            Code::RuntimeError => "RE",
            Code::EngineFault => "IE",
        })
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A verdict and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Code,
    /// The reason in one line; none when there is nothing to explain.
    pub message: Option<String>,
}

impl Outcome {
    pub(super) fn new(verdict: Code, message: impl Into<String>) -> Outcome {
        Outcome { verdict, message: Some(message.into()).filter(|message: &String| !message.is_empty()) }
    }
}

/// One program with one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The program's name.
    pub program: String,
    /// The test's name.
    pub test: String,
    /// What is said of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How the run ended and what it used; none if there was none.
    pub report: Option<Report>,
}

impl Judged {
    /// An accepted run, with every field that a run can have.
    pub fn example() -> Judged {
        let report = Report {
            verdict: Verdict::Exited(0),
            init: true,
            cpu_time: Duration::ZERO,
            wall_time: Duration::ZERO,
            max_rss: 0,
            peak_memory: Some(0),
            oom_kills: 0,
            voluntary_switches: 0,
            forced_switches: 0,
            disk_full: Some(false),
            limits: EnforcedLimits::default(),
        };
        let outcome = Outcome::new(Code::Accepted, "");
        Judged { program: "ada".to_owned(), test: "one".to_owned(), outcome, report: Some(report) }
    }
}

/// What is said of a program that ran and whose answer differs from the expected one in this way, or not at all.
///
/// A limit that the program was ended for is the verdict. One that it met without being ended (the kernel killed only
/// a child for want of memory, the disk is full) is the verdict if the answer is not the expected one: then it is
/// likely the reason, and else no harm was done.
pub fn outcome(report: &Report, difference: Option<String>) -> Outcome {
    let failed = |verdict, message: String| match report {
        Report { oom_kills: 1.., .. } => {
            Outcome::new(Code::MemoryLimit, format!("{message}, after too little memory"))
        }
        Report { disk_full: Some(true), .. } => {
            Outcome::new(Code::DiskLimit, format!("{message}, with its disk full"))
        }
        _ => Outcome::new(verdict, message),
    };
    match report.verdict {
        Verdict::TimeLimit => Outcome::new(Code::TimeLimit, "too long on the wall"),
        Verdict::CpuTimeLimit => Outcome::new(Code::TimeLimit, "too much processor time"),
        Verdict::MemoryLimit => Outcome::new(Code::MemoryLimit, "too much memory"),
        Verdict::OutputLimit => Outcome::new(Code::OutputLimit, "too much output"),
        Verdict::Exited(0) => match difference {
            None => Outcome::new(Code::Accepted, ""),
            Some(difference) => failed(Code::WrongAnswer, difference),
        },
        Verdict::Exited(code) => failed(Code::RuntimeError, format!("exit code {code}")),
        Verdict::Signalled(signal) => {
            let name = Signal::try_from(signal).map_or(String::new(), |signal| format!(" ({signal})"));
            failed(Code::RuntimeError, format!("signal {signal}{name}"))
        }
    }
}
