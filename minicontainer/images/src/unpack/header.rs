//! The fields of a tar header, read as Go's `archive/tar` does (`reader.go`, `format.go`, `strconv.go`), because
//! containerd, moby, umoci and containers/storage read layers with it. Some archives differ from
//! the standard and are accepted:
//!
//! | In the archive | Read as |
//! |---|---|
//! | a numeric field of spaces and NUL bytes | 0 |
//! | a number in binary (the first bit is set), perhaps negative | two's complement, as GNU tar writes it |
//! | a checksum that counts bytes as signed, as Sun's tar did | accepted |
//! | magic `ustar`, any version | the path is prefix/name |
//! | magic of GNU tar, and a prefix where its times should be, as Go wrote before 1.8 | the path is prefix/name |
//! | the trailer of star(1) | the prefix has 131 bytes, and two times follow it |

use std::io;

use tar::Header;

use super::error::TarError;

/// The end of a header where star(1) has its trailer.
const STAR: &[u8] = b"tar\0";

/// The name in the header, with its prefix.
pub(super) fn path(header: &Header) -> Vec<u8> {
    let bytes = header.as_bytes();
    let name = text(&bytes[..100]);
    let prefix = match &bytes[257..265] {
        magic if magic.starts_with(b"ustar\0") && bytes[508..] == *STAR => text(&bytes[345..476]),
        magic if magic.starts_with(b"ustar\0") => text(&bytes[345..500]),
        b"ustar  \0" if !has_times(bytes) => {
            Some(text(&bytes[345..500])).filter(|text| text.is_ascii()).unwrap_or(b"")
        }
        _ => b"",
    };
    if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
}

/// Whether GNU tar's times of access and change can be read.
fn has_times(bytes: &[u8; 512]) -> bool {
    [&bytes[345..357], &bytes[357..369]].iter().all(|time| time[0] == 0 || number(time).is_ok())
}

/// The bytes before the first NUL byte.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number: octal digits, or binary if the first bit is set.
pub(super) fn number(field: &[u8]) -> Result<i64, TarError> {
    if field[0] & 0x80 != 0 {
        return binary(field).ok_or(TarError::Number);
    }
    let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_padding(byte)).unwrap_or(field.len());
    let digits = text(&field[start..]).trim_ascii_end();
    match std::str::from_utf8(digits) {
        Ok("") => Ok(0),
        Ok(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            i64::from_str_radix(digits, 8).map_err(|_| TarError::Number)
        }
        _ => Err(TarError::Number),
    }
}

/// A number in two's complement, without the first bit; `None` if it is longer than 64 bits.
fn binary(field: &[u8]) -> Option<i64> {
    let first = field[0] & 0x7f;
    let is_negative = first & 0x40 != 0;
    // The sign is extended to the bit that marks the number as binary.
    let first = if is_negative { first | 0x80 } else { first };
    let value = [first].iter().chain(&field[1..]).try_fold(if is_negative { -1_i128 } else { 0 }, |value, byte| {
        value.checked_mul(256)?.checked_add(i128::from(*byte))
    });
    i64::try_from(value?).ok()
}

/// A number that cannot be negative.
pub(super) fn unsigned(field: &[u8]) -> Result<u64, TarError> {
    u64::try_from(number(field)?).map_err(|_| TarError::Number)
}

/// Whether the checksum is right; the checksum field itself counts as eight spaces.
pub(super) fn has_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let counted = || bytes[..148].iter().chain(&bytes[156..]);
    let spaces = 8 * i64::from(b' ');
    let sum: i64 = counted().map(|byte| i64::from(*byte)).sum();
    let signed: i64 = counted().map(|byte| i64::from(*byte as i8)).sum();
    number(&bytes[148..156]).is_ok_and(|stated| stated == sum + spaces || stated == signed + spaces)
}

/// Owner, group and permissions of a header.
pub(super) fn mode(header: &Header) -> io::Result<u32> {
    // Bits beyond the permissions, such as those of the file type, do not matter.
    Ok((number(&header.as_old().mode)? & 0o7777) as u32)
}

/// The numbers of a device; 0 where the header has no such fields.
pub(super) fn device(header: &Header) -> io::Result<(u32, u32)> {
    let bytes = header.as_bytes();
    if !bytes[257..].starts_with(b"ustar") {
        return Ok((0, 0));
    }
    let one = |field| u32::try_from(number(field)?).map_err(|_| TarError::Number);
    Ok((one(&bytes[329..337])?, one(&bytes[337..345])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with these bytes at these offsets.
    fn header(parts: &[(usize, &[u8])]) -> Header {
        let mut bytes = [0; 512];
        for (offset, part) in parts {
            bytes[*offset..offset + part.len()].copy_from_slice(part);
        }
        Header::from_byte_slice(&bytes).clone()
    }

    #[track_caller]
    fn check_path(parts: &[(usize, &[u8])], expect: &str) {
        assert_eq!(String::from_utf8_lossy(&path(&header(&[&[(0, &b"name"[..])], parts].concat()))), expect);
    }

    /// archive/tar, reader.go, `readHeader`, and format.go, `getFormat`.
    #[test]
    fn prefix_is_read_as_by_go() {
        check_path(&[(345, b"prefix")], "name");
        check_path(&[(257, b"ustar\x0000"), (345, b"prefix")], "prefix/name");
        check_path(&[(257, b"ustar\0\0\0"), (345, b"prefix")], "prefix/name");
        check_path(&[(257, b"ustar  \0"), (345, b"prefix")], "prefix/name");
        check_path(&[(257, b"ustar  \0"), (345, b"14000000000\x0014000000000\0")], "name");
        check_path(&[(257, b"ustar  \0"), (345, b"pr\xe9fix")], "name");
        let long = [b'p'; 155];
        check_path(&[(257, b"ustar\x0000"), (345, &long)], &format!("{}/name", "p".repeat(155)));
        check_path(&[(257, b"ustar\x0000"), (345, &long), (508, STAR)], &format!("{}/name", "p".repeat(131)));
    }

    /// archive/tar, strconv_test.go, `TestParseNumeric`.
    #[test]
    fn numbers_are_read_as_by_go() {
        let cases: [(&[u8], Option<i64>); 16] = [
            (b"\0\0\0\0", Some(0)),
            (b"    ", Some(0)),
            (b"0000000\0", Some(0)),
            (b" \x0000644\0", Some(0o644)),
            (b"00000000227\0", Some(0o227)),
            (b"032033\0 ", Some(0o32033)),
            (b"320330\0 ", Some(0o320_330)),
            (b"0000000\0 ", Some(0)),
            (b"\x80\0\0\0\0\0\0\x01", Some(1)),
            (b"\x80\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\x80\0\0\0\0\0\0\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\xff", Some(-1)),
            (b"0123456789abcdef", None),
            (b"\x01234567\0", None),
            (b"-1", None),
        ];
        for (field, expect) in cases {
            assert_eq!(number(field).ok(), expect, "{}", field.escape_ascii());
        }
    }
}
