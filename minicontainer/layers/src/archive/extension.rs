//! The records before an entry, which hold values that do not fit into its header.
//!
//! A PAX record is `LENGTH KEY=VALUE\n`, and the length includes all of it. Records must be split by their length,
//! because a value may contain newlines, and file capabilities (`security.capability`) do. The tar crate splits at
//! newlines, so records are parsed here. Old GNU tar uses entries of type `L` and `K` instead, whose content is the
//! long name or the long target.

use std::{collections::BTreeMap, str};

use super::{ATTRIBUTE, ArchiveError};

/// The values for the next entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extension {
    pub(super) path: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) size: Option<u64>,
    /// The modification time in seconds since 1970, without the fraction.
    pub(super) modified: Option<u64>,
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
}

impl Extension {
    /// Adds the records of an extended header.
    pub(super) fn add_records(&mut self, mut records: &[u8]) -> Result<(), ArchiveError> {
        while !records.is_empty() {
            let (key, value, rest) =
                split_record(records).ok_or(ArchiveError::refused("", "a record before an entry is malformed"))?;
            records = rest;
            self.add(key, value)?;
        }
        Ok(())
    }

    fn add(&mut self, key: &str, value: &[u8]) -> Result<(), ArchiveError> {
        let number = || -> Result<Option<u64>, ArchiveError> {
            let text = str::from_utf8(value).ok().and_then(|text| text.split('.').next());
            // Times before 1970 are not meaningful for layers.
            let number = text.and_then(|text| if text.starts_with('-') { Some(0) } else { text.parse().ok() });
            number.map(Some).ok_or(ArchiveError::refused(key, "a record does not contain a number"))
        };
        match key {
            "path" => self.path = Some(value.to_vec()),
            "linkpath" => self.target = Some(value.to_vec()),
            "uid" => self.uid = number()?,
            "gid" => self.gid = number()?,
            "size" => self.size = number()?,
            "mtime" => self.modified = number()?,
            _ => match key.strip_prefix(ATTRIBUTE) {
                // Attributes of overlayfs are not accepted from an archive: they would hide or redirect files.
                Some(name) if name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.") => {}
                Some(name) => {
                    self.xattrs.insert(name.to_owned(), value.to_vec());
                }
                None => {}
            },
        }
        Ok(())
    }
}

/// Key and value of the first record, and the remaining bytes.
fn split_record(records: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length: usize = str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let record = records.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let key = str::from_utf8(&record[..equals]).ok()?;
    Some((key, &record[equals + 1..], &records[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(records: &[u8], expect: Option<Extension>) {
        let mut extension = Extension::default();
        let read = extension.add_records(records);
        assert_eq!(read.is_ok().then_some(extension), expect, "{}", records.escape_ascii());
    }

    #[test]
    fn records_are_split_by_their_length() {
        check(b"", Some(Extension::default()));
        check(b"10 path=a\n", Some(Extension { path: Some(b"a".to_vec()), ..Extension::default() }));
        let xattrs = BTreeMap::from([("user.x".to_owned(), b"1\n10 path=b".to_vec())]);
        let records = b"35 SCHILY.xattr.user.x=1\n10 path=b\n17 mtime=12.3456\n";
        check(records, Some(Extension { xattrs, modified: Some(12), ..Extension::default() }));
    }

    #[test]
    fn malformed_records_are_refused() {
        for records in
            [&b"x"[..], b"10 path=a", b"8 path=a\n", b"99 path=a\n", b"0 \n", b"3 \n", b"11 path\n=a\n", b"9 uid=a\n"]
        {
            check(records, if records == b"11 path\n=a\n" { Some(Extension::default()) } else { None });
        }
    }
}
