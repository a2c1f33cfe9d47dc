//! How much of a thing: bytes, processors, processes.
//!
//! Sizes are written as in docker-run(1): a decimal number and one of the letters `b k m g t`, in either case, whose
//! steps are 1024 (so `k`, `kb` and `KiB` all mean 1024 bytes: that is how memory is counted). Without a letter it is
//! bytes. Processors are decimal numbers: `--cpus 0.5` lets a container run for half of every period of wall time,
//! on however many processors.
//!
//! ```
//! use minicontainer_core::options::{ByteSize, Cpus, PidsLimit};
//!
//! let memory: ByteSize = "1.5g".parse()?;
//! assert_eq!(memory.bytes(), 1_610_612_736);
//! assert_eq!(memory.to_string(), "1536MiB");
//!
//! let cpus: Cpus = "0.5".parse()?;
//! assert_eq!(cpus.nanos(), 500_000_000);
//!
//! assert_eq!("32".parse(), Ok(PidsLimit::AtMost(32)));
//! assert_eq!("-1".parse(), Ok(PidsLimit::Unlimited));
//! # Ok::<(), minicontainer_core::options::SizeError>(())
//! ```

use std::{fmt, str::FromStr};

use super::decimal::scaled;

/// Letters and what they stand for, greatest first.
const UNITS: [(char, u64); 5] = [('t', 1 << 40), ('g', 1 << 30), ('m', 1 << 20), ('k', 1 << 10), ('b', 1)];
/// The OCI runtime specification counts in `int64`.
const MOST_BYTES: u64 = i64::MAX as u64;
const NANOS: u64 = 1_000_000_000;
/// The kernel refuses a quota under 1 ms, and the period is 100 ms: a hundredth of a processor.
const LEAST_NANOCPUS: u64 = NANOS / 100;
/// More processors than any machine has; keeps every product of a quota and a period within 64 bits.
const MOST_NANOCPUS: u64 = 8192 * NANOS;
/// The kernel's own greatest number of processes, `PID_MAX_LIMIT`; it refuses a greater bound.
const MOST_PIDS: u64 = 4_194_304;

/// A number of bytes, from 1 to 2⁶³−1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize {
    bytes: u64,
}

impl ByteSize {
    /// A size in bytes; none if it is zero or above 2⁶³−1, which no limit can be.
    pub fn new(bytes: u64) -> Option<ByteSize> {
        (1..=MOST_BYTES).contains(&bytes).then_some(ByteSize { bytes })
    }

    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.bytes
    }
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        let number = lower.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        let suffix = &lower[number.len()..];
        let scale = match suffix {
            "" => Some(1),
            _ => UNITS.into_iter().find(|(letter, _)| is_suffix(suffix, *letter)).map(|(_, scale)| scale),
        };
        scale
            .and_then(|scale| scaled(number, scale))
            .and_then(|scaled| ByteSize::new(scaled.value))
            .ok_or_else(|| SizeError::Bytes { given: text.to_owned() })
    }
}

/// `k`, `kb` and `kib` are one; bytes are `b` only.
fn is_suffix(suffix: &str, letter: char) -> bool {
    match suffix.strip_prefix(letter) {
        Some(rest) => rest.is_empty() || (letter != 'b' && matches!(rest, "b" | "ib")),
        None => false,
    }
}

/// In the greatest unit of which it is a whole number, so that nothing is rounded away.
impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.into_iter().find(|(_, scale)| self.bytes.is_multiple_of(*scale)) {
            Some((letter, scale)) if scale > 1 => {
                write!(formatter, "{}{}iB", self.bytes / scale, letter.to_ascii_uppercase())
            }
            _ => write!(formatter, "{}B", self.bytes),
        }
    }
}

/// Processor time per wall time, in billionths of a processor: at least a hundredth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpus {
    nanos: u64,
}

impl Cpus {
    /// Processor time in billionths of a processor; none if it is too little or too much to be a limit.
    pub fn from_nanos(nanos: u64) -> Option<Cpus> {
        (LEAST_NANOCPUS..=MOST_NANOCPUS).contains(&nanos).then_some(Cpus { nanos })
    }

    /// In billionths of a processor, as Docker's API has it.
    pub fn nanos(self) -> u64 {
        self.nanos
    }

    /// How much of a period, in the period's own unit, may be run: half a processor of 100,000 µs is 50,000 µs.
    pub fn quota(self, period: u64) -> u64 {
        let product = u128::from(self.nanos) * u128::from(period) / u128::from(NANOS);
        u64::try_from(product).unwrap_or(u64::MAX)
    }
}

impl FromStr for Cpus {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match scaled(text, NANOS) {
            Some(scaled) if scaled.exact && (LEAST_NANOCPUS..=MOST_NANOCPUS).contains(&scaled.value) => {
                Ok(Cpus { nanos: scaled.value })
            }
            _ => Err(SizeError::Cpus { given: text.to_owned() }),
        }
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.nanos / NANOS, self.nanos % NANOS);
        match fraction {
            0 => write!(formatter, "{whole}"),
            _ => write!(formatter, "{whole}.{}", format!("{fraction:09}").trim_end_matches('0')),
        }
    }
}

/// How many processes and threads may exist at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PidsLimit {
    /// So many.
    AtMost(u64),
    /// As many as the machine can hold; written `-1` or `0`, as in Docker.
    Unlimited,
}

impl FromStr for PidsLimit {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "-1" | "0" => return Ok(PidsLimit::Unlimited),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {}
            _ => return Err(SizeError::Pids { given: text.to_owned() }),
        }
        match text.parse() {
            Ok(most @ 1..=MOST_PIDS) => Ok(PidsLimit::AtMost(most)),
            _ => Err(SizeError::Pids { given: text.to_owned() }),
        }
    }
}

impl fmt::Display for PidsLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PidsLimit::AtMost(most) => write!(formatter, "{most}"),
            PidsLimit::Unlimited => formatter.write_str("-1"),
        }
    }
}

/// The text is no amount of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// No number of bytes.
    #[error(
        "{given:?} is no size: write a number and a unit (b, k, m, g or t), such as 32m or 1.5g, without a unit \
         bytes; it must be above 0 and below 8388608t"
    )]
    Bytes {
        /// What was given.
        given: String,
    },
    /// No number of processors.
    #[error(
        "{given:?} is no number of processors: write a decimal number such as 2 or 0.5, at least 0.01, at most 8192, \
         and of at most nine decimals"
    )]
    Cpus {
        /// What was given.
        given: String,
    },
    /// No number of processes.
    #[error(
        "{given:?} is no number of processes: write a whole number from 1 to {MOST_PIDS} such as 100, or -1 for no \
         limit"
    )]
    Pids {
        /// What was given.
        given: String,
    },
}

#[cfg(test)]
mod tests;
