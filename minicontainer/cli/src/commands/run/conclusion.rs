//! How a container ended: the exit code of this command, and a message if a limit ended it.

use std::{process::ExitCode, time::Duration};

use minicontainer::{
    Report, Verdict,
    core::{explain::Message, options::ByteSize},
};

use crate::{error::print_error, language, messages::message};

/// Returns the exit code. If the program was killed because of a limit, prints which one, because the code alone does
/// not show it.
pub fn conclude(report: &Report) -> ExitCode {
    if let Some(message) = reason(report) {
        print_error(&message.text(language::of_environment()));
    }
    ExitCode::from(u8::try_from(report.verdict.exit_code()).unwrap_or(u8::MAX))
}

/// The limit that ended the container.
fn reason(report: &Report) -> Option<Message> {
    let limits = &report.limits;
    let after =
        |key, limit: Option<Duration>| message(key, [("limit", format!("{:?}", limit.unwrap_or_default()).into())]);
    let of_size = |[known, unknown]: [&'static str; 2], limit: Option<u64>| match limit.and_then(ByteSize::new) {
        Some(size) => message(known, [("limit", size.to_string().into())]),
        None => message(unknown, []),
    };
    Some(match report.verdict {
        Verdict::TimeLimit => after("ended-time", limits.wall_time),
        Verdict::CpuTimeLimit => after("ended-cpu-time", limits.cpu_time),
        Verdict::OutputLimit => of_size(["ended-output-limit", "ended-output"], limits.output),
        Verdict::MemoryLimit => of_size(["ended-memory-limit", "ended-memory"], limits.memory),
        _ => return None,
    })
}
