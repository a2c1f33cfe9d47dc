//! A device of the host that a container may use.
//!
//! The syntax is Docker's: `/dev/fuse`, `/dev/sdc:/dev/disk`, `/dev/fuse:/dev/fuse:rw`. The device's numbers come
//! from the host's file system. This crate does no I/O, so the caller passes a function that looks them up.
//!
//! ```
//! use minicontainer_core::options::{Device, DeviceNumber};
//!
//! let host = |path: &str| (path == "/dev/fuse").then_some(DeviceNumber { kind: 'c', major: 10, minor: 229 });
//! let device = Device::parse("/dev/fuse:/dev/f:r", host)?;
//! assert_eq!((device.inside.as_str(), device.permissions.as_str()), ("/dev/f", "r"));
//! assert!(Device::parse("/dev/nothing", host).is_err());
//! # Ok::<(), minicontainer_core::options::DeviceError>(())
//! ```

use serde::{Deserialize, Serialize};

/// What identifies a device, see mknod(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNumber {
    /// `c` for a character device, `b` for a block device.
    pub kind: char,
    /// The driver's number.
    pub major: u32,
    /// The device's number.
    pub minor: u32,
}

/// A device that the container gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document")]
pub struct Device {
    /// Its path on the host.
    pub outside: String,
    /// Its path in the container.
    pub inside: String,
    /// Its kind and numbers.
    pub number: DeviceNumber,
    /// The allowed kinds of access: some of `r` (read), `w` (write), `m` (mknod).
    pub permissions: String,
}

/// The text is not a device of the host.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The syntax is wrong.
    #[error(
        "invalid device {given:?}: must be PATH, PATH:CONTAINER_PATH or PATH:CONTAINER_PATH:PERMISSIONS with absolute paths (for example, \
         /dev/fuse:/dev/fuse:rwm)"
    )]
    Syntax {
        /// What was given.
        given: String,
    },
    /// The host has no such device.
    #[error("{path} is not a device of this host; `ls -l /dev` lists its devices")]
    Absent {
        /// The path.
        path: String,
    },
}

crate::plain_diagnostic!(DeviceError: InvalidInput);

/// A device in a record, not yet validated.
#[derive(Deserialize)]
struct Document {
    outside: String,
    inside: String,
    number: DeviceNumber,
    // Older records have the former name.
    #[serde(alias = "uses")]
    permissions: String,
}

impl TryFrom<Document> for Device {
    type Error = DeviceError;

    fn try_from(document: Document) -> Result<Device, DeviceError> {
        let Document { outside, inside, number, permissions } = document;
        let device = Device::parse(&format!("{outside}:{inside}:{permissions}"), |_| Some(number))?;
        // A colon in a path would shift the parts.
        match (&device.outside, &device.inside) == (&outside, &inside) {
            true => Ok(device),
            false => Err(DeviceError::Syntax { given: format!("{outside}:{inside}:{permissions}") }),
        }
    }
}

impl Device {
    /// Parses a device; `number` returns the device at a path of the host.
    ///
    /// # Errors
    /// When the syntax is wrong, or there is no such device.
    pub fn parse(given: &str, number: impl Fn(&str) -> Option<DeviceNumber>) -> Result<Device, DeviceError> {
        let wrong = || DeviceError::Syntax { given: given.to_owned() };
        let are_permissions =
            |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| b"rwm".contains(&byte));
        let parts: Vec<&str> = given.split(':').collect();
        let (outside, inside, permissions) = match parts[..] {
            [path] => (path, path, "rwm"),
            [path, permissions] if are_permissions(permissions) => (path, path, permissions),
            [path, inside] => (path, inside, "rwm"),
            [path, inside, permissions] if are_permissions(permissions) => (path, inside, permissions),
            _ => return Err(wrong()),
        };
        let fine = |path: &str| path.starts_with('/') && path.len() > 1 && !path.split('/').any(|part| part == "..");
        if !fine(outside) || !fine(inside) || given.contains('\0') {
            return Err(wrong());
        }
        let number = number(outside).ok_or_else(|| DeviceError::Absent { path: outside.to_owned() })?;
        Ok(Device {
            outside: outside.to_owned(),
            inside: inside.to_owned(),
            number,
            permissions: permissions.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<(&str, &str, &str)>) {
        let parsed = Device::parse(text, |_| Some(DeviceNumber { kind: 'c', major: 1, minor: 3 })).ok();
        let parts = parsed.as_ref().map(|one| (one.outside.as_str(), one.inside.as_str(), one.permissions.as_str()));
        assert_eq!(parts, expect, "{text}");
    }

    #[test]
    fn docker_device_syntax_is_parsed() {
        check("/dev/null", Some(("/dev/null", "/dev/null", "rwm")));
        check("/dev/null:r", Some(("/dev/null", "/dev/null", "r")));
        check("/dev/null:/dev/x:rw", Some(("/dev/null", "/dev/x", "rw")));
        for wrong in [
            "",
            "null",
            "/",
            "/dev/null:",
            "/dev/null:x",
            "/dev/null:/dev/../etc/x",
            "/dev/a:/dev/b:rwx",
            "/a:/b:r:w",
        ] {
            check(wrong, None);
        }
    }
}
