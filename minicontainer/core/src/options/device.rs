//! A device of the host's that a container may use.
//!
//! Written as in Docker: `/dev/fuse`, `/dev/sdc:/dev/disk`, `/dev/fuse:/dev/fuse:rw`. What device it is, the host's
//! file system must tell, which this crate does not look at: the look-up is handed in.
//!
//! ```
//! use minicontainer_core::options::{Device, DeviceNumber};
//!
//! let host = |path: &str| (path == "/dev/fuse").then_some(DeviceNumber { kind: 'c', major: 10, minor: 229 });
//! let device = Device::parse("/dev/fuse:/dev/f:r", host)?;
//! assert_eq!((device.inside.as_str(), device.uses.as_str()), ("/dev/f", "r"));
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
    /// Which it is.
    pub number: DeviceNumber,
    /// What may be done with it: some of `r` (read), `w` (write), `m` (make a node).
    pub uses: String,
}

/// The text is no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// It cannot be read.
    #[error(
        "{given:?} is no device: write PATH, PATH:INSIDE or PATH:INSIDE:USES with absolute paths, such as /dev/fuse:/dev/fuse:rwm"
    )]
    Syntax {
        /// What was given.
        given: String,
    },
    /// There is none on the host.
    #[error("{path} is no device of this host; `ls -l /dev` shows those there are")]
    Absent {
        /// The path.
        path: String,
    },
}

/// A device in a record, not yet checked.
#[derive(Deserialize)]
struct Document {
    outside: String,
    inside: String,
    number: DeviceNumber,
    uses: String,
}

impl TryFrom<Document> for Device {
    type Error = DeviceError;

    fn try_from(document: Document) -> Result<Device, DeviceError> {
        let Document { outside, inside, number, uses } = document;
        let device = Device::parse(&format!("{outside}:{inside}:{uses}"), |_| Some(number))?;
        // A colon in a path would have moved the parts.
        match (&device.outside, &device.inside) == (&outside, &inside) {
            true => Ok(device),
            false => Err(DeviceError::Syntax { given: format!("{outside}:{inside}:{uses}") }),
        }
    }
}

impl Device {
    /// Reads a device; `number` tells which device lies at a path of the host's.
    ///
    /// # Errors
    /// When it cannot be read, or there is no such device.
    pub fn parse(given: &str, number: impl Fn(&str) -> Option<DeviceNumber>) -> Result<Device, DeviceError> {
        let wrong = || DeviceError::Syntax { given: given.to_owned() };
        let is_uses =
            |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| b"rwm".contains(&byte));
        let parts: Vec<&str> = given.split(':').collect();
        let (outside, inside, uses) = match parts[..] {
            [path] => (path, path, "rwm"),
            [path, uses] if is_uses(uses) => (path, path, uses),
            [path, inside] => (path, inside, "rwm"),
            [path, inside, uses] if is_uses(uses) => (path, inside, uses),
            _ => return Err(wrong()),
        };
        let fine = |path: &str| path.starts_with('/') && path.len() > 1 && !path.split('/').any(|part| part == "..");
        if !fine(outside) || !fine(inside) || given.contains('\0') {
            return Err(wrong());
        }
        let number = number(outside).ok_or_else(|| DeviceError::Absent { path: outside.to_owned() })?;
        Ok(Device { outside: outside.to_owned(), inside: inside.to_owned(), number, uses: uses.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<(&str, &str, &str)>) {
        let parsed = Device::parse(text, |_| Some(DeviceNumber { kind: 'c', major: 1, minor: 3 })).ok();
        let parts = parsed.as_ref().map(|one| (one.outside.as_str(), one.inside.as_str(), one.uses.as_str()));
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
