//! The processors that a container may run on: `--cpuset-cpus`.
//!
//! Processors are numbered from 0. A set of them is written as in the kernel, see "List Format" in cpuset(7): numbers
//! and ranges, separated by commas.
//!
//! ```
//! use minicontainer_core::options::CpuSet;
//!
//! let set: CpuSet = "3,0-1,1".parse()?;
//! assert_eq!(set.to_string(), "0-1,3");
//! assert!("1-0".parse::<CpuSet>().is_err());
//! # Ok::<(), minicontainer_core::options::CpuSetError>(())
//! ```

use std::{fmt, str::FromStr};

/// More processors than any machine has.
const MOST_PROCESSORS: u32 = 8192;

/// Some of the machine's processors, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuSet {
    /// First and last of each range, in order. Adjacent ranges are merged.
    ranges: Vec<(u32, u32)>,
}

/// The text is not a list of processors.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid list of processors {given:?}: must be numbers from 0 to 8191 and ranges of them (for example, 0-1 or \
     0,2-3)"
)]
pub struct CpuSetError {
    /// What was given.
    pub given: String,
}

crate::plain_diagnostic!(CpuSetError: InvalidInput);

impl CpuSet {
    /// The processors' numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }
}

impl FromStr for CpuSet {
    type Err = CpuSetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| -> Option<u32> {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && *number < MOST_PROCESSORS)
        };
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last)
        };
        let parsed: Option<Vec<(u32, u32)>> = text.split(',').map(range).collect();
        let mut parsed = parsed.ok_or_else(|| CpuSetError { given: text.to_owned() })?;
        parsed.sort_unstable();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (first, last) in parsed {
            match ranges.last_mut() {
                Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
                _ => ranges.push((first, last)),
            }
        }
        Ok(CpuSet { ranges })
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |(first, last): &(u32, u32)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        formatter.write_str(&self.ranges.iter().map(range).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpuset_expands_to_cpu_numbers() {
        let set: CpuSet = "3,0-1".parse().expect("a set");
        assert_eq!(set.numbers().collect::<Vec<_>>(), [0, 1, 3]);
    }

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let shown = text.parse::<CpuSet>().ok().map(|set| set.to_string());
        assert_eq!(shown.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn cpuset_is_normalized_as_in_the_kernel() {
        check("0", Some("0"));
        check("0-1", Some("0-1"));
        check("0,1", Some("0-1"));
        check("3,0-1,1", Some("0-1,3"));
        check("0-9,2-3,10", Some("0-10"));
        check("007", Some("7"));
        check("8191", Some("8191"));
    }

    #[test]
    fn invalid_cpusets_are_rejected() {
        for text in ["", ",", "0,", "a", "-1", "1-", "1-0", "0-1-2", "8192", "99999999999", "0 1", "+1", "０", "0\n"]
        {
            check(text, None);
        }
    }
}
