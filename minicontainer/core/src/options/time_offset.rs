//! How far a container's clocks are moved, see time_namespaces(7).
//!
//! Two clocks can be moved. Both count from the start of the machine: the *monotonic* clock, which programs use to
//! measure how long something takes, and the *boot time* clock, which also runs while the machine is suspended and
//! which uptime(1) shows. The time of day cannot be moved: all containers share the host's.
//!
//! An offset is written as the clock's name and a duration, in seconds or with units, forward or (with a `-`) back:
//!
//! ```
//! use minicontainer_core::options::{Clock, TimeOffset};
//!
//! let offset: TimeOffset = "boottime=24h".parse()?;
//! assert_eq!(offset, TimeOffset { clock: Clock::Boottime, seconds: 86_400, nanoseconds: 0 });
//! // As in the kernel, the nanoseconds always count forward.
//! let offset: TimeOffset = "monotonic=-0.25".parse()?;
//! assert_eq!(offset, TimeOffset { clock: Clock::Monotonic, seconds: -1, nanoseconds: 750_000_000 });
//! # Ok::<(), minicontainer_core::options::TimeOffsetError>(())
//! ```

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::time::nanoseconds;

/// A clock that a time namespace has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Time since an unspecified point in the past, without the time that the machine was suspended.
    Monotonic,
    /// Time since the machine was started.
    Boottime,
}

impl Clock {
    /// Both of them.
    pub const ALL: [Clock; 2] = [Clock::Monotonic, Clock::Boottime];

    /// Its name in `config.json`, on the command line, and in `/proc/PID/timens_offsets`.
    pub fn name(self) -> &'static str {
        match self {
            Clock::Monotonic => "monotonic",
            Clock::Boottime => "boottime",
        }
    }

    /// Its number, see clock_gettime(2).
    pub fn number(self) -> u32 {
        match self {
            Clock::Monotonic => 1,
            Clock::Boottime => 7,
        }
    }
}

/// How far a clock is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimeOffset {
    /// Which clock.
    pub clock: Clock,
    /// Seconds forward, or if negative back.
    pub seconds: i64,
    /// Nanoseconds forward from there, less than a second.
    pub nanoseconds: u32,
}

/// The text is not a valid offset.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid time offset {given:?}: must be monotonic= or boottime= and seconds or units (h, m, s, ms), with '-' to \
     move the clock back (for example, boottime=24h or monotonic=-1.5)"
)]
pub struct TimeOffsetError {
    /// What was given.
    pub given: String,
}

crate::plain_diagnostic!(TimeOffsetError: InvalidInput);

impl FromStr for TimeOffset {
    type Err = TimeOffsetError;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (name, way) = given.split_once('=')?;
            let clock = Clock::ALL.into_iter().find(|clock| clock.name() == name)?;
            let amount = i128::from(nanoseconds(way.strip_prefix('-').unwrap_or(way))?);
            let amount = if way.starts_with('-') { -amount } else { amount };
            let seconds = i64::try_from(amount.div_euclid(NANOS)).ok()?;
            Some(TimeOffset { clock, seconds, nanoseconds: u32::try_from(amount.rem_euclid(NANOS)).ok()? })
        };
        parse().ok_or_else(|| TimeOffsetError { given: given.to_owned() })
    }
}

/// Nanoseconds in a second.
const NANOS: i128 = 1_000_000_000;

impl fmt::Display for TimeOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = i128::from(self.seconds) * NANOS + i128::from(self.nanoseconds);
        let (sign, amount) = (if amount < 0 { "-" } else { "" }, amount.abs());
        let fraction = format!(".{:09}", amount % NANOS);
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        write!(formatter, "{}={sign}{}{fraction}s", self.clock.name(), amount / NANOS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let parsed = text.parse::<TimeOffset>().ok();
        assert_eq!(parsed.map(|offset| offset.to_string()).as_deref(), expected, "{text}");
        assert!(expected.is_none_or(|text| text.parse() == Ok(parsed.expect("an offset"))), "{text}");
    }

    #[test]
    fn time_offsets_are_parsed_or_rejected() {
        check("boottime=86400", Some("boottime=86400s"));
        check("boottime=-24h", Some("boottime=-86400s"));
        check("monotonic=1h30m", Some("monotonic=5400s"));
        check("monotonic=-1.5", Some("monotonic=-1.5s"));
        check("monotonic=-1ms", Some("monotonic=-0.001s"));
        check("monotonic=0", Some("monotonic=0s"));
        check("boottime=0.000000001", Some("boottime=0.000000001s"));
        for none in [
            "",
            "=",
            "boottime",
            "boottime=",
            "boottime=-",
            "boottime=--1",
            "boottime=+1",
            "boottime=1d",
            "realtime=1",
            "Boottime=1",
            "boottime=1 ",
            "boottime=99999999999h",
            "monotonic=1e3",
            "boottime=1m1h",
        ] {
            check(none, None);
        }
    }
}
