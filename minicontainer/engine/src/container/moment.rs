//! A point in time, as records keep it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01 00:00 UTC, by the clock on the wall. Shown as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(u64);

impl Moment {
    /// This moment.
    pub fn now() -> Moment {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Moment::since_epoch(since)
    }

    /// Whole seconds since 1970-01-01 00:00 UTC.
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0 / 1_000_000_000).unwrap_or(i64::MAX)
    }

    /// How long after 1970-01-01 00:00 UTC it is.
    pub fn since_1970(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// So long after 1970-01-01 00:00 UTC.
    pub fn since_epoch(time: Duration) -> Moment {
        Moment(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Reads RFC 3339, as images have it: in UTC or with an offset. None if it is no such text, or before 1970.
    pub fn parse(text: &str) -> Option<Moment> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
        if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        // The reverse of `date`.
        let (from_march, shifted) = ((month + 9) % 12, year - u64::from(month <= 2));
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (153 * from_march + 2) / 5 + day - 1;
        let seconds = i64::try_from(days.checked_sub(719_468)? * 86_400 + seconds).ok()?;
        let behind = text.get(19..)?;
        let digits = behind.strip_prefix('.').unwrap_or_default();
        let digits = &digits[..digits.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(digits.len())];
        let nanoseconds: u32 = format!("{digits:0<9.9}").parse().ok()?;
        let zone = if digits.is_empty() { behind } else { &behind[1 + digits.len()..] };
        let offset = match zone.split_at_checked(1)? {
            ("Z" | "z", "") => 0,
            (sign @ ("+" | "-"), time) => {
                let (hours, minutes) = time.split_once(':')?;
                let offset = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
                if sign == "+" { offset } else { -offset }
            }
            _ => return None,
        };
        u64::try_from(seconds - offset).ok().map(|seconds| Moment::since_epoch(Duration::new(seconds, nanoseconds)))
    }

    /// So long before it, and no earlier than 1970.
    pub fn before(self, time: Duration) -> Moment {
        Moment::since_epoch(Duration::from_nanos(self.0).saturating_sub(time))
    }

    /// How long ago it was; nothing, if the clock has been set back meanwhile.
    pub fn elapsed(self) -> Duration {
        Duration::from_nanos(Moment::now().0.saturating_sub(self.0))
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. The year begins in March here, so
/// that the leap day is its last (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (year, month, day) = date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read() {
        for seconds in [0, 951_782_400, 1_700_000_000, 4_102_444_799] {
            let moment = Moment::since_epoch(Duration::from_secs(seconds));
            assert_eq!(Moment::parse(&moment.to_string()), Some(moment));
        }
        assert_eq!(Moment::parse("1970-01-01T01:00:00+01:00"), Some(Moment::since_epoch(Duration::ZERO)));
        // Images that were built within one second have an order, too.
        assert_eq!(Moment::parse("1970-01-01T00:00:01.25Z"), Some(Moment::since_epoch(Duration::from_millis(1250))));
        assert!(Moment::parse("2026-01-01T00:00:00.5Z") > Moment::parse("2026-01-01T00:00:00Z"));
        for text in [
            "2026-01-01T00:00:00.",
            "2026-01-01T00:00:00.Z",
            "",
            "yesterday",
            "1969-12-31T23:59:59Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T00:00:00",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[track_caller]
    fn check(seconds: u64, expect: &str) {
        let moment = Moment::since_epoch(Duration::from_secs(seconds));
        assert_eq!(moment.to_string(), format!("{expect}.000000000Z"));
    }

    /// The right answers are those of `date -u -d @SECONDS +%FT%T`.
    #[test]
    fn moments_are_shown_as_dates() {
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
        assert_eq!(Moment::since_epoch(Duration::new(1, 5)).to_string(), "1970-01-01T00:00:01.000000005Z");
    }
}
