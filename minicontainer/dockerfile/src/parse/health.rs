//! The arguments of `HEALTHCHECK`.

use minicontainer_core::options::Timeout;

use super::{Arguments, Flags, arguments};
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::Healthcheck,
    line::Slice,
};

pub(super) fn healthcheck(given: Arguments) -> Result<Healthcheck, DockerfileError> {
    let (kind, rest) = given.rest.split_word();
    let flags = &given.flags;
    let probe = match kind.text().to_ascii_uppercase().as_str() {
        "NONE" if !rest.is_empty() => return Err(DockerfileErrorKind::HealthNone.at(rest.span())),
        "NONE" => None,
        "CMD" if rest.is_empty() || is_empty_array(rest)? => {
            return Err(DockerfileErrorKind::HealthCommand.at(kind.span()));
        }
        "CMD" => Some(arguments::command(rest)?),
        _ => {
            return Err(DockerfileErrorKind::HealthType { given: kind.text().to_owned() }.at(kind.span()));
        }
    };
    if probe.is_none() {
        // Times have no meaning without a probe.
        return Ok(Healthcheck { probe, interval: 0, timeout: 0, start_period: 0, start_interval: 0, retries: 0 });
    }
    Ok(Healthcheck {
        probe,
        interval: duration(flags, "interval")?,
        timeout: duration(flags, "timeout")?,
        start_period: duration(flags, "start-period")?,
        start_interval: duration(flags, "start-interval")?,
        retries: match flags.one("retries") {
            None => 0,
            Some(word) => word
                .text
                .parse::<i32>()
                .ok()
                .and_then(|number| u32::try_from(number).ok())
                .ok_or_else(|| DockerfileErrorKind::Retries { given: word.text.clone() }.at(word.span))?,
        },
    })
}

fn is_empty_array(rest: Slice) -> Result<bool, DockerfileError> {
    Ok(arguments::json(rest)?.is_some_and(|words| words.is_empty()))
}

/// In nanoseconds. Docker requires a unit, and at least a millisecond or 0.
fn duration(flags: &Flags, flag: &'static str) -> Result<u64, DockerfileError> {
    let Some(word) = flags.one(flag) else { return Ok(0) };
    if matches!(word.text.as_str(), "0" | "0s" | "0ms" | "0m" | "0h") {
        return Ok(0);
    }
    let has_unit = word.text.ends_with(|last: char| last.is_ascii_alphabetic());
    let time = word.text.parse::<Timeout>().ok().filter(|_| has_unit).map(|time| time.duration().as_nanos());
    time.and_then(|nanoseconds| i64::try_from(nanoseconds).ok())
        .filter(|nanoseconds| *nanoseconds >= 1_000_000)
        .map(i64::unsigned_abs)
        .ok_or_else(|| DockerfileErrorKind::Duration { flag, given: word.text.clone() }.at(word.span))
}
