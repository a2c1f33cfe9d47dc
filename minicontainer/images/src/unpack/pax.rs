//! Pax records: metadata that does not fit into a tar header, as text `LENGTH KEY=VALUE\n` (pax(1), "pax Extended
//! Header").
//!
//! The length counts the whole record and is the only way to find its end: the value of an extended attribute may
//! contain any byte, including a newline.

use std::io;

use super::{error::TarError, sparse::SparseRecords};

/// The maximum number of extended attributes of a file.
const ATTRIBUTE_LIMIT: usize = 1024;

/// A point in time: seconds since 1970, which may be negative, and nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) seconds: i64,
    pub(super) nanoseconds: i64,
}

impl Time {
    pub(super) fn seconds(seconds: i64) -> Time {
        Time { seconds, nanoseconds: 0 }
    }

    /// Reads `1350244992.023960108` or `-1.5`.
    fn parse(text: &str) -> Option<Time> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if digits.is_empty() || !all_digits(digits) || !all_digits(fraction) {
            return None;
        }
        let seconds: i64 = whole.parse().ok()?;
        let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        let nanoseconds: i64 = nine.parse().ok()?;
        // The nanoseconds of timespec(3type) count forward, before 1970 too.
        Some(match whole.starts_with('-') && nanoseconds > 0 {
            true => Time { seconds: seconds.checked_sub(1)?, nanoseconds: 1_000_000_000 - nanoseconds },
            false => Time { seconds, nanoseconds },
        })
    }
}

/// The records of one member that matter to a layer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) modified: Option<Time>,
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: SparseRecords,
}

impl Records {
    /// Parses all records; if a key is repeated, the last record counts (pax(1)).
    pub(super) fn parse(mut bytes: &[u8]) -> io::Result<Records> {
        let mut records = Records::default();
        while !bytes.is_empty() {
            let (key, value, rest) = split_first(bytes)?;
            records.take(key, value)?;
            bytes = rest;
        }
        Ok(records)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        let text = || (!value.is_empty()).then(|| value.to_vec());
        match key {
            b"path" => self.path = text(),
            b"linkpath" => self.link = text(),
            b"size" => self.size = number(value, "its size is not a number")?,
            b"uid" => self.uid = number(value, "its owner is not a number")?,
            b"gid" => self.gid = number(value, "its group is not a number")?,
            b"mtime" => {
                let time = std::str::from_utf8(value).ok().and_then(Time::parse);
                self.modified = Some(time.ok_or(TarError::Malformed { what: "its time is not a number" })?);
            }
            _ if key.starts_with(b"GNU.sparse.") => self.sparse.take(&key[b"GNU.sparse.".len()..], value)?,
            _ => {
                let Some(name) = key.strip_prefix(b"SCHILY.xattr.") else { return Ok(()) };
                self.attributes.retain(|(other, _)| other != name);
                if self.attributes.len() == ATTRIBUTE_LIMIT {
                    return Err(TarError::Malformed { what: "it has more than 1024 extended attributes" });
                }
                self.attributes.push((name.to_vec(), value.to_vec()));
            }
        }
        Ok(())
    }
}

fn number(value: &[u8], what: &'static str) -> Result<Option<u64>, TarError> {
    if value.is_empty() {
        return Ok(None);
    }
    let plain = value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| plain).and_then(|text| text.parse().ok());
    number.map(Some).ok_or(TarError::Malformed { what })
}

/// Key, value, and the remaining bytes.
type First<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// The first record.
fn split_first(bytes: &[u8]) -> Result<First<'_>, TarError> {
    let malformed = |what| TarError::Malformed { what };
    let space = bytes.iter().take(20).position(|byte| *byte == b' ').ok_or(malformed("a record has no length"))?;
    let length = number(&bytes[..space], "a record has no length")?.ok_or(malformed("a record has no length"))?;
    let length = usize::try_from(length).map_err(|_| malformed("a record is longer than all of them"))?;
    if length > bytes.len() {
        return Err(malformed("a record is longer than all of them"));
    }
    let record = bytes[..length].get(space + 1..).and_then(|record| record.strip_suffix(b"\n"));
    let record = record.ok_or(malformed("a record does not end where it says"))?;
    let equals = record.iter().position(|byte| *byte == b'=').filter(|position| *position > 0);
    let equals = equals.ok_or(malformed("a record has no key"))?;
    Ok((&record[..equals], &record[equals + 1..], &bytes[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Records, String> {
        Records::parse(bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn pax_value_may_contain_any_byte() {
        let records = parse(b"12 path=a/b\n27 SCHILY.xattr.user.x=\n\0=\n11 size=07\n5 a=\n").unwrap();
        assert_eq!(records.path.as_deref(), Some(b"a/b".as_slice()));
        assert_eq!(records.attributes, [(b"user.x".to_vec(), b"\n\0=".to_vec())]);
        assert_eq!(records.size, Some(7));
    }

    #[test]
    fn last_pax_record_wins() {
        assert_eq!(parse(b"9 path=a\n9 path=b\n").map(|records| records.path), Ok(Some(b"b".to_vec())));
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], expect: &str) {
        assert_eq!(parse(bytes).unwrap_err(), expect, "{}", bytes.escape_ascii());
    }

    #[test]
    fn malformed_pax_records_are_refused() {
        for bytes in
            [b"path=a\n".as_slice(), b"x path=a\n", b" path=a\n", b"-9 path=a\n", b"00000000000000000000009 a=b\n"]
        {
            check_refused(bytes, "an extended header is malformed: a record has no length");
        }
        for bytes in [b"99 path=a\n".as_slice(), b"99999999999999999 path=a\n"] {
            check_refused(bytes, "an extended header is malformed: a record is longer than all of them");
        }
        for bytes in [b"8 path=a\n".as_slice(), b"1 path=a\n", b"0 path=a\n"] {
            check_refused(bytes, "an extended header is malformed: a record does not end where it says");
        }
        check_refused(b"5 =a\n", "an extended header is malformed: a record has no key");
        check_refused(b"11 size=-1\n", "an extended header is malformed: its size is not a number");
        check_refused(b"29 size=99999999999999999999\n", "an extended header is malformed: its size is not a number");
        check_refused(b"13 mtime=NaN\n", "an extended header is malformed: its time is not a number");
        check_refused(b"25 GNU.sparse.numbytes=1\n", "an extended header is malformed: its map of a sparse file");
    }

    #[track_caller]
    fn check_time(text: &str, expect: Option<(i64, i64)>) {
        assert_eq!(Time::parse(text).map(|time| (time.seconds, time.nanoseconds)), expect, "{text}");
    }

    #[test]
    fn pax_times_are_parsed() {
        check_time("1350244992.023960108", Some((1_350_244_992, 23_960_108)));
        check_time("7", Some((7, 0)));
        check_time("-1.5", Some((-2, 500_000_000)));
        check_time("1.0000000019", Some((1, 1)));
        for text in ["", "-", ".5", "1e9", "inf", "99999999999999999999", "1.-5", "+1"] {
            check_time(text, None);
        }
    }
}
