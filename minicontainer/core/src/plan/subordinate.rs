//! Subordinate ids: the ids that an administrator allocates to an ordinary user, so that the user's containers can
//! have more than one user.
//!
//! A user may map a single id into a user namespace without privileges: the user's own. All other ids of an image
//! (`www-data`, `nobody`, the group `tty`) then do not exist in the container. So distributions allocate each user a
//! range of otherwise unused ids, in two files with the same syntax but separate ids, see subuid(5) and subgid(5):
//!
//! ```text
//! /etc/subuid    ada:100000:65536     ada may use the user ids 100000 to 165535
//! /etc/subgid    1000:200000:65536    user 1000 may use the *group* ids 200000 to 265535
//! ```
//!
//! Two set-user-ID programs, newuidmap(1) and newgidmap(1), read these files and write the maps. They refuse a map
//! with an id that is not allocated, and the kernel refuses a map with duplicate ids. So this module removes all
//! overlaps. It also removes id 0, whatever the files say, because only root may map the host's root.
//!
//! ```
//! use minicontainer_core::plan::subordinate::{id_map, ranges};
//!
//! let allocated = ranges("# a comment\nada:100000:65536\nbob:165536:65536\n", Some("ada"), 1000, 1000);
//! let map = id_map(1000, &allocated);
//! assert_eq!(map.iter().map(|line| (line.inside, line.outside, line.count)).collect::<Vec<_>>(),
//!     [(0, 1000, 1), (1, 100_000, 65_536)]);
//! ```

use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder};
use serde::Serialize;

use super::{IdMapping, Identity};
use crate::explain::Message;

/// The most ranges that are used: the map must fit into one page of memory, see "Defining user and group id mappings"
/// in user_namespaces(7).
const MOST_RANGES: usize = 100;

/// Consecutive ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct IdRange {
    /// The first of them, on the host.
    pub first: u32,
    /// How many there are.
    pub count: u32,
}

/// Whether an ordinary user has usable subordinate ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubordinateIds {
    /// At least one id of each kind, and the programs that map them.
    Allocated {
        /// User ids.
        uids: Vec<IdRange>,
        /// Group ids.
        gids: Vec<IdRange>,
    },
    /// None: the container has only id 0, which maps to the user's own id.
    None {
        /// Why not.
        cause: Message,
        /// How to fix it.
        fix: Message,
    },
}

/// The system's sources of subordinate ids.
#[derive(Clone, Debug, Default)]
pub struct SubidSources {
    /// Whether newuidmap(1) and newgidmap(1) are installed with the privilege that they need.
    pub helpers: bool,
    /// Whether `no_new_privs` is set on the caller, so that the helpers would run without their privilege.
    pub no_new_privileges: bool,
    /// The text of passwd(5). For accounts of a directory service, only subuid and subgid lines with a user id match.
    pub passwd: String,
    /// The text of subuid(5).
    pub subuid: String,
    /// The text of subgid(5).
    pub subgid: String,
    /// The texts of `/proc/self/uid_map` and `gid_map`: the ids that exist in the caller's user namespace.
    pub existing: [String; 2],
}

/// The subordinate ids that the system allocates to a user; none for root, which needs none. `sources` reads the
/// files; its error is a cause (which file cannot be read) and a hint.
pub fn allocated(
    identity: Identity,
    sources: impl FnOnce() -> Result<SubidSources, (Message, Message)>,
) -> SubordinateIds {
    let none = |cause, fix| SubordinateIds::None { cause: Message::new(cause, []), fix: Message::new(fix, []) };
    let Identity::User { uid, gid } = identity else {
        return none("cause-root-needs-none", "fix-map-ids");
    };
    let SubidSources { helpers, no_new_privileges, passwd, subuid, subgid, existing } = match sources() {
        Ok(sources) => sources,
        Err((cause, fix)) => return SubordinateIds::None { cause, fix },
    };
    if !helpers {
        return none("cause-no-helpers", "fix-helpers");
    }
    if no_new_privileges {
        return none("cause-no-new-privileges", "fix-no-new-privileges");
    }
    let is_own = |line: &&str| line.split(':').nth(2).is_some_and(|field| field.parse() == Ok(uid));
    let login = passwd.lines().find(is_own).and_then(|line| line.split(':').next());
    let (uids, gids) = (ranges(&subuid, login, uid, uid), ranges(&subgid, login, uid, gid));
    let [uid_map, gid_map] = &existing;
    if !(uids.iter().all(|range| exists(range, uid_map)) && gids.iter().all(|range| exists(range, gid_map))) {
        return none("cause-ids-not-mapped", "fix-map-ids");
    }
    let lacking = match (uids.is_empty(), gids.is_empty()) {
        (false, false) => return SubordinateIds::Allocated { uids, gids },
        (true, true) => "cause-no-ids",
        (true, false) => "cause-no-user-ids",
        (false, true) => "cause-no-group-ids",
    };
    let who = login.map_or_else(|| uid.to_string(), str::to_owned);
    let about_user = |key| Message::new(key, [("user", who.as_str().into())]);
    SubordinateIds::None { cause: about_user(lacking), fix: about_user("fix-allocate-ids") }
}

/// Whether a map such as `/proc/self/uid_map` contains all ids of a range as ids inside.
fn exists(range: &IdRange, map: &str) -> bool {
    let end = u64::from(range.first) + u64::from(range.count);
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().unwrap_or(0));
        let (first, count) = (numbers.next().unwrap_or(0), numbers.nth(1).unwrap_or(0));
        first <= u64::from(range.first) && end <= first + count
    })
}

/// The ranges that the *text* of subuid(5) or subgid(5) allocates to a user. Both files identify the user by login
/// name or user id. `own` is the user's own id of this kind, which is already mapped.
///
/// Invalid lines are skipped, as newuidmap(1) does. Ids that a range shares with an earlier one, `own`, 0 and 2³²-1
/// (which means "no id") are removed.
pub fn ranges(text: &str, login: Option<&str>, uid: u32, own: u32) -> Vec<IdRange> {
    let user = uid.to_string();
    let is_meant = |owner: &str| owner == user || login == Some(owner);
    let mut taken = vec![(0, 1), (u64::from(own), u64::from(own) + 1), (u64::from(u32::MAX), u64::MAX)];
    let mut free = Vec::new();
    for (start, end) in text.lines().filter_map(|line| range(line, is_meant)) {
        let mut pieces = vec![(start, end)];
        for (from, to) in &taken {
            let cut = |(start, end): (u64, u64)| [(start, end.min(*from)), (*to.max(&start), end)];
            pieces = pieces.into_iter().flat_map(cut).filter(|(start, end)| start < end).collect();
        }
        taken.push((start, end));
        free.extend(pieces);
    }
    let whole = |(start, end): (u64, u64)| {
        Some(IdRange { first: u32::try_from(start).ok()?, count: u32::try_from(end - start).ok()? })
    };
    free.into_iter().filter_map(whole).take(MOST_RANGES).collect()
}

/// The range of a line `owner:first:count`, as first and end, if the line is about this owner.
fn range(line: &str, is_meant: impl Fn(&str) -> bool) -> Option<(u64, u64)> {
    let fields: Vec<&str> = line.split(':').collect();
    let [owner, first, count] = fields[..] else { return None };
    // Other programs read a leading zero as octal, and ignore a leading sign or space. Here all three are invalid.
    let number = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u32>().ok().filter(|_| plain).map(u64::from)
    };
    let (first, count) = (number(first)?, number(count)?);
    is_meant(owner).then_some((first, first + count))
}

/// The lines of a map: 0 inside is `own` outside, and the ranges follow from 1 on.
pub fn id_map(own: u32, ranges: &[IdRange]) -> Vec<IdMapping> {
    let mut map = vec![IdMapping { inside: 0, outside: own, count: 1 }];
    let mut inside = 1_u32;
    for IdRange { first, count } in ranges {
        let count = (*count).min(u32::MAX - inside);
        if count > 0 {
            map.push(IdMapping { inside, outside: *first, count });
        }
        inside += count;
    }
    map
}

/// The maps of user ids and of group ids of an ordinary user's containers; none for root's.
pub fn id_maps(identity: Identity, subordinate: &SubordinateIds) -> Option<[Vec<IdMapping>; 2]> {
    let Identity::User { uid, gid } = identity else { return None };
    Some(match subordinate {
        SubordinateIds::Allocated { uids, gids } => [id_map(uid, uids), id_map(gid, gids)],
        SubordinateIds::None { .. } => [id_map(uid, &[]), id_map(gid, &[])],
    })
}

/// Converts a map to the runtime specification's type.
pub(crate) fn document(map: &[IdMapping]) -> Result<Vec<LinuxIdMapping>, oci_spec::OciSpecError> {
    let line = |line: &IdMapping| {
        LinuxIdMappingBuilder::default().container_id(line.inside).host_id(line.outside).size(line.count).build()
    };
    map.iter().map(line).collect()
}

/// The id inside for an id outside.
pub fn inside(map: &[IdMapping], outside: u32) -> Option<u32> {
    let found = map.iter().find(|line| outside.checked_sub(line.outside).is_some_and(|offset| offset < line.count));
    found.map(|line| line.inside + (outside - line.outside))
}

/// Whether an id exists inside.
pub fn is_mapped(map: &[IdMapping], id: u32) -> bool {
    map.iter().any(|line| (line.inside..line.inside.saturating_add(line.count)).contains(&id))
}

#[cfg(test)]
mod tests;
