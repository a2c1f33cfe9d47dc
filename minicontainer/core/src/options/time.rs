//! How long a container may run.
//!
//! A bare number is in seconds, as for timeout(1). With units it is a duration in Docker's syntax: `500ms`, `2m30s`,
//! `1h`; the largest unit first, each at most once. It is wall-clock time, not processor time, so it also passes
//! while the program sleeps.
//!
//! ```
//! use std::time::Duration;
//! use minicontainer_core::options::Timeout;
//!
//! let timeout: Timeout = "2m30s".parse()?;
//! assert_eq!(timeout.duration(), Duration::from_secs(150));
//! assert_eq!("1.5".parse::<Timeout>()?.duration(), Duration::from_millis(1500));
//! assert!("0".parse::<Timeout>().is_err());
//! # Ok::<(), minicontainer_core::options::TimeoutError>(())
//! ```

use std::{fmt, str::FromStr, time::Duration};

use super::decimal::scaled;

/// Units and their nanoseconds, largest first, which is the required order.
const UNITS: [(&str, u64); 4] =
    [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000)];

/// A duration above zero, at most about 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeout {
    duration: Duration,
}

impl Timeout {
    /// Creates a timeout; `None` if it is zero.
    pub fn new(duration: Duration) -> Option<Timeout> {
        (!duration.is_zero()).then_some(Timeout { duration })
    }

    /// The duration.
    pub fn duration(self) -> Duration {
        self.duration
    }
}

/// The text is not a valid duration.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid duration {given:?}: must be in seconds, or with units (h, m, s, ms) from the largest to the smallest, \
     above 0 and below 584 years (for example, 0.5, 1m30s or 500ms)"
)]
pub struct TimeoutError {
    /// What was given.
    pub given: String,
}

crate::plain_diagnostic!(TimeoutError: InvalidInput);

impl FromStr for Timeout {
    type Err = TimeoutError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        nanoseconds(text)
            .and_then(|nanoseconds| Timeout::new(Duration::from_nanos(nanoseconds)))
            .ok_or_else(|| TimeoutError { given: text.to_owned() })
    }
}

/// Parses a duration, written as a number of seconds or with units, to nanoseconds.
pub(super) fn nanoseconds(text: &str) -> Option<u64> {
    match text.bytes().last()? {
        b'0'..=b'9' | b'.' => seconds(text, 1_000_000_000),
        _ => with_units(text),
    }
}

/// Parses a number of a unit, to nanoseconds.
fn seconds(number: &str, unit: u64) -> Option<u64> {
    scaled(number, unit).filter(|scaled| scaled.exact).map(|scaled| scaled.value)
}

fn with_units(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut units = UNITS.into_iter();
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let end_of_number = rest.find(|character: char| character.is_ascii_alphabetic())?;
        let (number, behind) = rest.split_at(end_of_number);
        let end_of_unit = behind.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end_of_unit);
        // The iterator continues after the last unit, so a duplicate or larger unit is not found.
        let (_, scale) = units.find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(seconds(number, scale)?)?;
        rest = behind;
    }
    Some(sum)
}

impl fmt::Display for Timeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, milliseconds: u64) {
        let timeout: Timeout = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(timeout.duration(), Duration::from_millis(milliseconds), "{text}");
    }

    #[test]
    fn durations_are_parsed() {
        check("1", 1000);
        check("0.5", 500);
        check(".5", 500);
        check("2.", 2000);
        check("1s", 1000);
        check("1.5s", 1500);
        check("500ms", 500);
        check("2m30s", 150_000);
        check("1h", 3_600_000);
        check("1h1m1s1ms", 3_661_001);
        check("90s", 90_000);
        check("1m500ms", 60_500);
        check("0h1s", 1000);
    }

    #[test]
    fn invalid_durations_are_rejected() {
        let texts = [
            "",
            "0",
            "0s",
            "-1",
            "-1s",
            "+1",
            "s",
            "1d",
            "1S",
            "1 s",
            "1s ",
            "1s1m",
            "1s1s",
            "1ms1s",
            "1m30",
            "1s.5",
            "NaN",
            "1e3",
            "0.0000000001",
            "99999999999h",
            "18446744073709551616",
            "forever",
            "1s\n",
        ];
        let table = texts.map(|text| text.parse::<Timeout>().unwrap_err().to_string());
        insta::assert_snapshot!(table.join("\n"));
    }
}
