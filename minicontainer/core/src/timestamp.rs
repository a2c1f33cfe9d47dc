//! A point in time, as records and documents keep it: RFC 3339 in UTC, to the nanosecond.
//!
//! This crate has no clock: whoever has one passes the time in, as a [`Duration`] since 1970-01-01 00:00 UTC. Calendars
//! are the work of the crate `jiff`.
//!
//! ```
//! use std::time::Duration;
//! use minicontainer_core::Timestamp;
//!
//! let start = Timestamp::since_epoch(Duration::from_secs(1_700_000_000));
//! assert_eq!(start.to_string(), "2023-11-14T22:13:20.000000000Z");
//! assert_eq!(Timestamp::parse("2023-11-14T23:13:20+01:00"), Some(start));
//! ```

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A point in time, not before 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(jiff::Timestamp);

/// The text is not a point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid time {given:?}: must be RFC 3339, and not before 1970 (for example, 2026-01-31T12:00:00Z)")]
pub struct TimestampError {
    /// What was given.
    pub given: String,
}

impl Timestamp {
    /// The time that is so long after 1970-01-01 00:00 UTC. What is beyond the year 9999 becomes its last moment.
    pub fn since_epoch(time: Duration) -> Timestamp {
        let nanoseconds = i128::try_from(time.as_nanos()).ok();
        let timestamp = nanoseconds.and_then(|nanoseconds| jiff::Timestamp::from_nanosecond(nanoseconds).ok());
        Timestamp(timestamp.unwrap_or(jiff::Timestamp::MAX))
    }

    /// How long after 1970-01-01 00:00 UTC it is.
    pub fn since_1970(self) -> Duration {
        // Never negative: neither way to make one allows it.
        Duration::try_from(self.0.as_duration()).unwrap_or_default()
    }

    /// Whole seconds since 1970-01-01 00:00 UTC.
    pub fn seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Reads RFC 3339, in UTC or with an offset. None if the text is something else, or a time before 1970: images without
    /// a date have `0001-01-01T00:00:00Z`.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        (timestamp >= jiff::Timestamp::UNIX_EPOCH).then_some(Timestamp(timestamp))
    }

    /// The time that is so much earlier, and no earlier than 1970.
    pub fn before(self, time: Duration) -> Timestamp {
        Timestamp::since_epoch(self.since_1970().saturating_sub(time))
    }

    /// How much later it is than another; zero if it is earlier, as after the clock was set back.
    pub fn since(self, earlier: Timestamp) -> Duration {
        self.since_1970().saturating_sub(earlier.since_1970())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.9}", self.0)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(given: String) -> Result<Self, Self::Error> {
        Timestamp::parse(&given).ok_or(TimestampError { given })
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> String {
        timestamp.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(seconds: u64, expect: &str) {
        let timestamp = Timestamp::since_epoch(Duration::from_secs(seconds));
        assert_eq!(timestamp.to_string(), format!("{expect}.000000000Z"));
    }

    /// The right answers are those of `date -u -d @SECONDS +%FT%T`.
    #[test]
    fn times_are_shown_as_dates() {
        check(0, "1970-01-01T00:00:00");
        check(951_782_399, "2000-02-28T23:59:59");
        check(951_782_400, "2000-02-29T00:00:00");
        check(1_709_251_199, "2024-02-29T23:59:59");
        check(1_709_251_200, "2024-03-01T00:00:00");
        check(1_735_689_599, "2024-12-31T23:59:59");
        check(1_735_689_600, "2025-01-01T00:00:00");
        check(4_107_542_400, "2100-03-01T00:00:00");
    }

    #[test]
    fn nanoseconds_are_kept() {
        let timestamp = Timestamp::since_epoch(Duration::new(1, 5));
        assert_eq!(timestamp.to_string(), "1970-01-01T00:00:01.000000005Z");
        assert_eq!(timestamp.since(Timestamp::since_epoch(Duration::ZERO)), Duration::new(1, 5));
    }

    #[test]
    fn texts_that_are_not_times_are_refused() {
        assert_eq!(Timestamp::parse("1970-01-01T01:00:00+01:00"), Some(Timestamp::since_epoch(Duration::ZERO)));
        assert_eq!(
            Timestamp::parse("1970-01-01T00:00:01.25Z"),
            Some(Timestamp::since_epoch(Duration::from_millis(1250)))
        );
        for text in [
            "",
            "yesterday",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.",
            "2026-01-01T00:00:00.Z",
            "2026-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        let error = serde_json::from_str::<Timestamp>("\"soon\"").unwrap_err();
        assert!(error.to_string().starts_with("invalid time \"soon\": must be RFC 3339"), "{error}");
    }

    #[test]
    fn a_time_too_far_away_is_the_last_one() {
        assert!(Timestamp::since_epoch(Duration::MAX).to_string().starts_with("9999-12-"));
        assert_eq!(
            Timestamp::since_epoch(Duration::from_secs(5)).before(Duration::MAX),
            Timestamp::since_epoch(Duration::ZERO)
        );
    }

    proptest! {
        #[test]
        fn shown_times_can_be_read(seconds in 0..253_402_200_000_u64, nanoseconds in 0..1_000_000_000_u32) {
            let timestamp = Timestamp::since_epoch(Duration::new(seconds, nanoseconds));
            prop_assert_eq!(timestamp.since_1970(), Duration::new(seconds, nanoseconds));
            prop_assert_eq!(Timestamp::parse(&timestamp.to_string()), Some(timestamp));
            let json = serde_json::to_string(&timestamp).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("a time"), timestamp);
        }
    }
}
