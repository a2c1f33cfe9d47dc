//! How a container ended: the exit code of this command, and a message if a limit ended it.

use std::process::ExitCode;

use minicontainer::{Report, Verdict, core::options::ByteSize};

use crate::error::complain;

/// The exit code. Prints the cause of an end that the code alone does not show.
pub fn conclude(report: &Report) -> ExitCode {
    match report.verdict {
        Verdict::TimeLimit => {
            let limit = report.limits.wall_time.unwrap_or_default();
            complain(&format!("killed after {limit:?}: the time limit (--timeout) was reached"));
        }
        Verdict::CpuTimeLimit => {
            let limit = report.limits.cpu_time.unwrap_or_default();
            complain(&format!("killed after {limit:?} of processor time: the limit (--cpu-time) was reached"));
        }
        Verdict::OutputLimit => {
            let limit =
                report.limits.output.and_then(ByteSize::new).map_or(String::new(), |size| format!(" of {size}"));
            complain(&format!("killed: the output limit{limit} (--output-limit) was reached"));
        }
        Verdict::MemoryLimit => {
            let limit =
                report.limits.memory.and_then(ByteSize::new).map_or(String::new(), |size| format!(" of {size}"));
            complain(&format!("killed by the kernel: the memory limit{limit} (--memory) was reached"));
        }
        _ => {}
    }
    ExitCode::from(u8::try_from(report.verdict.exit_code()).unwrap_or(u8::MAX))
}
