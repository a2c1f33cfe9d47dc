//! The user that the program runs as.
//!
//! The kernel uses only numbers. Names are defined in two files of the *image*, passwd(5) and group(5), so `www-data`
//! may be 33 in one image and 82 in another. A name that is not in the image's files is an error, but any number is
//! accepted.
//!
//! The rules are those of Docker and runc (moby's package `user`), except for one that is stricter: text that begins
//! with a digit is always an id and never a name. Otherwise an image with a user *named* `99999999999` and id 0 would
//! turn an out-of-range number into root (CVE-2024-40635 and similar).
//!
//! | Requested | User id | Group id | Supplementary groups | Home |
//! |---|---|---|---|---|
//! | `name` | of its passwd line | of that line | where group(5) lists the name | of that line |
//! | `1000`, in passwd | 1000 | of that line | where group(5) lists its name | of that line |
//! | `1000`, unknown | 1000 | 0 | none | `/` |
//! | `…:group`, `…:50` | as above | that group | none | as above |
//!
//! ```
//! use minicontainer_core::options::resolve_user;
//!
//! let passwd = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";
//! let group = "root:x:0:\nada:x:1000:\nstaff:x:50:ada\n";
//! let user = resolve_user(&"ada".parse()?, passwd, group)?;
//! assert_eq!((user.uid, user.gid, user.home.as_str()), (1000, 1000, "/home/ada"));
//! assert_eq!(user.groups, [1000, 50]);
//! # Ok::<(), minicontainer_core::options::UserError>(())
//! ```

use std::{fmt, str::FromStr};

/// The largest id: the kernel's ids have 32 bits, but some file systems and tools cannot handle the upper half.
const MOST_ID: u32 = i32::MAX as u32;

/// A user, and optionally a group, by name or by id. The default is id 0, root of the container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserSpec {
    user: Account,
    group: Option<Account>,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Account {
    Id(u32),
    Name(String),
}

/// A supplementary group of the program, by name or by id: the value of `--group-add`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupSpec {
    group: Account,
}

/// A user as numeric ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedUser {
    /// The user id.
    pub uid: u32,
    /// The group id, which new files get.
    pub gid: u32,
    /// The supplementary groups. They include the group id. Otherwise a process that changes its group id could
    /// access files whose group has *fewer* permissions than others (CVE-2022-36109).
    pub groups: Vec<u32>,
    /// The home directory, for `HOME`.
    pub home: String,
}

/// The user is invalid or does not exist in the image.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// Neither name nor id.
    #[error(
        "invalid user {given:?}: {part:?} is neither a name nor an id; must be NAME or ID, optionally with :GROUP or \
         :ID (for example, 1000:1000 or www-data)"
    )]
    Syntax {
        /// What was given.
        given: String,
        /// The part that is wrong.
        part: String,
    },
    /// An id that is too large.
    #[error("invalid user {given:?}: the id {part} is greater than {MOST_ID}")]
    OutOfRange {
        /// What was given.
        given: String,
        /// The id.
        part: String,
    },
    /// A name that is not in the image's passwd file.
    #[error(
        "unknown user {name:?}: not in the image's /etc/passwd; choose one of the image, or a number (for example, 1000)"
    )]
    UnknownUser {
        /// The name.
        name: String,
    },
    /// A name that is not in the image's group file.
    #[error(
        "unknown group {name:?}: not in the image's /etc/group; choose one of the image, or a number (for example, 1000)"
    )]
    UnknownGroup {
        /// The name.
        name: String,
    },
    /// A line about the user that is invalid.
    #[error(
        "cannot look up {name:?}: the image's {file} has the invalid line {line:?}; use ids (for example, 1000:1000)"
    )]
    BrokenLine {
        /// The user or group.
        name: String,
        /// The file inside the image.
        file: &'static str,
        /// The line.
        line: String,
    },
}

crate::plain_diagnostic!(UserError: InvalidInput);

impl Default for UserSpec {
    fn default() -> UserSpec {
        UserSpec { user: Account::Id(0), group: None }
    }
}

impl FromStr for UserSpec {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let user = parse_account(text, user)?;
        let group = group.map(|group| parse_account(text, group)).transpose()?;
        Ok(UserSpec { user, group })
    }
}

impl FromStr for GroupSpec {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_account(text, text).map(|group| GroupSpec { group })
    }
}

fn parse_account(given: &str, part: &str) -> Result<Account, UserError> {
    if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
        return match part.parse() {
            Ok(id @ 0..=MOST_ID) => Ok(Account::Id(id)),
            _ => Err(UserError::OutOfRange { given: given.to_owned(), part: part.to_owned() }),
        };
    }
    // The syntax of useradd(8), plus upper case, dots and at-signs, which directory services use.
    let name = part.strip_suffix('$').unwrap_or(part);
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@'));
    match is_name {
        true => Ok(Account::Name(part.to_owned())),
        false => Err(UserError::Syntax { given: given.to_owned(), part: part.to_owned() }),
    }
}

impl fmt::Display for UserSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(formatter, "{}:{group}", self.user),
            None => write!(formatter, "{}", self.user),
        }
    }
}

impl fmt::Display for GroupSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.group.fmt(formatter)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Id(id) => write!(formatter, "{id}"),
            Account::Name(name) => formatter.write_str(name),
        }
    }
}

/// Looks up the numeric ids of a user, in the *texts* of the image's passwd and group files. The text of a missing
/// file is empty. Of two lines with the same name or id the first one applies.
pub fn resolve_user(spec: &UserSpec, passwd: &str, group: &str) -> Result<ResolvedUser, UserError> {
    let (name, mut resolved) = match find_user(&spec.user, passwd)? {
        Some((name, resolved)) => (Some(name), resolved),
        None => match &spec.user {
            Account::Id(uid) => (None, ResolvedUser { uid: *uid, gid: 0, groups: Vec::new(), home: "/".to_owned() }),
            Account::Name(name) => return Err(UserError::UnknownUser { name: name.clone() }),
        },
    };
    match (&spec.group, name) {
        (Some(Account::Id(gid)), _) => resolved.gid = *gid,
        (Some(Account::Name(name)), _) => resolved.gid = find_group(name, group)?,
        (None, Some(name)) => resolved.groups = groups_of(name, group)?,
        (None, None) => {}
    }
    resolved.groups.retain(|gid| *gid != resolved.gid);
    resolved.groups.insert(0, resolved.gid);
    Ok(resolved)
}

/// Looks up the numeric id of a supplementary group in the *text* of the image's group file. Any id is accepted.
pub fn resolve_group(spec: &GroupSpec, group: &str) -> Result<u32, UserError> {
    match &spec.group {
        Account::Id(gid) => Ok(*gid),
        Account::Name(name) => find_group(name, group),
    }
}

/// The user's name and numbers, from `name:password:uid:gid:comment:home:shell`.
fn find_user<'text>(user: &Account, passwd: &'text str) -> Result<Option<(&'text str, ResolvedUser)>, UserError> {
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let uid = fields.get(2).and_then(|uid| parse_id(uid));
        let is_meant = match user {
            Account::Name(name) => fields[0] == name,
            Account::Id(id) => uid == Some(*id),
        };
        if !is_meant {
            continue;
        }
        let gid = fields.get(3).and_then(|gid| parse_id(gid));
        let home = fields.get(5).copied().unwrap_or_default();
        let (Some(uid), Some(gid), false) = (uid, gid, home.contains('\0')) else {
            return Err(UserError::BrokenLine { name: user.to_string(), file: "/etc/passwd", line: line.to_owned() });
        };
        let home = if home.is_empty() { "/" } else { home };
        return Ok(Some((fields[0], ResolvedUser { uid, gid, groups: Vec::new(), home: home.to_owned() })));
    }
    Ok(None)
}

/// A group's id, from `name:password:gid:members`.
fn find_group(name: &str, group: &str) -> Result<u32, UserError> {
    let line = group.lines().find(|line| line.split(':').next() == Some(name));
    let line = line.ok_or_else(|| UserError::UnknownGroup { name: name.to_owned() })?;
    group_id(line, name)
}

/// The ids of the groups that list a user, each once.
fn groups_of(user: &str, group: &str) -> Result<Vec<u32>, UserError> {
    let mut ids = Vec::new();
    for line in group.lines() {
        let members = line.split(':').nth(3).unwrap_or_default();
        if members.split(',').any(|member| member.trim() == user) {
            let id = group_id(line, user)?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

fn group_id(line: &str, name: &str) -> Result<u32, UserError> {
    line.split(':').nth(2).and_then(parse_id).ok_or_else(|| UserError::BrokenLine {
        name: name.to_owned(),
        file: "/etc/group",
        line: line.to_owned(),
    })
}

/// Parses an id in the files. An invalid id must not become 0, as in a parser that ignores errors.
fn parse_id(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| is_number && *id <= MOST_ID)
}

#[cfg(test)]
mod tests;
