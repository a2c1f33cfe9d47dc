//! The limit on a container's writable layer.
//!
//! The option is Docker's `--storage-opt size=64m`, or `size=64m,inodes=1000`. An empty file needs no bytes, but
//! one inode, so a limit on bytes alone would not limit the number of files. By default there is one inode for every
//! 4 KiB, the size of a page.
//!
//! ```
//! use minicontainer_core::options::StorageLimit;
//!
//! let limit = StorageLimit::from_options(&["size=64m".into()])?.unwrap();
//! assert_eq!((limit.bytes, limit.inodes), (64 << 20, 16384));
//! assert!(StorageLimit::from_options(&["size=64 megabytes".into()]).is_err());
//! # Ok::<(), minicontainer_core::options::StorageError>(())
//! ```

use serde::{Deserialize, Serialize};

use super::{ByteSize, SizeError};

/// The minimum: more than an empty layer needs, in which overlayfs creates a few directories.
const LEAST_BYTES: u64 = 64 * 1024;
const LEAST_INODES: u64 = 16;
const BYTES_FOR_EACH_INODE: u64 = 4096;

/// The size of a container's writable layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageLimit {
    /// The content of all files together.
    pub bytes: u64,
    /// Files, directories, links and everything else that has a name, together.
    pub inodes: u64,
}

/// The text is not a valid limit of the writable layer.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The size is invalid.
    #[error("{0}")]
    Size(#[from] SizeError),
    /// Too small, or not a number.
    #[error("invalid limit {given:?}: the minimum is size=64k and inodes=16, in whole numbers")]
    TooSmall {
        /// What was given.
        given: String,
    },
    /// Another option.
    #[error("unknown option {given:?}: must be size or inodes (for example, size=64m)")]
    Unknown {
        /// What was given.
        given: String,
    },
    /// The size is missing.
    #[error("inodes requires size as well (for example, size=64m,inodes=1000)")]
    SizeMissing,
}

crate::plain_diagnostic!(StorageError: InvalidInput);

impl StorageLimit {
    /// A limit in bytes, with one inode for each page; `None` if an empty layer would not fit.
    pub fn of_bytes(bytes: u64) -> Option<StorageLimit> {
        let inodes = (bytes / BYTES_FOR_EACH_INODE).max(LEAST_INODES);
        (bytes >= LEAST_BYTES).then_some(StorageLimit { bytes, inodes })
    }

    /// Parses `key=value` options, one or several with commas in each; `None` if there are none.
    ///
    /// # Errors
    /// When an option is unknown or invalid.
    pub fn from_options(options: &[String]) -> Result<Option<StorageLimit>, StorageError> {
        let (mut limit, mut inodes) = (None, None);
        for option in options.iter().flat_map(|option| option.split(',')) {
            let too_small = || StorageError::TooSmall { given: option.to_owned() };
            match option.split_once('=') {
                Some(("size", size)) => {
                    let bytes = size.parse::<ByteSize>()?.bytes();
                    limit = Some(StorageLimit::of_bytes(bytes).ok_or_else(too_small)?);
                }
                Some(("inodes", number)) => {
                    let number = number.parse().ok().filter(|number| *number >= LEAST_INODES);
                    inodes = Some(number.ok_or_else(too_small)?);
                }
                _ => return Err(StorageError::Unknown { given: option.to_owned() }),
            }
        }
        match (limit, inodes) {
            (None, Some(_)) => Err(StorageError::SizeMissing),
            (Some(limit), Some(inodes)) => Ok(Some(StorageLimit { inodes, ..limit })),
            (limit, None) => Ok(limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &[&str], expect: Result<Option<(u64, u64)>, &str>) {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let limit = StorageLimit::from_options(&options);
        let limit = limit.map(|limit| limit.map(|limit| (limit.bytes, limit.inodes)));
        match (limit, expect) {
            (Ok(limit), expect) => assert_eq!(Ok(limit), expect),
            (Err(error), Err(word)) => assert!(error.to_string().contains(word), "{error}"),
            (Err(error), Ok(_)) => panic!("{error}"),
        }
    }

    #[test]
    fn storage_options_are_parsed() {
        check(&[], Ok(None));
        check(&["size=1m"], Ok(Some((1 << 20, 256))));
        check(&["size=64k"], Ok(Some((1 << 16, 16))));
        check(&["inodes=100", "size=1g"], Ok(Some((1 << 30, 100))));
        check(&["size=1g,inodes=100"], Ok(Some((1 << 30, 100))));
    }

    #[test]
    fn invalid_storage_options_are_rejected() {
        check(&["size=1k"], Err("size=64k"));
        check(&["size="], Err("size"));
        check(&["size=1m", "inodes=3"], Err("inodes=16"));
        check(&["size=1m", "inodes=-3"], Err("whole numbers"));
        check(&["inodes=100"], Err("requires size"));
        check(&["quota=1m"], Err("unknown option"));
        check(&["size"], Err("unknown option"));
        check(&["size=1m,"], Err("unknown option"));
    }
}
