//! The signal of `STOPSIGNAL`: a name of signal(7), with or without `SIG`, or a number. It is kept as written.

use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    position::Span,
};

const NAMES: [&str; 32] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH",
];
const MORE: [&str; 4] = ["XCPU", "XFSZ", "RTMIN", "RTMAX"];
const GREATEST: u32 = 64;

pub(super) fn check(given: String, span: Span) -> Result<String, DockerfileError> {
    let upper = given.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let real_time = |prefix, most| {
        name.strip_prefix(prefix).and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number <= most)
    };
    let is_number = given.parse::<u32>().is_ok_and(|number| (1..=GREATEST).contains(&number));
    let is_name = NAMES.contains(&name) || MORE.contains(&name) || real_time("RTMIN+", 15) || real_time("RTMAX-", 14);
    match is_number || is_name {
        true => Ok(given),
        false => Err(DockerfileErrorKind::Signal { given }.at(span)),
    }
}
