//! The argument of `--tmpfs`: `TARGET[:OPTION,…]`.
//!
//! The options are those that Docker accepts (`MergeTmpfsOptions` in moby's package `mount`), except those that
//! describe another kind of mount. `sync`, `async`, `dirsync`, `mand` and `nomand` mean nothing for files in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::{ByteSize, MountError, MountSpec, parse_target, unknown, volume::propagation};
use crate::plan::MountAttribute;

const KNOWN: &str = "size=, mode=, uid=, gid=, nr_inodes=, nr_blocks=, mpol=, ro, rw, exec, noexec, suid, nosuid, \
                     dev, nodev, atime, noatime, diratime, nodiratime, relatime, strictatime";

/// The restrictions of a tmpfs for which no others were requested.
pub(super) fn default_attributes() -> BTreeSet<MountAttribute> {
    BTreeSet::from([MountAttribute::NoSuid, MountAttribute::NoDev, MountAttribute::NoExec])
}

pub(super) fn parse(text: &str) -> Result<MountSpec, MountError> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let (mut size, mut mode, mut data, mut attributes) = (None, None, BTreeMap::new(), default_attributes());
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("size", value)) if !value.ends_with('%') => size = Some(parse_size(text, value)?),
            Some(("mode", value)) => mode = Some(parse_mode(text, value)?),
            Some((name, value)) => {
                check_data(text, name, value)?;
                data.insert(name.to_owned(), value.to_owned());
            }
            None => set_attribute(text, option, &mut attributes)?,
        }
    }
    Ok(MountSpec::Tmpfs { target: parse_target(text, target)?, size, mode, data, attributes })
}

fn set_attribute(text: &str, option: &str, attributes: &mut BTreeSet<MountAttribute>) -> Result<(), MountError> {
    use MountAttribute::{NoAtime, NoDev, NoDirAtime, NoExec, NoSuid, ReadOnly, StrictAtime};
    match option {
        "ro" => drop(attributes.insert(ReadOnly)),
        "rw" => drop(attributes.remove(&ReadOnly)),
        "exec" => drop(attributes.remove(&NoExec)),
        "noexec" => drop(attributes.insert(NoExec)),
        "suid" => drop(attributes.remove(&NoSuid)),
        "nosuid" => drop(attributes.insert(NoSuid)),
        "dev" => drop(attributes.remove(&NoDev)),
        "nodev" => drop(attributes.insert(NoDev)),
        "diratime" => drop(attributes.remove(&NoDirAtime)),
        "nodiratime" => drop(attributes.insert(NoDirAtime)),
        "noatime" | "strictatime" | "atime" | "relatime" | "norelatime" | "nostrictatime" => {
            // These exclude each other. `relatime` needs no flag, because it is the kernel's default.
            attributes.retain(|attribute| !matches!(attribute, NoAtime | StrictAtime));
            match option {
                "noatime" => drop(attributes.insert(NoAtime)),
                "strictatime" => drop(attributes.insert(StrictAtime)),
                _ => {}
            }
        }
        "defaults" | "sync" | "async" | "dirsync" | "mand" | "nomand" => {}
        _ if propagation(text, option)? => {}
        _ => return Err(unknown(text, option, KNOWN)),
    }
    Ok(())
}

/// Checks an option that is passed to the kernel unchanged, see tmpfs(5).
pub(super) fn check_data(text: &str, name: &str, value: &str) -> Result<(), MountError> {
    let number = |value: &str, most: u64| {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        digits && value.parse().is_ok_and(|number: u64| number <= most)
    };
    let (is_valid, expected) = match name {
        "size" => {
            let percent = value.strip_suffix('%').unwrap_or_default();
            (percent != "0" && number(percent, 100), "a size such as 64m, or from 1% to 100%")
        }
        "uid" | "gid" => (number(value, i32::MAX as u64), "an id of at most 2147483647"),
        "nr_inodes" | "nr_blocks" => {
            // A suffix is a multiple of 1024, as in the kernel's memparse().
            let count = value.strip_suffix(['k', 'm', 'g', 'K', 'M', 'G']).unwrap_or(value);
            (number(count, 1 << 32), "a number such as 1000 or 10k")
        }
        "mpol" => {
            let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'=' | b'-');
            (!value.is_empty() && value.bytes().all(is_sign), "a memory policy such as bind:0")
        }
        _ => return Err(unknown(text, &format!("{name}={value}"), KNOWN)),
    };
    match is_valid {
        true => Ok(()),
        false => {
            let (name, value) = (name.to_owned(), value.to_owned());
            Err(MountError::Data { given: text.to_owned(), name, value, expected })
        }
    }
}

pub(super) fn parse_size(given: &str, value: &str) -> Result<ByteSize, MountError> {
    value.parse().map_err(|source| MountError::Size { given: given.to_owned(), source })
}

/// Permission bits in octal, at most `7777`.
pub(super) fn parse_mode(given: &str, value: &str) -> Result<u32, MountError> {
    let is_octal = (1..=5).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(value, 8) {
        Ok(mode @ 0..=0o7777) if is_octal => Ok(mode),
        _ => Err(MountError::Mode { given: given.to_owned(), mode: value.to_owned() }),
    }
}
