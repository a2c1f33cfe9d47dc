//! The limit on memory and swap space together: `--memory-swap`.
//!
//! *Swap space* is disk space to which the kernel moves memory that is not in use. Docker's option is the sum of
//! both: with `--memory 64m --memory-swap 96m` a container has 64 MiB of memory and 32 MiB of swap space. If both are
//! equal, it has no swap space.
//!
//! ```
//! use minicontainer_core::options::MemorySwap;
//!
//! assert_eq!("-1".parse(), Ok(MemorySwap::Unlimited));
//! assert!(matches!("96m".parse(), Ok(MemorySwap::Total(size)) if size.bytes() == 96 << 20));
//! # let _: Result<MemorySwap, _> = "-1".parse();
//! ```

use std::{fmt, str::FromStr};

use super::{ByteSize, Profile, RunOptions, SizeError};

/// Memory and swap space together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemorySwap {
    /// The sum of the memory limit and the swap limit.
    Total(ByteSize),
    /// As much swap space as the host has; written `-1`.
    Unlimited,
}

impl MemorySwap {
    /// Parses a limit. As in Docker, 0 means the default.
    ///
    /// # Errors
    /// If the text is neither a size nor -1.
    pub fn parse_limit(text: &str) -> Result<Option<MemorySwap>, SizeError> {
        match text {
            "-1" => Ok(Some(MemorySwap::Unlimited)),
            _ => ByteSize::parse_limit(text).map(|size| size.map(MemorySwap::Total)),
        }
    }
}

impl RunOptions {
    /// The limit on memory and swap space together: the requested limit, or Docker's default in Docker's profile,
    /// which is twice the memory limit. `None` means that the container has no swap space.
    pub fn memory_swap(&self) -> Option<MemorySwap> {
        let twice = |memory: ByteSize| memory.bytes().checked_mul(2).and_then(ByteSize::new).map(MemorySwap::Total);
        let docker = self.limits.memory.filter(|_| self.profile == Profile::Docker);
        self.limits.memory_swap.or_else(|| docker.and_then(twice))
    }
}

impl FromStr for MemorySwap {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "-1" => Ok(MemorySwap::Unlimited),
            _ => text.parse().map(MemorySwap::Total),
        }
    }
}

impl fmt::Display for MemorySwap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemorySwap::Total(size) => size.fmt(formatter),
            MemorySwap::Unlimited => formatter.write_str("-1"),
        }
    }
}
