//! Amounts of bytes, processors and processes.
//!
//! Sizes are written as in docker-run(1): a decimal number and one of the letters `b k m g t`, in either case, as
//! multiples of 1024 (so `k`, `kb` and `KiB` all mean 1024 bytes, the usual unit for memory). A number without a
//! letter is in bytes. Processors are decimal numbers: `--cpus 0.5` allows a container processor time of half of
//! every period of wall time, spread over any number of processors.
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

/// Letters and their values, largest first.
const UNITS: [(char, u64); 5] = [('t', 1 << 40), ('g', 1 << 30), ('m', 1 << 20), ('k', 1 << 10), ('b', 1)];
/// The OCI runtime specification counts in `int64`.
const MOST_BYTES: u64 = i64::MAX as u64;
const NANOS: u64 = 1_000_000_000;
/// A hundredth of a processor: the kernel rejects a quota below 1 ms, and the period is 100 ms.
const LEAST_NANOCPUS: u64 = NANOS / 100;
/// More processors than any machine has. It keeps every product of a quota and a period within 64 bits.
const MOST_NANOCPUS: u64 = 8192 * NANOS;
/// The kernel's maximum number of processes, `PID_MAX_LIMIT`; it rejects a higher limit.
const MOST_PIDS: u64 = 4_194_304;

/// A number of bytes, from 1 to 2⁶³−1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize {
    bytes: u64,
}

impl ByteSize {
    /// A size in bytes; `None` if it is zero or above 2⁶³−1, which are not valid limits.
    pub fn new(bytes: u64) -> Option<ByteSize> {
        (1..=MOST_BYTES).contains(&bytes).then_some(ByteSize { bytes })
    }

    /// Parses a limit. As in Docker, 0 means no limit.
    ///
    /// # Errors
    /// If the text is not a size.
    pub fn parse_limit(text: &str) -> Result<Option<ByteSize>, SizeError> {
        if parse_bytes(text) == Some(0) { Ok(None) } else { text.parse().map(Some) }
    }

    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.bytes
    }
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_bytes(text).and_then(ByteSize::new).ok_or_else(|| SizeError::Bytes { given: text.to_owned() })
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let number = lower.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let suffix = &lower[number.len()..];
    let scale = match suffix {
        "" => 1,
        _ => UNITS.into_iter().find(|(letter, _)| is_suffix(suffix, *letter))?.1,
    };
    scaled(number, scale).map(|scaled| scaled.value)
}

/// `k`, `kb` and `kib` mean the same; bytes are `b` only.
fn is_suffix(suffix: &str, letter: char) -> bool {
    match suffix.strip_prefix(letter) {
        Some(rest) => rest.is_empty() || (letter != 'b' && matches!(rest, "b" | "ib")),
        None => false,
    }
}

/// Written in the largest unit that gives a whole number, so that nothing is rounded.
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
    /// Processor time in billionths of a processor; `None` if it is not between the smallest and the largest limit.
    pub fn from_nanos(nanos: u64) -> Option<Cpus> {
        (LEAST_NANOCPUS..=MOST_NANOCPUS).contains(&nanos).then_some(Cpus { nanos })
    }

    /// Parses a limit. As in Docker, 0 means no limit.
    ///
    /// # Errors
    /// If the text is not a number of processors.
    pub fn parse_limit(text: &str) -> Result<Option<Cpus>, SizeError> {
        let is_zero = scaled(text, NANOS).is_some_and(|scaled| scaled.exact && scaled.value == 0);
        if is_zero { Ok(None) } else { text.parse().map(Some) }
    }

    /// In billionths of a processor, as in Docker's API.
    pub fn nanos(self) -> u64 {
        self.nanos
    }

    /// Whether this limit is higher than the processor time of so many processors.
    pub fn exceeds(self, processors: u32) -> bool {
        self.nanos > u64::from(processors) * NANOS
    }

    /// The quota of a period, in the period's own unit: half a processor in 100,000 µs is 50,000 µs.
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
    /// At most this many.
    AtMost(u64),
    /// No limit; written `-1` or `0`, as in Docker.
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

/// The text is not a valid amount.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// Not a number of bytes.
    #[error(
        "invalid size {given:?}: must be a number, optionally with a unit (b, k, m, g or t), above 0 and below \
         8388608t (for example, 32m or 1.5g)"
    )]
    Bytes {
        /// What was given.
        given: String,
    },
    /// Not a number of processors.
    #[error(
        "invalid number of processors {given:?}: must be a number from 0.01 to 8192 with at most nine decimals (for \
         example, 2 or 0.5)"
    )]
    Cpus {
        /// What was given.
        given: String,
    },
    /// Not a number of processes.
    #[error("invalid pids limit {given:?}: must be a whole number from 1 to {MOST_PIDS}, or -1 for unlimited")]
    Pids {
        /// What was given.
        given: String,
    },
}

crate::plain_diagnostic!(SizeError: InvalidInput);

#[cfg(test)]
mod tests;
