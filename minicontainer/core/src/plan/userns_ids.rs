//! Which ids root's container gets when it has its own user namespace (`--userns auto`, `--profile=untrusted`).
//!
//! The container gets 65,536 consecutive ids: enough for every id that images use. Root may map any ids of the host,
//! so the choice decides which users could access what the container owns. Two kinds of ids must not be among them:
//!
//! - ids that `/etc/subuid` or `/etc/subgid` allocate to a user, subuid(5): that user may map them into another user
//!   namespace, and there act as the owner of the container's files and processes;
//! - ids of an account or a group of this machine, passwd(5), group(5).
//!
//! Candidates are the blocks of 65,536 ids that systemd reserves for containers ([`USERNS_IDS`]). The container's id
//! selects one, so that two containers rarely share a block although no list of blocks in use is kept. If the block
//! contains an id that is taken, the next one is tried. The same list applies to users and groups, because a
//! container gets the same block for both.
//!
//! Accounts and ranges that only a directory service has (nsswitch.conf(5)) are not considered: there is no way to
//! ask it which ids it will allocate.
//!
//! ```
//! use minicontainer_core::plan::userns_ids::{AccountFiles, TakenIds, first_own_id};
//!
//! let files = |subuid: String| TakenIds::of(&AccountFiles { subuid, ..AccountFiles::default() });
//! let first = first_own_id("4f3c", &files(String::new()))?;
//! let other = first_own_id("4f3c", &files(format!("ada:{first}:65536\n")))?;
//! assert_ne!(first, other);
//! # Ok::<(), minicontainer_core::plan::userns_ids::NoOwnIds>(())
//! ```
//!
//! Decisions: `minicontainer/decisions/user-namespaces.md`.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Serialize;

use super::IdRange;
use crate::{Diagnostic, ErrorKind};

/// The ids that systemd reserves for containers (*Users, Groups, UIDs and GIDs on systemd Systems*), in blocks of
/// 65,536: the first block, and how many there are. None of them contains 65534 (`nobody`) or 2³²-1 ("no id").
pub const USERNS_IDS: (u32, u32) = (0x0008, 0x6fff - 0x0008);

/// How many ids a container gets.
pub const OWN_ID_COUNT: u32 = 0x1_0000;

/// The hint where every block contains an id that is taken.
const FREE_SOME: &str = "free 65536 ids between 524288 and 1878982655 in /etc/subuid and /etc/subgid, or run without \
     `Users::Own` and `Sandbox::profile(Profile::Untrusted)`";

/// The texts of the files that list taken ids. The text of a missing file is empty.
#[derive(Clone, Debug, Default)]
pub struct AccountFiles {
    /// The text of subuid(5).
    pub subuid: String,
    /// The text of subgid(5).
    pub subgid: String,
    /// The text of passwd(5).
    pub passwd: String,
    /// The text of group(5).
    pub group: String,
}

/// The ids on the host that a container must not get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TakenIds {
    /// Those in these ranges, which are sorted and do not overlap. They may be user ids or group ids.
    Known(Vec<IdRange>),
    /// The files could not be read, so no ids can be chosen.
    Unknown {
        /// Why not.
        cause: String,
        /// What to change.
        hint: String,
    },
}

/// No ids can be chosen for a container.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot choose ids for the container's user namespace: {cause}")]
pub struct NoOwnIds {
    /// Why not.
    pub cause: String,
    /// What to change.
    pub hint: String,
}

impl Diagnostic for NoOwnIds {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        Some(self.hint.as_str().into())
    }
}

crate::readable_debug!(NoOwnIds);

impl TakenIds {
    /// The ids that the files list. Lines about users that do not exist count as well; invalid lines are skipped.
    pub fn of(files: &AccountFiles) -> TakenIds {
        let allocated =
            [&files.subuid, &files.subgid].into_iter().flat_map(|text| text.lines()).flat_map(allocations);
        let account = |(text, fields): (&'_ str, &[usize])| -> Vec<(u64, u64)> {
            let ids = |line: &str| {
                let columns: Vec<&str> = line.split(':').collect();
                let id = |field: &usize| columns.get(*field)?.trim().parse::<u64>().ok();
                fields.iter().filter_map(id).collect::<Vec<u64>>()
            };
            text.lines().flat_map(ids).map(|id| (id, id.saturating_add(1))).collect()
        };
        let accounts = [(files.passwd.as_str(), &[2, 3][..]), (files.group.as_str(), &[2])];
        let mut ranges: Vec<(u64, u64)> = allocated.chain(accounts.into_iter().flat_map(account)).collect();
        ranges.sort_unstable();
        TakenIds::Known(merged(&ranges))
    }

    /// No ids are taken. For examples, tests and the browser.
    pub fn none() -> TakenIds {
        TakenIds::Known(Vec::new())
    }
}

/// The ranges that a line `owner:first:count` allocates, as first and end.
///
/// shadow's programs read the numbers as strtoul(3) with base 0 does, where `010` is octal; others read decimals. It
/// is unknown which program will use the range, so both interpretations count.
fn allocations(line: &str) -> Vec<(u64, u64)> {
    let mut fields = line.split(':');
    let (Some(_owner), Some(first), Some(count)) = (fields.next(), fields.next(), fields.next()) else {
        return Vec::new();
    };
    let interpretations = interpretations(count);
    interpretations
        .iter()
        .flat_map(|count| self::interpretations(first).into_iter().map(|first| (first, first.saturating_add(*count))))
        .collect()
}

/// All numbers as which a text can be read.
fn interpretations(text: &str) -> Vec<u64> {
    let digits = text.trim();
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let octal = digits.strip_prefix('0');
    let in_base = |digits: Option<&str>, base| u64::from_str_radix(digits?, base).ok();
    [in_base(Some(digits), 10), in_base(hexadecimal, 16), in_base(octal, 8)].into_iter().flatten().collect()
}

/// Merges sorted ranges into disjoint ones, without numbers that cannot be an id: 2³²-1 means "no id".
fn merged(sorted: &[(u64, u64)]) -> Vec<IdRange> {
    let mut disjoint: Vec<(u64, u64)> = Vec::new();
    for (first, end) in sorted {
        let end = (*end).min(u64::from(u32::MAX));
        match disjoint.last_mut() {
            Some((_, last)) if first <= last => *last = end.max(*last),
            _ if *first < end => disjoint.push((*first, end)),
            _ => {}
        }
    }
    let range = |(first, end): (u64, u64)| {
        Some(IdRange { first: u32::try_from(first).ok()?, count: u32::try_from(end - first).ok()? })
    };
    disjoint.into_iter().filter_map(range).collect()
}

/// The first of a container's own [`OWN_ID_COUNT`] ids on the host.
///
/// # Errors
/// When it is unknown which ids are taken, or no block is free.
pub fn first_own_id(id: &str, taken: &TakenIds) -> Result<u32, NoOwnIds> {
    let taken = match taken {
        TakenIds::Known(ranges) => ranges,
        TakenIds::Unknown { cause, hint } => {
            return Err(NoOwnIds { cause: cause.clone(), hint: hint.clone() });
        }
    };
    let (first, count) = USERNS_IDS;
    let hash = id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let blocks = (0..count).map(|step| (first + (hash % count + step) % count) << 16);
    let is_free = |block: &u32| {
        // The last range that begins at or before the block's last id is the only one that can overlap it.
        let end = taken.partition_point(|range| range.first <= block + (OWN_ID_COUNT - 1));
        taken[..end].last().is_none_or(|range| range.first + range.count <= *block)
    };
    blocks.into_iter().find(is_free).ok_or_else(|| NoOwnIds {
        cause: "every block of 65536 ids that is reserved for containers contains an allocated id".to_owned(),
        hint: FREE_SOME.to_owned(),
    })
}
