//! How long a container may run.
//!
//! A bare number is seconds, as for timeout(1). With units it is a duration as Docker writes it: `500ms`, `2m30s`,
//! `1h`; the greater unit first, each at most once. It is counted by a clock on the wall, not in processor time: a
//! program that sleeps uses it up too.
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

/// Units and their nanoseconds, greatest first: the order in which they must stand.
const UNITS: [(&str, u64); 4] =
    [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000)];

/// A time above zero, at most some 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeout {
    duration: Duration,
}

impl Timeout {
    /// A time; none if it is zero, at which nothing could run.
    pub fn new(duration: Duration) -> Option<Timeout> {
        (!duration.is_zero()).then_some(Timeout { duration })
    }

    /// The time.
    pub fn duration(self) -> Duration {
        self.duration
    }
}

/// The text is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no time: write seconds such as 2 or 0.5, or units (h, m, s, ms), the greater first, such as \
     1m30s or 500ms; it must be above 0 and below 584 years"
)]
pub struct TimeoutError {
    /// What was given.
    pub given: String,
}

impl FromStr for Timeout {
    type Err = TimeoutError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        nanoseconds(text)
            .and_then(|nanoseconds| Timeout::new(Duration::from_nanos(nanoseconds)))
            .ok_or_else(|| TimeoutError { given: text.to_owned() })
    }
}

/// A time in nanoseconds, written as a number of seconds or with units.
pub(super) fn nanoseconds(text: &str) -> Option<u64> {
    match text.bytes().last()? {
        b'0'..=b'9' | b'.' => seconds(text, 1_000_000_000),
        _ => with_units(text),
    }
}

/// A number of a unit, in nanoseconds.
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
        // The iterator goes on from where the last unit was found, so no unit comes twice or too late.
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
